"""What is said, as text, HTML and a dict; and in which order."""

import json
import math

import pytest
from by_hand import game

from ganlab import diagnose
from ganlab.diagnosis import CAUSES, Diagnosis, Finding, cause, findings

QUIET = {"energy_fall": math.nan, "pair_low": math.nan}


def test_without_a_rule_it_is_healthy_or_unknown():
    assert [one.cause for one in findings({"energy_fall": 0.3, "pair_low": 1.0})] == ["healthy"]
    assert [one.cause for one in findings({"energy_fall": 1.0, "pair_low": 1.0})] == ["unknown"]
    assert [one.cause for one in findings({"energy_fall": 1.0, "pair_low": 0.7})] == ["healthy"]
    assert [one.cause for one in findings(QUIET)] == ["unknown"]


def test_of_numbers_that_are_not_finite_for_no_known_reason_it_says_where_to_look():
    (found,) = findings(QUIET | {"bad": 1.0, "bad_step": 14.0})
    assert found.cause == "unknown" and "step 14" in found.evidence
    assert "every=1" in found.fix and "train longer" not in found.fix


def test_what_was_not_measured_is_told_as_such():
    assert "nan of their first" in findings({"pair_low": 0.5})[0].evidence


def test_the_surest_comes_first_and_names_the_others():
    found = findings({"G_detached": 1.0, "repeat": 1.0})
    assert {one.cause for one in found} == {"detached", "one-batch"}
    assert found[0].certainty >= found[1].certainty
    assert found[0].alternatives == (found[1].cause,)


def test_several_rules_for_a_cause_are_one_finding():
    assert [one.cause for one in findings({"G_detached": 1.0, "G_stale": 1.0})] == ["detached"]


def test_a_dict_that_json_takes():
    found = diagnose({"game": game()})
    assert json.loads(json.dumps(found.as_dict()))["step"] == 4


def test_html_is_escaped():
    one = Finding("a<b", "t & t", "x < y", "if a > b:", 0.5, "01-losses")
    html = Diagnosis([one], 7, seed="<s>")._repr_html_()
    assert "a&lt;b" in html and "x &lt; y" in html and "&lt;s&gt;" in html and "<s>" not in html


def test_text_has_all_of_it():
    text = str(Diagnosis(findings({"G_detached": 1.0}), 20))
    for part in ("after 20 steps", "detached", "seen:", "type:", "read: 05-saturation"):
        assert part in text


def test_where_d_s_calls_could_not_be_told_apart_the_loop_is_asked_to_tell():
    found = findings({"told": 0.0, "energy_fall": float("nan"), "pair_low": float("nan")})[0]
    assert found.cause == "unknown" and "told apart" in found.evidence and found.fix.startswith("monitor.logits(")
    assert "monitor.logits(" not in findings({"told": 1.0, "energy_fall": 1.0, "pair_low": 1.0})[0].fix


def test_a_finding_of_little_certainty_is_called_a_suspicion():
    sure, unsure = (Finding("collapse", "It collapses.", "seen", "", certainty) for certainty in (0.7, 0.69))
    assert not sure.suspected and "suspected" not in str(sure)
    assert unsure.suspected and str(unsure).startswith("collapse (suspected, 69% sure): ")
    assert "suspected" in Diagnosis([unsure], 9).line() and "suspected" in Diagnosis([unsure], 9)._repr_html_()
    assert Diagnosis([unsure], 9).sick and not Finding("healthy", "", "", "", 0.3).suspected


def test_an_unknown_cause_is_refused_with_the_known():
    with pytest.raises(ValueError, match="unknown cause 'detach'; known: saturation"):
        cause("detach")


@pytest.mark.parametrize("name", CAUSES)
def test_a_cause_is_whole(name):
    one = CAUSES[name]
    assert one.id == name and one.title.endswith(".") and one.sees and one.fix and one.page
