"""A step size for each weight, from the squares of its gradients."""

from typing import ClassVar

import torch

from ganlab.optim.rule import Rule
from ganlab.optim.tensors import Tensors


class Adagrad(Rule):
    """Divide by the root of the sum of all squares so far.   Duchi et al. 2011.

        a <- a + g^2
        p <- p - lr / (1 + (t - 1) lr_decay)  g / (sqrt(a) + eps)

    After gradients of 3 and 4 the sum of squares is 25:

    >>> import torch
    >>> from ganlab.optim import Adagrad
    >>> weight = torch.nn.Parameter(torch.zeros(1))
    >>> optimizer = Adagrad([weight], lr=1.0)
    >>> for weight.grad in torch.tensor([[3.0], [4.0]]):
    ...     optimizer.step()
    >>> round(weight.item(), 3)  # -3 / 3 - 4 / 5
    -1.8

    Args and defaults are those of `torch.optim.Adagrad`.
    """

    SLOTS: ClassVar = {"sum": None}

    def __init__(
        self, params, lr=1e-2, lr_decay=0.0, weight_decay=0.0, initial_accumulator_value=0.0, eps=1e-10, *,
        maximize=False,
    ):  # fmt: skip
        super().__init__(
            params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay, eps=eps,
            initial_accumulator_value=initial_accumulator_value, maximize=maximize,
        )  # fmt: skip

    def start(self, slot, p, group):
        return torch.full_like(p, group["initial_accumulator_value"], memory_format=torch.preserve_format)

    def direction(self, g, s, t, *, lr_decay, eps, **_) -> Tensors:
        a = s["sum"].addcmul_(g, g)
        direction = g / a.sqrt().add_(eps)
        return direction / (1 + (t - 1) * lr_decay) if lr_decay else direction


class RMSprop(Rule):
    """Divide by the root of a running mean of the squares.   Tieleman & Hinton 2012; centred: Graves 2013, eq. 38.

        v <- alpha v + (1 - alpha) g^2
        m <- alpha m + (1 - alpha) g                  (centered)
        r <- sqrt(v) + eps,   or centered   r <- sqrt(v - m^2) + eps
        b <- momentum b + g / r
        p <- p - lr b

    The first step is lr / sqrt(1 - alpha), whatever the gradient:

    >>> import torch
    >>> from ganlab.optim import RMSprop
    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> weight.grad = torch.tensor([2.0, -0.02])
    >>> RMSprop([weight], lr=1.0, alpha=0.75).step()
    >>> [round(entry, 3) for entry in weight.tolist()]
    [-2.0, 2.0]

    Args and defaults are those of `torch.optim.RMSprop`.
    """

    SLOTS: ClassVar = {"square_avg": None, "grad_avg": "centered", "momentum_buffer": "momentum"}

    def __init__(
        self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False, *, maximize=False
    ):
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered,
            maximize=maximize,
        )  # fmt: skip

    def direction(self, g, s, t, *, alpha, eps, momentum, centered, **_) -> Tensors:
        v = s["square_avg"].mul_(alpha).addcmul_(g, g, 1 - alpha)
        if centered:
            m = s["grad_avg"].lerp_(g, 1 - alpha)
            root = v.addcmul(m, m, -1).sqrt_()
        else:
            root = v.sqrt()
        direction = g / root.add_(eps)
        return s["momentum_buffer"].mul_(momentum).add_(direction) if momentum else direction


class Adadelta(Rule):
    """Divide by a running root mean square of the gradients, times one of the steps.   Zeiler 2012, algorithm 1.

        v <- rho v + (1 - rho) g^2
        d <- sqrt(u + eps) / sqrt(v + eps) g
        u <- rho u + (1 - rho) d^2
        p <- p - lr d

    The first step is about sqrt(eps / (1 - rho)), whatever the gradient:

    >>> import torch
    >>> from ganlab.optim import Adadelta
    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> weight.grad = torch.tensor([2.0, -20.0])
    >>> Adadelta([weight], rho=0.75, eps=1e-6).step()
    >>> [round(entry, 5) for entry in weight.tolist()]
    [-0.002, 0.002]

    Args and defaults are those of `torch.optim.Adadelta`.
    """

    SLOTS: ClassVar = {"square_avg": None, "acc_delta": None}

    def __init__(self, params, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0.0, *, maximize=False):
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def direction(self, g, s, t, *, rho, eps, **_) -> Tensors:
        v, u = s["square_avg"].mul_(rho).addcmul_(g, g, 1 - rho), s["acc_delta"]
        d = (u + eps).sqrt_().div_((v + eps).sqrt_()).mul_(g)
        u.mul_(rho).addcmul_(d, d, 1 - rho)
        return d
