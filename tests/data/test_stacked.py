"""Stacked digits: what is drawn. How its modes are counted is in tests/metrics/test_coverage.py."""

import math

import pytest
import torch

from ganlab import data
from ganlab.data import stack
from ganlab.metrics import features
from ganlab.nets import mlp_discriminator, mlp_generator
from ganlab.population import build
from ganlab.train import Recipe, Trainer


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


def test_a_population_trains_on_it():
    stacked = data.load("stacked_digits")
    nets = build(lambda: mlp_generator(stacked.shape), lambda: mlp_discriminator(stacked.shape), [0, 1])
    trainer = Trainer(*nets, stacked, Recipe(batch=8), seeds=[0, 1]).fit(2, progress=False)
    samples = trainer.sample(10)
    assert samples.shape == (2, 10, *stacked.shape) and samples.isfinite().all()


def test_bad_input():
    with pytest.raises(ValueError, match="labelled images with one channel"):
        stack(data.load("ring"))
    with pytest.raises(ValueError, match="labelled images with one channel"):
        stack(data.load("faces"))
    with pytest.raises(ValueError, match="stacked_digits has no option 'root'"):
        data.load("stacked_digits", root="x")
