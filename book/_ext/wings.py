"""The package as a reader meets it: its wings, what each answers, its public names. Read from the files, not imported.

python book/_ext/wings.py      writes the table of the wings in README.md again
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "ganlab"
README = ROOT / "README.md"

# What people come for, then what the book's experiments run on.
GROUPS = {
    "The GAN": ("nets", "losses", "train", "population"),
    "The loss derivations": ("theory",),
    "The clipping utilities": ("clipping", "penalties", "monitor", "preflight", "diagnosis"),
    "The laboratory that the book runs on": ("study", "plots", "metrics", "data", "latent", "optim", "clinic"),
}

# What ends a sentence stands before a space, outside of code, and not in an abbreviation.
SENTENCE = re.compile(
    r"(?:`[^`]*`|\b(?:et al|[eE]qs?|[sS]ec|[fF]ig|vs|cf|e\.g|i\.e|[A-Z])\.(?=\s)|[^`])+?[.?!](?=\s|$)"
)


@dataclass(frozen=True)
class Name:
    """A public name of a wing.

    Attributes:
        name: "clip_grad_norm_".
        home: the module that defines it, "ganlab.clipping.clippers".
        place: where its documentation stands: `home`, or the face if that file is private.
        full: what a reader imports: "ganlab.clipping.clip_grad_norm_" if the face has it, else with the file's name.
        kind: "function", "class", "exception", "constant"; "module" for a file that is itself a name of the face.
        docstring: as `inspect.getdoc` has it; of a constant the comment above it.
    """

    name: str
    home: str
    place: str
    full: str
    kind: str
    docstring: str


def wings() -> list[str]:
    """Every wing on the disk, "ganlab.nets": the directories with a face, and the files; without an underscore."""
    names = [path.parent.name for path in PACKAGE.glob("*/__init__.py")] + [path.stem for path in PACKAGE.glob("*.py")]
    return sorted(f"ganlab.{name}" for name in names if name[0] != "_")


def files(wing: str) -> dict[str, Path]:
    """The public modules of a wing: its face first, then in the order in which the face's docstring comes to speak of
    what they hold; what it does not speak of comes last."""
    place = PACKAGE / wing.removeprefix("ganlab.")
    if not place.is_dir():
        return {wing: place.with_suffix(".py")}
    said, exported = docstring(place / "__init__.py"), _face(place / "__init__.py")[0]

    def mention(path: Path) -> int:
        names = [name for name in (path.stem, *(name for name, _, _ in _defined(path))) if name in exported]
        found = [match.start() for name in names if (match := re.search(rf"\b{re.escape(name)}\b", said))]
        return min(found, default=len(said))

    inner = sorted((path for path in place.glob("*.py") if path.stem[0] != "_"), key=lambda path: (mention(path), path))
    return {wing: place / "__init__.py", **{f"{wing}.{path.stem}": path for path in inner}}


def lines(wing: str) -> int:
    """How many lines the wing has, its private files included."""
    face = files(wing)[wing]
    sources = face.parent.rglob("*.py") if face.name == "__init__.py" else [face]
    return sum(len(path.read_text().splitlines()) for path in sources)


def docstring(path: Path) -> str:
    return ast.get_docstring(_tree(path)) or ""


def question(wing: str) -> str:
    """What the wing answers: the first sentence of its docstring."""
    return first_sentence(docstring(files(wing)[wing]))


def first_sentence(text: str) -> str:
    """The first sentence of the first paragraph, in one line."""
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    match = SENTENCE.match(paragraph)
    return match[0] if match else paragraph


def public(wing: str) -> list[Name]:
    """The wing's public names, by file, in the order of the files' text.

    They are the functions and classes without an underscore in files without one, what the face lists in `__all__`,
    and the registries in which a caller's name is looked up.
    """
    modules = files(wing)
    exported, imported = _face(modules[wing])
    behind = {home: PACKAGE.parent.joinpath(*home.split(".")).with_suffix(".py")
              for name, home in imported.items() if name in exported and home not in modules}  # fmt: skip
    names = []
    for home, path in {**modules, **behind}.items():
        if home.rpartition(".")[2] in exported:
            names.append(Name(home.rpartition(".")[2], home, home, home, "module", docstring(path)))
        for name, kind, text in _defined(path):
            on_face = name in exported and imported.get(name, home) == home
            registry = kind == "constant" and (name in registries() or (home == wing and name.isupper()))
            if on_face or (home in modules and (kind != "constant" or registry)):
                full = f"{wing if on_face else home}.{name}"
                names.append(Name(name, home, home if home in modules else wing, full, kind, text))
    return names


@cache
def registries() -> frozenset[str]:
    """The names of all tables in which the package looks up what a caller has named."""
    sources = [path.read_text() for path in PACKAGE.rglob("*.py")]
    return frozenset(name for text in sources for name in re.findall(r"lookup\((?:\w+\.)?([A-Z_]+),", text))


def table() -> str:
    """The wings as a table in Markdown, for the README."""
    rows = ["| | what it answers | lines |", "|---|---|---|"]
    for group, members in GROUPS.items():
        rows.append(f"| **{group}** | | |")
        for member in members:
            wing = f"ganlab.{member}"
            path = "ganlab/" + (f"{member}/" if files(wing)[wing].name == "__init__.py" else f"{member}.py")
            rows.append(f"| [`{path}`]({path}) | {question(wing)} | {round(lines(wing) / 50) * 50:,} |")
    return "\n".join(rows)


def stated(readme: str) -> str:
    """The table of the wings as it stands in the README."""
    return re.search(r"^\| \| what it answers \| lines \|\n(?:\|.*(?:\n|$))+", readme, re.MULTILINE)[0].rstrip()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _face(path: Path) -> tuple[list[str], dict[str, str]]:
    """What `__all__` lists, and the module that each imported name comes from."""
    exported: list[str] = []
    imported: dict[str, str] = {}
    for node in _tree(path).body:
        if isinstance(node, ast.ImportFrom):
            imported |= {alias.asname or alias.name: node.module for alias in node.names}
        elif isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            exported = ast.literal_eval(node.value)
    return exported, imported


def _defined(path: Path) -> Iterator[tuple[str, str, str]]:
    """(name, kind, docstring or comment) of what a file defines without an underscore."""
    text = path.read_text().split("\n")
    for node in _tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, _kind(node), ast.get_docstring(node) or ""
        for target in [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", []):
            if isinstance(target, ast.Name) and not target.id.startswith("_"):
                yield target.id, "constant", _comment_above(text, node.lineno)


def _kind(node: ast.FunctionDef | ast.ClassDef) -> str:
    if isinstance(node, ast.FunctionDef):
        return "function"
    return "exception" if any(ast.unparse(base).endswith(("Error", "Exception")) for base in node.bases) else "class"


def _comment_above(text: list[str], line: int) -> str:
    """The comment that ends above a line (counted from 1)."""
    above: list[str] = []
    while line > 1 and text[line - 2].startswith("# "):
        line -= 1
        above.insert(0, text[line - 1].removeprefix("# "))
    return " ".join(above)


if __name__ == "__main__":
    readme = README.read_text()
    README.write_text(readme.replace(stated(readme), table()))
