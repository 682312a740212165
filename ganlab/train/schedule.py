"""A number that changes while training goes on: one small type, and one way to evaluate it."""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ganlab._check import lookup

# How two points are joined: (first value, second value, share of the way in [0, 1)) -> value between the two.
SHAPES: dict[str, Callable[[float, float, float], float]] = {
    "linear": lambda a, b, share: a + (b - a) * share,
    "cosine": lambda a, b, share: a + (b - a) * (1 - math.cos(math.pi * share)) / 2,
    "exponential": lambda a, b, share: a * (b / a) ** share,
    "steps": lambda a, b, share: a,
}


@dataclass(frozen=True)
class Schedule:
    """A number for each step of G: `points` (step, value), joined by `shape`.

    Before the first point and after the last it stays as it is there. Steps count from 0.

    >>> from ganlab.train import Schedule
    >>> lr = Schedule([(0, 2e-4), (100, 5e-5)], "cosine")
    >>> [round(lr(step), 6) for step in (0, 50, 100, 1000)]
    [0.0002, 0.000125, 5e-05, 5e-05]

    Args:
        points: at least one pair; the steps are whole numbers that rise.
        shape: a name in `SHAPES`: "linear"; "cosine", level at both ends (Loshchilov & Hutter 2017, eq. 5, without
            restarts); "exponential", equal factors in equal times; "steps", which jumps at each point.

    Raises:
        ValueError: no points, steps that do not rise, values that are not finite, an unknown shape, or an exponential
            through 0 or over a change of sign.
    """

    points: tuple[tuple[int, float], ...]
    shape: str = "linear"

    def __post_init__(self):
        try:
            points = tuple((operator.index(step), float(value)) for step, value in self.points)
        except (TypeError, ValueError) as error:
            raise ValueError(f"points={self.points!r}: give pairs (step, value), whole steps and numbers") from error
        object.__setattr__(self, "points", points)  # tuples: a recipe is compared with the one in a checkpoint
        lookup(SHAPES, self.shape, "shape")
        steps, values = [step for step, _ in self.points], self.values
        if not steps or steps[0] < 0 or any(b <= a for a, b in pairwise(steps)):
            raise ValueError(f"points={self.points}: give (step, value) pairs whose steps are at least 0 and rise")
        if not all(map(math.isfinite, values)):
            raise ValueError(f"points={self.points}: every value must be finite")
        if self.shape == "exponential" and min(values) * max(values) <= 0:
            raise ValueError(f"points={self.points}: an exponential has one sign and no 0; take 'linear' or 'cosine'")

    @property
    def values(self) -> tuple[float, ...]:
        """The values at the points; every other value lies between two of them."""
        return tuple(value for _, value in self.points)

    def __call__(self, step: int) -> float:
        (start, value), *rest = self.points
        for end, target in rest:
            if step < end:
                return value if step <= start else SHAPES[self.shape](value, target, (step - start) / (end - start))
            start, value = end, target
        return value


Scheduled = float | Schedule


def at(value: Scheduled | None, step: int) -> float | None:
    """The number at `step`: of a `Schedule`, or the number itself.

    >>> from ganlab.train.schedule import Schedule, at
    >>> at(0.5, 10), at(Schedule([(0, 1.0), (20, 0.0)]), 10)
    (0.5, 0.5)
    """
    return value(step) if isinstance(value, Schedule) else value


def values(value: Scheduled | None) -> Sequence[float]:
    """The numbers to check: a schedule's points, or the number itself; none of None.

    >>> from ganlab.train.schedule import Schedule, values
    >>> values(0.5), values(None), values(Schedule([(0, 1.0), (20, 0.0)]))
    ((0.5,), (), (1.0, 0.0))
    """
    if value is None:
        return ()
    return value.values if isinstance(value, Schedule) else (value,)
