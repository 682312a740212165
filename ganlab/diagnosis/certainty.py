"""How sure is a rule? Mostly as sure as rules of its kind have been on games that nobody had set them on.

Where a rule was set it is right, which says little. Three times the rules were asked about a list of the clinic's games
that they had not seen, and only then set on it. Two things told there how often a finding was right: whether its rule
looks at a number that has one value in every game without the fault ("exact") or at a size, and whether it came first.
How often the rule had been right where it was set told no more. So a rule begins with ten games, of which as many were
right as of those lists', and a game that it was set on counts as a tenth of one.

Which of several rules comes first is another question: there the games that they were set on do tell.
"""

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from ganlab.diagnosis.rules import Rule

# Right and wrong of ten games. On the second to the fourth list together 161 of 197 first findings of exact rules were
# right, and 93 of 173 of other rules; on the second, of later findings 3 of 7, and 9 of 96. Of what was called healthy
# 411 of 459 were, and 64 of 104 of what was called unknown.
EXACT, SIZE = (8.2, 1.8), (5.4, 4.6)
EXACT_LATER, SIZE_LATER = (4.3, 5.7), (0.9, 9.1)
ANSWERS = {"healthy": (8.9, 1.1), "unknown": (6.2, 3.8)}
SEEN = 0.1  # of a game that a rule was set on
RANK_EXACT, RANK_SIZE = (9.0, 1.0), (1.0, 1.0)


class Certainties:
    """A number in [0, 1] for each rule: when it is the surest that fires, and when another one is surer.

    >>> from ganlab.diagnosis.certainty import Certainties
    >>> certainties = Certainties({"won": (20, 20, 0, 10)})
    >>> [round(certainties.of(*asked), 2) for asked in (("won",), ("won", True), ("never measured",))]
    [0.62, 0.08, 0.54]

    Args:
        counts: rule to (times first and right, times first, times later and right, times later).
    """

    def __init__(self, counts: Mapping[str, tuple[float, float, float, float]]):
        self.counts = dict(counts)

    @classmethod
    @cache
    def shipped(cls) -> "Certainties":
        """Those that the zoo of games gave."""
        with files("ganlab.diagnosis").joinpath("certainty.csv").open() as lines:
            return cls({
                row["rule"]: tuple(float(row[name]) for name in ("first_right", "first", "later_right", "later"))
                for row in csv.DictReader(lines)
            })  # fmt: skip

    def of(self, rule: Rule | str, later: bool = False) -> float:
        """(SEEN right + a) / (SEEN fired + a + b), with a and b as above. An answer that is no rule has its name."""
        exact = isinstance(rule, Rule) and rule.exact
        name = rule.name if isinstance(rule, Rule) else rule
        right, all_ = self.counts.get(name, (0, 0, 0, 0))[2 * later :][:2]
        kinds = (EXACT_LATER, SIZE_LATER) if later else (EXACT, SIZE)
        more = ANSWERS.get(name, kinds[0] if exact else kinds[1])
        return (SEEN * right + more[0]) / (SEEN * all_ + sum(more))

    def rank(self, rule: Rule) -> float:
        """What decides which of several rules that fire comes first: the share in which it was right, and first, of the
        games that rules were set on, with ten games of which nine were right added for an exact rule, and with two of
        which one was right for any other.
        """
        more = RANK_EXACT if rule.exact else RANK_SIZE
        right, all_ = self.counts.get(rule.name, (0, 0, 0, 0))[:2]
        return (right + more[0]) / (all_ + sum(more))


def rows(counts: Mapping[str, tuple[float, float, float, float]]) -> Iterable[dict[str, object]]:
    """Rows for `certainty.csv`.

    >>> from ganlab.diagnosis.certainty import rows
    >>> list(rows({"won": (8, 8, 0, 3)}))
    [{'rule': 'won', 'first_right': 8, 'first': 8, 'later_right': 0, 'later': 3}]
    """
    for rule, (first_right, first, later_right, later) in counts.items():
        yield {"rule": rule, "first_right": first_right, "first": first, "later_right": later_right, "later": later}
