"""Where a study meets its executor, its folder and its record: rows, files and facts worked out by hand."""

import json
from concurrent.futures import Executor, Future
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import torch

import ganlab
from ganlab.study import Study, caption, recorded, recordings


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setenv("GANLAB_SCALE", "quick")
    monkeypatch.delenv("GANLAB_RECORD", raising=False)


class Backwards(Executor):
    """Finishes what it was given last first."""

    def __init__(self):
        self.todo = []

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        self.todo.append((future, function, args, kwargs))
        if len(self.todo) == 4:
            for one, call, given, named in reversed(self.todo):
                one.set_result(call(*given, **named))
        return future


def trial(seed, a):
    return {"value": 10 * a + seed}


ROWS = [[1, 0, 10], [1, 5, 15], [2, 0, 20], [2, 5, 25]]


def made(**options):
    return Study(**{"name": "demo", "trial": trial, "grid": {"a": [1, 2]}, "seeds": [0, 5], **options})


def test_the_order_in_which_calls_end_is_not_that_of_the_rows(tmp_path):
    assert made().run(executor=Backwards(), progress=False).values.tolist() == ROWS
    assert made().run(executor=Backwards(), resume=tmp_path, progress=False).values.tolist() == ROWS
    assert made(trial=trial).run(resume=tmp_path, progress=False).values.tolist() == ROWS


def test_calls_that_several_processes_share_are_the_calls_of_the_run(tmp_path):
    """Each is kept under its own key: a file for each, and the run measures none again."""
    study = made()
    assert len(study) == 4
    assert all(study.measure(index, tmp_path) >= 0 for index in (3, 1))
    assert study.measure(3, tmp_path) == 0.0
    kept = {path.name: pd.read_csv(path).values.tolist() for path in tmp_path.glob("demo-*.csv")}
    assert sorted(kept.values()) == [[ROWS[1]], [ROWS[3]]]

    def stopped(seed, a):
        raise AssertionError(f"{seed}, {a} was to be measured")

    finished = made().run(resume=tmp_path, progress=False)
    assert finished.values.tolist() == ROWS and len(list(tmp_path.glob("demo-*.csv"))) == 4
    with pytest.raises(AssertionError, match="0, 1 was"):
        made(trial=stopped).run(resume=tmp_path, progress=False)


def test_seconds_are_those_of_this_run_and_of_what_was_kept(tmp_path, monkeypatch):
    study = made()
    for index in range(4):
        study.measure(index, tmp_path)
    for path in tmp_path.glob("*.json"):
        path.write_text(json.dumps({"seconds": 100}))
    facts = study.run(resume=tmp_path, progress=False).attrs["provenance"]
    assert 400 <= facts["seconds"] < 430
    assert facts["study"] == "demo" and facts["grid"] == {"a": [1, 2]} and facts["seeds"] == [0, 5]
    assert facts["scale"] == "quick" and facts["ganlab"] == ganlab.__version__ and "settings" not in facts["code"]


def test_arrays_come_back_in_their_own_rows_and_columns(tmp_path):
    table = pd.DataFrame({"seed": [0, 1], "a.b": [np.arange(3), np.arange(4)], "images": [torch.ones(2, 1), None]})
    table.attrs["provenance"] = {"seeds": [0, 1]}
    recordings.write(table, "demo", tmp_path)
    back = recordings.read("demo", tmp_path)
    assert [one.tolist() for one in back["a.b"]] == [[0, 1, 2], [0, 1, 2, 3]]
    assert back.images[0].tolist() == [[1], [1]] and pd.isna(back.images[1]) and back.seed.tolist() == [0, 1]
    assert pd.read_csv(tmp_path / "demo.csv")["a.b"].tolist() == [3, 4]  # the table has their shapes
    assert back.attrs["provenance"] == {"seeds": [0, 1]}


def test_a_record_says_what_it_was_measured_on(monkeypatch):
    monkeypatch.setenv("GANLAB_COMMIT", "abc1234")
    facts = recordings.provenance(seeds=[3, 9, 5], seconds=150)
    assert facts["commit"] == "abc1234" and facts["date"] == datetime.now(UTC).date().isoformat()
    assert f"{torch.get_num_threads()} threads" in facts["device"] or torch.cuda.is_available()
    table = pd.DataFrame({"seed": [3]})
    table.attrs["provenance"] = facts | {"device": "here", "torch": "2.9", "date": "2026-01-01"}
    said = "Recorded 2026-01-01 on here; torch 2.9, commit abc1234; 3 seeds from 3 to 9; 2 minutes."
    assert caption(table) == said  # 150 seconds are 2.5 minutes, and Python rounds to the even


def test_an_empty_folder_for_records_falls_back_to_those_that_ship(tmp_path, monkeypatch):
    monkeypatch.setenv("GANLAB_RECORD", str(tmp_path))
    assert recorded("ring-seeds").seed.nunique() == 16


def test_a_trial_without_rows_for_its_seeds_is_refused():
    for count in (0, 1, 3):
        with pytest.raises(ValueError, match=f"trial returned {count} rows for 2 seeds, and no column 'seed'"):
            made(trial=lambda seeds, a, count=count: [{"value": 1}] * count, population=True).run(progress=False)
    for name in ("a", "seed"):
        with pytest.raises(ValueError, match=f"trial returned \\['{name}'\\], which the study adds itself"):
            made(trial=lambda seed, a, name=name: {name: 1}).run(progress=False)
