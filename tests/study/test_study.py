"""Tables over grids and seeds: complete, labelled, resumable, through any executor; intervals against SciPy."""

import json
import re
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ganlab import _files, _progress
from ganlab.study import Study, _efforts, announce, at_scale, caption, interval, recorded, recordings, scale, summary

CALLS = []


def trial(seed, a, b="x"):
    CALLS.append((seed, a, b))
    return {"value": 10 * a + seed, "letters": b * a}


def over_steps(seeds, a):
    return [{"seed": seed, "step": step, "value": a * step + seed} for step in (1, 2) for seed in seeds]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    CALLS.clear()
    monkeypatch.setenv("GANLAB_SCALE", "quick")
    monkeypatch.delenv("GANLAB_RECORD", raising=False)


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor, ProcessPoolExecutor])
def test_a_row_for_each_point_and_seed_in_order(executor):
    made = Study("demo", trial, {"a": [1, 2], "b": ["x", "y"]}, seeds=[0, 5])
    table = made.run(progress=False) if executor is None else made.run(executor=executor(2), progress=False)
    assert list(table.columns) == ["a", "b", "seed", "value", "letters"]
    assert table[["a", "b", "seed"]].values.tolist() == [[a, b, s] for a in (1, 2) for b in "xy" for s in (0, 5)]
    assert (table.value == 10 * table.a + table.seed).all()


def test_a_population_trial_gets_all_seeds_at_once():
    one_each = Study("demo", lambda seeds, a: [{"value": a + s} for s in seeds], {"a": [1, 2]}, [3, 4], population=True)
    assert one_each.run(progress=False).values.tolist() == [[1, 3, 4], [1, 4, 5], [2, 3, 5], [2, 4, 6]]
    table = Study("demo", over_steps, {"a": [1]}, [3, 4], population=True).run(progress=False)
    assert table.values.tolist() == [[1, 3, 1, 4], [1, 4, 1, 5], [1, 3, 2, 5], [1, 4, 2, 6]]


def test_a_grid_value_may_be_a_tuple():
    table = Study("demo", lambda seed, widths: {"layers": len(widths)}, {"widths": [(8,), (8, 16)]}).run(progress=False)
    assert table.values.tolist() == [[(8,), 0, 1], [(8, 16), 0, 2]]


def test_an_interrupted_study_goes_on(tmp_path):
    def fails_once(seed, a):
        CALLS.append((seed, a))
        if (seed, a) == (1, 2) and CALLS.count((1, 2)) == 1:
            raise KeyboardInterrupt
        return {"value": seed + a}

    made = Study("demo", fails_once, {"a": [1, 2]}, [0, 1])
    with pytest.raises(KeyboardInterrupt):
        made.run(resume=tmp_path, progress=False)
    resumed = made.run(resume=tmp_path, progress=False)
    assert sorted(CALLS) == [(0, 1), (0, 2), (1, 1), (1, 2), (1, 2)]
    pd.testing.assert_frame_equal(resumed, Study("demo", fails_once, {"a": [1, 2]}, [0, 1]).run(progress=False))


def test_a_changed_trial_is_measured_again(tmp_path):
    first = Study("demo", lambda seed: {"value": 1}, {}).run(resume=tmp_path, progress=False)
    second = Study("demo", lambda seed: {"value": 2}, {}).run(resume=tmp_path, progress=False)
    assert (first.value.item(), second.value.item()) == (1, 2)


def test_the_full_scale_is_recorded_with_provenance_and_arrays(tmp_path, monkeypatch):
    def with_images(seed):
        return {"value": seed / 3, "images": np.full((2, 3), seed, dtype=np.uint8), "empty": None}

    monkeypatch.setenv("GANLAB_RECORD", str(tmp_path))
    made = Study("demo", with_images, {}, seeds=[0, 1])
    made.run(progress=False)
    assert not list(tmp_path.iterdir()), "a quick run must not overwrite a recorded result"
    monkeypatch.setenv("GANLAB_SCALE", "full")
    live = made.run(progress=False)
    back = recorded("demo")
    np.testing.assert_allclose(back.value, live.value, rtol=1e-5)
    assert all(np.array_equal(a, b) for a, b in zip(back.images, live.images, strict=True))
    facts = back.attrs["provenance"]
    assert facts["seeds"] == [0, 1]
    assert facts["scale"] == "full"
    assert {"device", "torch", "numpy", "python", "commit", "date", "seconds"} <= set(facts)
    assert re.match(r"Recorded 20\d\d-.* on .*; torch .*, commit .*; 2 seeds from 0 to 1; 0 minutes\.", caption(back))
    assert json.loads((tmp_path / "demo.json").read_text()) == facts


def test_a_failed_write_leaves_the_old_record(tmp_path, monkeypatch):
    recordings.write(pd.DataFrame({"value": [1]}), "demo", tmp_path)
    monkeypatch.setattr(_files.os, "replace", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space"):
        recordings.write(pd.DataFrame({"value": [2]}), "demo", tmp_path)
    monkeypatch.undo()
    assert recordings.read("demo", tmp_path).value.item() == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["demo.csv", "demo.json"]


def test_unknown_records_list_the_known_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("GANLAB_RECORD", str(tmp_path))
    recordings.write(pd.DataFrame({"value": [1]}), "only-one", tmp_path)
    with pytest.raises(ValueError, match=r"no recorded result 'two'; recorded: .*only-one"):
        recorded("two")


def test_another_folder_comes_first_for_a_while(tmp_path, monkeypatch):
    for value, folder in enumerate(("first", "second", "outer")):
        recordings.write(pd.DataFrame({"value": [value]}), "demo", tmp_path / folder)
    recordings.write(pd.DataFrame({"value": [9]}), "outer-only", tmp_path / "outer")
    monkeypatch.setenv("GANLAB_RECORD", str(tmp_path / "outer"))
    with recordings.from_folder(tmp_path / "first"):
        with recordings.from_folder(tmp_path / "second"):
            assert recorded("demo").value.item() == 1
        assert recorded("demo").value.item() == 0
        assert recorded("outer-only").value.item() == 9, "what it does not hold comes from where it came before"
    assert recorded("demo").value.item() == 2


def test_scales(monkeypatch):
    assert at_scale(quick=1, full=2) == 1
    monkeypatch.setenv("GANLAB_SCALE", "full")
    assert at_scale(quick=1, full=2) == at_scale(quick=1, full=2, colab=3) == 2
    monkeypatch.setenv("GANLAB_SCALE", "colab")
    assert at_scale(quick=1, full=2) == 2
    assert at_scale(quick=1, full=2, colab=3) == 3
    monkeypatch.setenv("GANLAB_SCALE", "big")
    with pytest.raises(ValueError, match="GANLAB_SCALE='big'"):
        scale()
    monkeypatch.delenv("GANLAB_SCALE")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert scale() == "colab"


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_the_interval_is_scipys(values):
    mean, low, high, n = interval(values)
    result = stats.ttest_1samp(values, 0).confidence_interval(0.95) if np.ptp(values) else (values[0], values[0])
    np.testing.assert_allclose((low, high), tuple(result), rtol=1e-6, atol=1e-6)
    assert n == len(values)
    assert low <= mean + 1e-9
    assert mean <= high + 1e-9


@given(st.lists(st.tuples(st.sampled_from("ba"), st.floats(-1e3, 1e3)), min_size=1, max_size=12))
def test_a_summary_is_an_interval_a_group_in_the_groups_order(rows):
    table = pd.DataFrame(rows, columns=["way", "value"])
    lines = summary(table, "way", "value").splitlines()[2:]
    ways = list(dict.fromkeys(way for way, _ in rows))
    assert [line.split()[0] for line in lines] == ways
    for way, line in zip(ways, lines, strict=True):
        assert line.split(maxsplit=1)[1] == str(interval([value for other, value in rows if other == way]))


def test_a_summary_over_two_columns():
    table = pd.DataFrame({"a": [1, 1, 2, 2], "b": "x", "one": [0.0, 2.0, 4.0, 4.0], "two": 3.0})
    assert summary(table, ["a", "b"], "two", "one").splitlines()[-1].split() == [
        "2",
        "x",
        "3",
        "[3,",
        "3]",
        "4",
        "[4,",
        "4]",
    ]
    with pytest.raises(ValueError, match="name at least one of a, b, one, two"):
        summary(table, "a")
    with pytest.raises(ValueError, match="no column 'c', 'three'; columns: a, b, one, two"):
        summary(table, ["a", "c"], "three")
    with pytest.raises(ValueError, match="1 of 2 values are not finite"):
        summary(table.assign(one=[np.nan, 1, 2, 3]), "a", "one")


def test_bad_input():
    assert interval([3.0]) == (3.0, -np.inf, np.inf, 1)
    with pytest.raises(ValueError, match="values is empty"):
        interval([])
    with pytest.raises(ValueError, match="1 of 2 values are not finite"):
        interval([1.0, np.nan])
    with pytest.raises(ValueError, match="seeds is empty"):
        Study("demo", trial, {"a": [1]}, seeds=[]).run(progress=False)
    with pytest.raises(ValueError, match="3 rows for 2 seeds"):
        Study("demo", lambda seeds: [{"v": 1}] * 3, {}, [0, 1], population=True).run(progress=False)
    with pytest.raises(ValueError, match=r"\['seed'\], which the study adds"):
        Study("demo", lambda seed: {"seed": 1}, {}).run(progress=False)


def test_a_chapter_says_how_long_it_takes(monkeypatch, capsys):
    """Estimates by device and kind; what is shorter at colab counts less."""
    made = [
        _efforts.Effort("01-a", "one", "small", "H100", 100.0, 0.5),
        _efforts.Effort("01-a", "two", "images", "CPU", 600.0, 1.0),
        _efforts.Effort("01-a", "ring-tune", "small", "H100", 9e9, 0.0),
        _efforts.Effort("02-b", "other", "small", "CPU", 9e9, 1.0),
    ]
    monkeypatch.setattr(_efforts, "efforts", lambda: made)
    monkeypatch.setattr(_efforts, "bar", lambda **_: _progress._NoBar(None, 0))
    monkeypatch.setenv("GANLAB_SCALE", "full")
    made[2] = _efforts.Effort("01-a", "ring-tune", "small", "H100", 1.0, 0.0)
    announce("01-a")
    assert "an estimated 3 minutes on a T4 for 3 studies" in capsys.readouterr().out  # (100 * 1.2 + 600 * 0.1) / 60
    assert len(Study("ring-tune", trial, {"a": [1, 2]}, seeds=[0, 1]).run(progress=False)) == 4
    made[0] = _efforts.Effort("01-a", "one", "small", "H100", 0.0, 1.0)  # it took no time: it runs
    announce("01-a")
    assert "for 3 studies\n" in capsys.readouterr().out and not _efforts.stands_recorded("one")
    made[0] = _efforts.Effort("01-a", "one", "small", "H100", 100.0, 0.5)
    monkeypatch.setenv("GANLAB_SCALE", "colab")
    announce("01-a")
    said = capsys.readouterr().out
    assert "'colab': an estimated 2 minutes on a T4 for 2 studies; of 1 longer ones the recorded tables" in said
    stands_in = Study("ring-tune", trial, {"a": [1, 2]}, seeds=[0, 1]).run(progress=False)
    pd.testing.assert_frame_equal(stands_in, recorded("ring-tune"))
    Study("one", trial, {"a": [1, 2]}, seeds=[0, 1]).run(progress=False)
    assert _efforts._running["bar"].n == pytest.approx(60)
    monkeypatch.setenv("GANLAB_SCALE", "quick")
    announce("01-a")
    assert capsys.readouterr().out == "" and not _efforts._running


def test_every_chapter_ends_within_ten_minutes_on_colab():
    chapters = {effort.chapter for effort in _efforts.efforts()}
    minutes = {at: sum(e.t4_seconds("colab") for e in _efforts.efforts() if e.chapter == at) / 60 for at in chapters}
    assert len(minutes) == 17
    assert max(minutes.values()) <= 10, minutes


@pytest.mark.parametrize(("said", "kept"), [("0123456789" * 4, "0123456"), ("abc1234-dirty", "abc1234-dirty")])
def test_a_whole_hash_is_kept_in_its_short_form(monkeypatch, said, kept):
    monkeypatch.setenv("GANLAB_COMMIT", said)
    assert recordings.provenance()["commit"] == kept
