"""Charts kept and read again, the packed table, and what is held out."""

import collections
import importlib.util
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganlab.clinic import Case, _identity, _recording, cases, runs, split
from ganlab.clinic import __main__ as command
from ganlab.clinic._recording import CHEAP_FIRST, chart_of, name_of, order, play, write
from ganlab.clinic.settings import SETTINGS
from ganlab.study.recordings import read

PLAIN = Case("plain", "ring-mlp", "hinge")


def test_a_chart_is_played_once(tmp_path, monkeypatch):
    first = chart_of(PLAIN, 0, tmp_path)
    monkeypatch.setattr(_recording, "examine", lambda *_: pytest.fail("it was there"))
    again = chart_of(PLAIN, 0, tmp_path)
    assert np.array_equal(first.game.values["real_logit"], again.game.values["real_logit"])
    assert (tmp_path / "seconds.txt").read_text().endswith("ring-mlp\n")


def test_a_name_changes_with_what_is_played():
    names = {name_of(case, seed) for case in list(cases())[:40] for seed in (0, 1)}
    assert len(names) == 80
    assert name_of(PLAIN, 0) == name_of(PLAIN, 0)


def test_a_name_does_not_change_with_what_a_game_says_of_itself_or_where_it_applies(tmp_path):
    """Two spellings of a class, and a third that plays otherwise."""
    texts = {
        "one": "class A:\n    def f(self):\n        return 1\n",
        "said": 'from copy import copy\n\n@copy\nclass A:\n    """Said."""\n\n    def f(self):\n        return 1\n',
        "other": "class A:\n    def f(self):\n        return 2\n",
    }
    found = {}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
        spec = importlib.util.spec_from_file_location(f"clinic_{name}", tmp_path / f"{name}.py")
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found[name] = _identity._code(module.A)
    assert found["one"] == found["said"] != found["other"]


def test_the_order_is_two_seeds_of_everything_and_each_run_once():
    listed = list(order(range(4)))
    assert len(set(listed)) == len(listed) == 4 * len(list(cases()))
    half = len(listed) // 2
    assert {seed for _, seed in listed[:half]} == {0, 1}
    assert set(CHEAP_FIRST) == set(SETTINGS)
    assert [case.setting for case, _ in listed[:3]] == ["ring-mlp"] * 3


def test_play_and_write(tmp_path, monkeypatch):
    few = [(PLAIN, 0), (Case("one-batch", "ring-mlp", "hinge"), 0), (PLAIN, 1)]
    monkeypatch.setattr(_recording, "order", lambda seeds: iter(few))
    assert play(tmp_path / "charts", [0, 1], processes=1, seconds=0) == 3  # no time at all
    for run in few[:2]:
        chart_of(*run, tmp_path / "charts")
    assert write(tmp_path / "charts", tmp_path, [0, 1], processes=1) == 2
    table = runs.runs(read("clinic-games", tmp_path))
    assert table[["label", "seed", "step"]].drop_duplicates().shape == (8, 3)
    assert set(table.columns) > {"label", "game", "setting", "loss", "seed", "step", "part", "energy", "repeat"}
    assert table.query("label == 'one-batch'")["repeat"].tolist() == [1.0] * 4


def test_what_was_recorded_before_is_kept_and_what_is_played_otherwise_now_is_not(tmp_path, monkeypatch):
    few = [(PLAIN, 0), (Case("one-batch", "ring-mlp", "hinge"), 0), (PLAIN, 1)]
    monkeypatch.setattr(_recording, "order", lambda seeds: iter(few))
    monkeypatch.setattr(_recording, "long_run", lambda case, seed: {"untrained": 0.3, "distance": 0.1 + seed})
    chart_of(*few[0], tmp_path / "one")
    _recording.worth_of(*few[0], tmp_path / "one")
    chart_of(*few[2], tmp_path / "two")
    _recording.worth_of(*few[2], tmp_path / "two")
    assert write(tmp_path / "one", tmp_path, [0, 1], processes=1) == 1
    alone = runs.runs(read("clinic-games", tmp_path))
    assert write(tmp_path / "two", tmp_path, [0, 1], processes=1) == 2
    both = runs.runs(read("clinic-games", tmp_path))
    pd.testing.assert_frame_equal(both[both.seed == 0].reset_index(drop=True), alone)
    assert read("clinic-labels", tmp_path)[["seed", "distance"]].values.tolist() == [[0, 0.1], [1, 1.1]]
    code = _identity._game
    monkeypatch.setattr(_identity, "_game", lambda case: ("other",) if case == PLAIN else code(case))
    chart_of(*few[1], tmp_path / "three")
    assert write(tmp_path / "three", tmp_path, [0, 1], processes=1) == 1
    assert set(runs.runs(read("clinic-games", tmp_path)).game) == {"one-batch"}
    assert len(runs.kept(tmp_path)) == 1


def test_features_that_are_other_numbers_now_are_not_mixed_with_the_recorded_ones(tmp_path, monkeypatch):
    few = [(PLAIN, 0), (Case("one-batch", "ring-mlp", "hinge"), 0)]
    monkeypatch.setattr(_recording, "order", lambda seeds: iter(few))
    chart_of(*few[0], tmp_path / "one")
    write(tmp_path / "one", tmp_path, [0], processes=1)
    was, honest = (tmp_path / "clinic-games.json").read_text(), _recording.features
    monkeypatch.setattr(_recording, "features", lambda source: {k: 2 * v + 1 for k, v in honest(source).items()})
    chart_of(*few[1], tmp_path / "two")
    with pytest.raises(ValueError, match="other numbers now"):
        write(tmp_path / "two", tmp_path, [0], processes=1)
    monkeypatch.setattr(_recording, "features", lambda source: honest(source) | {"new": 1.0})
    with pytest.raises(ValueError, match="new on one side alone"):
        write(tmp_path / "two", tmp_path, [0], processes=1)
    assert (tmp_path / "clinic-games.json").read_text() == was
    monkeypatch.setattr(_recording, "features", honest)
    assert write(tmp_path / "two", tmp_path, [0], processes=1) == 2


@pytest.mark.parametrize("name", ["clinic-games", "clinic-labels"])
def test_a_recorded_table_that_cannot_be_read_is_not_taken_for_none_and_written_over(tmp_path, monkeypatch, name):
    monkeypatch.setattr(_recording, "order", lambda seeds: iter([(PLAIN, 0)]))
    monkeypatch.setattr(_recording, "long_run", lambda case, seed: {"untrained": 0.3, "distance": 0.1})
    chart_of(PLAIN, 0, tmp_path / "one")
    _recording.worth_of(PLAIN, 0, tmp_path / "one")
    write(tmp_path / "one", tmp_path, [0], processes=1)
    (tmp_path / f"{name}.json").write_text("{ half of it")
    before = (tmp_path / f"{name}.csv").read_text()
    with pytest.raises(ValueError):
        write(tmp_path / "one", tmp_path, [0], processes=1)
    assert (tmp_path / f"{name}.json").read_text() == "{ half of it"
    assert (tmp_path / f"{name}.csv").read_text() == before


def test_what_is_no_number_on_one_side_alone_is_a_disagreement(monkeypatch):
    found = {(PLAIN, 0): [_recording.features(_recording.examine(PLAIN, 0, steps=runs.STEPS[0]))]}
    assert _recording.disagreement(found) == ""
    honest = _recording.features
    monkeypatch.setattr(_recording, "features", lambda source: dict.fromkeys(honest(source), float("nan")))
    assert "other numbers now" in _recording.disagreement(found)


def test_a_game_that_breaks_is_told_and_does_not_end_the_others(tmp_path):
    def breaks(case, seed, folder):
        raise RuntimeError("shapes do not fit")

    end = float("inf")
    assert not _recording._until(PLAIN, 3, folder=str(tmp_path), end=end, do=breaks)
    told = (tmp_path / "errors.txt").read_text()
    assert told.startswith("plain / ring-mlp / hinge, seed 3:") and "shapes do not fit" in told
    assert _recording._until(PLAIN, 3, folder=str(tmp_path), end=end, do=lambda *_: None)


def test_the_command_needs_to_know_where_to_write(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["clinic", "write", str(tmp_path)])
    with pytest.raises(SystemExit):
        command.main()
    assert "write needs --out" in capsys.readouterr().err


def test_the_command_plays_the_seeds_it_is_given(tmp_path, capsys, monkeypatch):
    seen = {}
    monkeypatch.setattr(command, "play", lambda *given: seen.update(given=given) or 7)
    monkeypatch.setattr(sys, "argv", ["clinic", "play", str(tmp_path), "--seeds", "2", "3", "--seconds", "9"])
    command.main()
    assert seen["given"] == (str(tmp_path), [2, 3], 2, 9.0) and "7 runs are missing" in capsys.readouterr().out


def test_healthy_games_come_first_in_the_long_runs(tmp_path, monkeypatch):
    few = [
        (Case("one-batch", "ring-mlp", "nonsaturating"), 0),
        (PLAIN, 0),
        (Case("plain", "ring-mlp", "nonsaturating"), 0),
    ]
    seen = []
    monkeypatch.setattr(_recording, "order", lambda seeds: iter(few))
    monkeypatch.setattr(_recording, "_all", lambda do, runs, *_: seen.extend(str(case) for case, _ in runs))
    _recording.play_long(tmp_path, [0])
    assert [text.split(" / ")[0] for text in seen] == ["plain", "one-batch", "plain"]
    assert seen[-1].endswith("hinge")  # not under the first loss of its game


def test_nothing_is_not_recorded(tmp_path):
    with pytest.raises(ValueError, match="play some runs"):
        runs.record({}, tmp_path)


def test_runs_that_were_not_played_and_games_that_are_gone_are_left_out(tmp_path):
    found = {
        (PLAIN, 0): [{"a": step} for step in range(4)],
        (Case("gone", "ring-mlp", "hinge"), 1): [{"a": 1.0}] * 4,
    }
    runs.record(found, tmp_path)
    table = runs.runs(read("clinic-games", tmp_path))
    assert table["a"].tolist() == [0, 1, 2, 3] and set(table["game"]) == {"plain"}
    assert table["label"].tolist() == ["healthy"] * 4


@given(st.lists(st.floats(width=32), min_size=1, max_size=30))
def test_packing_keeps_three_digits(numbers):
    values = np.array(numbers)
    back = runs.unpacked(runs.packed(values), values.shape)
    normal = np.isfinite(values) & (np.abs(values) > 1e-30) & (np.abs(values) < 3e38)
    assert np.array_equal(np.isnan(back), np.isnan(values))
    np.testing.assert_allclose(back[normal], values[normal], rtol=2**-10)
    assert np.array_equal(back[np.isinf(values)], values[np.isinf(values)])
    assert (np.abs(back[values == 0]) == 0).all()


def test_every_run_has_a_part_and_every_part_has_both_kinds():
    parts = collections.Counter()
    for case, seed in order([0, 1]):
        parts[split.part(case, seed)] += 1
    assert set(parts) == set(split.PARTS) and min(parts.values()) > 100
    kinds = {(split.part(case, seed), runs.GAMES[case.game].sick) for case in cases() for seed in (0, 1)}
    assert kinds == {(part, sick) for part in parts for sick in (True, False)}


def test_thresholds_are_set_on_the_first_loss_of_a_game_of_the_first_list_alone():
    for case, seed in order([0, 1]):
        if split.part(case, seed) == "set" and runs.GAMES[case.game].listed == "first":
            assert seed % 2 == 0 and case == next(one for one in cases(case.game) if one.setting == case.setting)


def test_seeds_are_told_apart_by_parity_and_losses_by_their_place():
    for case in map(next, map(cases, ("plain", "Adagrad"))):  # of the first list, and of the second
        assert split.part(case, 2) == "set" and split.part(case, 3) == "seeds"
    others = [case for case in cases("discriminator-frozen") if case.setting == "ring-mlp"][1:]
    assert others and {split.part(case, seed) for case in others for seed in (0, 1)} == {"losses"}
    with pytest.raises(KeyError):
        split.part(Case("gone", "ring-mlp", "hinge"), 0)
