"""Numbers over the measured steps of a chart, by part of the run."""

from collections.abc import Callable

import numpy as np

from ganlab.diagnosis.chart import Block

LEAST = 1e-38  # what a logarithm takes for 0: the least normal number of float32


def series(block: Block | None, column: str) -> np.ndarray:
    """(T, K); empty if it was not measured."""
    return np.empty((0, 0)) if block is None or column not in block.values else block.values[column]


def late(block: Block | None, column: str) -> np.ndarray:
    """(K,): the median over the second half of the steps. NaN where nothing was measured."""
    return _over(block, column, late_part)


def early(block: Block | None, column: str) -> np.ndarray:
    """(K,): the median over the first quarter of the steps."""
    return _over(block, column, early_part)


def first(block: Block | None, column: str) -> np.ndarray:
    """(K,): at the first step at which any is known."""
    return _over(block, column, lambda _, values: values[_known(values)][:1])


def _known(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values).all(axis=tuple(range(1, values.ndim)))
    return known if known.any() else np.ones_like(known)


def _over(block: Block | None, column: str, part: Callable[[Block, np.ndarray], np.ndarray]) -> np.ndarray:
    values = series(block, column)
    return median(part(block, values)) if len(values) else np.array([np.nan])


def median(values: np.ndarray) -> np.ndarray:
    """Over the first axis, of what is a number; NaN where nothing is."""
    known = ~np.isnan(values).all(axis=0)
    found = np.full(values.shape[1:], np.nan)
    if len(values):
        found[known] = np.nanmedian(values[:, known], axis=0)
    return found


def late_part(block: Block, values: np.ndarray) -> np.ndarray:
    """The rows of (T, ...) in the second half of the steps."""
    return values[block.steps > block.steps[-1] / 2]


def early_part(block: Block, values: np.ndarray) -> np.ndarray:
    """The rows of (T, ...) in the first quarter of the steps; the first row at least."""
    return values[block.steps <= max(block.steps[-1] / 4, block.steps[0])]


def log(x: np.ndarray | float) -> np.ndarray | float:
    """Base 10, of a size that may be 0."""
    return np.log10(np.maximum(x, LEAST))


def most(values: np.ndarray) -> float:
    """The largest number, or NaN if none is."""
    known = values[~np.isnan(values)]
    return float(known.max()) if known.size else float("nan")


def least(values: np.ndarray) -> float:
    """The least number, or NaN if none is."""
    return -most(-values)
