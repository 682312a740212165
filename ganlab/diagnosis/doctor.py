"""The doctor: every rule looks at the features of a run, and what they say is put in order."""

from collections.abc import Mapping
from itertools import accumulate
from math import isnan
from typing import Any

from ganlab.diagnosis import (
    _balance,
    _depth,
    _nonfinite,
    _rates,
    _samples,
    _targets,
    _wiring,
)
from ganlab.diagnosis.causes import cause
from ganlab.diagnosis.certainty import Certainties
from ganlab.diagnosis.chart import Chart, charts
from ganlab.diagnosis.numbers import features
from ganlab.diagnosis.report import HEALTHY, UNKNOWN, Diagnosis, Finding
from ganlab.diagnosis.rules import Rule, below, told

RULES: dict[str, Rule] = {
    rule.name: rule if family is _nonfinite else rule.of_finite()
    for family in (_wiring, _nonfinite, _targets, _depth, _samples, _rates, _balance)
    for rule in family.RULES
}

# Where no rule fires: the samples have come nearer, or D is still at a loss now and then, so that G has a gradient.
_NEARER, _OPEN = below("energy_fall", 0.8), below("pair_low", 0.9)


def diagnose(source: Any, *, upto: int | None = None) -> Diagnosis | list[Diagnosis]:
    """What is wrong, how sure that is, and what to type.

    >>> from ganlab import diagnose
    >>> from ganlab.clinic import examine
    >>> monitor = examine("sign-turned: generator / ring-mlp / nonsaturating", steps=20)
    >>> [finding.cause for finding in diagnose(monitor)][:1]
    ['sign-turned']

    Args:
        source: a `ganlab.monitor.Monitor`, its tables as a mapping (`charts`), or a `Chart`.
        upto: as if the run had ended at this step.

    Returns:
        A `Diagnosis`; of a population a list, one for each network.

    Raises:
        TypeError: the source is none of these.
        ValueError: nothing was measured yet.
    """
    found = [source] if isinstance(source, Chart) else charts(source)
    several = len(found) > 1
    named = [
        Diagnosis(findings(features(chart, upto)), (chart if upto is None else chart.upto(upto)).last,
                  chart.seed if several else None)
        for chart in found
    ]  # fmt: skip
    return named if several else named[0]


def findings(numbers: Mapping[str, float]) -> list[Finding]:
    """What features say, surest first: a finding for each cause that a rule speaks for, or "healthy" or "unknown".

    >>> from ganlab.diagnosis import findings
    >>> [finding.cause for finding in findings({"G_frozen": 1.0})]
    ['frozen-generator']
    """
    certainties = Certainties.shipped()
    best: dict[str, Rule] = {}
    for rule in fired(numbers):
        if rule.cause not in best or certainties.rank(rule) > certainties.rank(best[rule.cause]):
            best[rule.cause] = rule
    order = sorted(best.values(), key=lambda rule: -certainties.rank(rule))
    if not order:
        return [_nothing(numbers, certainties)]
    names = [rule.cause for rule in order]
    # One that comes later is no surer than the one before it.
    sure = accumulate((certainties.of(rule, later=place > 0) for place, rule in enumerate(order)), min)
    return [
        _finding(rule, numbers, certainty, tuple(name for name in names if name != rule.cause))
        for rule, certainty in zip(order, sure, strict=True)
    ]


def fired(numbers: Mapping[str, float]) -> list[Rule]:
    """The rules whose conditions all hold.

    >>> from ganlab.diagnosis.doctor import fired
    >>> [rule.name for rule in fired({"repeat": 1.0})]
    ['same-reals']
    """
    return [rule for rule in RULES.values() if rule.fires(numbers)]


def learns(numbers: Mapping[str, Any]) -> Any:
    """Whether a run without a finding is called healthy: numbers of one run, or columns of many.

    >>> from ganlab.diagnosis.doctor import learns
    >>> learns({"energy_fall": 0.5, "pair_low": 1.0}), learns({"energy_fall": 1.0, "pair_low": 1.0})
    (True, False)
    """
    return (_NEARER(numbers) | _OPEN(numbers)) & (numbers.get("bad", 0.0) < 0.5)


def _finding(rule: Rule, numbers: Mapping[str, float], certainty: float, others: tuple[str, ...]) -> Finding:
    known = cause(rule.cause)
    return Finding(
        known.id, rule.title or known.title, rule.tells(numbers), rule.fix or known.fix, certainty, known.page, others
    )


def _nothing(numbers: Mapping[str, float], certainties: Certainties) -> Finding:
    if learns(numbers):
        seen = (
            "no rule fires; samples lie {energy_fall:.2f} of their first distance from the data, and D ordered "
            "{pair_low:.0%} of the pairs rightly when it was at its worst"
        )
        return Finding(
            HEALTHY, "Nothing was found, and it learns or may.", told(seen, numbers), "", certainties.of(HEALTHY)
        )
    seen, fix = "no rule fires, and whether it learns cannot be seen", "train longer, and look at the samples"
    if numbers.get("told", 1) < 0.5:
        seen = "no rule fires; D's calls on real and on generated samples could not be told apart, and much is not seen"
        fix = "monitor.logits(D(real), D(fake))   # with the logits of D's own step: then its loss can be seen"
    if isnan(numbers.get("told", 1)) and numbers.get("D_rounds", 0) > 0:
        seen = "no rule fires; D was never seen to be called, so that of its logits and of the samples nothing is known"
        fix = "logits = D(x)   # the module itself: not D.forward(x), not its parts, not a copy"
    if numbers.get("bad", 0) > 0:
        seen = "from step {bad_step:.0f} on numbers are not finite, and no rule says why"
        fix = "begin anew under Monitor(..., activations=True, every=1), which sees where that begins"
    return Finding(
        UNKNOWN, "Nothing was found, which is not to say that nothing is wrong.", told(seen, numbers),
        fix, certainties.of(UNKNOWN), "symptoms",
    )  # fmt: skip
