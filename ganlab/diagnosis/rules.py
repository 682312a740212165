"""What a rule is: a cause, the conditions that speak for it, and where its thresholds come from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial


@dataclass(frozen=True)
class Condition:
    """A feature is above, or below, a threshold. NaN is neither, but where `or_unknown` says that it counts.

    >>> from ganlab.diagnosis import Condition
    >>> condition = Condition("margin", above=True, threshold=10)
    >>> condition({"margin": 12.0}), condition({}), str(condition.turned())
    (True, False, 'margin < 10')
    """

    feature: str
    above: bool
    threshold: float
    or_unknown: bool = False

    def __call__(self, features: Mapping[str, float]) -> bool:
        value = features.get(self.feature, float("nan"))
        holds = value > self.threshold if self.above else value < self.threshold
        return holds | (value != value) if self.or_unknown else holds  # NaN alone is not itself

    def turned(self) -> "Condition":
        """The opposite condition, on what is known."""
        return Condition(self.feature, not self.above, self.threshold)

    def __str__(self) -> str:
        if self.or_unknown and self.threshold == float("-inf"):
            return f"no {self.feature}"
        known = f"{self.feature} {'>' if self.above else '<'} {self.threshold:g}"
        return f"{known} or not known" if self.or_unknown else known


def above(feature: str, threshold: float) -> Condition:
    """A condition: the feature is above the threshold.

    >>> from ganlab.diagnosis.rules import above
    >>> print(above("margin", 10))
    margin > 10
    """
    return Condition(feature, True, threshold)


def below(feature: str, threshold: float) -> Condition:
    """A condition: the feature is below the threshold.

    >>> from ganlab.diagnosis.rules import below
    >>> print(below("spread", 0.35))
    spread < 0.35
    """
    return Condition(feature, False, threshold)


def unknown(feature: str) -> Condition:
    """A condition: there is no such number.

    >>> from ganlab.diagnosis.rules import unknown
    >>> unknown("loudness")({"loudness": 1.2}), unknown("loudness")({"loudness": float("nan")})
    (False, True)
    """
    return Condition(feature, False, float("-inf"), or_unknown=True)


def known(feature: str) -> Condition:
    """A condition: there is such a number.

    >>> from ganlab.diagnosis.rules import known
    >>> known("g_slope")({"g_slope": -0.5}), known("g_slope")({"g_slope": float("nan")})
    (True, False)
    """
    return unknown(feature).turned()


def within(feature: str, low: float, high: float) -> tuple[Condition, Condition]:
    """Two conditions: the feature is above `low` and below `high`.

    >>> from ganlab.diagnosis.rules import within
    >>> print(*within("fake_slope", 0.4, 0.8), sep=", ")
    fake_slope > 0.4, fake_slope < 0.8
    """
    return above(feature, low), below(feature, high)


LEAST = -37.0  # of a logarithm: below it stands 0
FINITE = below("bad", 0.5)  # once a number was not finite, sizes say nothing any more


@dataclass(frozen=True)
class Rule:
    """All conditions hold: then this is a cause to think of.

    >>> from ganlab.diagnosis import RULES
    >>> rule = RULES["same-reals"]
    >>> rule.fires({"repeat": 1.0}), rule.tells({"repeat": 1.0})
    (True, '100% of the real samples were in the batch before, too')

    Attributes:
        cause: its id in `ganlab.diagnosis.CAUSES`.
        name: the rule's own; a cause may have several rules.
        when: the conditions, all of them.
        evidence: a sentence; what stands in braces are features.
        source: what the thresholds rest on: a chapter's experiment, a paper, or arithmetic.
        exact: what it looks at has one value, or one sign, in every game without the fault.
        title, fix: in place of those of the cause, where the rule knows more.
    """

    cause: str
    name: str
    when: tuple[Condition, ...]
    evidence: str
    source: str
    exact: bool = False
    title: str = ""
    fix: str = ""

    def fires(self, features: Mapping[str, float]) -> bool:
        return all(condition(features) for condition in self.when)

    def of_finite(self) -> "Rule":
        """The same, of runs in which all numbers are finite; an exact rule is as it was."""
        return self if self.exact else replace(self, when=(*self.when, FINITE))

    def tells(self, features: Mapping[str, float]) -> str:
        """The evidence, with its numbers."""
        return told(self.evidence, features)


class _Numbers(dict):
    """Features for a sentence. A name that begins with ten_ is ten to the power of the feature."""

    def __init__(self, features: Mapping[str, float]):
        super().__init__(features)

    def __missing__(self, name: str) -> float:
        if name.startswith("ten_"):
            power = self[name.removeprefix("ten_")]
            return 0.0 if power < LEAST else 10**power
        if name.startswith("not_"):
            return 1 - self[name.removeprefix("not_")]
        return float("nan")


def for_players(make, players: tuple[str, ...] = ("D", "G")) -> list[Rule]:
    """A rule for each player; `make(player)` writes it.

    >>> from ganlab.diagnosis.rules import Rule, above, for_players
    >>> rules = for_players(lambda P: Rule("dead-units", f"{P}-dead", (above(f"{P}_dead", 0.9),), "dead", "chapter 12"))
    >>> [rule.name for rule in rules]
    ['D-dead', 'G-dead']
    """
    return list(map(partial(make), players))


def told(sentence: str, features: Mapping[str, float]) -> str:
    """A sentence with features in braces, and their numbers in it; NaN where one was not measured.

    >>> from ganlab.diagnosis.rules import told
    >>> told("{repeat:.0%} again, a step of {ten_G_update:.0e}, {energy}", {"repeat": 1.0, "G_update": -3.0})
    '100% again, a step of 1e-03, nan'
    """
    return sentence.format_map(_Numbers(features))
