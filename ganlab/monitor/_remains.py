"""What lay in a player's `.grad` already when a backward pass first reached it: a gradient that nobody had cleared."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ganlab._numeric import norms, precise
from ganlab.monitor._sheet import as_real


class Remains:
    """Made by `ganlab.monitor._updates.Player`, whose hooks call `reached`.

    A window is the time between two steps, of whichever players. What a backward pass of another player's window leaves
    behind is a remainder too; of several passes in one window, the first counts.

    Args:
        parameters: of the network.
        used: gives the ids of those that the optimizer steps with.

    Attributes:
        passes: the backward passes that have reached the network in this window, in order.
        missed: whether a pass has reached it, since its last step, that was not looked at.
    """

    def __init__(self, parameters: Sequence[Tensor], members: int | None, used: Callable[[], set[int]]):
        self.on = True
        self.passes: list[int] = []
        self._parameters, self._members, self._used = parameters, members, used
        self._window: Tensor | None = None  # the norm of what lay there at the first pass of this window
        self._round: Tensor | None = None  # and of an earlier window of this round of the game
        self._last: Tensor | None = None  # and in the last window
        self.missed = False
        self._held: dict[int, Tensor] = {}  # the parameters where something lay, and what
        self._held_last: dict[int, Tensor] = {}  # and in the last window

    def reached(self, parameter: Tensor, _: Tensor | None = None) -> None:
        """A backward pass is about to add to `parameter.grad`."""
        if not self.on:
            self.missed = True
            return
        if (now := torch._C._current_graph_task_id()) not in self.passes:
            self.passes.append(now)
        if self._window is None:
            self._window = self._norm()
        elif id(parameter) in self._held and parameter.grad is None:  # cleared since: this pass is the first
            self._window, self._held = self._nothing(), {}

    def replaced(self) -> None:
        """A step is about to be made, or was. Nothing was carried where other gradients stand now than lay there then,
        as `p.grad = torch.autograd.grad(...)` puts them: no backward pass has added to these.
        """
        if self._others(self._held):
            self._window, self._held = self._nothing(), {}

    def _others(self, held: dict[int, Tensor]) -> bool:
        """Whether something was held, and none of it stands there now."""
        now = {id(p): p.grad for p in self._parameters}
        return bool(held) and all(now[own] is not grad for own, grad in held.items())

    @torch.no_grad()
    def _norm(self) -> Tensor:
        """() or (N,)."""
        if all(p.grad is None for p in self._parameters):
            self._held = {}
            return self._nothing()
        used = self._used()
        there = [p for p in self._parameters if p.grad is not None and id(p) in used]
        self._held = {id(p): p.grad for p in there}
        return together([p.grad for p in there], self._members) if there else self._nothing()

    def _nothing(self) -> Tensor:
        device = self._parameters[0].device
        return torch.zeros([] if self._members is None else [self._members], dtype=precise(device), device=device)

    def left(self, early: bool = False) -> Tensor | None:
        """() or (N,): for the step to come. None if no pass has reached the network in this round. early: its passes
        were in the last window of the round before, as where both losses go backward before both steps.
        """
        found = self._round if self._window is None else self._window
        if found is None and early:
            return self._nothing() if self._others(self._held_last) else self._last
        return found

    def window_ends(self, own: bool) -> None:
        """A player has stepped. own: this one."""
        self._last = None if own else self._window
        self._round = None if own else self.left()
        self.missed &= not own
        self._held_last = self._held
        self._window, self._held, self.passes = None, {}, []

    def round_ends(self) -> None:
        self._round = None


def together(tensors: Sequence[Tensor], members: int | None) -> Tensor:
    """() or (N,), the 2-norm of all, in float64 where there is one."""
    tensors = [as_real(t.to_dense() if t.is_sparse else t) for t in tensors]
    rows = tensors if members is None else [t.reshape(members, -1) for t in tensors]
    alike = len({t.dtype for t in rows}) == 1
    found = norms(rows, None if members is None else [(1,)] * len(rows), alike=alike)
    return torch.linalg.vector_norm(found, dim=0, dtype=precise(found.device))
