"""What each feature is, in words: for the symptom page, which says what the doctor looks at.

A condition on a logarithm is told on the number itself: log10 below -4.5 is "below 3e-05".
"""

from collections.abc import Iterable
from math import ceil, floor

from ganlab.diagnosis._words import COUNTS, ENDS, FLAGS, GAME, KNOWN, LOGS, PLAYER, UNKNOWN
from ganlab.diagnosis.rules import FINITE, Condition, Rule, known, unknown

_PLAYERS, _EARLY = ("D", "G"), "_early"


def words(feature: str, player: str = "") -> str:
    """A feature in words.

    >>> from ganlab.diagnosis import words
    >>> words("G_update")
    'the step of G over its weights'

    Args:
        feature: a name in `ganlab.diagnosis.features`.
        player: what to call the player that it is of; default: its own name.

    Raises:
        ValueError: it is no feature.
    """
    own, name = _split(feature.removesuffix(_EARLY))
    found = PLAYER.get(name, "").format(player or own) if own else GAME.get(name)
    if not found:
        raise ValueError(f"feature={feature!r}: no such feature has words; see ganlab.diagnosis.features")
    return found + ", in the first quarter," * feature.endswith(_EARLY)


def conditions(rule: Rule, player: str = "") -> str:
    """What must hold for a rule to speak, in words, joined by "and".

    >>> from ganlab.diagnosis import Condition, Rule, conditions
    >>> slow = Rule("rate-too-small", "slow", (Condition("G_update", above=False, threshold=-4.5),), "", "")
    >>> conditions(slow)
    'the step of G over its weights is below 3e-05'
    """
    bounds: dict[str, list[Condition]] = {}
    for condition in rule.when:
        if condition == FINITE:
            continue
        bounds.setdefault(condition.feature, []).append(condition)
    return ", and ".join(_flag(feature, player, found) or f"{words(feature, player)} is {_between(found)}"
                         for feature, found in bounds.items())  # fmt: skip


def _flag(feature: str, player: str, found: list[Condition]) -> str:
    """A condition on what is yes or no, or a whole number; empty for one on a size."""
    own, name = _split(feature)
    if found in ([unknown(feature)], [known(feature)]):
        return (UNKNOWN if found[0].or_unknown else KNOWN)[name]
    above = next((one.threshold for one in found if one.above), None)
    below = next((one.threshold for one in found if not one.above), None)
    if name in COUNTS:
        return f"{words(feature)} is {_count(above, below)}"
    if name == "out_kind":
        return ENDS[above, below].format(player or own)
    return FLAGS[name][above is None].format(player or own) if name in FLAGS else ""


def _count(above: float | None, below: float | None) -> str:
    """The whole numbers between two bounds."""
    least, most = None if above is None else floor(above) + 1, None if below is None else ceil(below) - 1
    if least == most or most == 0:
        return str(most)
    if most is None:
        return f"at least {least}"
    return f"at most {most}" if least is None else f"between {least} and {most}"


def looks_at(cause: str, rules: Iterable[Rule]) -> list[str]:
    """What the rules of a cause look at, a sentence each; rules that differ by the player alone are told once.

    >>> from ganlab.diagnosis import RULES, looks_at
    >>> looks_at("one-batch", RULES.values())
    ['the share of real samples that were in the batch before is above 0.97']
    """
    alike: dict[tuple, list[Rule]] = {}
    for rule in rules:
        if rule.cause == cause:
            key = tuple((_split(one.feature)[1], one.above, one.threshold) for one in rule.when)
            alike.setdefault(key, []).append(rule)
    return [conditions(same[0], " or ".join(_PLAYERS) if len(same) > 1 else "") for same in alike.values()]


def _between(found: Iterable[Condition]) -> str:
    low = [_number(one) for one in found if one.above]
    high = [_number(one) for one in found if not one.above]
    if low and high:
        return f"between {low[0]} and {high[0]}"
    return f"above {low[0]}" if low else f"below {high[0]}"


def _number(condition: Condition) -> str:
    threshold = condition.threshold
    if _split(condition.feature.removesuffix(_EARLY))[1] in LOGS:
        threshold = float(f"{10**threshold:.0e}")
    return f"{threshold:g}"


def _split(feature: str) -> tuple[str, str]:
    """The player that a feature is of, empty for the game, and the rest of its name."""
    player, _, name = feature.partition("_")
    return (player, name) if player in _PLAYERS else ("", feature)
