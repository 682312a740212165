"""Labels as a part of the sample, and the generator that draws them."""

from dataclasses import replace

import pytest
import torch
from small import D, G

from ganlab import nets
from ganlab.data import load
from ganlab.latent import Conditional, join, labelled, separate
from ganlab.population import build
from ganlab.train import Recipe, Trainer

DIGITS = load("digits")


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def test_each_image_comes_with_its_own_label():
    data = labelled(DIGITS)
    samples = data.sample(200, dice())
    assert samples.shape == (200, *data.shape) == (200, 11, 8, 8)
    images, labels = separate(samples, data)
    index = torch.randint(len(DIGITS), (200,), generator=dice())
    assert torch.equal(images, DIGITS.samples[index])
    assert torch.equal(labels, DIGITS.labels[index])
    assert torch.equal(samples[:, 1:].sum(1), torch.ones(200, 8, 8))


def test_a_mixtures_label_is_its_mode():
    ring = load("ring")
    data = labelled(ring)
    points, labels = separate(data.sample(500, dice()), data)
    assert points.shape == (500, 2)
    assert (points - ring.modes[labels]).norm(dim=1).max() < 0.2
    assert len(labels.unique()) == 8


def test_shuffled_labels_are_shuffled():
    """Negative control of the first test: labels of other images are seen."""
    shuffled = replace(DIGITS, labels=DIGITS.labels[torch.randperm(len(DIGITS), generator=dice())])
    data = labelled(shuffled)
    _, labels = separate(data.sample(200, dice()), data)
    index = torch.randint(len(DIGITS), (200,), generator=dice())
    assert (labels == DIGITS.labels[index]).double().mean() < 0.3


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
def test_generator_passes_on_the_label_that_it_was_told(shape):
    seen = []
    plain = nets.mlp_generator(shape, latent=6 + 3)
    plain.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    G = Conditional(plain, 3)
    assert G.latent == 7
    fake = G(torch.randn(3000, 7, generator=dice()))
    assert fake.shape == (3000, G.shape[0], *shape[1:])
    [z] = seen
    told = z[:, 6:]
    assert torch.equal(fake, join(plain(z), told))
    assert torch.equal(told.sum(1), torch.ones(3000))
    assert told.mean(0).sub(1 / 3).abs().max() < 0.04


def test_joined_and_separated_are_inverse():
    data = labelled(DIGITS)
    images, labels = torch.randn(2, 5, 1, 8, 8), torch.randint(10, (2, 5))
    one_hot = torch.nn.functional.one_hot(labels, 10).float()
    both = torch.stack([join(x, y) for x, y in zip(images, one_hot, strict=True)])
    plain, found = separate(both, data)
    assert torch.equal(plain, images)
    assert torch.equal(found, labels)


def test_member_equals_its_solo_run():
    data = labelled(load("ring", modes=3))

    def run(seeds):
        networks = build(
            lambda: Conditional(nets.mlp_generator((2,), latent=7, width=8), 3),
            lambda: nets.mlp_discriminator(data.shape, width=8),
            seeds,
        )
        return Trainer(*networks, data, Recipe(batch=16), seeds=seeds).fit(10, progress=False)

    population = run([3, 1])
    for k, seed in enumerate([3, 1]):
        torch.testing.assert_close(population.sample(20)[k], run(seed).sample(20), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: labelled(load("faces")), "'faces' has neither labels nor modes"),
        (lambda: separate(torch.randn(5, 2), load("ring")), r"give labelled\(data\)"),
        (lambda: separate(torch.randn(5, 2), labelled(load("ring"))), r"end in \(10,\)"),
        (lambda: Conditional(G(), 4), "G.latent=4 leaves no room for z beside 4 labels"),
        (lambda: Conditional(G(), 0), "count is 0: give a positive integer"),
        (lambda: Conditional(D(), 3), "G has no attribute `latent`"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_moves_with_the_data_to_a_device():
    moved = labelled(DIGITS).to("meta")
    assert moved.pool.samples.device.type == "meta"
