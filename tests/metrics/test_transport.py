"""ganlab.metrics.wasserstein: the best pairing of two sets of points."""

import math
from itertools import permutations

import pytest
import torch
from scipy.stats import wasserstein_distance

from ganlab import data
from ganlab.metrics import wasserstein


def points(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_it_is_the_least_over_all_pairings():
    samples, real = points(5, 2), points(5, 2, seed=1)
    every = min((samples[list(order)] - real).norm(dim=1).mean().item() for order in permutations(range(5)))
    assert wasserstein(samples, real).item() == pytest.approx(every, rel=1e-9)


def test_on_the_line_it_is_scipys():
    samples, real = points(3, 60, 1), 2 + points(60, 1, seed=1)
    expected = [wasserstein_distance(member.flatten(), real.flatten()) for member in samples]
    assert wasserstein(samples, real).tolist() == pytest.approx(expected, rel=1e-9)


def test_a_moved_set_is_as_far_as_it_was_moved_whatever_its_order():
    real = points(30, 2)
    assert wasserstein(real[torch.randperm(30)], real).item() == pytest.approx(0, abs=1e-6)
    assert wasserstein(real[torch.randperm(30)] + torch.tensor([3.0, 4.0]), real).item() == pytest.approx(5)


def test_one_value_a_member_and_each_as_if_alone():
    samples, real = points(4, 20, 3), points(20, 3, seed=1)
    together = wasserstein(samples, real)
    assert together.shape == (4,) and together.dtype == torch.float64
    assert torch.allclose(together, torch.stack([wasserstein(member, real) for member in samples]), atol=1e-12)
    assert wasserstein(samples[0], real).shape == ()


def test_repeated_places_take_equal_shares():
    """All samples on one of 8 modes: each other mode draws an eighth of them over its distance."""
    modes = data.load("ring").modes
    heap = modes[:1].repeat(40, 1)
    expected = (modes - modes[0]).norm(dim=1).mean().item()
    assert wasserstein(heap, modes.repeat_interleave(5, dim=0)).item() == pytest.approx(expected, rel=1e-3)


def test_a_member_that_is_not_finite_is_infinitely_far():
    samples, real = points(4, 10, 2), points(10, 2, seed=1)
    expected = wasserstein(samples, real)
    samples[1, 0, 0], samples[2] = torch.nan, torch.inf
    found = wasserstein(samples, real)
    assert torch.equal(found[[0, 3]], expected[[0, 3]]) and found[1] == found[2] == math.inf
    assert wasserstein(torch.full((10, 2), 3e38), real) == math.inf  # the distance overflows float32


@pytest.mark.parametrize("shapes", [((5, 2), (4, 2)), ((5, 2), (5, 3)), ((5,), (5,)), ((0, 2), (0, 2))])
def test_sets_that_do_not_fit_are_named(shapes):
    with pytest.raises(ValueError, match=r"samples must be \(n, d\) or \(members, n, d\)"):
        wasserstein(*(torch.zeros(shape) for shape in shapes))
