"""The pages on the package: one a wing, each public name on them once, every registry on the first."""

import importlib
import inspect
import pkgutil
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

import api_pages
import ganlab
import wings

ROOT = Path(__file__).resolve().parents[2]
PAGES = {path.stem: path.read_text() for path in (ROOT / "book" / "api").glob("*.md")}
INDEX = PAGES.pop("index")
WINGS = sorted(f"ganlab.{info.name}" for info in pkgutil.iter_modules(ganlab.__path__) if not info.name.startswith("_"))

MODULES = {module for wing in WINGS for module in wings.files(wing)}


def public_values(wing: str) -> dict[int, str]:
    """What a wing's face lists and what its public files define, found by importing them: id -> name."""
    face = importlib.import_module(wing)
    inner = [info.name for info in pkgutil.iter_modules(getattr(face, "__path__", [])) if not info.name.startswith("_")]
    modules = [importlib.import_module(name) for name in [wing, *(f"{wing}.{name}" for name in inner)]]
    found = {id(value): name for module in modules for name, value in vars(module).items()
             if not name.startswith("_") and (inspect.isfunction(value) or inspect.isclass(value))
             and value.__module__ == module.__name__}  # fmt: skip
    return found | {id(getattr(face, name)): name for name in getattr(face, "__all__", [])}


def documented(wing: str) -> list[str]:
    """The full name of everything that the wing's page documents, once for each time."""
    text = "\n".join(markdown for _, markdown in api_pages.sections(wing))
    data = [f"{module}.{name}" for name, module in re.findall(r"^\.\. py:data:: (\S+)\n   :module: (\S+)", text, re.M)]
    return data + re.findall(r"^\.\. auto(?:function|class|exception|module):: (\S+)", text, re.M)


def value(full: str):
    if full in MODULES:
        return importlib.import_module(full)
    module, _, name = full.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_every_wing_has_its_page_and_its_place_in_the_readme():
    assert sorted(f"ganlab.{name}" for name in PAGES) == WINGS
    assert sorted(f"ganlab.{name}" for group in wings.GROUPS.values() for name in group) == WINGS
    for name, page in PAGES.items():
        assert page == f"# ganlab.{name}\n\n```{{wing}} ganlab.{name}\n```\n"


def test_every_page_is_in_the_table_of_contents():
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"]
    chapters = [chapter for part in parts for chapter in part["chapters"] if chapter["file"] == "book/api/index"]
    listed = [section["file"].removeprefix("book/api/") for section in chapters[0]["sections"]]
    assert listed == [name for group in wings.GROUPS.values() for name in group]


def test_every_public_name_stands_in_the_api_once():
    everywhere = [full for wing in WINGS for full in documented(wing)]
    assert [full for full, times in Counter(everywhere).items() if times > 1] == []
    things = [value(full) for full in everywhere if full not in MODULES]
    assert [thing for thing, times in Counter(filter(callable, things)).items() if times > 1] == []


@pytest.mark.parametrize("wing", WINGS)
def test_a_page_leaves_no_public_name_out(wing):
    on_page = documented(wing)
    found = {id(value(full)) for full in on_page}
    assert [name for key, name in public_values(wing).items() if key not in found] == []
    assert [full for full in on_page if re.search(r"\._", full)] == []
    # The table that leads has a row for each, and each row a summary.
    names = wings.public(wing)
    assert {name.full for name in names} >= set(on_page) - set(wings.files(wing))
    assert [name.full for name in names if not api_pages.summary(name)] == []


@pytest.mark.parametrize("wing", WINGS)
def test_every_public_name_has_a_docstring(wing):
    assert wings.question(wing)
    assert [module for module, path in wings.files(wing).items() if not wings.docstring(path)] == []
    assert [name.full for name in wings.public(wing) if name.kind != "constant" and not name.docstring] == []


def test_every_registry_stands_on_the_index():
    """A registry is what `lookup`, which lists the known names in its error, is called with."""
    listed = re.findall(r"^[\w, ]+: (ganlab[\w.]*)$", INDEX, re.MULTILINE)
    assert wings.registries() - {full.rpartition(".")[2] for full in listed} == set()
    assert all(len(value(full)) > 1 for full in listed)


def test_a_first_sentence_ends_where_it_ends():
    first = wings.first_sentence
    assert first("Is it? Yes.") == "Is it?"
    assert first("As in `a. b` of Radford et al. 2016:\n0.5. More.") == "As in `a. b` of Radford et al. 2016: 0.5."
    assert first("No stop at the end\n\nAnother paragraph.") == "No stop at the end"


def test_a_sentence_becomes_markdown_that_says_the_same():
    assert api_pages.markdown("|x_i| * `a | b` -> $5 [0, 1)") == r"|x\_i| \* `a | b` → &#36;5 \[0, 1)"
