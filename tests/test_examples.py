"""Every public function and class has an example in its docstring: short, and it runs as a reader would paste it."""

import doctest
import types

import pytest

import wings

LONGEST = 8  # lines of an example, inputs and outputs together
NAMES = [
    name for wing in wings.wings() for name in wings.public(wing) if name.kind in ("function", "class", "exception")
]


def faults(docstring: str, name: str) -> str:
    """What is wrong with the example in a docstring, in words; "" where nothing is. It runs in an empty namespace."""
    test = doctest.DocTestParser().get_doctest(docstring, {}, name, None, 0)
    if not test.examples:
        return f"{name} has no example: show in a few lines that begin with >>> what it is for"
    if (lines := sum((part.source + part.want).count("\n") for part in test.examples)) > LONGEST:
        return f"the example of {name} has {lines} lines, {LONGEST} at most"
    said: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    return "".join(said)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.full)
def test_example(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not (found := faults(name.docstring, name.full)), found
    assert list(tmp_path.iterdir()) == []


TOY = '''
def bare():
    """Nothing to see."""

def long():
    """Counts.

    >>> for n in range(6):
    ...     print(n)
    0
    1
    2
    3
    4
    5
    >>> "ninth line, and it has an output"
    'ninth line, and it has an output'
    """

def wrong():
    """Adds.

    >>> 1 + 1
    3
    """

def borrowed():
    """Takes a name from its file.

    >>> wrong()
    """

def right():
    """Adds.

    >>> 1 + 1
    2
    """
'''


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bare", "toy.bare has no example"),
        ("long", "toy.long has 10 lines, 8 at most"),
        ("wrong", "Expected:\n    3\nGot:\n    2\n"),
        ("borrowed", "NameError: name 'wrong' is not defined"),
    ],
)
def test_a_fault_is_found(name, words):
    toy = types.ModuleType("toy")
    exec(TOY, toy.__dict__)
    assert words in faults(getattr(toy, name).__doc__, f"toy.{name}")
    assert faults(toy.right.__doc__, "toy.right") == ""
