"""ganlab.metrics.Judge: samples compared with real images in one set of features."""

import math

import pytest
import torch

from ganlab import data
from ganlab.metrics import Judge, features, frechet_distance, precision_recall

DIGITS = data.load("digits")


@pytest.fixture(scope="module")
def net():
    return features.train(DIGITS, steps=60, progress=False)


def members(count=3, n=200):
    """Real images, the same with more and more noise."""
    dice = torch.Generator().manual_seed(0)
    noise = torch.randn(count, n, *DIGITS.shape, generator=dice)
    return DIGITS.sample(n, dice) + torch.arange(count)[:, None, None, None, None] * 0.3 * noise


def test_it_is_the_plain_metrics_in_the_features_one_row_a_member(net):
    real, samples = DIGITS.samples[:300], members()
    judge, there = Judge(real, net.features), net.features(real)
    table = judge.scores(samples, k=4)
    assert list(table) == ["frechet", "precision", "recall"]
    for row, images in zip(table.itertuples(index=False), samples, strict=True):
        here = net.features(images)
        assert tuple(row) == (frechet_distance(there, here), *precision_recall(there, here, k=4))
    assert judge.frechet(samples).dtype == torch.float64
    assert judge.frechet(samples).tolist() == table.frechet.tolist()
    assert table.frechet.is_monotonic_increasing


def test_a_single_generator_has_one_value_and_one_row(net):
    judge, samples = Judge(DIGITS, net.features), members()
    assert judge.frechet(samples[1]).shape == ()
    assert judge.frechet(samples[1]) == judge.frechet(samples)[1]
    assert judge.scores(samples[1]).equals(judge.scores(samples).iloc[[1]].reset_index(drop=True))


def test_without_features_it_compares_pixels():
    samples = members()
    expected = [frechet_distance(DIGITS.samples.flatten(1), images.flatten(1)) for images in samples]
    assert Judge(DIGITS.samples).frechet(samples).tolist() == expected
    points = torch.randn(40, 3)
    assert Judge(points).frechet(points + 2).item() == pytest.approx(12)


def test_of_a_data_set_as_many_real_images_as_samples_always_the_same():
    judge = Judge(DIGITS)
    few, all_of_them = judge.real(10), judge.real(10_000)
    assert torch.equal(few, judge.real(10)) and torch.equal(few, judge.real(500)[:10])
    assert not torch.equal(few, DIGITS.samples[:10])
    assert len(all_of_them) == len(DIGITS)
    assert torch.equal(all_of_them.flatten(1).sort(0).values, DIGITS.samples.flatten(1).sort(0).values)
    samples = members()
    assert torch.equal(judge.frechet(samples), Judge(judge.real(200)).frechet(samples))
    assert torch.equal(Judge(DIGITS.samples).real(10), DIGITS.samples)


def test_real_images_pass_the_network_once_for_each_count():
    seen = []

    def look(images):
        seen.append(len(images))
        return images.flatten(1)

    judge = Judge(DIGITS, look)
    for _ in range(2):
        judge.frechet(members(count=2, n=100))
        judge.scores(members(count=1, n=50))
    assert seen == [100, 100, 100, 50, 50, 100, 100, 50]


def test_a_member_that_is_not_finite_is_infinitely_far_and_the_others_stay(net):
    samples = members(count=4)
    judge, expected = Judge(DIGITS, net.features), Judge(DIGITS, net.features).scores(samples)
    samples[1, 7, 0, 0, 0], samples[3, 0] = torch.nan, -torch.inf
    table = judge.scores(samples)
    assert table.iloc[[0, 2]].equals(expected.iloc[[0, 2]])
    for member in (1, 3):
        assert table.iloc[member].tolist() == [math.inf, 0, 0]
    assert judge.frechet(samples).isinf().tolist() == [False, True, False, True]
    samples[1] = 3e38  # finite, and too large for the network
    assert judge.frechet(samples)[1] == math.inf


def test_with_a_range_samples_are_cut_off_and_what_is_no_number_is_grey(net):
    samples = members(count=4)
    samples[1, 7], samples[3] = torch.nan, torch.nan
    samples[2, 0, 0, 0] = torch.tensor([torch.inf, -torch.inf, 9, -9, 0, 0, 0, 0])
    grey = samples.clone().clamp(-1, 1)
    grey[1, 7], grey[3] = 0, 0
    grey[2, 0, 0, 0] = torch.tensor([1.0, -1, 1, -1, 0, 0, 0, 0])
    judge = Judge(DIGITS, net.features, value_range=(-1, 1))
    assert torch.equal(judge.frechet(samples), Judge(DIGITS, net.features).frechet(grey))
    bright = Judge(torch.rand(50, 4), value_range=(0, 1))
    assert bright.frechet(torch.full((50, 4), torch.nan)) == bright.frechet(torch.full((50, 4), 0.5))


def test_it_needs_no_gradient_and_leaves_the_random_state_alone(net):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    Judge(DIGITS, net.features).scores(members(count=1).requires_grad_())
    assert torch.equal(torch.rand(2), expected)


def test_bad_arguments_are_named(net):
    with pytest.raises(ValueError, match="real must be images"):
        Judge(data.load("ring"))
    with pytest.raises(ValueError, match="real must be images"):
        Judge(torch.zeros(0, 1, 8, 8))
    with pytest.raises(ValueError, match=r"samples must be \(\[members,\] n, 1, 8, 8\), not \(1, 8, 8\)"):
        Judge(DIGITS, net.features).frechet(torch.zeros(1, 8, 8))
    with pytest.raises(ValueError, match=r"not \(5, 1, 28, 28\)"):
        Judge(DIGITS, net.features).scores(torch.zeros(5, 1, 28, 28))
