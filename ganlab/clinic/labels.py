"""Does a long run bear a label out? Each game trained longer, and its samples held against real ones nobody has seen.

The rule, set before anything was measured by it. A run of `setting.steps` rounds is worth the median, over five looks
in its last fifth, of the energy distance of 500 samples to 500 held-out real ones; a run that ends in numbers that are
none is worth 1, the most there is. To each distance 0.02 is added, below which 500 samples tell little. With the
geometric mean over seeds:

- a healthy game is *borne out* where its distance is at most half of that of its own untrained start, and at most
  three times that of the plain game in the same setting under the same loss. Under a loss that the plain game is not
  played with, the plain game under the non-saturating loss stands in;
- a sick game is *borne out* where its distance is at least 1.5 times its twin's, and its twin's is at most half of an
  untrained start. If not it is *harmless here*: it is wrong, and does no harm that a long run shows;
- where a twin or the plain game does not learn, or nothing was measured, the label is *unknown*.

What is not borne out is played and recorded, and counts neither as sick nor as healthy.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch

from ganlab.clinic._energy import energy_distance
from ganlab.clinic.games import GAMES, STANDARD, Case
from ganlab.clinic.plain import Plain
from ganlab.clinic.playing import start
from ganlab.clinic.settings import SETTINGS
from ganlab.study import recorded

if TYPE_CHECKING:
    import pandas

SAMPLES, LOOKS, FLOOR = 500, 5, 0.02
LEARNT, AS_PLAIN, WORSE = 0.5, 3.0, 1.5  # thresholds on ratios of distances
BORNE_OUT, HARMLESS, FAILED, UNKNOWN = "borne out", "harmless here", "does not learn here", "unknown"


def long_run(case: Case | str, seed: int, steps: int | None = None) -> dict[str, float]:
    """Energy distances to the held-out data of a case: before the first round, and late in a long run.

    Args:
        case: a `Case`, or its text.
        seed: of everything that is random.
        steps: rounds; None: as many as the setting says.

    >>> from ganlab.clinic.labels import long_run
    >>> found = long_run("frozen-generator / ring-mlp / hinge", seed=0, steps=10)
    >>> sorted(found), found["distance"] > 0.2
    (['distance', 'untrained'], True)
    """
    read = Case.read(str(case))
    steps, held_out = steps or SETTINGS[read.setting].steps, SETTINGS[read.setting].held_out
    with torch.random.fork_rng(devices=[]):
        game = start(read, seed)
        held_out = _with_labels(game, held_out)
        untrained, seen = _distance(game, held_out), []
        looks = {steps - k * steps // (5 * LOOKS) for k in range(LOOKS)}
        for number in range(1, steps + 1):
            game.round()
            if number in looks:
                seen.append(_distance(game, held_out))
    return {"untrained": untrained, "distance": float(np.median(seen))}


def _distance(game: Plain, held_out: torch.Tensor) -> float:
    return energy_distance(game.sample(SAMPLES), held_out)


def _with_labels(game: Plain, held_out: torch.Tensor) -> torch.Tensor:
    """Real samples as the game makes them: of a conditional game, fresh ones with their labels."""
    return held_out if game.data.shape == tuple(held_out.shape[1:]) else game.data.sample(SAMPLES)


def verdicts(table: "pandas.DataFrame") -> dict[str, str]:
    """The verdict on each case by the rule above: case -> one of four words.

    table: a row a long run, with columns case, untrained and distance, as `ganlab.study.recorded("clinic-labels")`.

    >>> import pandas
    >>> from ganlab.clinic.labels import verdicts
    >>> rows = [("plain", 0.3, 0.01), ("frozen-generator", 0.3, 0.3), ("batch 16", 0.3, 0.02), ("one-batch", 0.3, 0.01)]
    >>> table = pandas.DataFrame(rows, columns=["game", "untrained", "distance"])
    >>> table["case"] = table.pop("game") + " / ring-mlp / hinge"
    >>> list(verdicts(table).values())
    ['borne out', 'borne out', 'borne out', 'harmless here']
    """
    logs = np.log(table[["untrained", "distance"]].clip(lower=0.0) + FLOOR)
    means = np.exp(logs.groupby(table["case"], sort=False).mean())
    found = {case: (row.untrained, row.distance) for case, row in means.iterrows()}
    return {case: _verdict(Case.read(case), found) for case in found}


def borne_out(table: "pandas.DataFrame", labels: "pandas.DataFrame | None" = None) -> "pandas.Series":
    """Of each row of a table of runs (`ganlab.clinic.runs.runs`), whether a long run bears its label out.

    >>> from ganlab.clinic import runs
    >>> from ganlab.clinic.labels import borne_out
    >>> table = runs.runs()
    >>> bool(0.3 < borne_out(table).mean() < 1)
    True

    Args:
        table: with columns game, setting and loss.
        labels: the long runs, as `verdicts` takes them; None: those that are recorded.
    """
    found = verdicts(recorded("clinic-labels") if labels is None else labels)
    return (table.game + " / " + table.setting + " / " + table.loss).map(found) == BORNE_OUT


def _verdict(case: Case, found: dict[str, tuple[float, float]]) -> str:
    game, (untrained, distance) = GAMES[case.game], found[str(case)]
    like = _twin(case, found)
    if like is None or not like[1] <= LEARNT * like[0]:
        return UNKNOWN
    if game.sick:
        return BORNE_OUT if distance >= WORSE * like[1] else HARMLESS
    return BORNE_OUT if distance <= LEARNT * untrained and distance <= AS_PLAIN * like[1] else FAILED


def _twin(case: Case, found: dict[str, tuple[float, float]]) -> tuple[float, float] | None:
    """What the twin's run was worth: that of the game registered for it, under the same loss if it is played so."""
    twin = next(name for name, game in GAMES.items() if game.play is GAMES[case.game].twin)
    for loss in (case.loss, STANDARD[0]):
        if (key := str(Case(twin, case.setting, loss))) in found:
            return found[key]
    return None
