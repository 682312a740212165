"""The package stands on floors: a file imports from its own wing and from the floors below, there nothing private."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import wings

# The package from the ground up: every wing, and every file that is one, with what it answers as its docstring begins.
# A wing stands as low as it can, so what it need know nothing of is beside it or above.
FLOORS = [
    {
        "_check": "Checks that several files share",
        "_modes": "Eval or train mode for a while",
        "_modules": "What all wings ask of a network",
        "_stacked": "The forward pass of N stacked networks without `vmap`",
        "_files": "Files that are written whole or not at all",
        "_progress": "Progress bars",
        "_numeric": "Norms that do not overflow",
        "_draws": "Random numbers that a training step needs beside its data",
        "_logits": "What the losses refuse",
    },
    {
        "losses": "What does each player minimise?",
        "population": "How do many seeds train at once?",
        "optim": "Which way does a step go?",
        "data": "What do they play over?",
        "study": "Would the next seed say the same?",
        "diagnosis": "What is wrong, and how sure is that?",
    },
    {
        "nets": "Which networks play?",
        "clipping": "Is the gradient too large?",
        "monitor": "What do the gradients do?",
        "preflight": "What would go wrong?",
        "metrics": "What is a run worth?",
    },
    {
        "penalties": "Is the discriminator too steep?",
        "latent": "What goes into the generator?",
        "theory": "What should happen, on paper?",
    },
    {
        "train": "How do they learn?",
        "plots": "What does it look like?",
        "clinic": "Would a doctor find it?",
    },
]
RESULTS = "recorded"  # the one directory that holds no code

LINES = 250  # of a file
FILES = 12  # directly in the package


def faults(package: Path, floors: list[dict[str, str]]) -> list[str]:
    """What breaks the order of a package, a line each, with the files that it concerns."""
    floor = {name: number for number, names in enumerate(floors) for name in names}
    sources = sorted(package.rglob("*.py"))
    found = [f"{_place(package, path)} has {count} lines, {LINES} at most"
             for path in sources if (count := len(path.read_text().splitlines())) > LINES]  # fmt: skip
    if (count := len(list(package.glob("*.py")))) > FILES:
        found.append(f"{package.name}/ holds {count} files, {FILES} at most: give them a wing")
    there = {path.stem if path.suffix == ".py" else path.name for path in package.iterdir() if path.name[:2] != "__"}
    found += [f"{package.name}/{name} stands on no floor" for name in sorted(there - set(floor) - {RESULTS})]
    found += [f"{package.name}/{name} is on a floor, but not on the disk" for name in sorted(set(floor) - there)]
    for path in sources:
        own = path.relative_to(package).with_suffix("").parts
        for line, target in imports(path, package):
            source = _place(package, _file(package, target))
            at = f"{_place(package, path)}:{line} imports {'.'.join(target)} of {source}"
            if target[0] != own[0] and own[0] in floor and target[0] in floor:
                if floor[target[0]] >= floor[own[0]]:
                    found.append(f"{at}, which is no floor below its own")
                if any(part[0] == "_" for part in target[1:]):
                    found.append(f"{at}, which is private")
            if own == ("__init__",):
                found.append(f"{at}: the package itself imports none of its wings")
    return found


def imports(path: Path, package: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(line, what is imported) for all that a file takes from its own package, wherever in the file it does.

    `from ganlab.nets import mlp` is ("nets", "mlp"); so are `from .nets import mlp` and, after `import ganlab`, the use
    of `ganlab.nets.mlp`.
    """
    inside = (package.name, *path.relative_to(package).parent.parts)
    everything = list(ast.walk(ast.parse(path.read_text())))
    heads = {node.value for node in everything if isinstance(node, ast.Attribute)}  # the a.b of a.b.c
    for node in everything:
        if isinstance(node, ast.ImportFrom):
            above = inside[: len(inside) + 1 - node.level] if node.level else ()
            start = (*above, *(node.module or "").split(".")) if node.module else above
            targets = [(*start, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            targets = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.Attribute) and node not in heads:
            targets = [tuple(ast.unparse(node).split("."))]
        else:
            continue
        for target in targets:
            if target[0] == package.name and len(target) > 1 and target[1][:2] != "__":
                yield node.lineno, target[1:]


def _file(package: Path, target: tuple[str, ...]) -> Path:
    """The file that a name comes from."""
    for end in range(len(target), 0, -1):
        place = package.joinpath(*target[:end])
        if place.with_suffix(".py").exists():
            return place.with_suffix(".py")
        if place.is_dir():
            return place / "__init__.py"
    return package / "__init__.py"


def _place(package: Path, path: Path) -> str:
    return path.relative_to(package.parent).as_posix()


def test_the_package_is_in_order():
    assert faults(wings.PACKAGE, FLOORS) == []


@pytest.mark.parametrize(("name", "text"), [item for names in FLOORS for item in names.items()])
def test_the_floors_say_what_the_wings_say(name, text):
    path = _file(wings.PACKAGE, (name,))
    assert " ".join(wings.docstring(path).split()).startswith(text)


TOY_FLOORS = [{"_base": "", "low": ""}, {"high": "", "beside": ""}]
TOY = {
    "__init__.py": "",
    "_base.py": "import os",
    "low/__init__.py": "from ganlab.low.file import name",
    "low/file.py": "import torch",
    "low/_secret.py": "from ganlab import __version__",
    "high/__init__.py": "from ganlab.low import name\nfrom ganlab._base import os\nfrom ganlab.high import _own",
    "high/_own.py": "from . import other",
    "high/other.py": "",
    "beside.py": "",
    "recorded/table.csv": "",
}


def toy(folder: Path, **changed: str) -> list[str]:
    """The faults of the toy package with some of its files changed."""
    package = folder / "ganlab"
    for name, text in {**TOY, **changed}.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    return faults(package, TOY_FLOORS)


def test_a_package_in_order_has_no_faults(tmp_path):
    assert toy(tmp_path) == []


@pytest.mark.parametrize(
    "source",
    [
        "from ganlab.high.other import x",
        "import ganlab.high.other",
        "import ganlab.high.other as short",
        "from ..high.other import x",
        "from ganlab.high import other",
        "def f():\n    from ganlab.high.other import x",
        "if TYPE_CHECKING:\n    from ganlab.high.other import x",
        "import ganlab\nganlab.high.other.x",
    ],
)
def test_an_import_from_above_is_found(tmp_path, source):
    found = toy(tmp_path, **{"low/file.py": source})
    assert found and all("ganlab/low/file.py" in line and "ganlab/high/other.py" in line for line in found)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"high/other.py": "from ganlab.low._secret import x"}, [["ganlab/high/other.py", "ganlab/low/_secret.py"]]),
        ({"high/other.py": "from ganlab.low import _secret"}, [["ganlab/high/other.py", "ganlab/low/_secret.py"]]),
        ({"high/other.py": "from ganlab.low import _x"}, [["ganlab/high/other.py", "ganlab/low/__init__.py"]]),
        ({"high/other.py": "from ganlab import beside"}, [["ganlab/high/other.py", "ganlab/beside.py"]]),
        (
            {"high/other.py": "from ganlab.beside import x", "beside.py": "from ganlab.high.other import y"},
            [["ganlab/beside.py", "ganlab/high/other.py"], ["ganlab/high/other.py", "ganlab/beside.py"]],
        ),
        (
            {"low/file.py": "from ganlab.high import x"},
            [["ganlab/low/file.py", "ganlab/high/__init__.py"]],
        ),
        ({"__init__.py": "from ganlab.low import x"}, [["ganlab/__init__.py", "ganlab/low/__init__.py"]]),
        ({"high/other.py": "\n" * 251}, [["ganlab/high/other.py", "251"]]),
        ({"new/__init__.py": ""}, [["ganlab/new"]]),
        ({"new.py": ""}, [["ganlab/new"]]),
    ],
    ids=["private file", "private file by name", "private name", "beside", "circle", "circle of floors",
         "package", "long", "new directory", "new file"],
)  # fmt: skip
def test_a_fault_is_found_and_the_files_are_named(tmp_path, changed, words):
    found = toy(tmp_path, **changed)
    assert len(found) == len(words)
    for line, expected in zip(found, words, strict=True):
        assert all(word in line for word in expected), line


def test_a_missing_wing_and_too_many_files_are_found(tmp_path):
    assert (
        toy(tmp_path, **{f"_{n}.py": "" for n in range(10)})[0]
        == "ganlab/ holds 13 files, 12 at most: give them a wing"
    )
    assert "ganlab/gone is on a floor, but not on the disk" in faults(tmp_path / "ganlab", [*TOY_FLOORS, {"gone": ""}])
