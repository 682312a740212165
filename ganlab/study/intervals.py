"""What several seeds say together: a mean, and how sure it is."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats


class Interval(NamedTuple):
    """A mean over `n` seeds and its confidence interval, from `low` to `high`.

    >>> from ganlab.study import Interval
    >>> found = Interval(mean=7.5, low=6.25, high=8.75, n=16)
    >>> print(found, found.low <= 8 <= found.high)
    7.5 [6.25, 8.75] True
    """

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.3g} [{self.low:.3g}, {self.high:.3g}]"


def interval(values, level: float = 0.95) -> Interval:
    """Mean and Student-t interval of independent measurements, one a seed.

    One value has an infinite interval: one seed proves nothing.

    >>> from ganlab.study import interval
    >>> print(interval([7, 9]), interval([8]))  # t is 12.7 with one degree of freedom, the standard error 1
    8 [-4.71, 20.7] 8 [-inf, inf]

    Args:
        values: numbers of any shape, one a seed.
        level: the interval's confidence, in (0, 1).

    Raises:
        ValueError: no values, or some are not finite. A diverged run is a result of its own: report the share of such
            runs, then pass the others.
    """
    values = np.asarray(values, dtype=float).ravel()
    if values.size == 0:
        raise ValueError("values is empty: an interval needs at least one measurement")
    if bad := int((~np.isfinite(values)).sum()):
        raise ValueError(f"{bad} of {values.size} values are not finite: report their share, then pass the others")
    mean = float(values.mean())
    if values.size == 1:
        return Interval(mean, -np.inf, np.inf, 1)
    half = float(stats.t.ppf(0.5 + level / 2, values.size - 1) * stats.sem(values))
    return Interval(mean, mean - half, mean + half, values.size)


def geometric(values, level: float = 0.95) -> Interval:
    """Geometric mean and its interval, for ratios and for norms that span orders of magnitude: `interval` of the logs.

    A half and a double cancel, and no end of the interval is below 0.

    >>> from ganlab.study import geometric, interval
    >>> print(geometric([0.5, 2, 1, 1]), interval([0.5, 2, 1, 1]))
    1 [0.406, 2.46] 1.12 [0.124, 2.13]

    Args:
        values: positive numbers of any shape, one a seed.
        level: the interval's confidence, in (0, 1).

    Raises:
        ValueError: no values, or some are not finite or not positive.
    """
    values = np.asarray(values, dtype=float).ravel()
    if bad := int((values <= 0).sum()):
        raise ValueError(f"{bad} of {values.size} values are not positive: they have no logarithm")
    mean, low, high, n = interval(np.log(values), level)
    with np.errstate(over="ignore"):
        return Interval(*(float(np.exp(x)) for x in (mean, low, high)), n)


def wilson(values, level: float = 0.95) -> Interval:
    """Share of the runs in which something happened, and Wilson's score interval, which stays within [0, 1].

    None of eight is not "never": the share may be as large as a third.

    >>> from ganlab.study import wilson
    >>> print(wilson([0] * 8), wilson([1, 0, 1, 1]))
    0 [0, 0.324] 0.75 [0.301, 0.954]

    Args:
        values: 0 or 1, or False or True, one a run.
        level: the interval's confidence, in (0, 1).

    Raises:
        ValueError: no values, or some are neither 0 nor 1.
    """
    values = np.asarray(values, dtype=float).ravel()
    if values.size == 0:
        raise ValueError("values is empty: a share needs at least one run")
    if not np.isin(values, (0, 1)).all():
        raise ValueError("values are 0 or 1, one a run: for shares measured within a run use interval")
    n, share, z = values.size, float(values.mean()), float(stats.norm.ppf(0.5 + level / 2))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Interval(share, min(max(0.0, middle - half), share), max(min(1.0, middle + half), share), n)


def summary(table: pd.DataFrame, by: str | Sequence[str], *columns: str) -> str:
    """Mean and 95 % interval of `columns` over the seeds, as text to print: a line for each value of `by`.

    >>> import pandas as pd
    >>> from ganlab.study import summary
    >>> table = pd.DataFrame({"loss": ["hinge"] * 2, "seed": [0, 1], "modes": [7, 9]})
    >>> summary(table, "loss", "modes").split()  # the heading, then a line for each loss
    ['modes', 'loss', 'hinge', '8', '[-4.71,', '20.7]']

    Args:
        table: tidy, with one row a seed in each group.
        by: the column or columns that make the groups, which keep their order.
        columns: what to summarise, each as `interval` does; at least one.

    Raises:
        ValueError: no columns, columns that the table does not have, or values that are not finite.
    """
    keys = [by] if isinstance(by, str) else list(by)
    known = ", ".join(map(str, table.columns))
    if not columns:
        raise ValueError(f"columns: name at least one of {known}")
    if absent := [name for name in (*keys, *columns) if name not in table]:
        raise ValueError(f"the table has no column {', '.join(map(repr, absent))}; columns: {known}")
    return table.groupby(by, sort=False)[list(columns)].agg(lambda values: str(interval(values))).to_string()
