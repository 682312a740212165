"""One number of the accounts: computed from a recorded study or by an exact check, and judged against a threshold."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import check
from ganlab.study import recorded
from values import KINDS, LEVEL, WHOLE, AccountError, Value, band, difference, exact, over_seeds, ratio

CHECKS = Path(__file__).resolve().parents[1] / "checks"
EFFECTS = ("difference", "ratio")


@dataclass(frozen=True)
class Measure:
    """A number to compute: a column of a recorded study, or a check; `against` subtracts or divides by another cell.

    `repeats`: the label of the measure of the same claim that this one asks again, on fresh seeds.
    """

    study: str | None = None
    column: str | None = None
    where: Mapping[str, Any] = field(default_factory=dict)
    against: Mapping[str, Any] | None = None
    effect: str = "difference"
    check: str | None = None
    label: str = ""
    threshold: str = ""
    kind: str = ""
    possible: Sequence[float | None] | None = None
    anchors: Mapping[str, Any] | None = None
    repeats: str = ""

    def __post_init__(self):
        if (self.check is None) == (self.study is None):
            raise AccountError("needs either `study` and `column`, or `check`")
        if self.study is not None and self.column is None:
            raise AccountError(f"study {self.study!r} needs a `column`")
        if self.check is not None and (self.column or self.where or self.against):
            raise AccountError(f"check {self.check!r} takes no column, where or against")
        if self.effect not in EFFECTS:
            raise AccountError(f"unknown effect {self.effect!r}; known: {', '.join(EFFECTS)}")
        if self.kind not in KINDS:
            raise AccountError(f"`kind` {self.kind!r} is none of {', '.join(KINDS)}: it says how seeds are averaged")
        if (self.kind == "exact") and self.check is None:
            raise AccountError("kind exact is for checks: what is measured over seeds is a mean, a share or a ratio")
        if self.against is not None and self.effect == "ratio" and self.kind != "ratio":
            raise AccountError(f"`effect: ratio` makes a ratio, not a {self.kind}")
        if self.possible is not None and (self.kind != "mean" or len(self.possible) != 2):
            raise AccountError("`possible` is [low, high], with null for an open end, and goes with kind mean")
        if self.against is not None and (unknown := set(self.against) - {"study", "column", "where"}):
            raise AccountError(f"`against` has unknown keys {sorted(unknown)}; known: study, column, where")

    def compute(self, level: float = LEVEL) -> Value:
        """The number and its interval of that confidence, computed once for each source of tables: see `forget`."""
        key = (_recorded, repr(self), level)
        if key not in _VALUES:
            _VALUES[key] = self._compute(level)
        return _VALUES[key]

    def _compute(self, level: float) -> Value:
        if self.check is not None:
            return _from_check(self.check, self.kind, self.bounds, level)
        values = cell(self.study, self.column, self.where)
        if self.against is None:
            return over_seeds(self.kind, values.to_numpy(), self.bounds, self._events(self.study, self.column), level)
        other = self.control()
        if not values.index.equals(other.index):
            raise AccountError(f"`against` is paired by seed: {list(values.index)} and {list(other.index)} differ")
        ours, theirs = values.to_numpy(), other.to_numpy()
        if self.effect == "ratio":
            return ratio(ours, theirs, level)
        return difference(self.kind, ours, theirs, self.bounds, self._events(self.study, self.column), level)

    def control(self) -> pd.Series | None:
        """One value a seed of the cell that this one is set against."""
        if self.against is None:
            return None
        study, column = self.against.get("study", self.study), self.against.get("column", self.column)
        return cell(study, column, {**self.where, **self.against.get("where", {})})

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which ends the column's values can lie, by their kind or by `possible`."""
        low, high = self.possible or WHOLE.get(self.kind, (None, None))
        return -np.inf if low is None else float(low), np.inf if high is None else float(high)

    def _events(self, study: str, column: str) -> bool:
        """Is each run of that study a yes or a no? A column that is 0 throughout does not say so."""
        found = _recorded(study)[column].dropna()
        return self.kind == "share" and (found.dtype == bool or set(found.unique()) == {0, 1})

    def verdict(self, level: float = LEVEL) -> str:
        return band(self.threshold).judge(self.compute(level))

    @property
    def studies(self) -> frozenset[str]:
        """The studies that it reads."""
        other = (self.against or {}).get("study")
        return frozenset(study for study in (self.study, other) if study)

    @property
    def awaited(self) -> frozenset[str]:
        """Those of its studies that are not recorded yet."""
        return frozenset(study for study in self.studies if not is_recorded(study))

    @property
    def source(self) -> str:
        return self.study or self.check


@cache
def checks(folder: Path = CHECKS) -> dict[str, Callable[[], Any]]:
    """The functions registered by the files in book/checks, by name."""
    for path in sorted(folder.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"book_checks_{path.stem}", path)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return check.CHECKS


_VALUES: dict[tuple[Callable, str, float], Value] = {}


def forget() -> None:
    """Read the recorded tables again, for they may come from elsewhere now."""
    _recorded.cache_clear()
    _VALUES.clear()


@cache
def _recorded(study: str) -> pd.DataFrame:
    return recorded(study)


def is_recorded(study: str) -> bool:
    """Is there a table of this study?"""
    try:
        _recorded(study)
    except (ValueError, KeyError):
        return False
    return True


def rows(study: str, where: Mapping[str, Any]) -> pd.DataFrame:
    """The rows of a recorded study that `where` selects; a list allows several values, "last" is the largest."""
    table = _recorded(study)
    if absent := [name for name in where if name not in table]:
        raise AccountError(f"study {study!r} has no column {absent}; columns: {', '.join(table.columns)}")
    # `last` is the last of what the other keys leave: runs may differ in length.
    for name, wanted in sorted(where.items(), key=lambda item: item[1] == "last"):
        options = wanted if isinstance(wanted, list) else [table[name].max() if wanted == "last" else wanted]
        table = table[table[name].isin(options)]
    if table.empty:
        raise AccountError(f"study {study!r}: no row has {dict(where)}")
    return table


def cell(study: str, column: str, where: Mapping[str, Any]) -> pd.Series:
    """The column's one value per seed in the rows that `where` selects."""
    table = _recorded(study)
    if absent := [name for name in [column, "seed"] if name not in table]:
        raise AccountError(f"study {study!r} has no column {absent}; columns: {', '.join(table.columns)}")
    table = rows(study, where)
    if (repeated := table["seed"].duplicated()).any():
        several = table[table["seed"] == table["seed"][repeated].iloc[0]].astype(str)
        varying = [name for name in several if name != column and several[name].nunique() > 1]
        raise AccountError(f"study {study!r}: {dict(where)} leaves several rows per seed; they differ in {varying}")
    return table.set_index("seed")[column].sort_index().astype(float)


@cache
def _from_check(name: str, kind: str, possible: tuple[float, float], level: float) -> Value:
    if name not in (known := checks()):
        raise AccountError(f"unknown check {name!r}; known: {', '.join(known)}")
    result = np.asarray(known[name](), dtype=float)
    if not np.isfinite(result).all():
        raise AccountError(f"check {name!r} is not finite: {result}")
    if (kind == "exact") != (result.ndim == 0):
        raise AccountError(f"check {name!r} gives {result.size} numbers: `kind: exact` is for one without seeds")
    return exact(result) if kind == "exact" else over_seeds(kind, result, possible, level=level)
