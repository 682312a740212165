"""The books of account: every claim and every published result, recomputed from its measurement.

`claims.yml` and `reproductions.yml` say what is measured and what we conclude. This file and `measures.py` are the only
place that computes the numbers and the verdicts: the pages print them, the tests hold them against what the files say.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import anchors
from measures import Measure
from values import LEVEL, AccountError, Band, band

BOOK = Path(__file__).resolve().parents[1]
HEADLINE = 0.99  # the confidence at which a headline claim is decided
VERDICTS = ("holds", "fails", "depends", "undecided", "not yet measured", "not measurable")


@dataclass(frozen=True)
class Claim:
    """A statement, the measures that would be so if it held, and the verdict that the book prints.

    `headline`: the book leans on it, so that it is decided at 99 %. `source`: the works whose result or advice it puts
    to the test, by their keys in references.bib; the words are ours.
    """

    id: str
    statement: str
    chapter: tuple[str, ...]
    verdict: str
    reason: str
    measures: tuple[Measure, ...] = ()
    registered: bool = False
    headline: bool = False
    source: tuple[str, ...] = ()

    def __post_init__(self):
        if self.verdict not in VERDICTS:
            raise AccountError(f"unknown verdict {self.verdict!r}; known: {', '.join(VERDICTS)}")
        if (self.verdict == "not measurable") == bool(self.measures):
            raise AccountError("`not measurable` stands without measures, every other verdict with them")
        for measure in self.measures:
            band(measure.threshold)
            if not measure.label:
                raise AccountError("each measure needs a `label`: what the number is, with its unit")

    @property
    def level(self) -> float:
        """The confidence of the intervals that decide it."""
        return HEADLINE if self.headline else LEVEL

    def computed(self, level: float | None = None) -> str:
        """The verdict of the measures: `undecided` where no two contradict each other and not all are decided.

        `not yet measured` where a study that one of them reads is not recorded.
        """
        if self.awaited:
            return "not yet measured"
        verdicts = {self.judged(measure, level) for measure in self.measures}
        if not verdicts:
            return "not measurable"
        if verdicts in ({"holds"}, {"fails"}):
            return verdicts.pop()
        return "depends" if {"holds", "fails"} <= verdicts else "undecided"

    @property
    def awaited(self) -> frozenset[str]:
        """The studies that it rests on and that are not recorded yet."""
        return frozenset().union(*(measure.awaited for measure in self.measures))

    def judged(self, measure: Measure, level: float | None = None) -> str:
        """The verdict on one measure, at the claim's own level or at another; a refused threshold decides nothing."""
        return "open" if anchors.refusal(measure) else measure.verdict(level or self.level)


@dataclass(frozen=True)
class Reproduction:
    """A result of others or of theory, ours beside it, and whether ours lies in the band.

    `published`: somebody measured it, in `source`. `exact`: theory says it, that of `source`, or of the chapter
    if `source` is "exact". Nothing of ours is called published.
    """

    id: str
    what: str
    source: str
    chapter: tuple[str, ...]
    measure: Measure
    band: Band
    passes: bool
    published: float | str | None = None
    exact: float | str | None = None
    note: str = ""

    def __post_init__(self):
        if (self.published is None) == (self.exact is None):
            raise AccountError("needs either `published`, what somebody measured, or `exact`, what theory says")
        if self.published is not None and self.source == "exact":
            raise AccountError("`published` names the work in `source`; what is derived here is `exact`")

    @property
    def kind(self) -> str:
        return "theory" if self.published is None else "published"

    def computed(self) -> bool:
        return self.band.contains(self.measure.compute().mean)


def claims(path: Path = BOOK / "claims.yml") -> dict[str, Claim]:
    """Every claim by its id, in the order of the file."""
    return _entries(path, _claim)


def reproductions(path: Path = BOOK / "reproductions.yml") -> dict[str, Reproduction]:
    """Every reproduction by its id, in the order of the file."""
    return _entries(path, _reproduction)


def disagreements(entries: Mapping[str, Claim | Reproduction]) -> list[str]:
    """One line for each entry whose printed verdict is not the computed one, or that cannot be computed."""
    lines = []
    for key, entry in entries.items():
        stated = entry.verdict if isinstance(entry, Claim) else entry.passes
        try:
            if (computed := entry.computed()) != stated:
                measures = entry.measures if isinstance(entry, Claim) else (entry.measure,)
                level = entry.level if isinstance(entry, Claim) else LEVEL
                numbers = "; ".join(
                    f"{m.source}: {_number(m, level)} {m.threshold and f'({m.threshold})'}" for m in measures
                )
                lines.append(f"{key}: the file says {stated!r}, the numbers say {computed!r}: {numbers}")
        except (ValueError, KeyError) as error:
            lines.append(f"{key}: {error}")
    return lines


def _number(measure: Measure, level: float) -> str:
    return "not recorded" if measure.awaited else str(measure.compute(level))


class _OnceOnly(yaml.SafeLoader):
    """YAML keeps the last of two equal keys in silence, and a merge of two branches makes such pairs."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise AccountError(f"line {node.start_mark.line + 1}: {', '.join(sorted(twice))} stands twice in one entry")
        return super().construct_mapping(node, deep)


def _entries(path: Path, build: Callable[[dict], Any]) -> dict[str, Any]:
    return dict(_read(path.read_text(), path.name, build))


@lru_cache(maxsize=8)
def _read(text: str, file: str, build: Callable[[dict], Any]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for number, item in enumerate(yaml.load(text, _OnceOnly) or [], start=1):
        name = item.get("id", f"entry {number}") if isinstance(item, dict) else f"entry {number}"
        try:
            if name in entries:
                raise AccountError("this id stands twice")
            entries[name] = build(dict(item))
        except (AccountError, TypeError, ValueError) as error:
            raise AccountError(f"{file}: {name}: {error}") from error
    return entries


def _claim(item: dict) -> Claim:
    item["source"] = tuple(item.get("source") or ())
    item["measures"] = tuple(_build(Measure, dict(measure)) for measure in item.get("measures") or ())
    return _build(Claim, item)


def _reproduction(item: dict) -> Reproduction:
    names = {"study", "column", "where", "against", "effect", "check", "kind", "possible"}
    item["measure"] = _build(Measure, {key: item.pop(key) for key in names & set(item)})
    ends = item.get("band")
    if not (isinstance(ends, Sequence) and len(ends) == 2):
        raise AccountError(f"band {ends!r}: write [low, high], with null for an open end")
    low, high = (default if end is None else float(end) for end, default in zip(ends, (-np.inf, np.inf), strict=True))
    item["band"] = Band(low, high)
    if not isinstance(item.get("pass"), bool):
        raise AccountError("`pass` is true or false")
    item["passes"] = item.pop("pass")
    return _build(Reproduction, item)


def _build(kind: type, item: dict) -> Any:
    """`kind(**item)`, with an error that names the keys that are missing or unknown."""
    known = {f.name: f for f in fields(kind)}
    if unknown := set(item) - set(known):
        raise AccountError(f"unknown keys {sorted(unknown)}; known: {', '.join(known)}")
    required = [name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING]
    if missing := [name for name in required if item.get(name) in (None, "")]:
        raise AccountError(f"missing: {', '.join(missing)}")
    if isinstance(item.get("chapter"), str):
        item["chapter"] = [item["chapter"]]
    if "chapter" in item:
        item["chapter"] = tuple(item["chapter"])
    return kind(**item)
