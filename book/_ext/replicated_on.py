"""Where a claim's trials were repeated, on another kind of device or with fresh seeds, and whether each verdict stayed.

Another kind of device: `book/replications` holds the same studies as other machines measured them. Fresh seeds: a
measure of the same claim asks the same again (`repeats` in claims.yml), of a study whose seeds the first has not.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import accounts
from accounts import Claim
from measures import Measure, cell, rows
from recording_ages import RECORDED
from replications import REPLICATIONS, compared, names, studies
from values import AccountError

SIGNS = {"holds": "✓", "fails": "✗", "open": "?"}


@dataclass(frozen=True)
class Repetition:
    """Numbers of a claim that were measured again, and what became of their verdicts."""

    on: str
    numbers: int
    changed: tuple[tuple[str, str, str], ...]  # label, the verdict recorded, the verdict of the repetition
    verdict: str = ""  # of the whole claim with these numbers; empty for fresh seeds, which stand beside the first
    elsewhere: bool = True  # on another kind of device

    @property
    def stayed(self) -> int:
        return self.numbers - len(self.changed)


def repetitions(claims: Mapping[str, Claim], folder: Path = REPLICATIONS) -> dict[str, list[Repetition]]:
    """Of each claim that was repeated, where; devices of the kind that the recording is from do not count."""
    found: dict[str, list[Repetition]] = {}
    for name in names(folder):
        known = {study for study in studies(name, folder) if _elsewhere(study, name, folder)}
        for one in compared(name, claims, folder):
            numbers = [number for number in one.numbers if number.measure.studies <= known]
            if numbers:
                used = sorted(study for number in numbers for study in number.measure.studies)
                on = ", ".join(dict.fromkeys(_device(study, folder / name) for study in used))
                changed = tuple((n.measure.label, *n.verdicts) for n in numbers if not n.same)
                found.setdefault(one.entry.id, []).append(Repetition(on, len(numbers), changed, one.verdicts[1]))
    for claim in claims.values():
        pairs = [] if claim.awaited else fresh(claim)
        if pairs:
            judged = [(first.label, claim.judged(first), claim.judged(again)) for first, again in pairs]
            on = "fresh seeds, " + ", ".join(dict.fromkeys(_seeds(again) for _, again in pairs))
            elsewhere = all(_on_another_kind(first, again) for first, again in pairs)
            on += ", on another kind of device" if elsewhere else ""
            changed = tuple(item for item in judged if item[1] != item[2])
            found.setdefault(claim.id, []).append(Repetition(on, len(pairs), changed, elsewhere=elsewhere))
    return found


def fresh(claim: Claim) -> list[tuple[Measure, Measure]]:
    """Each measure that another one of the claim repeats, with that one.

    Raises:
        AccountError: it repeats none of the claim's, or another question, or seeds that are not fresh.
    """
    labels = {measure.label: measure for measure in claim.measures}
    pairs = []
    for again in claim.measures:
        if not again.repeats:
            continue
        if (first := labels.get(again.repeats)) is None or first is again:
            raise AccountError(f"{claim.id}: `repeats: {again.repeats}` is the label of no other measure of the claim")
        for what in ("column", "threshold", "effect", "kind"):
            if getattr(first, what) != getattr(again, what):
                raise AccountError(f"{claim.id}: {again.label!r} has another {what} than what it repeats")
        if (first.against is None) != (again.against is None):
            raise AccountError(f"{claim.id}: {again.label!r} and what it repeats are not both set against a control")
        if common := _seed_set(first) & _seed_set(again):
            raise AccountError(f"{claim.id}: {again.label!r} repeats on seeds that are not fresh: {sorted(common)}")
        pairs.append((first, again))
    return pairs


@cache
def book() -> dict[str, list[Repetition]]:
    """The repetitions of all claims of the book; the page, sixteen boxes and the notebooks ask for them."""
    return repetitions(accounts.claims())


def in_full(claim: Claim, found: Iterable[Repetition]) -> str:
    """For the column: a line a repetition, with the numbers whose verdict changed; "no" where there is none."""
    measured = sum(measure.check is None for measure in claim.measures)
    if not measured or claim.awaited:
        return ""
    lines = []
    for one in found:
        lines.append(f"**{one.on}**: {_stay(one, measured)}")
        lines += [f"{label}: {SIGNS[ours]} here, {SIGNS[theirs]} there" for label, ours, theirs in one.changed]
        if one.verdict and one.verdict != claim.computed():
            lines.append(f"the claim would be *{one.verdict}* there")
    return "<br>".join(lines) or "no"


def in_short(claim: Claim, found: Iterable[Repetition]) -> str:
    """For a chapter's box, in which there is little room."""
    measured = sum(measure.check is None for measure in claim.measures)
    return "; ".join(f"{one.on}: {_stay(one, measured)}" for one in found)


def summary(claims: Mapping[str, Claim], found: Mapping[str, list[Repetition]]) -> str:
    """How many of the claims were repeated, in sentences."""
    measured = [c for c in claims.values() if not c.awaited and any(m.check is None for m in c.measures)]
    devices, seeds = ({name for name, all_ in found.items() if any(f(one) for one in all_)}
                      for f in (lambda one: one.elsewhere, lambda one: not one.verdict))  # fmt: skip
    every = [one for all_ in found.values() for one in all_]
    numbers, stayed = sum(one.numbers for one in every), sum(one.stayed for one in every)
    turned = sum({ours, theirs} == {"holds", "fails"} for one in every for _, ours, theirs in one.changed)
    heads = [claim for claim in claims.values() if claim.headline]
    again, both = (sum(claim.id in ids for claim in heads) for ids in (devices | seeds, devices & seeds))
    return (
        f"Of {len(measured)} claims that rest on recorded runs, numbers of {len(devices)} were measured again on "
        f"another kind of device and of {len(seeds)} on fresh seeds. Of these {numbers} numbers {stayed} kept their "
        f"verdict and {turned} turned from confirmed to refuted or back; the others are decided on one side only. "
        f"Of the {len(heads)} headline claims {again} were repeated in one way or the other, {both} in both."
    )


def _stay(one: Repetition, measured: int) -> str:
    verdicts = f"{one.stayed} of {one.numbers} verdicts stay"
    if one.numbers == 1:
        verdicts = "its verdict changes" if one.changed else "its verdict stays"
    return f"{one.numbers} of {measured} {'number' if measured == 1 else 'numbers'}, {verdicts}"


def _seeds(measure: Measure) -> str:
    seeds = sorted(_seed_set(measure))
    whole = seeds == list(range(seeds[0], seeds[-1] + 1)) and len(seeds) > 1
    return f"{seeds[0]} to {seeds[-1]}" if whole else ", ".join(map(str, seeds))


def _seed_set(measure: Measure) -> set[int]:
    return set(cell(measure.study, measure.column, measure.where).index)


def _on_another_kind(first: Measure, again: Measure) -> bool:
    """Whether the seeds of `again` were run on another kind of device than those of `first`."""
    tables = [rows(measure.study, {}) for measure in (first, again)]
    devices = [table.attrs.get("provenance", {}).get("device") for table in tables]
    return None not in devices and kind(devices[0]) != kind(devices[1])


def _elsewhere(study: str, name: str, folder: Path) -> bool:
    """Whether the recording comes from another kind of device: a CPU, a GPU."""
    return kind(_device(study, folder / name)) != kind(_device(study, RECORDED))


def _device(study: str, folder: Path) -> str:
    return json.loads((folder / f"{study}.json").read_text())["device"]


def kind(device: str) -> str:
    """CPU, or the maker of the GPU, which comes first in its name."""
    return device.split()[0]
