"""Distances, ranges and repetitions of batches, against their definitions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_game import energy

from ganlab.monitor._samples import Repeats, compared


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("lead", [1, 2])
def test_repeats_are_counted_in_any_order(dtype, lead):
    repeats = Repeats(lead)
    x = torch.randn(2, 8, 3, 5).to(dtype)[: lead if lead == 2 else 1]
    given = x if lead == 2 else x[0]
    assert repeats.share(given).isnan().all()
    mixed = given.flip(lead - 1).clone()
    mixed.select(lead - 1, 2).neg_()  # one sample of eight is another
    assert repeats.share(mixed).flatten().tolist() == [7 / 8] * lead
    assert repeats.share(mixed.abs() + 1).flatten().tolist() == [0] * lead


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 9), m=st.integers(2, 9), d=st.sampled_from([1, 3, 100]), shift=st.floats(0, 1e3),
       scale=st.sampled_from([1e-30, 1.0, 1e30]), seed=st.integers(0, 99))  # fmt: skip
def test_distances_hold_for_any_size_place_and_scale(n, m, d, shift, scale, seed):
    dice = torch.Generator().manual_seed(seed)
    x, y = torch.randn(n, d, generator=dice), torch.randn(m, d, generator=dice) + shift
    found = compared((x * scale)[..., None], (y * scale)[..., None], 1)
    expected = torch.pdist(y.double()).mean() / torch.pdist(x.double()).mean(), energy(x.double(), y.double())
    np.testing.assert_allclose(found[:2], [expected[0], expected[1].clamp(min=0)], rtol=1e-2, atol=2e-3)
    assert 0 <= found[1] <= 1


def test_samples_that_are_all_alike_and_batches_that_nothing_can_be_said_of():
    x, far = torch.randn(80, 3, 8, 8), torch.full((80, 3, 8, 8), 1000.0)
    spread, energy_far = compared(x, far, 1)[:2]
    assert spread < 1e-6 and energy_far > 0.99
    assert compared(x, x.flip(0), 1)[1] < 0.02
    for real, fake in ((far, x), (x[:1], x), (x, x[..., 0]), (x, torch.full_like(x, torch.nan))):
        assert compared(real, fake, 1)[0].isnan()
    row = compared(torch.tensor([1.0, torch.inf]), torch.tensor([0.0, 1.0]), 1)  # samples of one number, no axis
    assert row[:2].isnan().all() and row[2:].tolist() == [1, torch.inf, 0, 1]
