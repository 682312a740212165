"""ganlab.metrics.coverage against counts by hand, closed forms and scipy."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import nn

from ganlab import data, metrics
from ganlab.metrics import features, mode_index, stacked_modes

GRID, RING = data.load("grid"), data.load("ring")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# --- Modes


def test_uniform_noise_covers_modes_without_quality():
    """2,500 samples on [-5, 5]^2: the discs of 3 sigma hold 25 pi 0.15^2 / 100 of the area."""
    members, n = 100, 2500
    noise = torch.rand(members, n, 2, generator=generator()) * 10 - 5
    table = metrics.modes(noise, GRID)
    quality = 25 * math.pi * 0.15**2 / 100
    expected = 25 * (1 - (1 - quality / 25) ** n)
    assert round(expected, 1) == 20.7 and round(quality, 3) == 0.018
    assert abs(table["modes"].mean() - expected) < 4 * table["modes"].std() / members**0.5
    assert abs(table["high_quality"].mean() - quality) < 4 * (quality / (members * n)) ** 0.5


def test_a_perfect_sampler():
    table = metrics.modes(torch.stack([GRID.sample(2500, generator(seed)) for seed in range(40)]), GRID)
    assert (table["modes"] == 25).all()
    assert abs(table["high_quality"].mean() - (1 - math.exp(-4.5))) < 0.002
    # The plug-in estimate of a divergence of 0 is about (K - 1) / 2n.
    assert abs(table["reverse_kl"].mean() - 24 / 5000) < 0.001


@given(counts=st.lists(st.integers(0, 20), min_size=8, max_size=8).filter(any))
@settings(deadline=None, max_examples=40)
def test_counts_at_the_modes(counts):
    """Samples exactly on the modes: everything is known, the divergence from scipy."""
    row = metrics.modes(RING.modes.repeat_interleave(torch.tensor(counts), dim=0), RING).iloc[0]
    assert row["modes"] == sum(count > 0 for count in counts) and row["high_quality"] == 1
    assert row["reverse_kl"] == pytest.approx(stats.entropy(counts, [1] * 8), abs=1e-12)


def test_a_mode_needs_one_sample_within_three_sigma():
    along = torch.tensor([1.0, 0.0]) * RING.sigma
    points = torch.stack([RING.modes[0] + 2.9 * along, RING.modes[4] + 3.1 * along])
    row = metrics.modes(points, RING).iloc[0]
    assert (row["modes"], row["high_quality"]) == (1, 0.5)
    assert row["reverse_kl"] == pytest.approx(math.log(4))  # both belong to a mode, whatever their quality
    assert metrics.modes(points, RING, within=3.2).iloc[0]["modes"] == 2


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_diverged_member_scores_worst_and_spares_the_others(broken):
    samples = torch.stack([RING.sample(400, generator()), torch.full((400, 2), broken), RING.sample(400, generator())])
    samples[2, :100, 1] = broken
    table = metrics.modes(samples, RING)
    assert table.columns.tolist() == ["modes", "high_quality", "reverse_kl"] and not table.isna().any(axis=None)
    assert table.iloc[1].tolist() == [0, 0, math.log(8)]
    assert table["modes"].tolist() == [8, 0, 8]
    assert table["high_quality"][2] < 0.76 and table["high_quality"][0] > 0.97


def test_members_are_independent():
    samples = torch.stack([RING.sample(50, generator(seed)) for seed in range(3)])
    table = metrics.modes(samples, RING)
    for k in range(3):
        assert table.iloc[k].equals(metrics.modes(samples[k], RING).iloc[0].rename(k))


def test_huge_samples_do_not_overflow():
    assert metrics.modes(torch.full((4, 2), 3e38), RING).iloc[0].tolist()[:2] == [0, 0]


@pytest.mark.parametrize(
    "samples, source, within, message",
    [
        (torch.zeros(4, 2), data.load("swiss_roll"), 3, "no known modes"),
        (torch.zeros(4, 3), RING, 3, r"not \(4, 3\)"),
        (torch.zeros(0, 2), RING, 3, r"not \(0, 2\)"),
        (torch.zeros(2), RING, 3, r"not \(2,\)"),
        (torch.zeros(4, 2), RING, 0, "within=0"),
    ],
)
def test_bad_mode_arguments(samples, source, within, message):
    for measure in (metrics.modes, metrics.overlap):
        with pytest.raises(ValueError, match=message):
            measure(samples, source, within)


# --- Overlap: eq. 2.3 of the book


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=8, max_size=8), st.integers(1, 30))
def test_overlap_by_counting(counts, misses):
    """So many samples on each mode, and some on none: the sum of min(share, 1/8)."""
    points = [RING.modes[k].expand(n, 2) for k, n in enumerate(counts)] + [torch.zeros(misses, 2)]
    n = sum(counts) + misses
    expected = sum(min(count / n, 1 / 8) for count in counts)
    assert metrics.overlap(torch.cat(points), RING).item() == pytest.approx(expected)


def test_overlap_of_members_and_of_what_is_not_finite():
    samples = torch.stack([RING.sample(400, generator(seed)) for seed in range(3)])
    samples[1], samples[2, :100, 1] = math.nan, math.inf
    value = metrics.overlap(samples, RING)
    assert value.shape == (3,) and value[1] == 0 and 0.6 < value[2] < 0.75 < 0.9 < value[0]
    assert [metrics.overlap(member, RING).item() for member in samples] == pytest.approx(value.tolist())


# --- Stacked digits


class Brightness(nn.Module):
    """A classifier of flat grey images: class k is brightness k; `sure` scales its certainty."""

    def __init__(self, classes=10, sure=100.0):
        super().__init__()
        self.levels, self.sure = nn.Parameter(torch.arange(float(classes))), sure

    def forward(self, images):
        return -self.sure * (images.mean((1, 2, 3))[:, None] - self.levels).square()


def flat(*brightness):
    """One image, (3, 8, 8), with these brightnesses as its channels."""
    return torch.tensor(brightness, dtype=torch.float32)[:, None, None].expand(3, 8, 8)


def test_mode_index_reads_the_digits_in_order():
    index, probability = mode_index(torch.stack([flat(1, 2, 3), flat(0, 0, 9)]), Brightness())
    assert index.tolist() == [123, 9]
    assert (probability > 0.99).all()
    assert mode_index(flat(1, 2, 0)[None], Brightness(classes=3))[0].item() == 9 + 6


def test_counts_against_a_count_by_hand():
    images = torch.stack([flat(1, 2, 3)] * 3 + [flat(3, 2, 1)])
    row = stacked_modes(images, Brightness()).iloc[0]
    assert (row.modes, row.confident) == (2, 1.0)
    assert row.reverse_kl == pytest.approx(math.log(1000) + 0.75 * math.log(0.75) + 0.25 * math.log(0.25))


def test_all_modes_once_are_balanced_and_noise_is_not_confident():
    all_modes = torch.stack([flat(i // 100, i // 10 % 10, i % 10) for i in range(1000)])
    row = stacked_modes(all_modes, Brightness()).iloc[0]
    assert row.modes == 1000
    assert row.reverse_kl == pytest.approx(0, abs=1e-12)
    assert stacked_modes(all_modes, Brightness(sure=0.1)).confident[0] == 0


def test_members_and_samples_that_are_not_finite():
    good, bad = torch.stack([flat(1, 2, 3)] * 4), torch.full((4, 3, 8, 8), float("nan"))
    half = torch.cat([good[:2], bad[:2]])
    table = stacked_modes(torch.stack([good, half, bad]), Brightness())
    assert table.modes.tolist() == [1, 1, 0]
    assert table.confident.tolist() == [1.0, 0.5, 0.0]
    assert table.reverse_kl.tolist() == pytest.approx([math.log(1000)] * 3)


def test_a_trained_classifier_finds_nearly_all_modes_of_the_data():
    stacked = data.load("stacked_digits")
    classifier = features.train(stacked.pool, steps=200, progress=False)
    row = stacked_modes(stacked.sample(5000, generator()), classifier).iloc[0]
    assert row.modes > 980  # 993 expected
    assert row.reverse_kl < 0.2  # 0.1 from the finite sample alone
    assert row.confident > 0.6


def test_bad_stacked_images():
    with pytest.raises(ValueError, match=r"samples must be \(\[members,\] n, 3"):
        stacked_modes(torch.zeros(4, 1, 8, 8), Brightness())


def test_a_sample_on_the_border_is_within():
    """Modes at (4, 4) and so on, with sigma 1/2: what is 1 away lies on the border of two sigma, and is of quality."""
    law = data.grid(side=2, spacing=8.0, sigma=0.5)
    for far, quality in ((1.0, 1.0), (1.0 + 2**-20, 0.0)):
        points = law.modes + torch.tensor([far, 0.0])
        assert metrics.modes(points, law, within=2.0).high_quality.item() == quality
        assert metrics.overlap(points, law, within=2.0).item() == quality
