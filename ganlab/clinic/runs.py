"""The recorded table `clinic-games`: features of every run, a row a run and step, packed into few bytes.

The file's table has a row a case. Its first row holds one array with the features of all cases, (features, cases,
seeds, steps), each number rounded to ten bits behind its first, three digits, and all compressed. A run that was not
played is NaN.
"""

import lzma
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ganlab.clinic._identity import same, watched
from ganlab.clinic.games import GAMES, Case
from ganlab.clinic.split import part
from ganlab.diagnosis import Chart, features
from ganlab.diagnosis.report import HEALTHY
from ganlab.study import provenance, recorded
from ganlab.study.recordings import read, write

NAME, STEPS = "clinic-games", (25, 50, 100, 200)
_BITS = 13  # of a float32's 23 behind the first, those that are dropped


def features_of(chart: Chart, steps: Sequence[int] = STEPS) -> list[dict[str, float]]:
    """The features of a run as they were at each of `steps`.

    >>> from ganlab.clinic import examine
    >>> from ganlab.clinic.runs import features_of
    >>> from ganlab.diagnosis import charts
    >>> chart = charts(examine("one-batch / ring-mlp / hinge", steps=14))[0]
    >>> [found["repeat"] for found in features_of(chart, steps=[7, 14])]
    [1.0, 1.0]
    """
    return [features(chart, upto=step) for step in steps]


def record(found: Mapping[tuple[Case, int], list[dict[str, float]]], folder: str | Path, **facts: Any) -> None:
    """Write the features of runs, by case and seed, as the recorded table `clinic-games`.

    Args:
        found: of each run the features at each of `STEPS`.
        folder: where.
        facts: for the provenance; `seconds`, what playing took, is what a caption tells.

    >>> import os, tempfile
    >>> from ganlab.clinic import Case, runs
    >>> found = {(Case("plain", "ring-mlp", "hinge"), 0): [{"energy": 0.5}] * 4}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs.record(found, folder)
    ...     sorted(os.listdir(folder))
    ['clinic-games.csv', 'clinic-games.json', 'clinic-games.npz']

    Raises:
        ValueError: no runs.
    """
    if not found:
        raise ValueError("found is empty: play some runs first")
    listed, seeds = list(dict.fromkeys(case for case, _ in found)), sorted({seed for _, seed in found})
    names = list(next(iter(found.values()))[0])
    values = np.full((len(names), len(listed), len(seeds), len(STEPS)), np.nan, dtype=np.float32)
    for (case, seed), at in found.items():
        for number, one in enumerate(at):
            values[:, listed.index(case), seeds.index(seed), number] = [one[name] for name in names]
    table = pd.DataFrame({"case": [str(case) for case in listed]})
    table["code"] = [watched(case) if case.game in GAMES else "" for case in listed]
    table["features"] = pd.Series([packed(values), *[None] * (len(listed) - 1)], dtype=object)
    table.attrs["provenance"] = provenance(study=NAME, seeds=seeds, steps=list(STEPS), features=names, **facts)
    write(table, NAME, folder)


def kept(folder: str | Path) -> dict[tuple[Case, int], list[dict[str, float]]]:
    """Of the recorded table in `folder`, as `record` takes it, the runs that would be played the same today.

    >>> from ganlab.clinic.runs import kept
    >>> kept("no such folder")
    {}
    """
    if not (Path(folder) / f"{NAME}.csv").exists():  # a table that is there and cannot be read is no empty one
        return {}
    table = read(NAME, folder)
    facts = table.attrs["provenance"]
    names, values = facts["features"], _values(table)
    alike = [same(row.case, row.code, watched) for row in table.itertuples()]
    return {
        (Case.read(text), seed): [dict(zip(names, map(float, at), strict=True)) for at in values[:, i, j].T]
        for i, text in enumerate(table["case"]) if alike[i]
        for j, seed in enumerate(facts["seeds"]) if not np.isnan(values[:, i, j]).all()
    }  # fmt: skip


def _values(table: pd.DataFrame) -> np.ndarray:
    """(features, cases, seeds, steps)."""
    facts = table.attrs["provenance"]
    shape = (len(facts["features"]), len(table), len(facts["seeds"]), len(facts["steps"]))
    return unpacked(np.asarray(table["features"].iloc[0]), shape)


def runs(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """A row for each run and step: label, game, setting, loss, seed, step, part, and all features.

    label: a cause, or "healthy". part: see `ganlab.clinic.split.part`. Games that are no longer in the list are left
    out.

    Args:
        table: as `ganlab.study.recorded("clinic-games")` gives it; None: that.

    >>> import pandas
    >>> from ganlab.clinic import runs
    >>> cells = [runs.packed([[[[0.5, 0.25]]]])]  # a feature, a case, a seed, two steps
    >>> table = pandas.DataFrame({"case": ["plain / ring-mlp / hinge"], "features": cells})
    >>> table.attrs["provenance"] = {"features": ["energy"], "seeds": [0], "steps": [100, 200]}
    >>> runs.runs(table)[["label", "step", "energy"]].values.tolist()
    [['healthy', 100, 0.5], ['healthy', 200, 0.25]]
    """
    table = recorded(NAME) if table is None else table
    facts = table.attrs["provenance"]
    names, seeds, steps = facts["features"], facts["seeds"], facts["steps"]
    values = _values(table)
    rows = pd.DataFrame(_keys(table["case"], seeds, steps), columns=["case", "seed", "step"])
    rows = pd.concat([rows, pd.DataFrame(values.reshape(len(names), -1).T, columns=names)], axis=1)
    played = ~np.isnan(values).all(axis=0).ravel()
    known = rows["case"].map(lambda text: text.split(" / ")[0] in GAMES)
    rows = rows[played & known.to_numpy()].reset_index(drop=True)
    return pd.concat([_labels(rows), rows.drop(columns="case")], axis=1)


def _keys(texts: Sequence[str], seeds: Sequence[int], steps: Sequence[int]) -> Iterator[tuple[str, int, int]]:
    return ((text, seed, step) for text in texts for seed in seeds for step in steps)


def _labels(rows: pd.DataFrame) -> pd.DataFrame:
    listed = [Case(*text.split(" / ")) for text in rows["case"]]
    return pd.DataFrame({
        "label": [GAMES[case.game].cause or HEALTHY for case in listed],
        "game": [case.game for case in listed], "setting": [case.setting for case in listed],
        "loss": [case.loss for case in listed],
        "part": [part(case, seed) for case, seed in zip(listed, rows["seed"], strict=True)],
    })  # fmt: skip


def packed(values: np.ndarray) -> np.ndarray:
    """Numbers as compressed bytes, rounded to three digits. All first bytes lie together, then all second ones, and so
    on, for they are alike.

    >>> import numpy as np
    >>> from ganlab.clinic.runs import packed, unpacked
    >>> unpacked(packed(np.array([0.123456, -7e8, np.nan])), (3,)).tolist()
    [0.12347412109375, -699924480.0, nan]
    """
    whole = np.ascontiguousarray(values, dtype=np.float32)
    whole = np.where(np.isnan(whole), np.float32(np.nan), whole)
    bits = whole.view(np.uint32)
    rounded = np.where(np.isfinite(whole), (bits + np.uint32(1 << (_BITS - 1))) >> _BITS << _BITS, bits)
    planes = rounded.astype("<u4").ravel().view(np.uint8).reshape(-1, 4).T
    return np.frombuffer(lzma.compress(planes.tobytes(), preset=9), dtype=np.uint8)


def unpacked(data: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """What `packed` has packed, in float64, in its shape.

    >>> import numpy as np
    >>> from ganlab.clinic.runs import packed, unpacked
    >>> unpacked(packed(np.ones((2, 1))), (2, 1)).tolist()
    [[1.0], [1.0]]
    """
    planes = np.frombuffer(lzma.decompress(data.tobytes()), dtype=np.uint8).reshape(4, -1)
    return np.ascontiguousarray(planes.T).view("<f4").astype(float).reshape(shape)
