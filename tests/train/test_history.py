"""Notes as a table: one seed and many, in order, and none yet."""

import sys

import pandas as pd
import pytest
import torch

from ganlab.train._history import tidy


def test_one_seed():
    table = tidy([(1, torch.tensor([0.5, 2.0])), (3, torch.tensor([0.25, 4.0]))], ["a", "b"], 7)
    expected = pd.DataFrame({"step": [1, 3], "seed": [7, 7], "a": [0.5, 0.25], "b": [2.0, 4.0]})
    pd.testing.assert_frame_equal(table, expected)


def test_many_seeds_keep_their_own_numbers():
    log = [(step, torch.tensor([[10.0, 20.0, 30.0], [1.0, 2.0, 3.0]]) + step) for step in (0, 5)]
    table = tidy(log, ["a", "b"], (4, 5, 6))
    assert list(table.seed) == [4, 5, 6] * 2 and list(table.step) == [0] * 3 + [5] * 3
    assert list(table.a) == [10, 20, 30, 15, 25, 35] and list(table.b) == [1, 2, 3, 6, 7, 8]


@pytest.mark.parametrize("seeds", [0, [1, 2]])
def test_nothing_noted(seeds):
    assert list(tidy([], ["a"], seeds).columns) == ["step", "seed", "a"]


def test_without_pandas_the_table_says_what_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pandas is needed here: pip install '.\[lab\]'"):
        tidy([], ["a"], 0)
