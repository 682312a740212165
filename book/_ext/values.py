"""What several seeds say about one number, by the kind of number it is, and whether that lies in the claimed band.

mean    a number of any sign: mean and Student-t interval, cut off at what is possible
share   part of a whole, in [0, 1]: Wilson's interval where each run is a yes or a no, else as a mean
ratio   positive, compared by division or over orders of magnitude: geometric mean, interval on the logarithm; where
        some are 0 or divided by 0, which has no logarithm, the median and its interval from the sign test, and
        called a median: it is another quantity, of a middling run, and blind to how far the extreme ones go
exact   computed without seeds
"""

import math
from dataclasses import dataclass

import numpy as np

from ganlab.study import Interval, geometric, interval, wilson

KINDS = ("mean", "share", "ratio", "exact")
LEVEL = 0.95  # the confidence of an interval, where nothing else is said
FEW = 4  # fewer seeds than these decide nothing, whatever their interval
WHOLE = {"share": (0.0, 1.0), "ratio": (0.0, math.inf)}  # what is possible, where the kind says it


class AccountError(ValueError):
    """An entry of the accounts that cannot be read or computed."""


@dataclass(frozen=True)
class Value:
    """A number: with its interval over `seeds` seeds, or exact (`seeds` is None); `average` if it is no mean."""

    mean: float
    low: float
    high: float
    seeds: int | None = None
    average: str = ""

    def __str__(self) -> str:
        if self.seeds is None:
            return f"{self.mean:.4g}"
        words = f"{self.average} " if self.average else ""
        return f"{words}{self.mean:.3g}" + (f" [{self.low:.3g}, {self.high:.3g}]" if self.seeds > 1 else "")

    @property
    def runs(self) -> str:
        """How many runs it comes from, in words; nothing for an exact number."""
        return "" if self.seeds is None else "one run" if self.seeds == 1 else f"{self.seeds} seeds"


@dataclass(frozen=True)
class Band:
    """An interval of the real line; an end belongs to it unless it is open."""

    low: float = -math.inf
    high: float = math.inf
    open: bool = False

    def contains(self, x: float) -> bool:
        return self.low < x < self.high if self.open else self.low <= x <= self.high

    def judge(self, value: Value) -> str:
        """`holds` if all of the interval lies inside, `fails` if all lies outside, else `open`, as for few seeds."""
        if value.seeds is not None and value.seeds < FEW:
            return "open"
        if self.contains(value.low) and self.contains(value.high):
            return "holds"
        outside = value.high <= self.low or value.low >= self.high if self.open else (
            value.high < self.low or value.low > self.high)  # fmt: skip
        return "fails" if outside else "open"


def band(text: str) -> Band:
    """Read a threshold: `"< x"`, `"<= x"`, `"> x"`, `">= x"` or `"a .. b"`."""
    try:
        if ".." in text:
            low, high = map(float, text.split(".."))
            return Band(low, high)
        sign, number = text.split()
        return {
            "<": lambda x: Band(high=x, open=True),
            "<=": lambda x: Band(high=x),
            ">": lambda x: Band(low=x, open=True),
            ">=": lambda x: Band(low=x),
        }[sign](float(number))
    except (ValueError, KeyError, AttributeError, TypeError):
        raise AccountError(f'threshold {text!r}: write "< x", "<= x", "> x", ">= x" or "a .. b"') from None


def exact(number: float) -> Value:
    """A number without seeds."""
    return Value(*[float(number)] * 3)


def over_seeds(
    kind: str, values: np.ndarray, possible: tuple[float, float], events: bool = False, level: float = LEVEL
) -> Value:
    """One number a seed. `events`: each is 0 or 1, whether something happened in that run."""
    _within(values, possible, kind)
    if kind == "ratio":
        if set(values) == {0.0, 1.0}:
            raise AccountError("kind ratio, and all of these are 0 or 1: take kind share")
        return _middle(values, level)
    return _value(wilson(values, level)) if events else _cut(interval(values, level), possible)


def difference(
    kind: str,
    values: np.ndarray,
    control: np.ndarray,
    possible: tuple[float, float],
    events: bool = False,
    level: float = LEVEL,
) -> Value:
    """Values less the control's, seed by seed; of two shares of runs by Newcombe's square-and-add."""
    for part in (values, control):
        _within(part, possible, kind)
    if kind == "ratio":
        raise AccountError("kind ratio goes with `effect: ratio`: a difference is a mean or a share")
    if events:
        return _newcombe(wilson(values, level), wilson(control, level))
    low, high = possible
    return _cut(interval(values - control, level), (low - high, high - low))


def ratio(values: np.ndarray, control: np.ndarray, level: float = LEVEL) -> Value:
    """Values over the control's, seed by seed: the geometric mean, or the median if there are zeros."""
    if min(values.min(), control.min()) < 0:
        raise AccountError("a ratio needs positive numbers: compare these by their difference")
    if ((values == 0) & (control == 0)).any():
        raise AccountError("0 / 0 in a ratio: compare these by their difference")
    with np.errstate(divide="ignore"):
        return _middle(values / control, level)


def _middle(ratios: np.ndarray, level: float) -> Value:
    if ratios.min() > 0 and ratios.max() < math.inf:
        return _value(geometric(ratios, level))
    return median(ratios, level)


def median(values: np.ndarray, level: float = LEVEL) -> Value:
    """Median and the interval of order statistics that the sign test does not reject, of ratios, 0 and inf too.

    Conover, Practical Nonparametric Statistics, 3rd ed., section 3.2. At 95 % fewer than six values give no interval;
    of 16 seeds the ends are the 4th and the 13th value: where four or more are extreme, they set an end.
    """
    ordered, n = np.sort(values), len(values)
    below = np.cumsum([math.comb(n, k) for k in range(n)]) / 2**n
    out = int((below <= (1 - level) / 2).sum())  # so many may lie outside on each side
    low, high = (ordered[out - 1], ordered[-out]) if out else (0.0, math.inf)
    return Value(float(ordered[(n - 1) // 2] + ordered[n // 2]) / 2, float(low), float(high), n, "median")


def _value(found: Interval) -> Value:
    return Value(found.mean, found.low, found.high, found.n)


def _cut(found: Interval, possible: tuple[float, float]) -> Value:
    """No interval says that the impossible is possible. Cutting it there leaves its coverage as it is."""
    low, high = possible
    return Value(found.mean, max(found.low, low), min(found.high, high), found.n)


def _within(values: np.ndarray, possible: tuple[float, float], kind: str) -> None:
    low, high = possible
    slack = 1e-9
    if values.min() < low - slack or values.max() > high + slack:
        found = f"{values.min():.4g} to {values.max():.4g}"
        raise AccountError(f"kind {kind} lies in [{low:g}, {high:g}], these in [{found}]: another `kind` or `possible`")


def _newcombe(a: Interval, b: Interval) -> Value:
    """Newcombe (1998), method 10: the difference of two shares of runs from their Wilson intervals."""
    middle = a.mean - b.mean
    down = math.hypot(a.mean - a.low, b.high - b.mean)
    up = math.hypot(a.high - a.mean, b.mean - b.low)
    return Value(middle, middle - down, middle + up, min(a.n, b.n))
