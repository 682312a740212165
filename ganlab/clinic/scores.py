"""How good is the doctor? Its answers on recorded games, as those of a classifier are judged.

A table of runs has a row for each run and step: game, label (a cause or "healthy"), setting, loss, seed, step, and the
features of `ganlab.diagnosis.features`. A *game* is a cause in a setting under a loss; its seeds are not independent of
each other, so intervals are over games.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ganlab.diagnosis import RULES, Rule
from ganlab.diagnosis.certainty import Certainties
from ganlab.diagnosis.doctor import learns
from ganlab.diagnosis.report import HEALTHY, UNKNOWN

if TYPE_CHECKING:
    import pandas

GAME = ["label", "game", "setting", "loss"]  # what makes a game, beside its seeds


def firing(table: "pandas.DataFrame", rules: Iterable[Rule]) -> np.ndarray:
    """(rows, rules): which rule fires where.

    >>> import pandas
    >>> from ganlab.clinic.scores import firing
    >>> from ganlab.diagnosis import RULES
    >>> firing(pandas.DataFrame({"repeat": [1.0, 0.0]}), [RULES["same-reals"]]).tolist()
    [[True], [False]]
    """

    def holds(rule: Rule) -> np.ndarray:
        return np.logical_and.reduce([np.broadcast_to(condition(table), len(table)) for condition in rule.when])

    return np.stack([holds(rule) for rule in rules], axis=1)


def answers(
    table: "pandas.DataFrame", rules: Mapping[str, Rule] | None = None, certainties: Certainties | None = None
) -> "pandas.DataFrame":
    """The table's keys, with `said` (the surest cause, "healthy" or "unknown"), `certainty` and `right`.

    The same as `ganlab.diagnosis.findings` of each row, for a whole table at once.

    >>> import pandas
    >>> from ganlab.clinic.scores import answers
    >>> keys = {"label": ["one-batch", "healthy"], "game": ["a", "b"], "setting": "ring-mlp", "loss": "hinge"}
    >>> table = pandas.DataFrame(keys | {"seed": 0, "step": 200, "repeat": [1.0, 0.0], "energy_fall": 0.1})
    >>> answers(table).said.tolist()
    ['one-batch', 'healthy']
    """
    rules, certainties = rules or RULES, certainties or Certainties.shipped()
    fires = firing(table, rules.values())
    best = np.where(fires, [certainties.rank(rule) for rule in rules.values()], -1.0).argmax(axis=1)
    sure = np.array([certainties.of(rule) for rule in rules.values()])[best]
    causes = np.array([rule.cause for rule in rules.values()], dtype=object)
    nothing = np.where(np.asarray(learns(table)), HEALTHY, UNKNOWN)
    said = np.where(fires.any(axis=1), causes[best], nothing)
    quiet = np.array([certainties.of(answer) for answer in nothing])
    found = table[[*GAME, "seed", "step"]].assign(said=said)
    found["certainty"] = np.where(fires.any(axis=1), sure, quiet)
    return found.assign(right=found.said == found.label)


class Tally:
    """Answers counted by game: what was said of each, as shares of its seeds.

    >>> import pandas
    >>> from ganlab.clinic.scores import Tally
    >>> keys = {"game": ["a", "b", "c"], "setting": "ring-mlp", "loss": "hinge", "seed": 0}
    >>> said = {"label": ["collapse", "collapse", "healthy"], "said": ["collapse", "unknown", "healthy"]}
    >>> tally = Tally(pandas.DataFrame(keys | said))
    >>> tally.summary()["recall"], tally.summary()["false_alarms"]
    (0.5, 0.0)

    Args:
        judged: the table of `answers`, at one step.
    """

    def __init__(self, judged: "pandas.DataFrame"):
        shares = judged.assign(one=1.0).pivot_table(
            index=GAME, columns="said", values="one", aggfunc="sum", sort=False, fill_value=0.0
        )
        shares = shares.div(shares.sum(axis=1), axis=0)
        self.labels = shares.index.get_level_values("label").to_numpy()
        self.said = np.array(shares.columns, dtype=object)
        self.shares = shares.to_numpy()  # (games, answers)
        self.games = shares.index
        self.causes = [label for label in dict.fromkeys(self.labels) if label != HEALTHY]
        self._named = np.array([answer not in (UNKNOWN, HEALTHY) for answer in self.said])
        self._hits = self.shares * (self.said[None] == self.labels[:, None])

    def recall(self, weights: np.ndarray | None = None) -> np.ndarray:
        """For each of `causes` the share of its runs that was named, mean over games."""
        weights = np.ones(len(self.labels)) if weights is None else weights
        hit = self._hits.sum(axis=1)
        own = [self.labels == cause for cause in self.causes]
        return np.array([np.average(hit[mine], weights=weights[mine]) for mine in own])

    def precision(self, weights: np.ndarray | None = None) -> np.ndarray:
        """For each cause that was said, in order of `said`: how often it was right, games weighing the same."""
        weights = np.ones(len(self.labels)) if weights is None else weights
        right, all_ = weights @ self._hits[:, self._named], weights @ self.shares[:, self._named]
        return np.where(all_ > 0, right / np.where(all_ > 0, all_, 1), np.nan)

    def summary(self, weights: np.ndarray | None = None) -> dict[str, float]:
        """Macro recall, macro precision, and the shares of healthy games alarmed and of all games called unknown."""
        weights = np.ones(len(self.labels)) if weights is None else weights
        healthy = self.labels == HEALTHY
        alarm = self.shares[:, self._named].sum(axis=1)
        precision = self.precision(weights)
        unknown = self.shares[:, self.said == UNKNOWN].sum(axis=1)
        return {
            "recall": float(np.mean(self.recall(weights))) if self.causes else np.nan,
            "precision": float(np.nanmean(precision)) if not np.isnan(precision).all() else np.nan,
            "false_alarms": float(np.average(alarm[healthy], weights=weights[healthy])) if healthy.any() else np.nan,
            "unknown": float(np.average(unknown, weights=weights)),
        }

    def intervals(self, draws: int = 2000, seed: int = 0) -> dict[str, tuple[float, float, float]]:
        """Each number of `summary` with its 95 % interval, by the bootstrap over the games of each label."""
        rng = np.random.default_rng(seed)
        own = [np.flatnonzero(self.labels == label) for label in dict.fromkeys(self.labels)]
        found = []
        for _ in range(draws):
            drawn = np.concatenate([rng.choice(mine, len(mine)) for mine in own])
            found.append(self.summary(np.bincount(drawn, minlength=len(self.labels)).astype(float)))
        middle = self.summary()
        spread = {name: np.nanpercentile([one[name] for one in found], [2.5, 97.5]) for name in middle}
        return {name: (middle[name], *map(float, spread[name])) for name in middle}

    def by_cause(self) -> "pandas.DataFrame":
        """A row for each cause: games, recall, precision (NaN: never said), and the most frequent other answer."""
        precision = dict(zip(self.said[self._named], self.precision(), strict=True))
        rows = []
        for cause, recall in zip(self.causes, self.recall(), strict=True):
            mine = self.labels == cause
            wrong = np.where(self.said == cause, 0, self.shares[mine].mean(axis=0))
            other = self.said[wrong.argmax()] if wrong.max() > 0 else ""
            rows.append((cause, int(mine.sum()), recall, precision.get(cause, np.nan), other, float(wrong.max())))
        import pandas as pd

        return pd.DataFrame(rows, columns=["cause", "games", "recall", "precision", "else", "else_share"])


EDGES = (0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)  # of the certainties that are counted together


def calibration(judged: "pandas.DataFrame", edges: Iterable[float] = EDGES) -> "pandas.DataFrame":
    """Of findings of a cause, by the certainty said: how many, the mean certainty, the share that was right.

    >>> import pandas
    >>> from ganlab.clinic.scores import calibration
    >>> judged = pandas.DataFrame({"said": "collapse", "certainty": [0.92, 0.94], "right": [True, False]})
    >>> calibration(judged)[["runs", "right"]].values.tolist()
    [[2.0, 0.5]]
    """
    import pandas as pd

    said = judged[~judged.said.isin([UNKNOWN, HEALTHY])]
    bins = pd.cut(said.certainty, list(edges), include_lowest=True)
    table = said.groupby(bins, observed=True).agg(
        runs=("right", "size"), certainty=("certainty", "mean"), right=("right", "mean")
    )
    return table.reset_index(names="said")


def counts(
    table: "pandas.DataFrame", rules: Mapping[str, Rule] | None = None, rounds: int = 4
) -> dict[str, tuple[float, ...]]:
    """How often each rule was right, as `Certainties` wants it: over the rows of the table, each a run. A rule for a
    cause that no run has is not counted: it can only be wrong.

    Which rule comes first hangs on the certainties themselves. Of a few rounds those are kept by which most come out
    right.

    >>> import pandas
    >>> from ganlab.clinic.scores import counts
    >>> counts(pandas.DataFrame({"label": ["one-batch", "healthy"], "repeat": [1.0, 1.0]}))["same-reals"]
    (1, 2, 0, 0)
    """
    rules = rules or RULES
    fires = firing(table, rules.values())
    causes = np.array([rule.cause for rule in rules.values()], dtype=object)
    right = fires & (causes[None] == table.label.to_numpy()[:, None])
    there, found, now, most = set(table.label), {}, {}, -1
    for _ in range(rounds + 1):
        order = np.array([Certainties(now).rank(rule) for rule in rules.values()])
        sure = np.where(fires, order, -1.0)
        first = np.zeros_like(fires)
        first[np.arange(len(fires)), sure.argmax(axis=1)] = True
        first &= fires
        if now and (right & first).sum() > most:
            most, found = (right & first).sum(), now
        parts = ((right & first).sum(0), first.sum(0), (right & ~first).sum(0), (fires & ~first).sum(0))
        now = {
            name: tuple(int(part[i]) for part in parts)
            for i, (name, rule) in enumerate(rules.items()) if rule.cause in there
        }  # fmt: skip
    silent = ~fires.any(axis=1)
    quiet = np.asarray(learns(table))
    for answer, mask in ((HEALTHY, silent & quiet), (UNKNOWN, silent & ~quiet)):
        found[answer] = (int((table.label.to_numpy()[mask] == HEALTHY).sum()), int(mask.sum()), 0, 0)
    return found
