"""Adam and its closest kin: a mean of the gradients over the root of a mean of their squares."""

import math
from typing import ClassVar

from ganlab.optim.rule import Rule, Tensors


class Adam(Rule):
    """Adam.   Kingma & Ba 2015, algorithm 1; amsgrad: Reddi et al. 2018, algorithm 2.

        m <- beta1 m + (1 - beta1) g
        v <- beta2 v + (1 - beta2) g^2
        p <- p - lr  m / (1 - beta1^t)  /  (sqrt(v / (1 - beta2^t)) + eps)

    m and v start at 0, so they are too small by 1 - beta^t on average: hence the divisions, the bias correction. With
    `amsgrad` the largest v so far stands in the place of v.

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
        return m / v.sqrt().mul_(c1 / math.sqrt(c2)).add_(c1 * eps)


class AMSGrad(Adam):
    """`Adam` with amsgrad: a step size never grows again.   Reddi et al. 2018, algorithm 2."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, **options):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad=True, **options)


class AdamW(Adam):
    """`Adam` whose weight decay bypasses the division: p <- (1 - lr weight_decay) p first.   Loshchilov & Hutter 2019.

    Args and defaults are those of `torch.optim.AdamW`.
    """

    decoupled = True

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, **options):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **options)
