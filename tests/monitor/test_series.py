"""Series keep to their bounds, and move to the host once in an interval."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganlab.monitor._series import Series


@given(st.integers(1, 300), st.integers(1, 20), st.integers(2, 30))
def test_points_stay_bounded_evenly_spaced_and_true(n, fetch_every, capacity):
    series = Series(fetch_every, capacity)
    for step in range(1, n + 1):
        series.add(step, torch.tensor([step, -step]), note=str(step))
        assert len(series) <= capacity + fetch_every
    points = series.read()
    steps = [step for step, _, _ in points]
    assert len(points) <= capacity and steps[0] == 1
    assert len({b - a for a, b in pairwise(steps)}) <= 1
    assert all(values.tolist() == [step, -step] and note == str(step) for step, values, note in points)
    if n <= capacity:
        assert steps == list(range(1, n + 1))


def test_one_transfer_an_interval(monkeypatch):
    transfers = []
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: transfers.append(self.shape) or self)
    series = Series(fetch_every=5)
    for step in range(14):
        series.add(step, torch.zeros(2, 3))
    assert transfers == [(5, 2, 3), (5, 2, 3)]


@given(st.integers(1, 60), st.integers(1, 4), st.integers(1, 7), st.integers(2, 9), st.booleans())
def test_a_second_point_at_a_step_replaces_the_first(n, times, fetch_every, capacity, read):
    """As D's critic steps do, also where the first has been fetched already, or was not taken in."""
    series, once = Series(fetch_every, capacity), Series(fetch_every, capacity)
    for step in range(n):
        once.add(step, torch.tensor(float(step)), times)
        for k in range(1, times + 1):
            series.add(step, torch.tensor(step - (times - k) / 10), k)
            if read:
                series.read()
    steps = [step for step, _, _ in series.read()]
    assert all(float(value) == step and k == times for step, value, k in series.read())
    assert len(steps) <= capacity and len({b - a for a, b in pairwise(steps)}) <= 1
    if not read:
        assert steps == [step for step, _, _ in once.read()]


@pytest.mark.parametrize("bounds", [(0, 10), (1, 1)])
def test_bounds_that_cannot_be(bounds):
    with pytest.raises(ValueError, match="at least 1 and 2"):
        Series(*bounds)


def test_numbers_that_numpy_has_no_type_for():
    series = Series(fetch_every=2)
    for step, values in enumerate(([1.5, 2.0], [3.0, float("inf")], [0.25, -1.0]), 1):
        series.add(step, torch.tensor(values, dtype=torch.bfloat16))
    assert [(step, row.tolist()) for step, row, _ in series.read()] == [
        (1, [1.5, 2.0]), (2, [3.0, float("inf")]), (3, [0.25, -1.0])
    ]  # fmt: skip
