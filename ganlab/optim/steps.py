"""Steps along the gradient: plain, with momentum, with Nesterov's, and of a length that the gradient does not set."""

from typing import ClassVar

import torch
from torch import Tensor

from ganlab.optim.rule import Rule
from ganlab.optim.tensors import Tensors


class SGD(Rule):
    """Gradient descent, with momentum on request.   Polyak 1964; Sutskever et al. 2013 for Nesterov's.

        b <- momentum b + (1 - dampening) g         (b = g in the first step)
        p <- p - lr b,   or with nesterov   p <- p - lr (g + momentum b)

    Two members of a population, each with a learning rate of its own:

    >>> import torch
    >>> from ganlab.optim import SGD
    >>> weight = torch.nn.Parameter(torch.ones(2, 1))
    >>> weight.grad = torch.tensor([[2.0], [2.0]])
    >>> SGD([weight], lr=torch.tensor([0.5, 0.25])).step()
    >>> weight.tolist()
    [[0.0], [0.5]]

    Args and defaults are those of `torch.optim.SGD`.

    Raises:
        ValueError: an option out of range; nesterov without momentum or with dampening.
    """

    SLOTS: ClassVar = {"momentum_buffer": "momentum"}

    def __init__(
        self, params, lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, *, maximize=False
    ):
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "Nesterov momentum requires a momentum and zero dampening: "
                f"momentum={momentum}, dampening={dampening}; set momentum=0.9, say"
            )
        super().__init__(
            params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov,
            maximize=maximize,
        )  # fmt: skip

    def direction(self, g, s, t, *, momentum, dampening, nesterov, **_) -> Tensors:
        if not momentum:
            return g
        b = s["momentum_buffer"].mul_(momentum).add_(g, alpha=1 if _first(t) else 1 - dampening)
        return g.add(b, alpha=momentum) if nesterov else b


class Momentum(SGD):
    """`SGD` with a momentum of 0.9.

    Two gradients of 1 make steps of 1 and of 1 + 0.9:

    >>> import torch
    >>> from ganlab.optim import Momentum
    >>> weight = torch.nn.Parameter(torch.zeros(1))
    >>> optimizer = Momentum([weight], lr=1.0)
    >>> for weight.grad in torch.ones(2, 1):
    ...     optimizer.step()
    >>> round(weight.item(), 3)
    -2.9
    """

    def __init__(self, params, lr=1e-3, momentum=0.9, **options):
        super().__init__(params, lr, momentum, **options)


class Nesterov(SGD):
    """`SGD` with Nesterov's momentum of 0.9.

    Two gradients of 1 make steps of 1 + 0.9 x 1 and of 1 + 0.9 x 1.9:

    >>> import torch
    >>> from ganlab.optim import Nesterov
    >>> weight = torch.nn.Parameter(torch.zeros(1))
    >>> optimizer = Nesterov([weight], lr=1.0)
    >>> for weight.grad in torch.ones(2, 1):
    ...     optimizer.step()
    >>> round(weight.item(), 3)
    -4.61
    """

    def __init__(self, params, lr=1e-3, momentum=0.9, **options):
        super().__init__(params, lr, momentum, nesterov=True, **options)


class NormalisedSGD(Rule):
    """The gradient's direction alone: each step has length lr.   Cutkosky & Mehta 2020, algorithm 1.

        b <- momentum b + (1 - momentum) g          (b = g in the first step)
        p <- p - lr b / (|b| + eps)

    |b| is the norm over all parameters of the group that have a gradient.

    >>> import torch
    >>> from ganlab.optim import NormalisedSGD
    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> weight.grad = torch.tensor([300.0, 400.0])
    >>> NormalisedSGD([weight], lr=1.0).step()
    >>> [round(entry, 3) for entry in weight.tolist()]
    [-0.6, -0.8]

    Args:
        lr: length of a step, in the parameters' units.
        members: number of members on the first axis of every parameter, each with a norm of its own; None: one network.
    """

    SLOTS: ClassVar = {"momentum_buffer": "momentum"}
    counts = False

    def __init__(self, params, lr=1e-3, momentum=0.0, eps=1e-8, weight_decay=0.0, members=None, *, maximize=False):
        super().__init__(
            params, lr=lr, momentum=momentum, eps=eps, weight_decay=weight_decay, members=members, maximize=maximize
        )

    def start(self, slot, p, group):
        return p.grad.detach().clone() * (-1 if group["maximize"] else 1) + group["weight_decay"] * p.detach()

    def direction(self, g, s, t, *, momentum, eps, members, **_) -> Tensors:
        b = s["momentum_buffer"].lerp_(g, 1 - momentum) if momentum else g
        rows = [part.reshape(members or 1, -1) for part in b]
        norm = torch.stack([torch.linalg.vector_norm(row, dim=1) for row in rows]).norm(dim=0)
        return b / [(norm + eps).reshape(-1, *[1] * (part.ndim - 1)) if members else norm[0] + eps for part in b]


def _first(t: int | Tensor) -> bool:
    """Whether this is the first step; a tensor stands for a later one (`Rule.clock`)."""
    return not isinstance(t, Tensor) and t == 1
