"""What the chapters number and name, as the built book does: figures, tables, equations, exercises, theorems."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import nbformat

import myst
from notebooks import BOOK, chapters

THEOREMS = ("theorem", "lemma", "definition", "proposition", "corollary", "algorithm", "example", "remark")
NUMBERED = {
    "figure": "Fig.",
    "table": "Table",
    "list-table": "Table",
    "exercise": "Exercise",
    "exercise-start": "Exercise",
    **{f"prf:{name}": name.capitalize() for name in THEOREMS},
}


@dataclass(frozen=True)
class Label:
    """Something that can be referred to: "Fig." "1.2", an equation's "(1.3)", or a section by its title."""

    kind: str
    number: str = ""
    title: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.number}" if self.number else self.title


def chapter_number(path: Path) -> int:
    return int(path.name.split("-")[0])


def index(paths: list[Path] | None = None) -> dict[str, Label]:
    """Every label of the given notebooks (all chapters), and the titles of all pages under `doc:name`."""
    found: dict[str, Label] = {}
    for path in chapters() if paths is None else paths:
        notebook = nbformat.read(path, as_version=4)
        found |= of_chapter(notebook, chapter_number(path))
        found[f"doc:{path.stem}"] = Label("", title=title(notebook.cells[0].source))
    for path in [*BOOK.glob("*.md"), *BOOK.glob("api/*.md")]:
        found[f"doc:{path.stem}"] = Label("", title=title(path.read_text()))
    return found


def of_chapter(notebook: nbformat.NotebookNode, chapter: int) -> dict[str, Label]:
    """The labels of one chapter."""
    found: dict[str, Label] = {}
    count: Counter[str] = Counter()

    def number(kind: str) -> str:
        count[kind] += 1
        return f"{chapter}.{count[kind]}"

    for cell in notebook.cells:
        if cell.cell_type == "code":
            if name := figure(cell).get("name"):
                found[name] = Label("Fig.", number("Fig."))
            continue
        _sections(cell.source, found)
        for directive in myst.directives(cell.source):
            name = directive.options.get("label") or directive.options.get("name")
            if directive.name == "math" and name:
                found[name] = Label("", f"({number('equation')})")
            elif directive.name in NUMBERED and (name or directive.name != "figure"):
                kind = NUMBERED[directive.name]
                found[name or f"{directive.name} {count.total()}"] = Label(kind, number(kind), directive.argument)
        for equation in myst.EQUATION.finditer(myst.running_text(cell.source)):
            found[equation["label"]] = Label("", f"({number('equation')})")
    return found


def figure(cell: nbformat.NotebookNode) -> dict:
    """The `figure` settings of a code cell: caption and name."""
    return cell.metadata.get("mystnb", {}).get("figure", {})


def title(source: str) -> str:
    """The first heading's text."""
    heading = myst.HEADING.search(source)
    if heading is None:
        raise ValueError(f"no heading in {source[:60]!r}")
    return heading["title"]


def _sections(source: str, found: dict[str, Label]) -> None:
    """`(label)=` before a heading names the section."""
    for target in myst.TARGET.finditer(source):
        heading = re.match(r"\s*#+\s+(.+)", source[target.end() :])
        found[target["label"]] = Label("", title=heading[1].strip() if heading else target["label"])
