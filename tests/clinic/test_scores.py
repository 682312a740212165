"""Recall, precision, alarms and calibration, against scikit-learn and counts by hand, on tables made up for them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_score, recall_score

from ganlab.clinic import scores
from ganlab.diagnosis import RULES, Condition, Rule, findings
from ganlab.diagnosis.certainty import SEEN, SIZE, Certainties
from ganlab.diagnosis.report import HEALTHY, UNKNOWN

NAMES = ["collapse", "one-batch", "rotation"]
ONE = Rule("one-batch", "one", (Condition("a", True, 0.5),), "", "")
TWO = Rule("collapse", "two", (Condition("b", True, 0.5),), "", "")
BOTH = {"one": ONE, "two": TWO}


def table(labels, games=None, **features):
    keys = {"label": labels, "game": games or [f"g{i}" for i in range(len(labels))], "setting": "s", "loss": "l"}
    return pd.DataFrame(keys | {"seed": range(len(labels)), "step": 200} | features)


def judged(labels, said, games=None):
    found = table(labels, games).assign(said=said, certainty=0.5)
    return found.assign(right=found.said == found.label)


@given(st.lists(st.tuples(st.sampled_from([*NAMES, HEALTHY]), st.sampled_from([*NAMES, HEALTHY, UNKNOWN])), min_size=1))
def test_where_every_run_is_a_game_of_its_own_it_is_what_scikit_learn_counts(pairs):
    labels, said = map(list, zip(*pairs, strict=True))
    tally = scores.Tally(judged(labels, said))
    if tally.causes:
        expected = recall_score(labels, said, labels=tally.causes, average=None, zero_division=0)
        np.testing.assert_allclose(tally.recall(), expected)
    named = [answer for answer in tally.said if answer in NAMES]
    if named:
        expected = precision_score(labels, said, labels=named, average=None, zero_division=0)
        np.testing.assert_allclose(tally.precision(), expected)
    healthy = [word for label, word in pairs if label == HEALTHY]
    alarms = np.mean([word in NAMES for word in healthy]) if healthy else np.nan
    np.testing.assert_allclose(tally.summary()["false_alarms"], alarms)


def test_seeds_of_a_game_count_as_one():
    """Three seeds of one game, and one of another: the shares are 1/3 and 1."""
    found = judged(["collapse"] * 4, ["collapse", UNKNOWN, UNKNOWN, "collapse"], ["a", "a", "a", "b"])
    assert scores.Tally(found).recall().tolist() == [pytest.approx(2 / 3)]
    assert scores.Tally(found).summary()["unknown"] == pytest.approx(1 / 3)


def test_intervals_hold_the_middle_and_are_over_games():
    rng = np.random.default_rng(0)
    labels = [*NAMES * 20, *[HEALTHY] * 60]
    said = [label if rng.random() < 0.7 else UNKNOWN for label in labels]
    found = scores.Tally(judged(labels, said)).intervals(draws=300)
    for middle, low, high in found.values():
        assert low <= middle <= high
    assert 0.15 < found["recall"][2] - found["recall"][1] < 0.35  # of 3 causes with 20 games: 1.96 * 2 * sqrt(.21/60)
    alone = scores.Tally(judged(labels * 4, said * 4, [f"g{i}" for i in range(120)] * 4)).intervals(draws=300)
    assert alone["recall"] == pytest.approx(found["recall"])  # four copies of each game are no more games


def test_an_answer_is_what_the_doctor_finds_in_each_row():
    names = sorted(
        {condition.feature for rule in RULES.values() for condition in rule.when} | {"energy_fall", "pair_low"}
    )
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(rng.normal(size=(60, len(names))) * rng.choice([0.1, 1, 10], (60, 1)), columns=names)
    rows[rng.random(rows.shape) < 0.7] = np.nan
    rows.loc[:9] = np.nan  # nothing fires
    rows.loc[:4, "energy_fall"] = 0.1
    found = scores.answers(pd.concat([table([HEALTHY] * 60), rows], axis=1))
    for i, row in rows.iterrows():
        first = findings(row.to_dict())[0]
        assert (found.said[i], found.certainty[i]) == (first.cause, first.certainty)
    assert found.said.nunique() > 5


def test_counts_are_those_of_the_first_rule_and_of_the_later_ones():
    """ "one" is right more often, so it comes first where both fire."""
    labels = ["one-batch"] * 6 + ["collapse"] * 3 + [HEALTHY, HEALTHY, "rotation"]
    a = [1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    b = [1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0]
    rows = table(labels, a=a, b=b, energy_fall=[0.1] * 10 + [1.0, 1.0], pair_low=1.0)
    found = scores.counts(rows, BOTH)
    assert found["one"] == (6, 7, 0, 0)
    assert found["two"] == (2, 2, 1, 3)
    assert found[HEALTHY] == (1, 1, 0, 0) and found[UNKNOWN] == (1, 2, 0, 0)
    said = scores.answers(rows, BOTH, Certainties(found))
    assert said.said.tolist()[6] == "one-batch" and said.said.tolist()[7] == "collapse"
    right, wrong = SIZE
    assert said.certainty[0] == pytest.approx((SEEN * 6 + right) / (SEEN * 7 + right + wrong))


def test_a_rule_with_its_sign_turned_loses():
    rows = table(["one-batch"] * 5 + [HEALTHY] * 5, a=[1.0] * 5 + [0.0] * 5, energy_fall=0.1)
    right = scores.answers(rows, {"one": ONE}).right.mean()
    turned = Rule("one-batch", "one", (ONE.when[0].turned(),), "", "")
    assert right == 1 and scores.answers(rows, {"one": turned}).right.mean() == 0


def test_calibration_leaves_out_what_is_no_finding_and_counts_by_certainty():
    found = judged(["collapse"] * 4 + [HEALTHY], ["collapse", "collapse", "rotation", UNKNOWN, HEALTHY])
    found["certainty"] = [0.95, 0.93, 0.6, 0.99, 0.99]
    table = scores.calibration(found)
    assert table[["runs", "right"]].values.tolist() == [[1, 0], [2, 1]]
    assert table.certainty.tolist() == pytest.approx([0.6, 0.94])


def test_by_cause_says_what_was_said_instead():
    found = scores.Tally(
        judged(["collapse"] * 3 + ["one-batch"], ["collapse", "rotation", "rotation", UNKNOWN])
    ).by_cause()
    assert found.set_index("cause").loc["collapse", ["games", "else", "else_share"]].tolist() == [
        3, "rotation", pytest.approx(2 / 3)
    ]  # fmt: skip
    assert np.isnan(found.set_index("cause").loc["one-batch", "precision"])
