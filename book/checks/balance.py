"""Chapter 16: the sign of the feedback, what sharing leaves of the game, and D's accuracy beside the quality."""

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import softplus

from check import check
from ganlab import losses
from ganlab.study import recorded


def _unstable(direction: int) -> float:
    """Share of 10,000 linear loops x' = a l - b x, l' = direction k c x, all constants positive, that run away."""
    a, b, c, k = 10.0 ** np.random.default_rng(0).uniform(-2, 2, (4, 10_000))
    zero = np.zeros_like(a)
    loops = np.stack([np.stack([-b, a], -1), np.stack([direction * k * c, zero], -1)], -2)
    return float((np.linalg.eigvals(loops).real.max(-1) > 0).mean())


@check
def share_of_printed_loops_that_run_away() -> float:
    """Raise G's rate where it is ahead."""
    return _unstable(1)


@check
def share_of_reversed_loops_that_run_away() -> float:
    """Lower it there."""
    return _unstable(-1)


@check
def gradient_that_the_fakes_leave_when_all_is_shared() -> float:
    """Minimax: largest entry of the two players' gradients through D's role, less that of the real samples alone."""
    dice = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(64, 4, dtype=torch.float64, generator=dice) for _ in range(2))
    w, v = (torch.randn(*shape, dtype=torch.float64, generator=dice) for shape in ((4, 8), (8,)))
    w.requires_grad_()

    def D(x):
        return (x @ w).tanh() @ v

    game = losses.get("minimax")
    both = torch.autograd.grad(game.d_loss(D(real), D(fake)) + game.g_loss(D(fake)), w)[0]
    return (both - torch.autograd.grad(softplus(-D(real)).mean(), w)[0]).abs().max().item()


def _health(data: str) -> np.ndarray:
    """For each seed the rank correlation of quality and - |accuracy - 1/2| over all settings."""
    runs = pd.concat([recorded("balance-open"), recorded("balance-rule")])
    runs = runs[(runs.data == data) & (runs.step == runs.step.max())]
    runs = runs.assign(half=-(runs.late_accuracy - 0.5).abs())
    return np.array([run.late_quality.corr(run.half, method="spearman") for _, run in runs.groupby("seed")])


@check
def accuracy_as_a_measure_of_health_on_the_ring() -> np.ndarray:
    return _health("ring")


@check
def accuracy_as_a_measure_of_health_on_digits() -> np.ndarray:
    return _health("digits")
