"""Steps for two players: those that look ahead (extragradient) and those that guess ahead (optimism).

Looking ahead takes two phases, and the gradients anew for the second:

    optimizer_d.extrapolate()
    optimizer_g.extrapolate()
    ...
    optimizer_d.step()
    optimizer_g.step()

The steps start where the players stood before, and use the gradients from ahead.
"""

from typing import ClassVar

import torch

from ganlab.optim.moments import Adam
from ganlab.optim.rule import Rule
from ganlab.optim.steps import SGD
from ganlab.optim.tensors import Tensors


class _Optimistic(Rule):
    def direction(self, g, s, t, **options) -> Tensors:
        now = super().direction(g, s, t, **options)
        guess = now * 2 - s["previous"]
        s["previous"].copy_(now)
        return guess


class OptimisticSGD(_Optimistic, SGD):
    """The last change of the gradient is expected to come again.   Daskalakis et al. 2018, eq. 6.

        p <- p - 2 lr g + lr g'            g' the direction of the step before, 0 at first

    Gradients of 1 and 3:

    >>> import torch
    >>> from ganlab.optim import OptimisticSGD
    >>> weight = torch.nn.Parameter(torch.zeros(1))
    >>> optimizer = OptimisticSGD([weight], lr=1.0)
    >>> for weight.grad in torch.tensor([[1.0], [3.0]]):
    ...     optimizer.step()
    >>> weight.item()  # -2 x 1, then -2 x 3 + 1
    -7.0

    Args as `SGD`; with momentum, g is its direction.
    """

    SLOTS: ClassVar = {**SGD.SLOTS, "previous": None}


class OptimisticAdam(_Optimistic, Adam):
    """`Adam` with the same: p <- p - 2 lr d + lr d', d Adam's direction.   Daskalakis et al. 2018, algorithm 1.

    A gradient that stays has d = 1:

    >>> import torch
    >>> from ganlab.optim import OptimisticAdam
    >>> weight = torch.nn.Parameter(torch.zeros(1))
    >>> optimizer = OptimisticAdam([weight], lr=0.1)
    >>> for weight.grad in torch.ones(2, 1):
    ...     optimizer.step()
    >>> round(weight.item(), 3)  # -0.2, then -0.2 + 0.1
    -0.3

    Args as `Adam`.
    """

    SLOTS: ClassVar = {**Adam.SLOTS, "previous": None}


class _Extrapolating(Rule):
    """Two phases. What the rule remembers is updated in both; `t` counts both."""

    def __init__(self, params, *args, alternate=False, **options):
        self.alternate = alternate
        super().__init__(params, *args, **options)

    def __getstate__(self) -> dict:
        """For copies: torch's own has the groups and what is remembered, and nothing else."""
        return {**super().__getstate__(), "alternate": self.alternate}

    @torch.no_grad()
    def extrapolate(self, closure=None):
        """Move to the point ahead, and keep the point from where.

        Raises:
            RuntimeError: it has been called already, and `step` not since.
        """
        if self.extrapolated:
            raise RuntimeError("extrapolate() twice without a step() between: call step() with the gradients there")
        loss = self._reevaluated(closure)
        self._advance()
        return loss

    @torch.no_grad()
    def step(self, closure=None):
        """Move from the point kept, with the gradients at the point ahead.

        With `alternate`, every other call extrapolates.

        Raises:
            RuntimeError: no `extrapolate` before.
        """
        if not self.extrapolated:
            if not self.alternate:
                raise RuntimeError("step() without extrapolate(): call that first, or pass alternate=True")
            return self.extrapolate(closure)
        loss = self._reevaluated(closure)
        self._advance()
        for p, state in self.state.items():
            if "before" in state:  # it had a gradient there only
                p.copy_(state.pop("before"))
        return loss

    @property
    def extrapolated(self) -> bool:
        """Whether the parameters stand at the point ahead."""
        return any("before" in state for state in self.state.values())

    def _move(self, p, direction, lr) -> None:
        for q in p:
            state = self.state[q]
            if "before" in state:
                q.copy_(state.pop("before"))
            elif not self._second:
                state["before"] = q.clone()
        super()._move(p, direction, lr)

    def _advance(self) -> None:
        self._second = self.extrapolated
        super()._advance()


class ExtraSGD(_Extrapolating, SGD):
    """Extragradient.   Korpelevich 1976; in GANs Gidel et al. 2019, algorithm 2.

        p' = p - lr g(p),   p <- p - lr g(p')

    The loss p^2 / 2 has the gradient p: 1 where it stands, and 0.5 at the point ahead, which is 1 - 0.5 x 1.

    >>> import torch
    >>> from ganlab.optim import ExtraSGD
    >>> weight = torch.nn.Parameter(torch.ones(1))
    >>> optimizer = ExtraSGD([weight], lr=0.5, alternate=True)
    >>> for weight.grad in torch.tensor([[1.0], [0.5]]):
    ...     optimizer.step()
    >>> weight.item()  # 1 - 0.5 x 0.5
    0.75

    Args:
        alternate: a plain loop that calls `step` alone makes one extragradient step in two of its own: the first call
            extrapolates. Both players need it.

    Other args as `SGD`.
    """


class ExtraAdam(_Extrapolating, Adam):
    """Extragradient with `Adam`'s direction in both phases.   Gidel et al. 2019, algorithm 4.

    Two phases of length 0.1 lead 0.1 away, for the second starts where the first did:

    >>> import torch
    >>> from ganlab.optim import ExtraAdam
    >>> weight = torch.nn.Parameter(torch.ones(1))
    >>> optimizer = ExtraAdam([weight], lr=0.1, alternate=True)
    >>> for weight.grad in torch.ones(2, 1):
    ...     optimizer.step()
    >>> round(weight.item(), 3)
    0.9

    Args as `Adam`, and `alternate` as in `ExtraSGD`.
    """
