"""One number of the accounts: computed from a recorded study or by an exact check, and judged against a threshold."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import check
from ganlab.study import interval, recorded

CHECKS = Path(__file__).resolve().parents[1] / "checks"
EFFECTS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "difference": np.subtract,
    "ratio": np.divide,
}


class AccountError(ValueError):
    """An entry of the accounts that cannot be read or computed."""


@dataclass(frozen=True)
class Value:
    """A number: with its 95 % interval over `seeds` seeds, or exact (`seeds` is None)."""

    mean: float
    low: float
    high: float
    seeds: int | None = None

    def __str__(self) -> str:
        if self.seeds is None:
            return f"{self.mean:.4g}"
        return f"{self.mean:.3g} [{self.low:.3g}, {self.high:.3g}]"


@dataclass(frozen=True)
class Band:
    """An interval of the real line; an end belongs to it unless it is open."""

    low: float = -np.inf
    high: float = np.inf
    open: bool = False

    def contains(self, x: float) -> bool:
        return self.low < x < self.high if self.open else self.low <= x <= self.high

    def judge(self, value: Value) -> str:
        """`holds` if the whole interval lies inside, `fails` if all of it lies outside, else `open`."""
        if self.contains(value.low) and self.contains(value.high):
            return "holds"
        outside = value.high <= self.low or value.low >= self.high if self.open else (
            value.high < self.low or value.low > self.high)  # fmt: skip
        return "fails" if outside else "open"


@dataclass(frozen=True)
class Measure:
    """A number to compute: a column of a recorded study, or a check; `against` subtracts or divides by another cell."""

    study: str | None = None
    column: str | None = None
    where: Mapping[str, Any] = field(default_factory=dict)
    against: Mapping[str, Any] | None = None
    effect: str = "difference"
    check: str | None = None
    label: str = ""
    threshold: str = ""

    def __post_init__(self):
        if (self.check is None) == (self.study is None):
            raise AccountError("needs either `study` and `column`, or `check`")
        if self.study is not None and self.column is None:
            raise AccountError(f"study {self.study!r} needs a `column`")
        if self.check is not None and (self.column or self.where or self.against):
            raise AccountError(f"check {self.check!r} takes no column, where or against")
        if self.effect not in EFFECTS:
            raise AccountError(f"unknown effect {self.effect!r}; known: {', '.join(EFFECTS)}")
        if self.against is not None and (unknown := set(self.against) - {"study", "column", "where"}):
            raise AccountError(f"`against` has unknown keys {sorted(unknown)}; known: study, column, where")

    def compute(self) -> Value:
        if self.check is not None:
            return _from_check(self.check)
        values = _cell(self.study, self.column, self.where)
        if self.against is not None:
            other = _cell(
                self.against.get("study", self.study),
                self.against.get("column", self.column),
                {**self.where, **self.against.get("where", {})},
            )
            if not values.index.equals(other.index):
                raise AccountError(f"`against` is paired by seed: {list(values.index)} and {list(other.index)} differ")
            values = pd.Series(EFFECTS[self.effect](values.to_numpy(), other.to_numpy()), index=values.index)
        return _over_seeds(values.to_numpy())

    def verdict(self) -> str:
        return band(self.threshold).judge(self.compute())

    @property
    def source(self) -> str:
        return self.study or self.check


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


@cache
def checks(folder: Path = CHECKS) -> dict[str, Callable[[], Any]]:
    """The functions registered by the files in book/checks, by name."""
    for path in sorted(folder.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"book_checks_{path.stem}", path)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return check.CHECKS


@cache
def _recorded(study: str) -> pd.DataFrame:
    return recorded(study)


def _cell(study: str, column: str, where: Mapping[str, Any]) -> pd.Series:
    """The column's one value per seed in the rows that `where` selects."""
    table = _recorded(study)
    if absent := [name for name in [column, "seed", *where] if name not in table]:
        raise AccountError(f"study {study!r} has no column {absent}; columns: {', '.join(table.columns)}")
    # `last` is the last of what the other keys leave: runs may differ in length.
    for name, wanted in sorted(where.items(), key=lambda item: item[1] == "last"):
        options = wanted if isinstance(wanted, list) else [table[name].max() if wanted == "last" else wanted]
        table = table[table[name].isin(options)]
    if table.empty:
        raise AccountError(f"study {study!r}: no row has {dict(where)}")
    if (repeated := table["seed"].duplicated()).any():
        rows = table[table["seed"] == table["seed"][repeated].iloc[0]].astype(str)
        varying = [name for name in rows if name != column and rows[name].nunique() > 1]
        raise AccountError(f"study {study!r}: {dict(where)} leaves several rows per seed; they differ in {varying}")
    return table.set_index("seed")[column].sort_index().astype(float)


@cache
def _from_check(name: str) -> Value:
    if name not in (known := checks()):
        raise AccountError(f"unknown check {name!r}; known: {', '.join(known)}")
    result = np.asarray(known[name](), dtype=float)
    if not np.isfinite(result).all():
        raise AccountError(f"check {name!r} is not finite: {result}")
    return Value(*[float(result)] * 3) if result.ndim == 0 else _over_seeds(result)


def _over_seeds(values: np.ndarray) -> Value:
    found = interval(values)
    return Value(found.mean, found.low, found.high, found.n)
