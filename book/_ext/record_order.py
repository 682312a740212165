"""What is recorded first: book/recordings.csv, then what is missing or older than its code, then the rest.

A line of book/recordings.csv names a study that shall be recorded anew, and says why it stands where it stands.
"""

import ast
import csv
from collections.abc import Iterable
from pathlib import Path

import chapter_slices
import notebooks
import recording_ages
from record_queue import Part

ROOT = Path(__file__).resolve().parents[2]
ORDER = ROOT / "book" / "recordings.csv"


def parts(folder: Path, only: Iterable[str] = (), order: Path = ORDER) -> list[Part]:
    """A part for each statement that runs studies. `only`: the chapters or studies to take.

    Raises:
        ValueError: a name in `only` or in the list that is no chapter and no study.
    """
    ages = {age.study: age.age for age in recording_ages.ages()}
    first = [line["name"] for line in csv.DictReader(order.read_text().splitlines())]
    again = frozenset(name for name, age in ages.items() if age != recording_ages.OLDER) - set(first)
    found, known, only = [], set(ages), set(only)
    for notebook in notebooks.chapters():
        script = chapter_slices.write_script(notebook, folder)
        known.add(notebook.stem)
        for number, part in enumerate(chapter_slices.slices(script)):
            names = _names(part, ages)
            known |= names
            wanted = None if not only or notebook.stem in only else frozenset(only & names)
            if wanted is None or wanted:
                rank = _rank(notebook.stem, names if wanted is None else wanted, first, ages)
                found.append(Part(notebook.stem, str(script), number, names, part.reads, rank, again, wanted))
    if unknown := sorted((only | set(first)) - known):
        raise ValueError(f"no chapter and no study: {', '.join(unknown)}")
    return found


def _names(part: chapter_slices.Slice, ages: dict[str, str]) -> frozenset[str]:
    """The studies that a slice may run, as far as their names can be read."""
    last = part.statements[-1]
    made = [call for node in part.statements for call in ast.walk(node)
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Study" and call.args]  # fmt: skip
    here = [call for call in made if last.lineno <= call.lineno <= (last.end_lineno or last.lineno)] or made[-1:]
    named = {name for call in here for name in recording_ages._named(call.args[0], last, tuple(ages))}
    new = {call.args[0].value for call in here if isinstance(call.args[0], ast.Constant)}
    return frozenset(named | new)


def _rank(chapter: str, names: Iterable[str], first: list[str], ages: dict[str, str]) -> float:
    places = [first.index(name) for name in (chapter, *names) if name in first]
    behind = {None: 0, recording_ages.OLDER: 1, recording_ages.UNKNOWN: 2, recording_ages.PACKAGE_CHANGED: 3}
    later = min((behind.get(ages.get(name), 4) for name in names), default=4)
    return min(places) if places else len(first) + later


def gpu_tests() -> list[str]:
    """The test files with tests that need a GPU: the others need packages that a machine with one may lack."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(path.relative_to(ROOT)) for path in files if "mark.gpu" in path.read_text(encoding="utf-8")]
