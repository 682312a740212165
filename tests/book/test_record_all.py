"""One command records the book: its rehearsal, in a plain folder without git, with each study at its smallest."""

import csv
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pandas as pd
import pytest

import chapter_slices
import notebooks
import record_order
import recording_ages
from ganlab.study.recordings import read, write
from record_queue import Part, Queue

ROOT = Path(__file__).resolve().parents[2]
# Chapters 12 and 16 run these only at full scale, and so does each chapter the fresh seeds of its headline claims.
ONLY_AT_FULL_SCALE = {
    *("parts-convs-tune", "parts-inside-again", "parts-inside-d", "parts-inside-tune", "parts-output-again"),
    *("parts-output-fashion", "balance-weight-fixed"),
    *("balance-rule-seeds", "batchnorm-deep-seeds", "batchnorm-start-seeds", "circling-adam-seeds"),
    *("circling-sgd-seeds", "depth-signal-seeds", "noise-fresh-seeds", "parts-output-seeds", "parts-range-seeds"),
    *("regularisers-depth-seeds", "regularisers-fresh-seeds", "residual-signal-seeds", "saturation-apart-seeds"),
}
LARGEST, FILES = 15_000_000, 8
TOY = """
import math

from ganlab.losses import LOSSES
from ganlab.nets import INITS
from ganlab.study import Study, at_scale, recorded

STEP = 1
def trial(seed, power):
    return {"value": STEP * seed**power, "known": "toy" in INITS and "pair" in LOSSES}

STEP = 2
INITS["toy"] = lambda net: net
LOSSES.update({"pair": None})
print(undefined_name)
seeds = range(at_scale(quick=2, full=3))
toy = Study("toy-tune", trial, {"power": [1, 2]}, seeds=seeds).run()

def found(search):
    return recorded(search).power

best = recorded("toy-tune").power.max()
def final(seeds, power):
    if power == 3:
        raise RuntimeError("as planned")
    return [{"value": seed**power} for seed in seeds]

for name, powers in {"toy-final": [best], "toy-broken": [3]}.items():
    Study(name, final, {"power": powers}, seeds=seeds, population=True).run()

def reads_late(seed, plus):
    return {"value": found("toy-tune").max() + seed}

Study("toy-late", reads_late, {"plus": [0]}, seeds=seeds).run()
"""


def plain_folder(folder: Path) -> Path:
    """What the command needs of the tree, copied: no history, no outputs of a build."""
    for name in ("book", "ganlab", "tests", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


# A machine that records: neither Jupyter nor YAML, and the package is not installed.
BARE = """
import importlib.abc, sys

REFUSED = "nbformat nbclient IPython ipykernel jupyter_core sphinx myst_parser yaml torchvision".split()

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in REFUSED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path[:] = [Refuse(), *(f for f in sys.meta_path if "editable" not in getattr(f, "__module__", ""))]
"""


def record(folder: Path, *options: str) -> tuple[subprocess.CompletedProcess, Path]:
    """Run the command there as on a machine with little more than torch."""
    out, bare = folder / "out", folder / "bare"
    bare.mkdir(exist_ok=True)
    (bare / "sitecustomize.py").write_text(BARE)
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "GANLAB_RECORD", "GANLAB_SCALE")}
    command = [sys.executable, "book/_ext/record_all.py", "--out", str(out), "--processes", "2", *options]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                           env={**environment, "PYTHONPATH": str(bare), "GANLAB_COMMIT": "abc1234"})  # fmt: skip
    return ended, out


def test_the_bare_machine_has_neither_the_package_nor_jupyter(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(BARE)
    for name in ("ganlab", "nbformat"):
        ended = subprocess.run([sys.executable, "-c", f"import {name}"], cwd=tmp_path, capture_output=True, text=True,
                               env={**os.environ, "PYTHONPATH": str(tmp_path)})  # fmt: skip
        assert f"No module named '{name}'" in ended.stderr


def log(out: Path) -> str:
    return (out / "log.txt").read_text()


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory):
    folder = plain_folder(tmp_path_factory.mktemp("rehearsal"))
    return *record(folder, "--rehearse", "--budget", "1200"), folder


def test_every_study_of_every_chapter_is_recorded(rehearsal):
    ended, out, _ = rehearsal
    assert ended.returncode == 0, ended.stdout + ended.stderr + log(out)
    made = {path.stem for kind in ("recorded", "again") for path in (out / kind).glob("*.csv")}
    known = {path.stem for path in (ROOT / "ganlab" / "recorded").glob("*.csv")}
    measured = {age.study for age in recording_ages.ages() if age.chapter}
    assert measured - made <= ONLY_AT_FULL_SCALE, f"not measured: {sorted(measured - made - ONLY_AT_FULL_SCALE)}"
    assert known >= made - {name for part in record_order.parts(out / "x") for name in part.names}


def test_what_it_leaves_can_be_carried_away(rehearsal):
    _, out, _ = rehearsal
    files = [path for path in out.iterdir() if path.is_file()]
    assert len(files) <= FILES
    assert max(path.stat().st_size for path in files) < LARGEST
    assert {"log.txt", "tests.txt", "benchmarks.txt"} <= {path.name for path in files}


def test_tables_know_the_commit_and_the_code_that_made_them(rehearsal):
    _, out, _ = rehearsal
    made = [path for kind in ("recorded", "again") for path in (out / kind).glob("*.json")]
    assert {json.loads(path.read_text())["commit"] for path in made} == {"abc1234"}
    ages = [age for kind in ("recorded", "again") for age in recording_ages.ages(out / kind) if age.chapter]
    assert {age.study for age in ages if age.age == recording_ages.OLDER} == set()
    assert sum(age.age == recording_ages.CURRENT for age in ages) > 0.8 * len(ages)


def test_the_tests_that_need_a_gpu_are_among_its_steps(rehearsal):
    _, out, _ = rehearsal
    assert "tests: exit code 0" in log(out) or "no tests ran" in log(out)
    assert "benchmarks: exit code 0" in log(out)


def test_the_tree_it_needs_is_small():
    size = sum(path.stat().st_size for name in ("book", "ganlab", "tests", "benchmarks")
               for path in (ROOT / name).rglob("*") if path.is_file() and "__pycache__" not in path.parts)  # fmt: skip
    assert size < 40_000_000  # a copy that travels to a machine with a GPU


def test_the_list_of_what_comes_first_names_studies():
    record_order.parts(ROOT / "_build" / "scripts")  # raises where it names something else


@pytest.fixture
def toy(tmp_path):
    """A book of one small chapter."""
    for name in ("ganlab", "book/_ext"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "recorded"))
    (tmp_path / "book" / "recordings.csv").write_text("name,why\n")
    cell = {"cell_type": "code", "source": TOY, "metadata": {}, "outputs": [], "execution_count": None}
    (tmp_path / "book" / "99-toy.ipynb").write_text(json.dumps({"cells": [cell]}))
    return tmp_path


SKIP = ("--skip", "tests", "benchmarks")


def test_a_study_runs_with_what_it_needs_and_waits_for_what_it_reads(toy):
    ended, out = record(toy, "--budget", "100", *SKIP)
    assert ended.returncode == 1
    assert [line for line in ended.stdout.splitlines() if line.startswith("failed")] == [
        "failed: toy-broken: RuntimeError: as planned"
    ], ended.stdout
    with (out / "recorded" / "toy-tune.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["value"]) for row in rows] == [0, 2, 4, 0, 2, 8], "the names mean what they mean at that statement"
    assert {row["known"] for row in rows} == {"True"}, "what was entered in a registry is there"
    with (out / "recorded" / "toy-final.csv").open() as file:
        assert [int(row["value"]) for row in csv.DictReader(file)] == [0, 1, 4]
    assert "as planned" in log(out)
    with (out / "recorded" / "toy-late.csv").open() as file:
        assert [int(row["value"]) for row in csv.DictReader(file)] == [2, 3, 4], "what a trial reads is there"


def test_a_process_that_only_finishes_a_study_reads_the_fresh_table(toy):
    """Which process plans, measures and finishes is chance; the grid is what the search of this run has found."""
    script = chapter_slices.write_script(toy / "book" / "99-toy.ipynb", toy / "scripts")
    write(pd.DataFrame({"power": [3], "value": [1]}), "toy-tune", toy / "ganlab" / "recorded")  # an older one
    write(pd.DataFrame({"power": [2], "value": [1]}), "toy-tune", toy / "fresh")
    environment = {**os.environ, "GANLAB_RECORD": str(toy / "fresh"),
                   "PYTHONPATH": os.pathsep.join([str(toy), str(toy / "book" / "_ext")])}  # fmt: skip
    where = {"script": str(script), "slice": 1, "study": "toy-final", "resume": str(toy / "kept")}
    for task in ({"op": "call", "index": 0}, {"op": "finish", "out": str(toy / "made")}):
        ended = subprocess.run([sys.executable, str(toy / "book" / "_ext" / "record_worker.py")], env=environment,
                               input=json.dumps({**task, **where}), capture_output=True, text=True)  # fmt: skip
        assert "error" not in json.loads(ended.stdout), ended.stdout
    assert set(read("toy-final", toy / "made").power) == {2}


def test_when_the_time_is_up_the_calls_are_kept_and_the_next_run_goes_on(toy):
    notebook = toy / "book" / "99-toy.ipynb"
    slow = TOY.replace(
        '    return {"value"',
        '    while (seed, power) == (2, 2) and not os.path.exists("go"):\n        time.sleep(1)\n    return {"value"',
    )
    cell = {"cell_type": "code", "source": slow.replace("import math", "import os, time"), "metadata": {}}
    notebook.write_text(json.dumps({"cells": [cell]}))
    ended, out = record(toy, "--budget", "40", "--only", "toy-tune", *SKIP)
    assert ended.returncode == 0
    assert not (out / "recorded" / "toy-tune.csv").exists()
    with tarfile.open(out / "partial-1.tar.gz") as archive:
        assert sum(name.endswith(".csv") for name in archive.getnames()) >= 1
    first = shutil.move(out, toy / "first")
    (toy / "go").touch()
    assert record(toy, "--budget", "100", "--only", "toy-tune", "--resume", str(first), *SKIP)[0].returncode == 0
    assert (out / "recorded" / "toy-tune.csv").exists()
    assert not list((out / "partial").iterdir())
    (out / "recorded" / "toy-tune.csv").write_text("stays\n")
    assert record(toy, "--budget", "100", "--only", "toy-tune", *SKIP)[0].returncode == 0
    assert (out / "recorded" / "toy-tune.csv").read_text() == "stays\n", "what is finished is not measured again"


@pytest.mark.parametrize(("again", "first"), [(frozenset(), "search"), (frozenset({"search"}), "final")])
def test_a_study_does_not_wait_for_a_table_that_stays_as_it_is(again, first):
    """A search that is recorded and current is measured again for a replication, after what is missing."""
    search = Part("99-toy", "s", 1, frozenset({"search"}), frozenset(), 7, again)
    final = Part("99-toy", "s", 2, frozenset({"final"}), frozenset({"search"}), 0, frozenset())
    part, task = Queue([search, final], near=1).next("")
    assert (task, first) == ({"op": "plan"}, next(iter(part.names)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--only", "nothing"), "no chapter and no study: nothing"),
        (("--budget", "5"), "--budget 5.0: more than 10 seconds"),
        (("--resume", "nowhere"), "nowhere holds no recorded-*.tar.gz"),
    ],
)
def test_bad_options_are_named(toy, options, said):
    ended, _ = record(toy, *options)
    assert ended.returncode != 0
    assert said in ended.stdout + ended.stderr


def test_the_order_is_the_lists_then_what_is_missing(tmp_path):
    order = tmp_path / "order.csv"
    order.write_text("name,why\nbalance-sharing,x\nring-tune,y\n")
    parts = sorted(record_order.parts(tmp_path, order=order), key=lambda part: part.rank)
    assert "balance-sharing" in parts[0].names
    assert "ring-tune" in parts[1].names
    assert len(notebooks.chapters()) == len({part.chapter for part in parts})
    order.write_text("name,why\nring-tunes,y\n")
    with pytest.raises(ValueError, match="no chapter and no study: ring-tunes"):
        record_order.parts(tmp_path, order=order)
