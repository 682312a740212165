"""What a study of a chapter needs of its notebook: the statements that must have run, found from the names they use.

So one study runs as a plain script, without Jupyter and without the rest of the chapter. The script lies in a file with
all cells up to the study's, because a study knows its calls by the source of its trial.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd

from ganlab._files import replace
from ganlab.study import Study, recorded
from ganlab.study._sources import _define, imports, stored, uses
from notebooks import code_cells

CODE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Slice:
    """A statement that runs studies, behind the statements that it rests on.

    `reads`: every string in them, among which are the names of the recorded tables that they read, often by way of a
    function of the chapter (`found("ring-tune")`).
    """

    file: Path
    statements: tuple[ast.stmt, ...]
    reads: frozenset[str]


def write_script(notebook: Path, folder: Path) -> Path:
    """The code cells of a notebook as one script in `folder`, without the lines that are for IPython alone."""
    lines = "\n\n".join(code_cells(notebook)).split("\n")
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / f"{notebook.stem}.py"
    script.write_text("\n".join("" if line.startswith(("%", "!")) else line for line in lines) + "\n")
    return script


@cache
def slices(script: Path) -> list[Slice]:
    """A slice for each top-level statement of the script that runs a study. A script is read once."""
    past = _Past(ast.parse(script.read_text()).body)
    return [past.slice(script, node) for node in past.nodes if past.may_run_a_study(node)]


def studies(part: Slice) -> list[Study]:
    """The studies that the slice's last statement runs, at the scale at hand. None of them is run."""
    met: list[Study] = []

    def met_instead(self: Study, **_: Any) -> pd.DataFrame:
        met.append(self)
        try:
            return recorded(self.name)
        except ValueError:  # nothing to show yet: a loop goes on to its next study
            return pd.DataFrame()

    with mock.patch.object(Study, "run", met_instead):
        try:
            _execute(part)
        except Exception:
            if not met:
                raise
    return met


class _Past:
    """The statements of a script, and what each name meant when each of them ran."""

    def __init__(self, nodes: list[ast.stmt]):
        self.nodes = nodes
        self.versions: dict[str, list[tuple[int, list[ast.stmt]]]] = {}
        table: dict[str, list[ast.stmt]] = {}
        for node in nodes:
            before = dict(table)
            if isinstance(node, ast.Import | ast.ImportFrom):
                table |= {name.split(".")[0]: [node] for name in imports(node)}
            else:
                _define(node, table)
            for name, found in table.items():
                if found is not before.get(name):
                    self.versions.setdefault(name, []).append((node.lineno, found))

    def needed(self, last: ast.stmt) -> list[ast.stmt]:
        """The statements on which `last` rests, and itself, in their order.

        A statement sees the names as they were when it ran, a function as they are when it is called. What enters a
        registry of the package (`INITS["mine"] = ...`) is needed whoever looks there.
        """
        seen: set[tuple[int, int]] = set()
        first = [node for node in self.nodes if node.lineno < last.lineno and _registers(node)] + [last]
        found = {node.lineno: node for node in first}
        waiting = [(name, node.lineno) for node in first for name in self.taken(node)]
        while waiting:
            name, line = waiting.pop()
            for node in self.meaning(name, line):
                at = line if isinstance(node, CODE) else node.lineno
                if (node.lineno, at) not in seen:
                    seen.add((node.lineno, at))
                    found[node.lineno] = node
                    waiting += [(name, at) for name in self.taken(node)]
        return [found[line] for line in sorted(found)]

    def meaning(self, name: str, line: int) -> list[ast.stmt]:
        """The statements that made `name` what it is just before `line`."""
        made = [nodes for at, nodes in self.versions.get(name.split(".")[0], []) if at < line]
        return [node for node in made[-1] if node.lineno < line] if made else []

    def taken(self, node: ast.stmt) -> set[str]:
        """The names that a statement takes from before it; a loop sets its own variable first."""
        own = stored([node.target]) if isinstance(node, ast.For) else set()
        return {name.split(".")[0] for name in uses(node)} - (own - uses(getattr(node, "iter", node)))

    def may_run_a_study(self, node: ast.stmt) -> bool:
        """It calls a `run`, and a Study is what it rests on; or it calls a function of the chapter that does."""
        if isinstance(node, (*CODE, ast.Import, ast.ImportFrom)):
            return False
        functions = [d for name in self.taken(node) for d in self.meaning(name, node.lineno) if isinstance(d, CODE)]
        if _runs(node):
            made = [d for name in self.taken(node) for d in self.meaning(name, node.lineno)]
            return any("Study" in uses(part) for part in [node, *made])
        return any(_runs(function) and "Study" in uses(function) for function in functions)

    def slice(self, script: Path, last: ast.stmt) -> Slice:
        nodes = self.needed(last)
        return Slice(script, tuple(nodes), frozenset(text for node in nodes for text in _strings(node)))


def _registers(node: ast.stmt) -> bool:
    """It sets an entry of a registry, by the custom of the book an upper-case name."""
    if isinstance(node, CODE):
        return False
    set_in = [part.value for part in ast.walk(node) if isinstance(part, ast.Subscript)
              and not isinstance(part.ctx, ast.Load)]  # fmt: skip
    set_in += [part.func.value for part in ast.walk(node) if isinstance(part, ast.Call)
               and getattr(part.func, "attr", "") in ("update", "setdefault")]  # fmt: skip
    return any((getattr(place, "attr", "") or getattr(place, "id", "")).isupper() for place in set_in)


def _runs(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Call) and getattr(part.func, "attr", "") == "run" for part in ast.walk(node))


def _strings(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def _execute(part: Slice) -> dict[str, Any]:
    """Run the statements. The file that they are said to come from ends with the last: what a name means later in the
    chapter is no part of what the study knows itself by."""
    last = part.statements[-1]
    source = part.file.with_name(f"{part.file.stem}-{last.lineno}.py")
    if not source.exists():
        text = "\n".join(part.file.read_text().split("\n")[: last.end_lineno]) + "\n"
        replace(source, lambda file: file.write(text.encode()))
    names: dict[str, Any] = {"__name__": part.file.stem}
    module = ast.Module(list(part.statements), type_ignores=[])
    exec(compile(module, str(source), "exec"), names)
    return names
