"""Chapter 2: what noise and a perfect sampler score on the grid; what one seed gets wrong."""

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from check import check
from ganlab import metrics
from ganlab.data import load
from ganlab.study import interval, recorded


def _grid_scores(draw: Callable[[int], torch.Tensor], draws: int = 200) -> pd.DataFrame:
    """The three numbers of 2,500 samples on the grid, a row a draw."""
    return metrics.modes(torch.stack([draw(2500) for _ in range(draws)]), load("grid"))


def _uniform_noise(seed: int) -> Callable[[int], torch.Tensor]:
    dice = torch.Generator().manual_seed(seed)
    return lambda n: 10 * torch.rand(n, 2, generator=dice) - 5


@check
def modes_of_uniform_noise() -> np.ndarray:
    """Modes of 25 that uniform noise on [-5, 5]^2 covers."""
    return _grid_scores(_uniform_noise(0)).modes.to_numpy()


@check
def quality_of_uniform_noise() -> np.ndarray:
    """High-quality share of uniform noise on [-5, 5]^2."""
    return _grid_scores(_uniform_noise(1)).high_quality.to_numpy()


@check
def quality_of_a_perfect_sampler() -> np.ndarray:
    """High-quality share of samples of the data."""
    dice = torch.Generator().manual_seed(2)
    return _grid_scores(lambda n: load("grid").sample(n, dice)).high_quality.to_numpy()


@check
def wrong_rankings_with_one_seed() -> float:
    """Share of pairs of runs, one of each loss, whose qualities contradict the means of 16.

    Mean over the pairs of losses whose means are told apart: equal ones have no right order, and score a half.
    """
    table = recorded("ring-losses")
    last = table[table.step == table.step.max()]
    quality = [part.sort_values("seed").high_quality.to_numpy() for _, part in last.groupby("loss", sort=False)]
    pairs = [(a, b) for a, b in itertools.combinations(quality, 2) if interval(a - b).low * interval(a - b).high > 0]
    return np.mean([(np.subtract.outer(a, b) * (a.mean() - b.mean()) < 0).mean() for a, b in pairs])
