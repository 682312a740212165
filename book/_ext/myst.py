"""The Markdown of the chapters, taken apart: running text, code, and directives with their options and bodies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

FENCE = re.compile(r"^(?P<indent>\s*)(?P<fence>`{3,}|:{3,}|~{3,})(?:\{(?P<name>[\w:-]+)\})?\s*(?P<argument>.*)$")
OPTION = re.compile(r"^:([\w-]+):\s*(.*)$")
# A role, or a code span, which is left alone.
ROLE = re.compile(r"\{(?P<name>[\w:-]+)\}`(?P<content>[^`]+)`|``.+?``|`[^`]*`", re.DOTALL)
EQUATION = re.compile(r"\$\$(?P<body>.+?)\$\$[ \t]*\((?P<label>[\w:-]+)\)", re.DOTALL)
TARGET = re.compile(r"^\((?P<label>[\w:-]+)\)=\s*$", re.MULTILINE)
HEADING = re.compile(r"^(?P<level>#{1,6})\s+(?P<title>.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Text:
    """Running Markdown."""

    text: str


@dataclass(frozen=True)
class Code:
    """A fenced block that is shown as it stands, fences included."""

    text: str


@dataclass(frozen=True)
class Directive:
    """```{name} argument, with `:key: value` options and a body that may hold directives again."""

    name: str
    argument: str
    options: dict[str, str] = field(default_factory=dict)
    body: str = ""
    indent: str = ""


def pieces(text: str) -> Iterator[Text | Code | Directive]:
    """The parts of a Markdown text in their order.

    Raises:
        ValueError: a fence that is never closed.
    """
    lines, plain = text.split("\n"), []
    position = 0
    while position < len(lines):
        opening = FENCE.match(lines[position])
        if opening is None or (opening["name"] is None and opening["fence"].startswith(":")):
            plain.append(lines[position])
            position += 1
            continue
        if plain:
            yield Text("\n".join(plain))
            plain = []
        end = _closing(lines, position, opening["fence"])
        block = lines[position : end + 1]
        position = end + 1
        yield Code("\n".join(block)) if opening["name"] is None else _directive(opening, block[1:-1])
    if plain:
        yield Text("\n".join(plain))


def directives(text: str) -> Iterator[Directive]:
    """Every directive, an outer one before those in its body."""
    for piece in pieces(text):
        if isinstance(piece, Directive):
            yield piece
            yield from directives(piece.body)


def running_text(text: str) -> str:
    """All text outside code blocks, bodies of directives included."""
    parts = [piece.text if isinstance(piece, Text) else running_text(f"{piece.argument}\n{piece.body}")
             for piece in pieces(text) if not isinstance(piece, Code)]  # fmt: skip
    return "\n".join(parts)


def roles(text: str) -> Iterator[tuple[str, str]]:
    """(name, content) of every role in the running text."""
    for match in ROLE.finditer(running_text(text)):
        if match["name"]:
            yield match["name"], match["content"]


def _closing(lines: list[str], start: int, fence: str) -> int:
    for position in range(start + 1, len(lines)):
        line = lines[position].strip()
        if len(line) >= len(fence) and line == fence[0] * len(line):
            return position
    raise ValueError(f"the block that opens with {lines[start]!r} is never closed")


def _directive(opening: re.Match, body: list[str]) -> Directive:
    body = [line.removeprefix(opening["indent"]) for line in body]
    options: dict[str, str] = {}
    if body and body[0].strip() == "---":
        end = next(i for i, line in enumerate(body[1:], start=1) if line.strip() == "---")
        options = {key: str(value) for key, value in (yaml.safe_load("\n".join(body[1:end])) or {}).items()}
        body = body[end + 1 :]
    while body and (option := OPTION.match(body[0].strip())):
        options[option[1]] = option[2]
        body = body[1:]
    return Directive(opening["name"], opening["argument"].strip(), options, "\n".join(body), opening["indent"])
