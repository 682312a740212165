"""Replications as Markdown: a sentence, a row a study, a row an entry of the accounts."""

from collections.abc import Iterable
from pathlib import Path

import account_tables
import accounts
from account_tables import MARKS, badge
from accounts import Claim
from replications import REPLICATIONS, Number, Replicated, compared, facts, names, replicated, studies


def head(name: str, folder: Path = REPLICATIONS) -> str:
    """What was replicated, on what and with which versions, in a sentence."""
    of = {fact: facts(name, fact, folder) for fact in ("device", "torch", "python", "commit", "date")}
    return (
        f"**{name}**: {len(studies(name, folder))} studies on {of['device']}; torch {of['torch']}, Python "
        f"{of['python']}; commit {of['commit']}; {of['date']}."
    )


def summary(found: Iterable[Replicated], kind: str) -> str:
    """How many entries and numbers say the same, in a sentence. `kind`: "claims" or "reproductions"."""
    found = list(found)
    numbers = [number for one in found for number in one.numbers]
    overlap, same, turned = (sum(getattr(n, what) for n in numbers) for what in ("overlap", "same", "turned"))
    turns = f"; {turned} {'turns' if turned == 1 else 'turn'} from confirmed to refuted or back"
    return (
        f"{len(found)} {kind} rest on these studies; {sum(one.same for one in found)} have the same verdict with the "
        f"replicated numbers. Of their {len(numbers)} numbers, {overlap} have intervals that overlap and {same} the "
        f"same verdict{turns if kind == 'claims' else ''}."
    )


def study_rows(name: str, found: Iterable[Replicated], folder: Path = REPLICATIONS) -> str:
    """A row a study: how its numbers compare, and the time that it took."""
    found = list(found)
    rows = []
    for study in studies(name, folder):
        numbers = [number for one in found for number in one.numbers if study in number.measure.studies]
        seconds = replicated(study, name, folder).attrs["provenance"]["seconds"]
        said = _counts(numbers) if numbers else "no number of the accounts rests on it"
        rows.append([f"`{study}`", said, f"{seconds:.0f} s"])
    return account_tables.table(["Study", "Numbers of the accounts", "Measured in"], rows)


def entry_rows(found: Iterable[Replicated], word: str) -> str:
    """A row an entry: the verdict here and there, and the numbers that have another. `word` heads the first column."""
    rows = []
    for one in found:
        entry = one.entry
        what = f"**{entry.id}** {entry.statement}" if isinstance(entry, Claim) else entry.what
        theirs = f"{badge(one.verdicts[1])} there" + ("" if one.same else "<br>**another verdict**")
        said = [_counts(one.numbers), *(_difference(n) for n in one.numbers if not (n.same and n.overlap))]
        rows.append([what, f"{badge(one.verdicts[0])} here", theirs, "<br>".join(said)])
    return account_tables.table([word, "Recorded", "Replicated", "Numbers"], rows)


def page(folder: Path = REPLICATIONS) -> list[tuple[str, tuple[str, ...]]]:
    """The parts of the page on replications, each with its classes."""
    parts: list[tuple[str, tuple[str, ...]]] = []
    for name in names(folder):
        found = {kind: compared(name, getattr(accounts, kind)(), folder) for kind in ("claims", "reproductions")}
        text = [head(name, folder), *(f"- {summary(found[kind], kind)}" for kind in found)]
        parts.append((f"{text[0]}\n\n" + "\n".join(text[1:]), ()))
        parts.append((entry_rows(found["claims"], "Claim"), ("accounts", "replications")))
        parts.append((entry_rows(found["reproductions"], "Result"), ("accounts", "replications")))
        every = [*found["claims"], *found["reproductions"]]
        parts.append((study_rows(name, every, folder), ("accounts", "replications")))
    return parts


def report(name: str, folder: Path = REPLICATIONS) -> str:
    """What a replication says, to print: the sentences, and each entry or number with another verdict."""
    lines = [head(name, folder).replace("**", "")]
    for kind in ("claims", "reproductions"):
        found = compared(name, getattr(accounts, kind)(), folder)
        lines.append(summary(found, kind))
        for one in found:
            if not one.same:
                lines.append(f"  {one.entry.id}: {one.verdicts[0]} here, {one.verdicts[1]} there")
            lines += [f"  {one.entry.id}, {_difference(n)}" for n in one.numbers if not (n.same and n.overlap)]
    return "\n".join(lines)


def _counts(numbers: Iterable[Number]) -> str:
    numbers = list(numbers)
    overlap, same = sum(n.overlap for n in numbers), sum(n.same for n in numbers)
    mixed = sum(not n.whole for n in numbers)
    said = f"{overlap} of {len(numbers)} intervals overlap, {same} of {len(numbers)} verdicts are the same"
    return said + (f"; {mixed} pair a replicated study with a recorded one" if mixed else "")


def _difference(number: Number) -> str:
    label = number.measure.label or f"`{number.measure.source}`"
    ours, theirs = (MARKS[verdict] for verdict in number.verdicts)
    apart = "" if number.overlap else ", and the intervals are apart"
    return f"{label}: {number.recorded} {ours} here, {number.replicated} {theirs} there{apart}"
