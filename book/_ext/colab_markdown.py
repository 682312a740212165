"""A chapter's MyST Markdown as plain Markdown and a little HTML, which Colab and every notebook viewer show.

Each directive and each role has a function in a registry. One that is in none is an error: nothing slips through.
"""

import base64
import mimetypes
import re
from collections.abc import Callable
from pathlib import Path

import account_tables
import accounts
import myst
import replicated_on
import works_cited
from labels import BOOK, NUMBERED, Label

# Links to a place in the book, and pictures that lie beside it.
INNER_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>#[\w:-]+|[\w./-]+\.(?:md|ipynb|html)(?:#[\w:-]*)?)\)")
PICTURE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<path>[\w./-]+\.(?:png|jpg|svg|gif))\)")

DIRECTIVES: dict[str, Callable[["Translator", myst.Directive], str]] = {}
ROLES: dict[str, Callable[["Translator", str], str]] = {}


class Translator:
    """Translates the cells of one chapter, in order.

    Args:
        labels: every label of the book, see `labels.index`.
        cited: collects the keys of the works that the chapter cites.
    """

    def __init__(self, labels: dict[str, Label], cited: set[str] | None = None):
        self.labels = labels
        self.cited = set() if cited is None else cited

    def translate(self, source: str) -> str:
        """The plain Markdown of a cell.

        Raises:
            ValueError: an unknown directive, role, label or citation.
        """
        translated = "\n".join(map(self._piece, myst.pieces(source)))
        return re.sub(r"\n{3,}", "\n\n", translated).strip()

    def label(self, name: str) -> Label:
        if name not in self.labels:
            raise ValueError(f"unknown label {name!r}")
        return self.labels[name]

    def named(self, content: str, fallback: Callable[[str], str]) -> str:
        """`text <target>` is its text; a bare target is what `fallback` makes of it."""
        match = re.fullmatch(r"(?P<text>.+?)\s*<(?P<target>[^>]+)>", content, re.DOTALL)
        return match["text"] if match else fallback(content)

    def _piece(self, piece) -> str:
        if isinstance(piece, myst.Code):
            return piece.text
        if isinstance(piece, myst.Text):
            return self._text(piece.text)
        if piece.name not in DIRECTIVES:
            raise ValueError(f"directive {piece.name!r} has no translation; known: {', '.join(DIRECTIVES)}")
        lines = f"\n{DIRECTIVES[piece.name](self, piece)}\n".split("\n")
        return "\n".join(f"{piece.indent}{line}".rstrip() for line in lines)

    def _text(self, text: str) -> str:
        text = myst.TARGET.sub("", text)
        text = re.sub(r"^(%|\+\+\+).*$", "", text, flags=re.MULTILINE)
        text = myst.EQUATION.sub(lambda match: self._equation(match["body"], match["label"]), text)
        text = myst.ROLE.sub(self._role, text)
        text = PICTURE.sub(lambda match: _embedded(match["alt"], match["path"]), text)
        return INNER_LINK.sub(self._link, text)

    def _role(self, match: re.Match) -> str:
        if match["name"] is None:
            return match[0]
        if match["name"] not in ROLES:
            raise ValueError(f"role {match['name']!r} has no translation; known: {', '.join(ROLES)}")
        return ROLES[match["name"]](self, match["content"].strip())

    def _equation(self, body: str, label: str) -> str:
        number = self.label(label).number.strip("()")
        return f"$$\n{body.strip()} \\tag{{{number}}}\n$$"

    def _link(self, match: re.Match) -> str:
        """A link within the book leads nowhere from here: its text stays."""
        return match["text"] or str(self.label(match["target"].removeprefix("#")))


def directive(*names: str):
    return lambda function: DIRECTIVES.update(dict.fromkeys(names, function)) or function


def role(*names: str):
    return lambda function: ROLES.update(dict.fromkeys(names, function)) or function


def _quoted(title: str, body: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in f"**{title}**\n\n{body}".strip().split("\n"))


def _folded(title: str, body: str) -> str:
    return f"<details>\n<summary>{title}</summary>\n\n{body.strip()}\n\n</details>"


def _embedded(alt: str, path: str) -> str:
    """The picture itself in place of its path."""
    data = base64.b64encode((BOOK / path).read_bytes()).decode()
    return f"![{alt}](data:{mimetypes.guess_type(path)[0]};base64,{data})"


@directive("note", "tip", "important", "warning", "caution", "attention", "hint", "danger", "error", "seealso",
           "admonition", "dropdown")  # fmt: skip
def _admonition(self, box):
    title = self.translate(box.argument) or {"seealso": "See also"}.get(box.name, box.name.capitalize())
    folded = box.name == "dropdown" or "dropdown" in box.options.get("class", "")
    return (_folded if folded else _quoted)(title, self.translate(box.body))


@directive("exercise", *(name for name in NUMBERED if name.startswith("prf:")))
def _numbered(self, box):
    label = self.label(box.options.get("label", ""))
    return _quoted(f"{label}{_in_parentheses(self, box.argument)}", self.translate(box.body))


@directive("exercise-start")
def _exercise_start(self, box):
    label = self.label(box.options.get("label", ""))
    return f"**{label}{_in_parentheses(self, box.argument)}**"


@directive("solution")
def _solution(self, box):
    return _folded(f"Solution to {self.label(box.argument)}", self.translate(box.body))


@directive("solution-start")
def _solution_start(self, box):
    return f"**Solution to {self.label(box.argument)}**, with the cells that follow."


@directive("solution-end", "exercise-end")
def _end(self, box):
    return ""


@directive("prf:proof")
def _proof(self, box):
    return _quoted("Proof", self.translate(f"{box.argument}\n\n{box.body}" if box.argument else box.body))


@directive("claims")
def _claims(self, box):
    table = account_tables.claims_table
    return self.translate(table(_chosen(box, accounts.claims()), works_cited.cite, replicated_on.book()))


@directive("reproductions")
def _reproductions(self, box):
    return self.translate(account_tables.reproductions_table(_chosen(box, accounts.reproductions()), works_cited.cite))


def _chosen(box, known: dict) -> list:
    if unknown := [name for name in box.argument.split() if name not in known]:
        raise ValueError(f"unknown {box.name} {unknown}; known: {', '.join(known)}")
    return [known[name] for name in box.argument.split()]


@directive("references", "bibliography")
def _references(self, box):
    return "\n".join(f"- {works_cited.markdown(key)}" for key in sorted(self.cited, key=works_cited.short))


@directive("math")
def _math(self, box):
    name = box.options.get("label") or box.options.get("name")
    return self._equation(box.body, name) if name else f"$$\n{box.body.strip()}\n$$"


@directive("figure", "image")
def _figure(self, box):
    picture = _embedded(box.options.get("alt", ""), box.argument)
    if "name" not in box.options:
        return f"{picture}\n\n{self.translate(box.body)}"
    return f"{picture}\n\n**{self.label(box.options['name'])}** {self.translate(box.body)}"


@directive("table")
def _table(self, box):
    return f"{_caption(self, box)}{self.translate(box.body)}"


@directive("list-table")
def _list_table(self, box):
    rows: list[list[str]] = []
    for line in box.body.split("\n"):
        if match := re.match(r"\s*\* - ?(.*)", line):
            rows.append([match[1]])
        elif match := re.match(r"\s+- ?(.*)", line):
            rows[-1].append(match[1])
        elif line.strip():
            rows[-1][-1] += " " + line.strip()
    cells = [[self.translate(cell) for cell in row] for row in rows]
    head = cells.pop(0) if int(box.options.get("header-rows", 0)) else [""] * len(cells[0])
    return _caption(self, box) + account_tables.table(head, cells)


def _caption(self, box) -> str:
    parts = [f"**{self.label(box.options['name'])}**" if "name" in box.options else "", self.translate(box.argument)]
    caption = " ".join(filter(None, parts))
    return f"{caption}\n\n" if caption else ""


def _in_parentheses(self, argument: str) -> str:
    return f" ({self.translate(argument)})" if argument else ""


@role("cite", "cite:p")
def _cite(self, content):
    keys = [key.strip() for key in content.split(",")]
    self.cited.update(keys)
    return "(" + "; ".join(works_cited.short(key, parentheses=True)[1:-1] for key in keys) + ")"


@role("cite:t")
def _cite_in_text(self, content):
    keys = [key.strip() for key in content.split(",")]
    self.cited.update(keys)
    return ", ".join(map(works_cited.short, keys))


@role("numref", "ref", "eq", "prf:ref")
def _reference(self, content):
    text = self.named(content, lambda target: str(self.label(target)).strip())
    target = content.rsplit("<", 1)[-1].rstrip(">")
    return text.replace("%s", self.label(target).number).replace("{number}", self.label(target).number)


@role("doc")
def _doc(self, content):
    return self.named(content, lambda target: f"*{self.label(f'doc:{Path(target).name}').title}*")


@role("math")
def _inline_math(self, content):
    return f"${content}$"


@role("term", "kbd", "abbr")
def _plain(self, content):
    return self.named(content, lambda text: text)
