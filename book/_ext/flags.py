"""What makes a claim weaker than its verdict sounds: flags from the searches, the scope, the history and the seeds.

Which claim rests on which search stands in tuning.yml, what a study ran on in scopes.yml, and whether the thresholds
were committed before the recording in claims.yml, where history.py writes it.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

import anchors
from ganlab.study import recorded
from measures import Measure, cell, is_recorded, rows
from values import FEW

BOOK = Path(__file__).resolve().parents[1]
FLAGS = {
    "edge": "the best setting lies at an end of its grid",
    "small": "points in the plane, 8 x 8 digits or dense networks alone",
    "post hoc": "thresholds and recording were committed together, or the thresholds later",
    "few": "a measure has fewer than four seeds and decides nothing",
    "own rates": "each side has its own learning rate",
    "floor": "half of the runs stand at the first or last step at which we looked",
    "refused": "a threshold that cannot tell nothing from all, or is too wide; it decides nothing",
}
RATES = {"lr", "rate", "lr_g"}
KNOBS = ("lr", "strength", "beta", "width")  # searched together: the best of one is that at the best of all
CENSORED = {"steps_taken", "log_steps"}


def flags(claim) -> list[str]:
    """The flags of a claim, in the order of `FLAGS`."""
    measured = [measure for measure in claim.measures if measure.kind != "exact"]
    small = bool(measured) and not any(source in scopes() for measure in measured for source in measure.studies)
    if claim.awaited:
        return ["small"] if small else []
    found = {
        "edge": any(map(at_the_edge, measured)),
        "small": small,
        "post hoc": bool(measured) and not claim.registered,
        "few": any((measure.compute().seeds or FEW) < FEW for measure in measured),
        "own rates": any(map(own_rates, measured)),
        "floor": any(map(at_the_floor, measured)),
        "refused": any(anchors.refusal(measure) for measure in claim.measures),
    }
    return [name for name in FLAGS if found[name]]


def at_the_edge(measure: Measure) -> bool:
    """Does a side of the comparison use the best setting of a search that ended at an end of its grid?"""
    return any(_cell_at_the_edge(study, where) for study, where in _sides(measure))


def own_rates(measure: Measure) -> bool:
    """Do the two sides differ in their learning rate and in something else?"""
    if measure.against is None:
        return False
    where = measure.against.get("where", {})
    changed = {name for name, value in where.items() if measure.where.get(name) != value} - RATES
    ours, theirs = (rows(study, where) for study, where in _sides(measure))
    shared = RATES & set(ours) & set(theirs)
    return bool(changed) and any(set(ours[name]) != set(theirs[name]) for name in shared)


def at_the_floor(measure: Measure) -> bool:
    """Are half of the runs of a side at an end of a column that cannot go further?"""
    if measure.column not in CENSORED:
        return False
    for study, where in _sides(measure):
        ends = rows(study, {})[measure.column]
        if cell(study, measure.column, where).isin([ends.min(), ends.max()]).mean() >= 0.5:
            return True
    return False


@cache
def scopes() -> Mapping[str, str]:
    """What the studies that are not small ran on."""
    return yaml.safe_load((BOOK / "scopes.yml").read_text())


@cache
def searches() -> list[dict[str, Any]]:
    """The entries of tuning.yml whose search is recorded."""
    entries = yaml.safe_load((BOOK / "tuning.yml").read_text())
    return [entry for entry in entries if all(map(is_recorded, entry["tuned"]))]


def best_of_search(search: Mapping[str, Any], group: Mapping[str, Any]) -> tuple[float, list[float]] | None:
    """The best setting of a group in its search, and the grid; None where the group was not searched."""
    table = _searched(tuple(search["tuned"]))
    for name, value in {**group, **search.get("where", {})}.items():
        table = table[table[name] == value]
    if "seeds" in search:
        table = table[table["seed"].isin(search["seeds"])]
    if table.empty or (table[search["knob"]].nunique() < 2 and search["score"] != "chosen"):
        return None
    if search["score"] == "chosen":  # the recording holds the winner alone, and all grids are one
        return float(table[search["knob"]].iloc[0]), sorted(recorded(search["final"][0])[search["knob"]].unique())
    if "step" in table:
        table = table[table["step"] == table.groupby([search["knob"], "seed"])["step"].transform("max")]
    knobs = [name for name in KNOBS if name in table] if search["knob"] in KNOBS else []
    means = table.groupby(knobs or [search["knob"]])[search["score"]].mean()
    found = means.idxmax() if search["best"] == "high" else means.idxmin()
    if knobs and len(knobs) > 1:
        found = found[knobs.index(search["knob"])]
    return float(found[0] if isinstance(found, tuple) else found), sorted(table[search["knob"]].unique())


@cache
def _searched(studies: tuple[str, ...]) -> pd.DataFrame:
    return pd.concat([recorded(name) for name in studies])


def _cell_at_the_edge(study: str, where: Mapping[str, Any]) -> bool:
    for search in searches():
        if study not in search["final"]:
            continue
        group = {theirs: where[mine] for mine, theirs in search["of"].items() if mine in where}
        if len(group) < len(search["of"]):
            continue
        found = best_of_search(search, group)
        if found is not None and len(found[1]) > 1 and found[0] in (found[1][0], found[1][-1]):
            return True
    return False


def _sides(measure: Measure) -> list[tuple[str, Mapping[str, Any]]]:
    """Study and rows of the measured side and, if there is one, of what it is set against."""
    if measure.study is None:
        return []
    sides = [(measure.study, measure.where)]
    if measure.against is not None:
        where = {**measure.where, **measure.against.get("where", {})}
        sides.append((measure.against.get("study", measure.study), where))
    return sides
