"""Which recorded tables are older than the code that made them: `python book/_ext/recording_ages.py` lists them.

A table carries two hashes in its provenance: of its trial, with what that calls in the chapter, and of the files of
`ganlab` that these use. The same hashes are computed here from the notebooks as they are, without running them. A table
that was recorded before there were hashes is of unknown age.
"""

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ganlab.study.code import PACKAGE, code_in, statements
from notebooks import chapters as all_chapters
from notebooks import code_cells

RECORDED = PACKAGE / "recorded"
CURRENT, PACKAGE_CHANGED, OLDER, UNKNOWN = "current", "ganlab changed", "older", "unknown"
AGES = (CURRENT, PACKAGE_CHANGED, OLDER, UNKNOWN)


@dataclass(frozen=True)
class Age:
    """A recorded table beside the code that would make it now."""

    study: str
    chapter: str
    age: str


def ages(folder: Path = RECORDED, chapters: Iterable[Path] | None = None) -> list[Age]:
    """The age of each recorded table, chapter by chapter; last, with chapter "", those that no chapter measures.

    `older`: the trial or what it calls in the chapter is another now. `ganlab changed`: only files of the
    package are others; whether that changes numbers is for the package's own tests to say.
    """
    names = sorted(path.stem for path in folder.glob("*.csv"))
    found = []
    for path in all_chapters() if chapters is None else chapters:
        cells = tuple(code_cells(path))
        for study, code in studies(cells, tuple(names)).items():
            stored = json.loads((folder / f"{study}.json").read_text()).get("code")
            found.append(Age(study, path.stem, _age(stored, code)))
    known = {age.study for age in found}
    return found + [Age(name, "", UNKNOWN) for name in names if name not in known]


def _age(stored: dict[str, str] | None, code: dict[str, str] | None) -> str:
    if not stored or not code:
        return UNKNOWN
    if stored["trial"] != code["trial"]:
        return OLDER
    return CURRENT if stored["package"] == code["package"] else PACKAGE_CHANGED


@cache
def studies(cells: tuple[str, ...], names: tuple[str, ...]) -> dict[str, dict[str, str] | None]:
    """Of the recorded `names`, those that the notebook measures, and the hashes of their trials.

    None where the trial is no function with a name, so that nobody can say what it is without running the notebook.
    """
    found = {}
    for number, place, statement in _statements(cells):
        for call in ast.walk(statement):
            if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] == "Study":
                arguments = dict(zip(("name", "trial"), call.args, strict=False))
                arguments |= {keyword.arg: keyword.value for keyword in call.keywords}
                cell, line = _where_it_runs(cells, number, place, statement)
                trial = arguments["trial"]
                code = code_in(cells[: cell + 1], trial.id, line) if isinstance(trial, ast.Name) else None
                found |= dict.fromkeys(_named(arguments["name"], statement, names), code)
    return found


def _statements(cells: tuple[str, ...]) -> Iterator[tuple[int, int, ast.stmt]]:
    for number, cell in enumerate(cells):
        yield from ((number, place, statement) for place, statement in enumerate(statements(cell)))


def _where_it_runs(cells: tuple[str, ...], number: int, place: int, statement: ast.stmt) -> tuple[int, int]:
    """The cell and the line where the study that a statement makes is run: there, or where its name is."""
    made = statement.value if isinstance(statement, ast.Assign) else None
    if isinstance(made, ast.Call) and getattr(made.func, "attr", "") != "run":
        run = f"{ast.unparse(statement.targets[0])}.run("
        for cell, index, later in _statements(cells):
            if (cell, index) > (number, place) and run in ast.unparse(later):
                return cell, later.lineno
    return number, statement.lineno


def _named(name: ast.expr, statement: ast.stmt, names: tuple[str, ...]) -> list[str]:
    """The recorded names that the expression `name` can mean in its statement."""
    if isinstance(name, ast.Constant):
        return [name.value] if name.value in names else []
    if isinstance(name, ast.JoinedStr):
        pattern = "".join(re.escape(part.value) if isinstance(part, ast.Constant) else ".+" for part in name.values)
        return [known for known in names if re.fullmatch(pattern, known)]
    words = {part.value for part in ast.walk(statement) if isinstance(part, ast.Constant)}
    return [known for known in names if known in words]


def table(found: list[Age]) -> str:
    """A row a chapter: how many of its recorded tables have which age; below, those that are older, by name."""
    import account_tables  # it needs YAML, which a machine that only records may lack

    rows = []
    for chapter in dict.fromkeys(age.chapter for age in found):
        count = Counter(age.age for age in found if age.chapter == chapter)
        name = f"{{doc}}`/book/{chapter}`" if chapter else "no chapter as it is"
        rows.append([name, *(str(count[age] or "") for age in AGES)])
    total = Counter(age.age for age in found)
    rows.append(["**all**", *((total[age] and f"**{total[age]}**") or "" for age in AGES)])
    lines = [account_tables.table(["Recordings of", *AGES], rows)]
    for kind, words in (
        (OLDER, "Older than their code"),
        (PACKAGE_CHANGED, "Since they were recorded, ganlab changed"),
    ):
        if listed := ", ".join(f"`{age.study}`" for age in found if age.age == kind):
            lines.append(f"{words}: {listed}.")
    return "\n\n".join(lines)


def main() -> None:
    found = ages()
    for kind in AGES:
        listed = [age.study for age in found if age.age == kind]
        print(f"{kind}: {len(listed)}" + "".join(f"\n  {study}" for study in listed))


if __name__ == "__main__":
    main()
