"""The game as D plays it: its accuracy, its logits, and the two factors of the gradient that it hands to G."""

import torch
from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor

from ganlab._numeric import NAN
from ganlab.monitor._series import Series

# The columns of a point, in this order.
GAME = ("real_accuracy", "fake_accuracy", "real_logit", "fake_logit", "loss_slope", "input_slope")


class Game:
    """Watches the discriminator's calls. Made by `ganlab.monitor.Monitor`.

    By the chain rule a fake x of the batch sends G the gradient dL/dlogit(x) times dD(x)/dx. Both factors pass by in
    the backward pass of G's own step: they cost no pass of their own, and hold for any loss.
    """

    def __init__(self, D: nn.Module | None, members: int | None, series: Series):
        self.members, self.series, self.on = members, series, True
        self._logits: Tensor | None = None
        self._slopes: Tensor | None = None
        self._hook = None if D is None else D.register_forward_hook(self._watch)

    def logits(self, real: Tensor, fake: Tensor) -> None:
        real, fake = (self._by_sample(values.detach()) for values in (real, fake))
        self._logits = torch.stack(
            [(real > 0).to(real.dtype).mean(-1), (fake < 0).to(fake.dtype).mean(-1), real.mean(-1), fake.mean(-1)]
        )

    def _by_sample(self, values: Tensor) -> Tensor:
        """(batch,) or (N, batch)."""
        return values.reshape(-1) if self.members is None else values.reshape(self.members, -1)

    def _watch(self, module: nn.Module, inputs: tuple, output) -> None:
        x = inputs[0] if inputs else None
        if not self.on or not isinstance(x, Tensor) or not isinstance(output, Tensor) or not output.requires_grad:
            return
        if is_functorch_wrapped_tensor(x) or x.grad_fn is None:
            return  # a penalty's own pass, or samples that no generator made
        lead = 1 if self.members is None else 2
        slope = []
        output.register_hook(lambda grad: slope.append(self._by_sample(grad.detach()).abs()))

        def arrived(grad: Tensor) -> None:
            if slope and slope[-1].shape == grad.shape[:lead]:
                length = grad.detach().flatten(lead).norm(dim=-1) if grad.ndim > lead else grad.detach().abs()
                ratio = (length / slope[-1]).masked_fill_(slope[-1] == 0, NAN)
                self._slopes = torch.stack([slope[-1].sum(-1), ratio.nanmean(-1)])

        x.register_hook(arrived)

    def close_step(self, step: int) -> None:
        """The step is over: keep its numbers."""
        logits, slopes = self._logits, self._slopes
        if logits is None and slopes is None:
            return
        if logits is None:
            logits = slopes.new_full((4, *slopes.shape[1:]), NAN)
        if slopes is None:
            slopes = logits.new_full((2, *logits.shape[1:]), NAN)
        self.series.add(step, torch.cat([logits, slopes]))
        self._logits = self._slopes = None

    def remove(self) -> None:
        if self._hook is not None:
            self._hook.remove()
