"""The API page: every module and every registry stands there, and every name that it documents has a docstring."""

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "book" / "api.md").read_text()
DOCUMENTED = re.findall(r"automodule:: (ganlab[\w.]*)", PAGE)
BEHIND = re.findall(r"^\| `(ganlab[\w.]*)` \|", PAGE, re.MULTILINE)
SOURCES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (ROOT / "ganlab").rglob("*.py")
    if not path.name.startswith("_") or path.name == "__init__.py"
}


def public(module: str) -> list[str]:
    """The functions and classes that a module defines, or its `__all__`, without a leading underscore."""
    tree = ast.parse(SOURCES[module].read_text())
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]


def test_every_module_stands_on_the_page_once():
    assert sorted(DOCUMENTED + BEHIND) == sorted(set(SOURCES) - {"ganlab"})


@pytest.mark.parametrize("module", DOCUMENTED)
def test_every_public_name_has_a_docstring(module):
    found = importlib.import_module(module)
    without = [name for name in public(module) if not getattr(found, name).__doc__]
    assert not without


def test_every_registry_stands_on_the_page():
    """A registry is what `lookup`, which lists the known names in its error, is called with."""
    listed = re.findall(r"^[\w, ]+: (ganlab[\w.]*)$", PAGE, re.MULTILINE)
    asked = {
        name for path in SOURCES.values() for name in re.findall(r"lookup\((?:\w+\.)?([A-Z_]+),", path.read_text())
    }
    assert asked - {line.rsplit(".", 1)[1] for line in listed} == set()
    for line in listed:
        module, name = line.rsplit(".", 1)
        assert len(getattr(importlib.import_module(module), name)) > 1
