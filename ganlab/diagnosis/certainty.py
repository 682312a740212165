"""How sure is a rule? The share of games in which it was right, of those that the rules were set on.

To the counts a few are added that nobody saw, fixed before anything was counted: ten games with nine right for a rule
that looks at a number with one value in every game without the fault, two games with one right for any other. That is
all that is known of a rule whose cause none of the counted games had.
"""

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from ganlab.diagnosis.rules import Rule

# Right and wrong, added to the counts: a rule that fired twice, and was right twice, is not certain.
EXACT, SIZE = (9.0, 1.0), (1.0, 1.0)


class Certainties:
    """A number in [0, 1] for each rule: when it is the surest that fires, and when another one is surer.

    >>> from ganlab.diagnosis.certainty import Certainties
    >>> certainties = Certainties({"won": (8, 8, 0, 3)})
    >>> certainties.of("won"), certainties.of("won", later=True), certainties.of("never measured")
    (0.9, 0.2, 0.5)

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
        """(right + a) / (fired + a + b), with a and b as above. An answer that is no rule, "healthy", has its name."""
        exact = isinstance(rule, Rule) and rule.exact
        name = rule.name if isinstance(rule, Rule) else rule
        right, all_ = self.counts.get(name, (0, 0, 0, 0))[2 * later :][:2]
        more = EXACT if exact else SIZE
        return (right + more[0]) / (all_ + sum(more))


def rows(counts: Mapping[str, tuple[float, float, float, float]]) -> Iterable[dict[str, object]]:
    """Rows for `certainty.csv`.

    >>> from ganlab.diagnosis.certainty import rows
    >>> list(rows({"won": (8, 8, 0, 3)}))
    [{'rule': 'won', 'first_right': 8, 'first': 8, 'later_right': 0, 'later': 3}]
    """
    for rule, (first_right, first, later_right, later) in counts.items():
        yield {"rule": rule, "first_right": first_right, "first": first, "later_right": later_right, "later": later}
