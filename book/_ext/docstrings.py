"""The package's plain docstrings as reStructuredText for the API page.

A docstring there is running text with `code` between single backticks. Sections (`Args:`, `Raises:`) and paragraphs
with hanging indents are lists of `name: text`; an indented paragraph is code; one that begins with `>>>` is an example.
"""

import re
import textwrap
from itertools import groupby

CODE = re.compile(r"(`+)(.+?)\1")
ENTRY = re.compile(r"(?P<names>[\w.]+(?:, [\w.]+)*): (?P<text>.+)", re.DOTALL)


def restructured(lines: list[str]) -> list[str]:
    """The lines of a docstring, dedented, as lines of reStructuredText."""
    out: list[str] = []
    in_section = False
    for paragraph in _paragraphs(lines):
        first, *rest = paragraph
        if first.lstrip().startswith(">>> "):
            example = textwrap.dedent("\n".join(paragraph)).split("\n")
            out += [".. code-block:: pycon", "", *(f"   {line}" for line in example)]
        elif first.startswith(" "):
            body = textwrap.dedent("\n".join(paragraph)).split("\n")
            out += _items(body) if in_section else ["::", "", *paragraph]
        elif first.endswith(":") and rest and all(line.startswith(" ") for line in rest):
            in_section = True
            out += [f"**{first[:-1]}**", "", *_items(textwrap.dedent("\n".join(rest)).split("\n"))]
        else:
            in_section = False
            listed = first.startswith("- ") or any(line.startswith(" ") for line in rest)
            listed = listed or (rest and all(map(ENTRY.match, paragraph)))
            out += _items(paragraph) if listed else _inline("\n".join(paragraph)).split("\n")
        out.append("")
    return out


def _paragraphs(lines: list[str]) -> list[list[str]]:
    return [list(group) for blank, group in groupby(lines, key=lambda line: not line.strip()) if not blank]


def _items(lines: list[str]) -> list[str]:
    """A bullet for each line that is not indented; indented lines go on with the one before."""
    items: list[str] = []
    for line in lines:
        if line.startswith(" ") and items:
            items[-1] += f" {line.strip()}"
        else:
            items.append(line.strip().removeprefix("- "))
    return [f"* {_entry(item)}" for item in items]


def _entry(item: str) -> str:
    match = ENTRY.match(item)
    return f"**{_inline(match['names'])}**: {_inline(match['text'])}" if match else _inline(item)


def _inline(text: str) -> str:
    """Code between double backticks; outside of it, signs that mean something in reStructuredText are escaped."""
    parts, position = [], 0
    for code in CODE.finditer(text):
        parts += [_escaped(text[position : code.start()]), f"\\ ``{code[2]}``\\ "]
        position = code.end()
    return "".join([*parts, _escaped(text[position:])])


def _escaped(text: str) -> str:
    return re.sub(r"([*|_\\])", r"\\\1", text).replace("->", "→")


def process(app, what, name, obj, options, lines: list[str]) -> None:
    """For Sphinx's event autodoc-process-docstring."""
    lines[:] = restructured(lines)
