"""Every rule fires where its conditions hold, and with any of them turned it does not."""

import dataclasses
import math

import pytest

from ganlab.diagnosis import CAUSES, RULES, Condition
from ganlab.diagnosis.doctor import findings
from ganlab.diagnosis.rules import unknown


def fitting(rule) -> dict[str, float]:
    """Features on which all conditions of a rule hold: inside the bounds of each."""
    found: dict[str, float] = {}
    for name in {condition.feature for condition in rule.when}:
        if unknown(name) in rule.when:
            found[name] = math.nan
            continue
        low = max((c.threshold for c in rule.when if c.feature == name and c.above), default=-math.inf)
        high = min((c.threshold for c in rule.when if c.feature == name and not c.above), default=math.inf)
        assert low < high, f"{rule.name} can never fire on {name}"
        width = 1.0 if math.isinf(low) or math.isinf(high) else high - low
        found[name] = high - width / 2 if math.isinf(low) else low + width / 2
    return found


@pytest.mark.parametrize("name", RULES)
def test_fires_where_its_conditions_hold(name):
    rule = RULES[name]
    numbers = fitting(rule)
    assert rule.fires(numbers)
    assert any(finding.cause == rule.cause for finding in findings(numbers))
    for place, condition in enumerate(rule.when):
        turned = (*rule.when[:place], condition.turned(), *rule.when[place + 1 :])
        assert not dataclasses.replace(rule, when=turned).fires(numbers)


@pytest.mark.parametrize("name", RULES)
def test_never_fires_on_what_was_not_measured(name):
    assert not RULES[name].fires({})
    assert not RULES[name].fires({c.feature: math.nan for c in RULES[name].when})


@pytest.mark.parametrize("name", RULES)
def test_tells_its_numbers(name):
    rule = RULES[name]
    said = rule.tells(fitting(rule))
    assert said and "{" not in said
    assert rule.source
    assert name == rule.name


def test_every_rule_has_a_cause_and_every_cause_a_rule():
    assert {rule.cause for rule in RULES.values()} <= set(CAUSES)


def test_a_condition_is_above_or_below():
    condition = Condition("margin", True, 2.0)
    assert condition({"margin": 3.0}) and not condition({"margin": 2.0})
    assert condition.turned()({"margin": 1.0})
    assert str(condition) == "margin > 2"


def test_a_condition_may_ask_that_there_is_no_number():
    condition = unknown("loudness")
    assert condition({"loudness": math.nan}) and condition({}) and not condition({"loudness": 1.0})
    assert condition.turned()({"loudness": 1.0}) and not condition.turned()({"loudness": math.nan})
    assert str(condition) == "no loudness"


@pytest.mark.parametrize(("loudness", "found"), [(math.nan, True), (1.01, False)])
def test_noise_on_what_d_is_shown_is_no_range_of_the_data(loudness, found):
    """A little noise on both batches takes the data out of the range of tanh, and samples hardly."""
    numbers = {"G_out_kind": 1.0, "real_high": 1.3, "fake_high": 1.0, "loudness": loudness, "energy_fall": 0.5}
    assert ("range-mismatch" in [one.cause for one in findings(numbers)]) == found
