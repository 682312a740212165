"""The game as D plays it: its accuracy, its logits, and the two factors of the gradient that it hands to G."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor

from ganlab._modules import logit_parts, tensors
from ganlab._numeric import NAN, NARROW
from ganlab.monitor._hooks import Hook
from ganlab.monitor._series import Series

# The columns of a point, in this order.
GAME = (
    "real_accuracy", "fake_accuracy", "pair_accuracy", "real_logit", "fake_logit", "loss_slope", "input_slope",
)  # fmt: skip
LOGITS = 5  # how many of them are of the logits; the others are slopes


class Game:
    """Watches the calls of the discriminator. Made by `ganlab.monitor.Monitor`.

    By the chain rule a fake x of the batch sends G the gradient dL/dlogit(x) times dD(x)/dx. Both factors pass by in
    the backward pass of G's own step: they cost no pass of their own, and hold for any loss.

    A call in D's own step is one on fakes if its input is what a generator has just made, detached or not, and else one
    on real samples. Where that does not tell (both in one batch, samples that were augmented), `logits` has to.

    Args:
        generators: the networks that make fakes.
    """

    def __init__(
        self, D: nn.Module | None, generators: Iterable[nn.Module], members: int | None, series: Series
    ):  # fmt: skip
        self.members, self.series, self.on = members, series, True
        self._told: tuple[Tensor, Tensor] | None = None
        self._seen: tuple[Tensor, Tensor] | None = None
        self._slopes: Tensor | None = None
        self._made: list[Tensor] = []  # by the generators, in this step of D
        self._calls: list[tuple[bool, list[Tensor]]] = []  # of D, in this step: on fakes or not, and the logits
        self.calls, self.unread = 0, 0  # in training, on samples of a generator; of these without logits
        nets = [] if D is None else [(D, self._watch), *((net, self._note) for net in generators)]
        self._hooks = [net.register_forward_hook(Hook(net, watch), with_kwargs=True) for net, watch in nets]

    def logits(self, real: Any, fake: Any) -> None:
        self._told = self._rows(real), self._rows(fake)

    def _rows(self, output: Any) -> Tensor:
        """All logits, (n,) or (N, n)."""
        parts = [self._apart(part).flatten(-2) for part in logit_parts(output, self.members is not None)]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)

    def _apart(self, logits: Tensor) -> Tensor:
        """(batch, logits of a sample) or (N, batch, ...)."""
        lead = 1 if self.members is None else 2
        logits = logits.detach()
        return (logits.float() if logits.dtype in NARROW else logits).reshape(*logits.shape[:lead], -1)

    def _note(self, inputs: tuple, named: dict, output: Any) -> None:
        if self.on and torch.is_grad_enabled():
            self._made += [x.detach() for x in tensors(output)]

    def _watch(self, inputs: tuple, named: dict, output: Any) -> None:
        if not self.on or not torch.is_grad_enabled():
            return
        xs = [x for x in tensors((inputs, named)) if x.is_floating_point()]
        logits = [y for y in logit_parts(output, self.members is not None) if y.requires_grad]
        if any(map(is_functorch_wrapped_tensor, xs)) or not xs:
            return  # a penalty's own pass
        fake = next((x for x in xs if x.grad_fn is not None), None)
        self.calls += fake is not None
        if not logits:
            self.unread += fake is not None
            return
        if fake is not None:
            self._measure(fake, logits)
        if fake is not None or not any(x.requires_grad for x in xs):  # a penalty of one's own asks for its gradient
            made = {x.untyped_storage().data_ptr() for x in self._made}
            known = fake is not None or any(x.untyped_storage().data_ptr() in made for x in xs)
            self._calls.append((known, [y.detach() for y in logits]))

    def _measure(self, x: Tensor, logits: list[Tensor]) -> None:
        """Wait for the gradients at the logits and at x."""
        lead = 1 if self.members is None else 2
        slopes: list[Tensor] = []
        for part in logits:
            part.register_hook(lambda grad: slopes.append(self._apart(grad).abs().sum(-1)))

        def arrived(grad: Tensor) -> None:
            if slopes and all(slope.shape == grad.shape[:lead] for slope in slopes):
                grad = grad.detach().float() if grad.dtype in NARROW else grad.detach()
                length, slope = grad.flatten(lead).norm(dim=-1) if grad.ndim > lead else grad.abs(), sum(slopes)
                ratio = (length / slope).masked_fill_(slope == 0, NAN)
                self._slopes = torch.stack([slope.sum(-1), ratio.nanmean(-1)])

        x.register_hook(arrived)

    def before_step(self, of_discriminator: bool) -> None:
        """A player is about to step: what D was called on since the last step was for this one."""
        real, fake = ([logits for known, logits in self._calls if known is kind] for kind in (False, True))
        if of_discriminator and len(real) == len(fake) > 0:  # several of each: gradients that are accumulated
            self._seen = self._rows(real), self._rows(fake)
        self._calls = []
        if of_discriminator:
            self._made = []

    def after_step(self) -> None:
        """A player has stepped: a closure may have called D several times."""
        self._calls = []

    def close_step(self, step: int) -> None:
        """The step is over: keep its numbers."""
        pair, slopes = self._told or self._seen, self._slopes
        if pair is None and slopes is None:
            return
        logits = slopes.new_full((LOGITS, *slopes.shape[1:]), NAN) if pair is None else _numbers(*pair)
        if slopes is None:
            slopes = logits.new_full((len(GAME) - LOGITS, *logits.shape[1:]), NAN)
        self.series.add(step, torch.cat([logits, slopes.to(logits.dtype)]))
        self._told = self._seen = self._slopes = None
        self._made = []

    def remove(self) -> None:
        for hook in self._hooks:
            hook.remove()


def _numbers(real: Tensor, fake: Tensor) -> Tensor:
    """(LOGITS,) or (LOGITS, N), of logits (n,) or (N, n)."""
    # The share of pairs that are in order, ties as half: by rank, not by comparing each with each.
    ranks = fake.sort(-1).values.contiguous()
    places = [torch.searchsorted(ranks, real.contiguous(), right=right).to(real.dtype) for right in (False, True)]
    pairs = (places[0] + places[1]).mean(-1) / (2 * fake.shape[-1])
    return torch.stack(
        [(real > 0).to(real.dtype).mean(-1), (fake < 0).to(fake.dtype).mean(-1), pairs, real.mean(-1), fake.mean(-1)]
    )
