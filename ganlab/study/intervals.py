"""What several seeds say together: a mean, and how sure it is."""

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
