"""Measure over a grid and over seeds: tidy tables, live or recorded.

A trial is a function that measures once. A `Study` calls it for each point of a grid and each seed, and returns one
tidy table: a row a measurement, a column a quantity. At full scale the table can be recorded; the recorded tables ship
with the package, and `recorded(name)` reads them back with their provenance.
"""

import hashlib
import inspect
import itertools
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
import torch
from scipy import stats

from ganlab._progress import bar
from ganlab.records import provenance, read, recorded, write

__all__ = ["Interval", "Study", "at_scale", "interval", "recorded", "scale", "summary"]

T = TypeVar("T")
Call = dict[str, Any]


def scale() -> str:
    """`"quick"` or `"full"`: the environment's GANLAB_SCALE, else full where there is a GPU and quick elsewhere."""
    chosen = os.environ.get("GANLAB_SCALE") or ("full" if torch.cuda.is_available() else "quick")
    if chosen not in ("quick", "full"):
        raise ValueError(f"GANLAB_SCALE={chosen!r}: set it to 'quick' or 'full'")
    return chosen


def at_scale(*, quick: T, full: T) -> T:
    """The value for the scale at hand: `steps = at_scale(quick=300, full=10_000)`."""
    return full if scale() == "full" else quick


class Interval(NamedTuple):
    """A mean over `n` seeds and its confidence interval."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.3g} [{self.low:.3g}, {self.high:.3g}]"


def interval(values, level: float = 0.95) -> Interval:
    """Mean and Student-t interval of independent measurements, one a seed.

    One value has an infinite interval: one seed proves nothing.

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


@dataclass(frozen=True)
class Study:
    """A trial, measured at each point of a grid and with each seed.

    Args:
        name: names the recorded files.
        trial: `trial(seed=..., **point)` measures once and returns a dict of values; with `population=True` it is
            `trial(seeds=[...], **point)`, which trains its seeds together and returns a dict for each, in their order.
            A trial that measures several times (over steps, say) returns a table (a DataFrame or a list of dicts); with
            `population=True` that table has a column `seed`.
        grid: for each argument of the trial, the values to try.
        seeds: one independent measurement each.
        population: the trial takes all seeds at once.

    A measured value may be an array (sample images, say): it is recorded beside the table.
    """

    name: str
    trial: Callable[..., Any]
    grid: Mapping[str, Sequence[Any]]
    seeds: Sequence[int] = (0,)
    population: bool = False

    def run(
        self, *, executor: Executor | None = None, resume: str | Path | None = None, progress: bool = True
    ) -> pd.DataFrame:
        """Measure everything; return the tidy table, with its provenance in `.attrs`.

        Args:
            executor: any `concurrent.futures.Executor` (processes, Dask's, Ray's); default: here, one after the other.
            resume: a folder that keeps each finished call, so that an interrupted study goes on where it stopped. A
                call is known by its arguments and by the source of the trial itself, not of what the trial calls.
            progress: show a progress bar.

        At full scale the table is also recorded in the folder that GANLAB_RECORD names, if it names one.
        """
        start = time.perf_counter()
        calls = self._calls()
        tables = {i: self._kept(call, resume) for i, call in enumerate(calls)}
        missing = {i: calls[i] for i, table in tables.items() if table is None}
        done = len(calls) - len(missing)
        with bar(total=len(calls), initial=done, desc=self.name, progress=progress) as shown:
            for i, measured in _results(self.trial, missing, executor):
                tables[i] = self._labelled(calls[i], measured)
                if resume is not None:
                    write(tables[i], self._key(calls[i]), resume)
                shown.update()
        table = pd.concat([tables[i] for i in range(len(calls))], ignore_index=True)
        table.attrs["provenance"] = provenance(
            study=self.name, scale=scale(), seeds=list(self.seeds), grid={k: list(v) for k, v in self.grid.items()},
            seconds=round(time.perf_counter() - start, 1),
        )  # fmt: skip
        if scale() == "full" and (folder := os.environ.get("GANLAB_RECORD")):
            write(table, self.name, folder)
        return table

    def _calls(self) -> list[Call]:
        if not self.seeds:
            raise ValueError("seeds is empty: give at least one")
        points = [dict(zip(self.grid, values, strict=True)) for values in itertools.product(*self.grid.values())]
        if self.population:
            return [{**point, "seeds": list(self.seeds)} for point in points]
        return [{**point, "seed": seed} for point in points for seed in self.seeds]

    def _labelled(self, call: Call, measured: Any) -> pd.DataFrame:
        """What one call measured, with the call's arguments as its first columns."""
        rows = pd.DataFrame([measured] if isinstance(measured, Mapping) else measured)
        # One list a column: a grid value may itself be a tuple.
        labels = {key: [value] * len(rows) for key, value in call.items() if key != "seeds"}
        if self.population and "seed" not in rows:
            if len(rows) != len(self.seeds):
                raise ValueError(f"trial returned {len(rows)} rows for {len(self.seeds)} seeds, and no column 'seed'")
            labels["seed"] = list(self.seeds)
        if clash := [key for key in labels if key in rows]:
            raise ValueError(f"trial returned {clash}, which the study adds itself: leave them out")
        return pd.concat([pd.DataFrame(labels, index=rows.index), rows], axis=1)

    def _key(self, call: Call) -> str:
        text = repr((inspect.getsource(self.trial), sorted(call.items())))
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def _kept(self, call: Call, folder: str | Path | None) -> pd.DataFrame | None:
        if folder is None or not (Path(folder) / f"{self._key(call)}.csv").exists():
            return None
        return read(self._key(call), folder)


def _results(trial: Callable, calls: dict[int, Call], executor: Executor | None) -> Iterator[tuple[int, Any]]:
    """(index, result) of each call, as each finishes."""
    if executor is None:
        yield from ((i, trial(**call)) for i, call in calls.items())
        return
    futures = {executor.submit(trial, **call): i for i, call in calls.items()}
    for future in as_completed(futures):
        yield futures[future], future.result()
