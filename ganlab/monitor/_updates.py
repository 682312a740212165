"""One watched player: its parameters' gradients and updates at each step of its optimizer."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganlab._modules import check_made
from ganlab.monitor._end import End
from ganlab.monitor._remains import Remains
from ganlab.monitor._series import Series
from ganlab.monitor._sheet import Sheet

# Why a parameter has no gradient to measure.
NOTHING = ("frozen", "missing", "detached")


class Player:
    """Measures `net` before and after `optimizer` steps. Made by `ganlab.monitor.Monitor`.

    Attributes:
        names: of the parameters, as in `net.named_parameters()`.
        sizes: how many numbers each holds, for one member; a complex one is two.
        series: for each measured step (6, P[, N]), the rows of `ganlab.monitor._sheet.MEASURES`; its notes are the
            status of each parameter. Where that is one of `NOTHING`, what is there of a gradient means nothing.
        bad, measured: in how many steps each parameter's gradient was not finite, of how many.
        steps: how many there were, measured or not.
        end: what the network ends in.
        idle: rounds of the game in which it did not step.
    """

    def __init__(self, name: str, net: nn.Module, optimizer: Optimizer, members: int | None, series: Series):
        check_made(net, f"players[{name!r}]")
        named = dict(net.named_parameters())
        self.name, self.members, self.series, self.optimizer = name, members, series, optimizer
        self.names = [parameter.replace("/", ".") for parameter in named]  # a Population writes / for .
        self.parameters = list(named.values())
        if not {id(p) for p in self.parameters} & self.optimised():
            raise ValueError(f"players[{name!r}]: the optimizer holds none of the network's parameters")
        if len(devices := {p.device for p in self.parameters}) > 1:
            raise ValueError(
                f"players[{name!r}]: parameters on {sorted(map(str, devices))}; they must be on one device"
            )
        self.sizes = [p.numel() * (1 + p.is_complex()) // (members or 1) for p in self.parameters]
        self.net, self.steps, self.idle, self._then, self._passed = net, 0, 0, 0, False
        self.bad, self.measured, self.end = 0, 0, End(net)
        self._touched: dict[Tensor, int] = {}  # where a pass has added: to which gradient
        self.remains = Remains(self.parameters, members, self.optimised)
        self._seen: list[Tensor | None] = [None] * len(named)  # the gradient objects at the last step
        self._hooks: list = []
        self._status, self._kind, self._under_way = (), None, False
        self._heard = {i for i, parameter in enumerate(self.parameters) if self._listen(parameter)}

    def optimised(self) -> set[int]:
        """The ids of the parameters that the optimizer holds, this network's or not."""
        return {id(p) for group in self.optimizer.param_groups for p in group["params"]}

    def _touch(self, parameter: Tensor) -> None:
        self._touched[parameter] = id(parameter.grad)

    def _listen(self, parameter: Tensor) -> bool:
        """Note when a backward pass reaches it, also one that takes gradients in a part of the loop alone. Whether it
        can take any.
        """
        if not (parameter.is_floating_point() or parameter.is_complex()):
            return False
        takes = parameter.requires_grad
        parameter.requires_grad_(True)  # else there is nothing to hook
        self._hooks += [
            # Called for each parameter in each pass: no function of Python's more than it needs.
            parameter.register_hook(partial(self.remains.reached, parameter)),
            parameter.register_post_accumulate_grad_hook(self._touch),
        ]
        parameter.requires_grad_(takes)
        return True

    @torch.no_grad()
    def before(self) -> None:
        """Before the step: the gradients that it will use."""
        if not self.passes:
            self.remains.replaced()
        status, kind = self._statuses(), (self.parameters[0].device, self.parameters[0].dtype)
        if status is not self._status or kind != self._kind:
            if kind != self._kind:  # the first time, or moved in between
                self._kind, self._sheet = kind, Sheet(self.parameters, self.members)
            self._status = status
            self._live = [i for i, one in enumerate(status) if one not in NOTHING]
            self._places = [self._sheet.gradients[i] for i in self._live]
            torch._foreach_zero_(self._sheet.gradients)  # also of those that get no gradient any more
        # A fused optimizer under a GradScaler unscales inside its step.
        scale = getattr(self.optimizer, "grad_scale", None)
        self._sheet.before(self._places, [self.parameters[i].grad for i in self._live], self.parameters, scale)
        self._under_way = True

    def _statuses(self) -> tuple[str, ...]:
        optimised = self.optimised()
        status = tuple(self._status_of(i, p, optimised) for i, p in enumerate(self.parameters))
        if set(status) <= {"missing", "frozen"} and "missing" in status:
            status = tuple("detached" if s == "missing" else s for s in status)
        return self._status if status == self._status else status  # one object for equal notes: no memory

    def _status_of(self, i: int, parameter: Tensor, optimised: set[int]) -> str:
        if not parameter.requires_grad and parameter not in self._touched:  # off again in front of the step is no harm
            return "frozen"
        if parameter.grad is None:
            return "missing"
        if id(parameter) not in optimised:
            return "not in optimizer"
        # A gradient that somebody assigned is a new object; one left over from before is the old one.
        if i in self._heard and parameter not in self._touched and parameter.grad is self._seen[i]:
            return "stale"
        return "sparse" if parameter.grad.is_sparse else "ok"

    @torch.no_grad()
    def after(self, step: int) -> Tensor | None:
        """After the step: how far the weights moved. (5, P) or (5, P, N); None if it was not measured."""
        if not self._under_way:  # step() was called while a measurement was switched on half way
            return None
        values, self._under_way = self._sheet.after(self.parameters), False
        self.series.add(step, values, self._status)
        if self.measured == 0:
            self.bad = torch.zeros(values.shape[1:], dtype=torch.long, device=values.device)
        self.bad.add_(values[1] > 0)
        self.measured += 1
        return values

    @property
    def passes(self) -> list[int]:
        """The backward passes of this window that have added to gradients that are still there."""
        there = any(id(parameter.grad) == grad for parameter, grad in self._touched.items())
        return self.remains.passes if there else []

    def left(self, early: bool) -> tuple[Tensor | None, bool]:
        """The norm of what the step's gradients held before; and whether all of them is older than this round."""
        left = self.remains.left(early)
        return left, left is None and self.reached and not self.remains.missed

    def window_ends(self, own: bool) -> None:
        """A player has stepped. own: this one."""
        if not own and not self.passes:
            self.remains.replaced()
        self.remains.window_ends(own)

    def round_ends(self) -> None:
        """The last player has stepped; has this one since it did last?"""
        self.idle += self.steps == self._then
        self._then = self.steps
        self.remains.round_ends()

    def passed_over(self) -> None:
        """Another player has stepped; if it had before, and a backward pass has been here, a step here is missing."""
        self.idle += self.reached and self._passed
        self._passed = True

    @property
    def reached(self) -> bool:
        """Whether a backward pass has reached it since its last step."""
        return bool(self._touched)

    def unwatched(self) -> list[str]:
        """Parameters that the network has now and had not when this was made."""
        known = set(map(id, self.parameters))
        return [name.replace("/", ".") for name, p in self.net.named_parameters() if id(p) not in known]

    def forget(self) -> None:
        """A step is over, measured or not: what a backward pass reaches from now on is new."""
        self.steps, self._passed = self.steps + 1, False
        self._seen = [p.grad for p in self.parameters]
        self._touched.clear()

    def remove(self) -> None:
        self.end.remove()
        for hook in self._hooks:
            hook.remove()
