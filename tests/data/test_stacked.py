"""Stacked digits: what is drawn, and how its modes are counted."""

import math

import pytest
import torch
from torch import nn

from ganlab import data
from ganlab.data import stack
from ganlab.metrics import features, mode_index, stacked_modes
from ganlab.nets import mlp_discriminator, mlp_generator
from ganlab.population import build
from ganlab.train import Recipe, Trainer


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


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("size", [None, 16])
def test_every_channel_is_a_digit_of_the_pool(size):
    stacked = data.load("stacked_digits", size=size, value_range=(0.0, 1.0))
    images = stacked.sample(20, seeded())
    assert images.shape == (20, *stacked.shape) == (20, 3, size or 8, size or 8)
    distance = torch.cdist(images.flatten(2).reshape(60, -1), stacked.pool.samples.flatten(1))
    assert distance.amin(1).max() < 1e-3
    assert stacked.value_range == stacked.pool.value_range == (0.0, 1.0)


def test_the_generator_decides_everything():
    stacked = data.load("stacked_digits")
    first, again, other = (stacked.sample(5, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(stacked.to("cpu").sample(5, seeded(1)), first)


def test_channels_are_independent_and_every_digit_as_likely():
    pool = data.load("digits")
    stacked, n = stack(pool), 20_000
    index = torch.randint(len(pool), (n, 3), generator=seeded())
    assert torch.equal(stacked.sample(n, seeded())[:, 1], pool.samples[index[:, 1], 0])
    counts = torch.bincount((pool.labels[index] * torch.tensor([100, 10, 1])).sum(1), minlength=1000)
    assert (counts > 0).all()
    assert counts.double().std(correction=0).item() == pytest.approx(math.sqrt(20), rel=0.2)  # Poisson


def test_the_set_is_endless():
    stacked = data.load("stacked_digits")
    assert stacked.samples is None
    with pytest.raises(TypeError, match="endless"):
        len(stacked)
    with pytest.raises(ValueError, match="no labelled images"):
        features.train(stacked, progress=False)


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
    row = stacked_modes(stacked.sample(5000, seeded()), classifier).iloc[0]
    assert row.modes > 980  # 993 expected
    assert row.reverse_kl < 0.2  # 0.1 from the finite sample alone
    assert row.confident > 0.6


def test_a_population_trains_on_it():
    stacked = data.load("stacked_digits")
    nets = build(lambda: mlp_generator(stacked.shape), lambda: mlp_discriminator(stacked.shape), [0, 1])
    trainer = Trainer(*nets, stacked, Recipe(batch=8), seeds=[0, 1]).fit(2, progress=False)
    assert len(stacked_modes(trainer.sample(10), Brightness())) == 2


def test_bad_input():
    with pytest.raises(ValueError, match="labelled images with one channel"):
        stack(data.load("ring"))
    with pytest.raises(ValueError, match="labelled images with one channel"):
        stack(data.load("faces"))
    with pytest.raises(ValueError, match="stacked_digits has no option 'root'"):
        data.load("stacked_digits", root="x")
    with pytest.raises(ValueError, match=r"samples must be \(\[members,\] n, 3"):
        stacked_modes(torch.zeros(4, 1, 8, 8), Brightness())
