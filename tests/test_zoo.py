"""Every tool that takes a network, over every odd network of `zoo.py`: right, or refused in a sentence of ours.

`python tests/test_zoo.py` prints the table, `pytest -s tests/test_zoo.py -k table` does too.
"""

import string
import tempfile
import traceback
import warnings
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import nn
from zoo import CASES, Case, mlp
from zoo_tools import TOOLS, kept, resumed

import ganlab

PACKAGE = str(Path(ganlab.__file__).parent)


def outcome(tool, case) -> str:
    """ "right", or the sentence of ours that the tool refuses with. Whatever else is raised goes on.

    Ours is what the package itself raises, as a ValueError, TypeError or its CheckpointError; not what comes out of
    torch from further down.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of torch, for its older hooks
            tool(case, *([Path(tempfile.mkdtemp())] if tool in (kept, resumed) else []))
    except (ValueError, TypeError, ganlab.train.CheckpointError) as error:
        if not traceback.extract_tb(error.__traceback__)[-1].filename.startswith(PACKAGE):
            raise
        return str(error)
    return "right"


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_right_or_refused(case, tool):
    found = outcome(TOOLS[tool], case)
    assert case.refused.get(tool, "right") in found
    assert found == "right" or tool in case.refused, found


def test_every_refusal_that_is_listed_is_of_a_tool_that_there_is():
    assert {tool for case in CASES for tool in case.refused} <= set(TOOLS)
    assert len({case.name for case in CASES}) == len(CASES)


def test_a_wrong_number_is_found():
    """A clipper that forgets the biases; a penalty of twice the weight."""
    import zoo_tools

    def forgetful(net):
        weights = [p for p in net.parameters() if p.ndim > 1]
        return zoo_tools.clip_grad_norm_(weights, 0.01)

    with pytest.raises(AssertionError):
        zoo_tools.scaled(CASES[0], forgetful, lambda grads, net: grads)
    double = zoo_tools.penalty(
        zoo_tools.asked(lambda D, x, fake, more: 2 * zoo_tools.penalties.r1(D, x)),
        lambda D, x, fake, inputs: zoo_tools.slope(D, inputs, x).square().sum(1).mean() / 2,
    )
    with pytest.raises(AssertionError):
        double(CASES[0])


def test_a_check_that_says_too_little_or_too_much_is_found():
    import zoo_tools

    for case in (Case("unused", CASES[8].build), Case("plain", mlp, said=("unreached",))):
        with pytest.raises(AssertionError):
            zoo_tools.checked(case)


def test_words_of_torch_are_not_ours():
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        outcome(TOOLS["snapshot"], Case("too wide", lambda: mlp(first=nn.Linear(9, 5))))


def table() -> str:
    """A line for each case, a column for each tool: "." is right, a letter the sentence that it is refused with."""
    words = list(dict.fromkeys(said for case in CASES for said in case.refused.values()))
    letters = dict(zip(words, string.ascii_letters, strict=False))
    width, count = max(len(case.name) for case in CASES), Counter()
    lines = [f"{number:>{width + 3}} {name}" for number, name in enumerate(TOOLS, 1)]
    lines.append(" " * width + "".join(f"{number:>3}" for number in range(1, len(TOOLS) + 1)))
    for case in CASES:
        found = {name: outcome(tool, case) for name, tool in TOOLS.items()}
        count.update("right" if one == "right" else "refused" for one in found.values())
        row = ["." if one == "right" else letters[case.refused[name]] for name, one in found.items()]
        lines.append(f"{case.name:<{width}}" + "".join(f"{one:>3}" for one in row))
    return "\n".join([*lines, *(f"{letter}: {said}" for said, letter in letters.items()), str(dict(count))])


def test_the_table(capsys, request):
    if request.config.getoption("capture") == "no":
        with capsys.disabled():
            print("\n" + table())


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(table())
