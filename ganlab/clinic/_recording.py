"""Play every case with many seeds and keep what the monitor saw; make the recorded tables of it.

A chart takes seconds to play and milliseconds to read, so features can change without playing again. Charts are kept as
pickles: read no folder that somebody else has filled.
"""

import itertools
import json
import math
import pickle
import re
import time
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from ganlab._files import replace
from ganlab.clinic._identity import played, same, watched
from ganlab.clinic.games import GAMES, Case, cases
from ganlab.clinic.labels import long_run
from ganlab.clinic.playing import examine
from ganlab.clinic.runs import STEPS, features_of, kept, record
from ganlab.clinic.settings import SETTINGS
from ganlab.clinic.split import rank
from ganlab.diagnosis import Chart, charts, features
from ganlab.study import provenance, recordings

CHEAP_FIRST = ("ring-mlp", "digits-mlp", "digits-dcgan", "grid-resmlp", "garments-dcgan", "garments-resnet")


def name_of(case: Case, seed: int) -> str:
    """The file of a run. It changes with what is played."""
    slug = re.sub(r"[^a-zA-Z0-9]+", "-", str(case))
    return f"{slug}-{seed}-{watched(case)}.chart"


def chart_of(case: Case, seed: int, folder: str | Path) -> Chart:
    """The chart of a run: from `folder`, or played and kept there."""
    path = Path(folder) / name_of(case, seed)
    if path.exists():
        return pickle.loads(zlib.decompress(path.read_bytes()))
    torch.set_num_threads(1)
    torch._C._set_mkldnn_enabled(False)  # a fifth slower on convolutions as small as these
    start = time.perf_counter()
    chart = charts(examine(case, seed))[0]
    data = zlib.compress(pickle.dumps(chart))
    replace(path, lambda file: file.write(data))
    with open(Path(folder) / "seconds.txt", "a") as log:
        log.write(f"{time.perf_counter() - start:.2f} {case.setting}\n")
    return chart


def order(seeds: Sequence[int], only: Iterable[Case] | None = None) -> Iterator[tuple[Case, int]]:
    """Runs in the order in which they are worth most: two seeds of everything, then two more. Of these two, every game
    in every setting under its first loss comes first, and the cheap settings before the others.

    >>> from ganlab.clinic._recording import order
    >>> from ganlab.clinic import cases
    >>> listed = [case for case in cases("detached") if case.setting == "ring-mlp"]
    >>> [(case.loss, seed) for case, seed in order([0, 1], only=listed)][:3]
    [('nonsaturating', 0), ('nonsaturating', 1), ('wasserstein', 0)]
    """
    listed = list(cases() if only is None else only)
    ranks = [rank(case) for case in listed]
    for pair in (seeds[k : k + 2] for k in range(0, len(seeds), 2)):
        for place, seed, setting in itertools.product(range(max(ranks) + 1), pair, CHEAP_FIRST):
            yield from ((one, seed) for one, own in zip(listed, ranks, strict=True)
                        if own == place and one.setting == setting)  # fmt: skip


def play(folder: str | Path, seeds: Sequence[int], processes: int = 2, seconds: float = float("inf")) -> int:
    """Play what `folder` lacks, in `order`, for about `seconds`. Returns how many runs are still missing; of those that
    broke `folder`/errors.txt says why."""
    runs = [run for run in order(seeds) if not (Path(folder) / name_of(*run)).exists()]
    return _all(chart_of, runs, folder, processes, seconds)


def play_long(folder: str | Path, seeds: Sequence[int], processes: int = 2, seconds: float = float("inf")) -> int:
    """The same for the long runs of `worth_of`; of those under a first loss the healthy games come first."""
    runs = [run for run in order(seeds) if not _worth_path(*run, folder).exists()]
    runs.sort(key=lambda run: (rank(run[0]), GAMES[run[0].game].sick))
    return _all(worth_of, runs, folder, processes, seconds)


def _all(do: Callable, runs: list[tuple[Case, int]], folder: str | Path, processes: int, seconds: float) -> int:
    Path(folder).mkdir(parents=True, exist_ok=True)
    each = partial(_until, folder=str(folder), end=time.monotonic() + seconds, do=do)
    with ProcessPoolExecutor(processes) as pool:
        done = sum(pool.map(each, *zip(*runs, strict=True)) if runs else [])
    return len(runs) - done


def _until(case: Case, seed: int, *, folder: str, end: float, do: Callable) -> bool:
    if time.monotonic() > end:
        return False
    try:
        do(case, seed, folder)
    except Exception:  # one game that breaks must not end a night's recording; it is missing, and here is why
        with open(Path(folder) / "errors.txt", "a") as log:
            log.write(f"{case}, seed {seed}:\n{traceback.format_exc()}\n")
        return False
    return True


def worth_of(case: Case, seed: int, folder: str | Path) -> dict[str, float]:
    """What a long run is worth (`ganlab.clinic.labels.long_run`): from `folder`, or played and kept there."""
    path = _worth_path(case, seed, folder)
    if path.exists():
        return json.loads(path.read_text())
    torch.set_num_threads(1)
    torch._C._set_mkldnn_enabled(False)
    found = long_run(case, seed)
    data = json.dumps(found).encode()
    replace(path, lambda file: file.write(data))
    return found


def _worth_path(case: Case, seed: int, folder: str | Path) -> Path:
    slug = name_of(case, seed).removesuffix(f"-{watched(case)}.chart")
    return Path(folder) / f"{slug}-{played(case)}-{SETTINGS[case.setting].steps}.json"


def write(folder: str | Path, out: str | Path, seeds: Sequence[int], processes: int = 2) -> int:
    """Add what is in `folder` to the recorded tables `clinic-games` and `clinic-labels` in `out`, or begin them. What
    they have of games that are played otherwise now is left out. Returns of how many runs there are features.

    Raises:
        ValueError: the recorded features are not those that the code of today gives; nothing is written.
    """
    before = kept(out)
    if odd := disagreement(before):
        raise ValueError(f"out={str(out)!r}: {odd}. Record into an empty directory.")
    there = [run for run in order(seeds) if (Path(folder) / name_of(*run)).exists()]
    with ProcessPoolExecutor(processes) as pool:
        found = list(pool.map(partial(_features, folder=str(folder)), *zip(*there, strict=True), chunksize=20))
    runs = before | dict(zip(there, found, strict=True))
    record(runs, out, seconds=_seconds(Path(folder), Path(out), len(set(runs) - set(before))))
    _write_labels(folder, out, seeds)
    return len(runs)


def _seconds(folder: Path, out: Path, new: int) -> float:
    """What the recorded runs took to play: those that were recorded before, and the new ones at the folder's mean."""
    facts = out / "clinic-games.json"
    before = json.loads(facts.read_text()).get("seconds", 0.0) if facts.exists() else 0.0
    if not new:
        return before
    spent = [float(line.split()[0]) for line in (folder / "seconds.txt").read_text().splitlines()]
    return round(before + new * sum(spent) / len(spent), 1)


def disagreement(found: Mapping[tuple[Case, int], list[dict[str, float]]], count: int = 3) -> str:
    """In what the recorded features of a few cheap runs are not those of today: they are played again, as far as the
    first recorded step. Empty: they agree, or there are none."""
    cheap = sorted(run for run in found if run[0].setting == CHEAP_FIRST[0])
    for run in cheap[:: max(1, len(cheap) // count)][:count]:
        now, then = features(examine(*run, steps=STEPS[0])), found[run][0]
        if set(now) != set(then):
            return f"there are features {', '.join(sorted(set(now) ^ set(then)))} on one side alone"
        odd = [name for name in now if not _alike(now[name], then[name])]
        if len(odd) > 0.05 * len(now):
            return f"of {run[0]} with seed {run[1]} the features {', '.join(odd)} are other numbers now"
    return ""


def _alike(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=0.02, abs_tol=0.01) or (math.isnan(one) and math.isnan(other))


def _features(case: Case, seed: int, *, folder: str) -> list[dict[str, float]]:
    return features_of(chart_of(case, seed, folder))


def _write_labels(folder: str | Path, out: str | Path, seeds: Sequence[int]) -> None:
    long = [run for run in order(seeds) if _worth_path(*run, folder).exists()]
    rows = [{"case": str(case), "seed": seed, **worth_of(case, seed, folder), "code": played(case)}
            for case, seed in long]  # fmt: skip
    if (Path(out) / "clinic-labels.csv").exists():
        before = recordings.read("clinic-labels", out)
        # What is recorded stays: a long run comes out otherwise on another CPU, and each label hangs on its twin's.
        rows = [*before[[same(row.case, row.code) for row in before.itertuples()]].to_dict("records"), *rows]
    if rows:
        table = pd.DataFrame(rows).drop_duplicates(["case", "seed"]).sort_values(["seed", "case"])
        table.attrs["provenance"] = provenance(study="clinic-labels", seeds=sorted(map(int, table.seed.unique())))
        recordings.write(table, "clinic-labels", out)
