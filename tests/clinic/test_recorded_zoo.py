"""The recorded zoo: what is shipped and printed follows from it, and a doctor that is worse does worse on it."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ganlab
from ganlab.clinic import GAMES, SETTINGS, Case, certainties, labels, runs, scores, split
from ganlab.clinic._identity import same, watched
from ganlab.clinic._recording import disagreement
from ganlab.clinic.runs import STEPS
from ganlab.diagnosis import RULES
from ganlab.diagnosis.certainty import Certainties
from ganlab.diagnosis.report import HEALTHY, UNKNOWN
from ganlab.study import recorded

RECORDED = Path(ganlab.__file__).parent / "recorded"


@pytest.fixture(scope="module")
def zoo() -> pd.DataFrame:
    return runs.runs()


@pytest.fixture(scope="module")
def borne_out(zoo) -> pd.DataFrame:
    """After 200 steps, games whose label a long run bears out."""
    return zoo[labels.borne_out(zoo) & (zoo.step == 200)].reset_index(drop=True)


def test_it_was_played_by_today_s_code():
    old = [row.case for row in recorded("clinic-games").itertuples() if not same(row.case, row.code, watched)]
    assert not old, f"{len(old)} cases are played otherwise now: play them again, and write"


def test_runs_that_are_played_again_have_the_recorded_features():
    """To two percent at 25 steps; longer runs drift apart on another CPU."""
    assert disagreement(runs.kept(RECORDED)) == ""


def test_the_shipped_certainties_are_counted_on_it():
    out = io.StringIO(certainties._text(list(certainties.rows(certainties.counted()))))
    counted = {row["rule"]: row for row in csv.DictReader(out)}
    shipped = Certainties.shipped().counts
    assert set(shipped) == set(counted)
    for rule, numbers in shipped.items():
        assert list(numbers) == [
            float(counted[rule][name]) for name in ("first_right", "first", "later_right", "later")
        ]


def test_certainties_are_counted_on_the_part_that_rules_were_set_on_alone(zoo):
    shipped = Certainties.shipped().counts
    assert shipped
    seen = zoo[(zoo.part == "set") & (zoo.step == 200)]
    assert sum(first for _, first, _, _ in shipped.values()) <= len(seen)


@pytest.mark.parametrize("turned", ["G-detached", "same-reals", "no-slope-at-D", "G-clipped", "D-frozen", "one-latent"])
def test_a_rule_with_its_sign_turned_loses(borne_out, turned):
    """The negative control: on the recorded games too."""
    rule = RULES[turned]
    whole = scores.answers(borne_out)
    worse = type(rule)(rule.cause, rule.name, (rule.when[0].turned(), *rule.when[1:]), "", "", rule.exact)
    broken = scores.answers(borne_out, RULES | {turned: worse})
    mine = borne_out.label == rule.cause
    assert mine.any() and whole.right[mine].mean() > 0.5
    assert broken.right[mine].mean() < whole.right[mine].mean() or (
        broken[borne_out.label == HEALTHY].said.isin([HEALTHY, UNKNOWN]).mean()
        < whole[borne_out.label == HEALTHY].said.isin([HEALTHY, UNKNOWN]).mean()
    )
    assert broken.right.mean() < whole.right.mean()


def test_a_doctor_that_guesses_is_told_from_this_one(borne_out):
    """The second negative control: the same answers, dealt out to other games."""
    sick = borne_out[borne_out.label != HEALTHY]
    whole = scores.answers(sick)
    dealt = whole.assign(said=np.random.default_rng(0).permutation(whole.said))
    assert (dealt.said == dealt.label).mean() < 0.15 < 0.6 < whole.right.mean()


def test_the_judged_tables_are_those_of_the_recorded_games(borne_out):
    """Recall by cause and part, counted in a plain loop."""
    borne_out = borne_out[borne_out.part != "set"].reset_index(drop=True)
    answers, table = scores.answers(borne_out), recorded("clinic-fourth-causes")
    said = borne_out[["label", "part", "game", "setting", "loss"]].assign(right=answers.right)
    table = table[(table.who == "doctor") & (table.step == 200)]
    assert set(table.part) == set(said.part) <= set(split.PARTS)
    for row in table.itertuples():
        mine = said[(said.label == row.cause) & (said.part == row.part)]
        by_game = [group.right.mean() for _, group in mine.groupby(["game", "setting", "loss"])]
        assert row.recall == pytest.approx(np.mean(by_game), abs=1e-5) and row.games == len(by_game)
    healthy = recorded("clinic-fourth-healthy").query("who == 'doctor' and step == 200")
    alarmed = ~answers[borne_out.label == HEALTHY].said.isin([HEALTHY, UNKNOWN])
    assert set(healthy.part) == set(said.part)
    assert healthy.alarmed.mean() == pytest.approx(
        alarmed.groupby([borne_out.game, borne_out.setting, borne_out.loss, borne_out.part]).mean().mean(), abs=1e-5
    )


def test_the_steps_are_those_of_the_study():
    assert set(runs.runs().step) == set(STEPS) and 200 in STEPS


def test_each_long_run_is_compared_with_its_own_twin():
    """Under the loss that it is played with, wherever the twin is played so: no other loss stands in."""
    recorded_cases = set(recorded("clinic-labels").case)
    names = {game.play: name for name, game in GAMES.items()}
    for case in map(Case.read, recorded_cases):
        twin = names[GAMES[case.game].twin]
        if case.loss in GAMES[twin].under(SETTINGS[case.setting]):
            assert str(Case(twin, case.setting, case.loss)) in recorded_cases, case
