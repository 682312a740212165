"""Studies that another machine measured again, and whether the accounts would say the same with its numbers.

    python book/_ext/replications.py                           what each replication says, in lines
    python book/_ext/replications.py take FOLDER --name NAME   take in what GANLAB_RECORD=FOLDER has recorded elsewhere

A replication is a folder in `book/replications/`: tables with their provenance, made by the same trials with the same
grid and seeds as those in `ganlab/recorded`. The package does not carry them.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

import accounts
import measures
from accounts import Claim, Reproduction
from ganlab._files import replace
from ganlab.study.recordings import from_folder, read
from measures import Measure
from recording_ages import RECORDED
from values import Value

REPLICATIONS = accounts.BOOK / "replications"


@dataclass(frozen=True)
class Number:
    """A measure of the accounts, as recorded and as replicated, each with the verdict that it gives."""

    measure: Measure
    recorded: Value
    replicated: Value
    verdicts: tuple[str, str]
    whole: bool  # all the studies that it rests on were replicated

    @property
    def overlap(self) -> bool:
        """Whether the two intervals have a point in common."""
        return self.recorded.low <= self.replicated.high and self.replicated.low <= self.recorded.high

    @property
    def same(self) -> bool:
        return self.verdicts[0] == self.verdicts[1]

    @property
    def turned(self) -> bool:
        """Whether one of them confirms what the other refutes."""
        return set(self.verdicts) == {"holds", "fails"}


@dataclass(frozen=True)
class Replicated:
    """An entry of the accounts, its numbers that rest on replicated studies, and its verdicts, here and there."""

    entry: Claim | Reproduction
    name: str
    numbers: tuple[Number, ...]
    verdicts: tuple[str, str]

    @property
    def same(self) -> bool:
        return self.verdicts[0] == self.verdicts[1]


def names(folder: Path = REPLICATIONS) -> list[str]:
    """The replications there are."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def studies(name: str, folder: Path = REPLICATIONS) -> list[str]:
    """The studies of a replication."""
    return sorted(path.stem for path in (folder / name).glob("*.csv"))


def replicated(study: str, name: str, folder: Path = REPLICATIONS) -> pd.DataFrame:
    """The table of a study as the replication `name` measured it, with its provenance.

    Raises:
        ValueError: it has none of this name; the message lists those it has.
    """
    if study not in (known := studies(name, folder)):
        raise ValueError(f"replication {name!r} has no study {study!r}; it has: {', '.join(known) or 'none'}")
    return read(study, folder / name)


@contextmanager
def replicating(name: str, folder: Path = REPLICATIONS) -> Iterator[None]:
    """Within it, the accounts compute from the replication what it has, and the rest from what is recorded here."""
    measures.forget()
    try:
        with from_folder(folder / name):
            yield
    finally:
        measures.forget()


def compared(name: str, entries: dict[str, Claim | Reproduction], folder: Path = REPLICATIONS) -> list[Replicated]:
    """The entries with a number that rests on a study of the replication, computed from both."""
    known = set(studies(name, folder))
    touched = [entry for entry in entries.values() if any(m.studies & known for m in _measures(entry))]
    touched = [entry for entry in touched if not any(m.awaited for m in _measures(entry))]
    ours = [_computed(entry) for entry in touched]
    with replicating(name, folder):
        theirs = [_computed(entry) for entry in touched]
    found = []
    for entry, (verdict, values), (their_verdict, their_values) in zip(touched, ours, theirs, strict=True):
        numbers = tuple(
            Number(measure, value, their_value, (judged, their_judged), measure.studies <= known)
            for measure, (value, judged), (their_value, their_judged)
            in zip(_measures(entry), values, their_values, strict=True) if measure.studies & known
        )  # fmt: skip
        found.append(Replicated(entry, name, numbers, (verdict, their_verdict)))
    return found


def _measures(entry: Claim | Reproduction) -> tuple[Measure, ...]:
    return entry.measures if isinstance(entry, Claim) else (entry.measure,)


def _computed(entry: Claim | Reproduction) -> tuple[str, list[tuple[Value, str]]]:
    """The entry's verdict; of each of its measures the number and the verdict."""
    if isinstance(entry, Claim):
        return entry.computed(), [(measure.compute(entry.level), entry.judged(measure)) for measure in entry.measures]
    verdict = "pass" if entry.computed() else "miss"
    return verdict, [(entry.measure.compute(), verdict)]


def facts(name: str, fact: str, folder: Path = REPLICATIONS) -> str:
    """What the provenance of a replication says of one thing (`device`, `torch`), each answer once."""
    tables = [json.loads(path.read_text()) for path in sorted((folder / name).glob("*.json"))]
    return ", ".join(dict.fromkeys(table[fact] for table in tables))


def faults(study: str, source: Path) -> list[str]:
    """Why the table in the folder `source` is no replication of the recorded one, in words."""
    try:
        ours = read(study, RECORDED)
    except FileNotFoundError:
        return ["no study of this name is recorded"]
    try:
        theirs = read(study, source)
    except FileNotFoundError:
        return ["its provenance is missing"]
    here, there = ours.attrs["provenance"], theirs.attrs["provenance"]
    found = []
    if more := sorted(set(theirs.columns) - set(ours.columns)):
        found.append(f"it has columns that the recorded table has not: {', '.join(more)}")
    if less := sorted(set(ours.columns) - set(theirs.columns)):
        found.append(f"it has no column {', '.join(less)}")
    if "seed" in theirs and "seed" in ours and (a := sorted(set(theirs.seed))) != (b := sorted(set(ours.seed))):
        found.append(f"its seeds are {a}, those of the recorded table {b}")
    for fact in ("seeds", "grid", "scale"):
        if there.get(fact) != here.get(fact):
            found.append(f"its {fact}: {there.get(fact)}; of the recorded table: {here.get(fact)}")
    codes = [facts.get("code", {}).get("trial") for facts in (here, there)]
    if all(codes) and codes[0] != codes[1]:
        found.append("another trial made it")
    return found


def take(source: Path, name: str, commit: str = "", folder: Path = REPLICATIONS) -> dict[str, list[str]]:
    """Copy the tables in `source` that replicate a recorded one into the replication `name`; why others were refused.

    Arrays (sample images) stay behind: no number of the accounts rests on them. `commit` is written where the
    provenance does not know it.

    Raises:
        ValueError: a name that is no plain word, a folder without tables.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise ValueError(f"name {name!r}: lower-case letters, digits and hyphens, as in h100")
    if not (tables := sorted(source.glob("*.csv"))):
        raise ValueError(f"{source} holds no table (*.csv)")
    refused = {table.stem: found for table in tables if (found := faults(table.stem, source))}
    for table in tables:
        if table.stem in refused:
            continue
        facts = json.loads(table.with_suffix(".json").read_text())
        if commit and facts["commit"] == "unknown":
            facts["commit"] = commit
        text = json.dumps(facts, indent=2) + "\n"
        replace(folder / name / f"{table.stem}.json", lambda file, text=text: file.write(text.encode()))
        replace(folder / name / table.name, lambda file, table=table: file.write(table.read_bytes()))
    return refused


def main() -> None:
    import replication_tables  # which imports this file

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command")
    taking = commands.add_parser("take", help="take in the tables of a folder")
    taking.add_argument("folder", type=Path)
    taking.add_argument("--name", required=True, help="of the replication, as h100")
    taking.add_argument("--commit", default="", help="that made the tables, where they do not know it")
    arguments = parser.parse_args()
    if arguments.command is None:
        print("\n\n".join(map(replication_tables.report, names())))
        return
    try:
        refused = take(arguments.folder, arguments.name, arguments.commit)
    except ValueError as error:
        sys.exit(str(error))
    for study, found in refused.items():
        print(f"refused: {study}: {'; '.join(found)}", file=sys.stderr)
    print(f"{arguments.name}: {len(studies(arguments.name))} studies")
    sys.exit(bool(refused))


if __name__ == "__main__":
    main()
