"""How sure is a rule? The share of games in which it was right, of those that the rules were set on."""

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

# Added to the counts: a rule that fired twice, and was right twice, is not certain.
RIGHT, WRONG = 1.0, 1.0
UNMEASURED = 0.5


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

    def of(self, rule: str, later: bool = False) -> float:
        """Laplace's share, (right + 1) / (fired + 2)."""
        if rule not in self.counts:
            return UNMEASURED
        right, all_ = self.counts[rule][2:] if later else self.counts[rule][:2]
        return (right + RIGHT) / (all_ + RIGHT + WRONG)


def rows(counts: Mapping[str, tuple[float, float, float, float]]) -> Iterable[dict[str, object]]:
    """Rows for `certainty.csv`.

    >>> from ganlab.diagnosis.certainty import rows
    >>> list(rows({"won": (8, 8, 0, 3)}))
    [{'rule': 'won', 'first_right': 8, 'first': 8, 'later_right': 0, 'later': 3}]
    """
    for rule, (first_right, first, later_right, later) in counts.items():
        yield {"rule": rule, "first_right": first_right, "first": first, "later_right": later_right, "later": later}
