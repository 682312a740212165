"""Which code made a result: the trial with what it calls, and the files of this package that they use, as two hashes.

What counts is the syntax. A comment, a docstring or another layout changes no hash, nor does another version of Python.
A running trial (`code_of`) and one that is only read, from the cells of a notebook (`code_in`), have the same hashes.
"""

import ast
import hashlib
import inspect
import linecache
import sys
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from ganlab.study._sources import FUNCTIONS, Definition, canonical, definitions, imports, reached, statements, uses

PACKAGE = Path(__file__).resolve().parents[1]
SETTINGS = (bool, int, float, complex, str, bytes, range, type(None))  # what cannot change in place


def code_of(trial: Callable) -> dict[str, Any]:
    """The hashes of a trial that can be called, `"trial"` and `"package"`, and its `"settings"`.

    `"trial"`: its source and that of all that it reaches in the same notebook or script through globals and closures:
    functions, classes, constants. `"package"`: the files of ganlab that these import, and those that they import.
    `"settings"`: the values of the numbers, strings and tuples of these that it reaches, which may differ from run to
    run. What other packages do, what a list or an array holds, and a value that a called function changes are not seen.

    >>> from ganlab.study.code import code_of
    >>> list(code_of(lambda seed: {"value": seed}))
    ['trial', 'package', 'settings']

    Raises:
        OSError: the trial has no source.
    """
    call, settings = trial, []
    while isinstance(call, partial):
        settings += [_setting(value) for value in (*call.args, *sorted(call.keywords.items()))]
        call = call.func
    function = inspect.unwrap(getattr(call, "__func__", call))
    if not isinstance(function, FunctionType):
        function = function.__init__ if isinstance(function, type) else type(function).__call__
    if not isinstance(function, FunctionType):
        raise OSError(f"the source of {trial!r} is not to be had")
    table = definitions(*_texts(function))
    name = function.__name__
    if name in table and inspect.unwrap(function.__globals__.get(name)) is function:
        names, inner = {name}, []
    else:
        inner, enclosed = _inner(function)
        settings += enclosed
        names = set().union(*(uses(node, frozenset(function.__code__.co_freevars)) for node in inner))
    found, paths = reached(names, table)
    settings += [(name, _setting(function.__globals__.get(name))) for name, of in sorted(found.items())
                 if not isinstance(of, str)]  # fmt: skip
    return {**_hashes(found, inner, paths), "settings": repr(settings)}


def code_in(texts: Iterable[str], name: str, last_line: int | None = None) -> dict[str, str]:
    """The hashes that `code_of` gives the trial `name` of a notebook with the cells `texts`, without running any.

    >>> from ganlab.study.code import code_in
    >>> one = code_in(["def trial(seed): return step(seed)", "def step(x): return x + 1"], "trial")
    >>> one == code_in(["def trial(seed): return step(seed)  # measures", "def step(x): return x + 1"], "trial")
    True

    Args:
        last_line: of the last cell, the statements that begin by there have run.

    Raises:
        ValueError: no cell defines the trial.
    """
    table = definitions(texts, last_line)
    if name not in table:
        raise ValueError(f"no cell defines {name!r}")
    found, paths = reached([name], table)
    return _hashes(found, [], paths)


def package_files(paths: Iterable[str], package: Path = PACKAGE) -> dict[str, str]:
    """The files of `package` that the dotted `paths` need, and those that these import: by their place, their hashes.

    A name that a wing's face hands on (`ganlab.nets.mlp`) needs the file that it comes from, not all of the wing.

    >>> from ganlab.study.code import package_files
    >>> list(package_files(["ganlab.study.interval"]))
    ['study/intervals.py']
    """
    found: dict[str, str] = {}
    waiting = list(paths)
    while waiting:
        file = _file(waiting.pop().split("."), package)
        if file is not None and (place := file.relative_to(package).as_posix()) not in found:
            found[place], taken = _read(file, file.stat().st_mtime_ns)
            above = [package.name, *file.relative_to(package).parent.parts]
            for path in taken.values():
                level = len(path) - len(path.lstrip("."))
                waiting.append(".".join([*above[: len(above) + 1 - level], path[level:]]) if level else path)
    return found


def _hashes(found: dict[str, Definition], inner: list[ast.AST], paths: set[str]) -> dict[str, str]:
    for node in inner:
        paths = paths | set(imports(node).values())
    sources = [(name, of if isinstance(of, str) else canonical(of)) for name, of in sorted(found.items())]
    return {
        "trial": _hash([*sources, *map(canonical, inner)]),
        "package": _hash(sorted(package_files(paths).items())),
    }


def _hash(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def _texts(function: FunctionType) -> tuple[list[str], int | None]:
    """The sources that a function's globals come from, and the line of the last that is being run, if one is."""
    names, file = function.__globals__, function.__code__.co_filename
    frame, running = sys._getframe(), None
    while frame is not None:
        if frame.f_globals is names and not frame.f_code.co_flags & inspect.CO_NEWLOCALS:
            running = frame
        frame = frame.f_back
    if "get_ipython" in names and isinstance(cells := names.get("In"), list):
        return list(map(str, cells)), running and running.f_lineno
    here = running is not None and running.f_code.co_filename == file
    return [_text(function.__code__)], running.f_lineno if here else None


def _text(code: CodeType) -> str:
    linecache.checkcache(code.co_filename)
    if lines := linecache.getlines(code.co_filename):
        return "".join(lines)
    raise OSError(f"the source of {code.co_name} is not to be had: {code.co_filename} is no file")


def _inner(function: FunctionType, seen: frozenset[CodeType] = frozenset()) -> tuple[list[ast.AST], list]:
    """The syntax of a function that is no global, and of those in its closure; the settings of the closure."""
    code = function.__code__
    nodes = [node for top in statements(_text(code)) for node in ast.walk(top)
             if isinstance(node, FUNCTIONS) and code.co_firstlineno == _first_line(node)]  # fmt: skip
    if not nodes:
        raise OSError(f"the source of {code.co_name} is not to be had: it is not in {code.co_filename} any more")
    settings = []
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            value = inspect.unwrap(cell.cell_contents)
        except ValueError:  # not bound yet
            continue
        if isinstance(value, FunctionType) and value.__code__.co_filename == code.co_filename:
            if value.__code__ not in seen:
                more, enclosed = _inner(value, seen | {code})
                nodes, settings = nodes + more, settings + enclosed
        else:
            settings.append((name, _setting(value)))
    return nodes, settings


def _first_line(node: ast.AST) -> int:
    return min([node.lineno, *(part.lineno for part in getattr(node, "decorator_list", []))])


def _setting(value: Any) -> str:
    """A value that cannot change in place, as text; of another, nothing."""
    if isinstance(value, tuple | frozenset):
        return repr(sorted(map(_setting, value)) if isinstance(value, frozenset) else list(map(_setting, value)))
    return repr(value) if isinstance(value, SETTINGS) else ""


def _file(parts: list[str], package: Path) -> Path | None:
    if parts[0] != package.name:
        return None
    place = package
    for i, part in enumerate(parts[1:], 1):
        if (place / f"{part}.py").exists():
            return place / f"{part}.py"
        if not (place / part).is_dir():
            face = place / "__init__.py"
            handed_on = _read(face, face.stat().st_mtime_ns)[1].get(part, "")
            return _file([*handed_on.split("."), *parts[i + 1 :]], package) or face
        place /= part
    return place / "__init__.py"


@cache
def _read(file: Path, _changed: int) -> tuple[str, dict[str, str]]:
    """A file's hash and what it imports."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return _hash(canonical(tree)), imports(tree)
