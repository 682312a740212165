"""Adam and its closest kin: a mean of the gradients over the root of a mean of their squares."""

import math
from typing import ClassVar

from torch import Tensor

from ganlab.optim.rule import Rule
from ganlab.optim.tensors import Tensors


class Adam(Rule):
    """Adam.   Kingma & Ba 2015, algorithm 1; amsgrad: Reddi et al. 2018, algorithm 2.

        m <- beta1 m + (1 - beta1) g
        v <- beta2 v + (1 - beta2) g^2
        p <- p - lr  m / (1 - beta1^t)  /  (sqrt(v / (1 - beta2^t)) + eps)

    m and v start at 0, so they are too small by 1 - beta^t on average: hence the divisions, the bias correction. With
    `amsgrad` the largest v so far stands in the place of v.

    The first step is lr, whatever the gradient:

    >>> import torch
    >>> from ganlab.optim import Adam
    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> weight.grad = torch.tensor([100.0, -0.01])
    >>> Adam([weight], lr=0.1).step()
    >>> [round(entry, 3) for entry in weight.tolist()]
    [-0.1, 0.1]

    Args and defaults are those of `torch.optim.Adam`; `correct_bias=False` leaves the correction out.
    """

    SLOTS: ClassVar = {"exp_avg": None, "exp_avg_sq": None, "max_exp_avg_sq": "amsgrad"}

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=False, *, maximize=False,
        correct_bias=True,
    ):  # fmt: skip
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize,
            correct_bias=correct_bias,
        )  # fmt: skip

    def direction(self, g, s, t, *, betas, eps, amsgrad, correct_bias, **_) -> Tensors:
        beta1, beta2 = betas
        m = s["exp_avg"].lerp_(g, 1 - beta1)
        v = s["exp_avg_sq"].mul_(beta2).addcmul_(g, g, 1 - beta2)
        if amsgrad:
            v = s["max_exp_avg_sq"].maximum_(v)
        c1, c2 = (1 - beta1**t, 1 - beta2**t) if correct_bias else (1.0, 1.0)
        # Both corrections in the denominator: one pass over the numbers less.
        root = c2.sqrt() if isinstance(c2, Tensor) else math.sqrt(c2)
        return m / v.sqrt().mul_(c1 / root).add_(c1 * eps)


class AMSGrad(Adam):
    """`Adam` with amsgrad: a step size never grows again.   Reddi et al. 2018, algorithm 2.

    Where the mean square v falls, the largest so far still divides:

    >>> import torch
    >>> from ganlab.optim import AMSGrad
    >>> weight = torch.nn.Parameter(torch.zeros(1))
    >>> optimizer = AMSGrad([weight], betas=(0.0, 0.5))
    >>> for weight.grad in torch.tensor([[2.0], [1.0]]):
    ...     optimizer.step()
    >>> [optimizer.state[weight][slot].item() for slot in ("exp_avg_sq", "max_exp_avg_sq")]
    [1.5, 2.0]

    Args as `Adam`.
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, **options):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad=True, **options)


class AdamW(Adam):
    """`Adam` whose weight decay bypasses the division: p <- (1 - lr weight_decay) p first.   Loshchilov & Hutter 2019.

    >>> import torch
    >>> from ganlab.optim import AdamW
    >>> weight = torch.nn.Parameter(torch.ones(1))
    >>> weight.grad = torch.zeros(1)
    >>> AdamW([weight], lr=0.1, weight_decay=0.5).step()
    >>> round(weight.item(), 3)  # 1 - 0.1 x 0.5
    0.95

    Args and defaults are those of `torch.optim.AdamW`.
    """

    decoupled = True

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, **options):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **options)
