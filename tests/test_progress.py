"""Progress bars with tqdm and without: the loop around them runs alike."""

import os
import subprocess
import sys

import pytest

from ganlab._progress import bar


@pytest.fixture(params=["with tqdm", "without tqdm"])
def either_way(request, monkeypatch):
    if request.param == "without tqdm":
        monkeypatch.setitem(sys.modules, "tqdm", None)


def test_a_loop_runs_through(either_way, capsys):
    assert list(bar(range(3), desc="loop", progress=False)) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_a_bar_is_a_context_that_counts(either_way):
    with bar(total=10, initial=4, desc="steps", unit="step") as shown:
        shown.update(5)
        shown.set_postfix(loss=1.0)
        # tqdm counts nothing where the environment switches it off.
        assert shown.n == (4 if getattr(shown, "disable", False) else 9)
    shown.close()


@pytest.mark.parametrize(
    ("line", "environment", "shown"),
    [
        ("list(bar(range(3)))", {}, True),
        ("list(bar(range(3)))", {"TQDM_DISABLE": "1"}, False),
        ("list(bar(range(3), progress=False))", {}, False),
        ("sys.modules['tqdm'] = None; list(bar(range(3)))", {}, False),
    ],
)
def test_what_is_shown(line, environment, shown):
    """In a process of its own: tqdm reads its environment when it is imported."""
    others = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}
    command = [sys.executable, "-c", f"import sys; from ganlab._progress import bar; {line}"]
    ran = subprocess.run(command, env=others | environment, capture_output=True, text=True, check=True)
    assert ("3/3" in ran.stderr) == shown and (shown or not ran.stderr)
