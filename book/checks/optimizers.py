"""Chapter 14: the first and the longest step of Adam, and how far our optimizers are from torch's."""

import torch
from torch import nn

from check import check
from ganlab import optim

PAIRS = [
    (optim.SGD, torch.optim.SGD, {}),
    (optim.Momentum, torch.optim.SGD, {"momentum": 0.9}),
    (optim.Nesterov, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    (optim.Adagrad, torch.optim.Adagrad, {}),
    (optim.Adadelta, torch.optim.Adadelta, {}),
    (optim.RMSprop, torch.optim.RMSprop, {}),
    (optim.Adam, torch.optim.Adam, {}),
    (optim.AMSGrad, torch.optim.Adam, {"amsgrad": True}),
    (optim.AdamW, torch.optim.AdamW, {}),
]


def _steps(rule, gradients, lr=1e-3, **options) -> list[float]:
    """How far each step goes, in learning rates."""
    p, moves = nn.Parameter(torch.zeros((), dtype=torch.float64)), []
    descent = rule([p], lr=lr, **options)
    for gradient in gradients:
        before, p.grad = p.item(), torch.tensor(float(gradient), dtype=torch.float64)
        descent.step()
        moves.append((before - p.item()) / lr)
    return moves


@check
def adams_first_step() -> float:
    """Adam's first step in learning rates: the largest of three, for gradients of 0.001, 1 and 1,000."""
    return max(_steps(optim.Adam, [size])[0] for size in (1e-3, 1.0, 1e3))


@check
def adams_first_step_without_correction() -> float:
    """The same without bias correction, for a gradient of 1."""
    return _steps(optim.Adam, [1.0], correct_bias=False)[0]


@check
def adams_longest_step() -> float:
    """Adam's step in learning rates at the first gradient after 8,000 steps without any."""
    return _steps(optim.Adam, [0.0] * 8000 + [1.0])[-1]


@check
def furthest_from_torch() -> float:
    """Largest difference of a parameter from that of torch's optimizer, nine optimizers, 300 noisy steps, float64."""
    noise, furthest = torch.randn(300, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64), 0.0
    for ours, theirs, options in PAIRS:
        ends = []
        for rule, given in ((ours, {}), (theirs, options)):
            p = nn.Parameter(torch.ones(10, dtype=torch.float64))
            descent = rule([p], lr=0.01, **given)
            for row in noise:
                p.grad = p.detach() ** 3 + row
                descent.step()
            ends.append(p.detach())
        furthest = max(furthest, (ends[0] - ends[1]).abs().max().item())
    return furthest
