"""Measure over a grid and over seeds: tidy tables, live or recorded.

A trial is a function that measures once. A `Study` calls it for each point of a grid and each seed, and returns one
tidy table: a row a measurement, a column a quantity. At full scale the table can be recorded; the recorded tables ship
with the package, and `recorded(name)` reads them back with their provenance.
"""

import hashlib
import itertools
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ganlab._check import plain
from ganlab._progress import bar
from ganlab.study._efforts import passed, stands_recorded
from ganlab.study.code import code_of
from ganlab.study.recordings import provenance, read, recorded, write
from ganlab.study.scales import scale

Call = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """A trial, measured at each point of a grid and with each seed.

    A measured value may be an array (sample images, say): it is recorded beside the table.

    >>> from ganlab.study import Study
    >>> study = Study("powers", lambda power, seed: {"value": seed**power}, grid={"power": [1, 2]}, seeds=[2, 3])
    >>> table = study.run(progress=False)
    >>> list(table.columns), table["value"].tolist()
    (['power', 'seed', 'value'], [2, 3, 4, 9])

    Args:
        name: names the recorded files.
        trial: `trial(seed=..., **point)` measures once and returns a dict of values; with `population=True` it is
            `trial(seeds=[...], **point)`, which trains its seeds together and returns a dict for each, in their order.
            A trial that measures several times (over steps, say) returns a table (a DataFrame or a list of dicts); with
            `population=True` that table has a column `seed`.
        grid: for each argument of the trial, the values to try.
        seeds: one independent measurement each.
        population: the trial takes all seeds at once.
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
                call is known by its arguments, the scale and the code: the trial's, that of what it calls in the same
                notebook or script, and that of the files of ganlab which these use (`ganlab.study.code`).
            progress: show a progress bar.

        At full scale the table is also recorded in the folder that GANLAB_RECORD names, if it names one. In a chapter
        at the scale colab, a study that would take it past ten minutes is not run: the recorded table is returned.

        Raises:
            ValueError: no seeds, another number of rows than of seeds, or a column that the study adds itself.
            OSError: `resume`, and a trial without source.
        """
        start = time.perf_counter()
        if resume is None and stands_recorded(self.name):
            return recorded(self.name)
        calls = self._calls()
        code = self._code(required=resume is not None)
        keys = [self._key(call, code) for call in calls]
        tables = {i: _kept(key, resume) for i, key in enumerate(keys)}
        before = sum(table.attrs["provenance"].get("seconds", 0) for table in tables.values() if table is not None)
        missing = {i: calls[i] for i, table in tables.items() if table is None}
        done = len(calls) - len(missing)
        with bar(total=len(calls), initial=done, desc=self.name, progress=progress) as shown:
            for i, measured in _results(self.trial, missing, executor):
                tables[i] = self._labelled(calls[i], measured)
                if resume is not None:
                    write(tables[i], keys[i], resume)
                shown.update()
                passed(self.name, 1 / len(calls))
        seconds = before + time.perf_counter() - start
        table = pd.concat([tables[i] for i in range(len(calls))], ignore_index=True)
        table.attrs["provenance"] = provenance(
            study=self.name, scale=scale(), seeds=list(map(plain, self.seeds)),
            grid={k: list(v) for k, v in self.grid.items()},
            code={k: v for k, v in code.items() if k != "settings"}, seconds=round(seconds, 1),
        )  # fmt: skip
        if scale() == "full" and (folder := os.environ.get("GANLAB_RECORD")):
            write(table, self.name, folder)
        return table

    def __len__(self) -> int:
        """How many calls of the trial the study makes."""
        return len(self._calls())

    def measure(self, index: int, resume: str | Path) -> float:
        """Make one call and keep it in `resume`, where `run` finds it: so several processes share a study.

        Returns:
            the seconds it took; 0.0 where it was kept already.

        >>> import tempfile
        >>> from ganlab.study import Study
        >>> study = Study("squares", lambda seed: {"value": seed**2}, {}, seeds=[2, 3])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     seconds = [study.measure(index, folder) for index in range(len(study))]
        ...     study.run(resume=folder, progress=False)["value"].tolist()
        [4, 9]
        """
        start = time.perf_counter()
        call = self._calls()[index]
        key = self._key(call, self._code(required=True))
        if _kept(key, resume) is not None:
            return 0.0
        table = self._labelled(call, self.trial(**call))
        seconds = time.perf_counter() - start
        table.attrs["provenance"] = {"seconds": round(seconds, 2)}
        write(table, key, resume)
        return seconds

    def _calls(self) -> list[Call]:
        seeds = list(map(plain, self.seeds))
        if not seeds:
            raise ValueError("seeds is empty: give at least one")
        points = [dict(zip(self.grid, values, strict=True)) for values in itertools.product(*self.grid.values())]
        if self.population:
            return [{**point, "seeds": seeds} for point in points]
        return [{**point, "seed": seed} for point in points for seed in seeds]

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

    def _code(self, required: bool) -> dict[str, str]:
        try:
            return code_of(self.trial)
        except OSError:
            if required:
                raise
            return {}

    def _key(self, call: Call, code: dict[str, str]) -> str:
        text = repr((code, scale(), sorted(call.items())))
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _kept(key: str, folder: str | Path | None) -> pd.DataFrame | None:
    if folder is None or not (Path(folder) / f"{key}.csv").exists():
        return None
    return read(key, folder)


def _results(trial: Callable, calls: dict[int, Call], executor: Executor | None) -> Iterator[tuple[int, Any]]:
    """(index, result) of each call, as each finishes."""
    if executor is None:
        yield from ((i, trial(**call)) for i, call in calls.items())
        return
    futures = {executor.submit(trial, **call): i for i, call in calls.items()}
    for future in as_completed(futures):
        yield futures[future], future.result()
