"""ganlab.metrics.features: the classifier whose features distances are measured in."""

from dataclasses import replace

import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from ganlab import data, metrics
from ganlab.metrics import features

DIGITS = data.load("digits")


@pytest.fixture(scope="module")
def net():
    return features.train(DIGITS, seed=0, steps=300, progress=False)


def test_it_recognises_held_out_digits(net):
    assert net.accuracy > 0.95
    assert net.name == f"digits classifier ({round(100 * net.accuracy)} % accurate), 64 features"


def test_accuracy_is_that_of_images_it_has_not_seen():
    """With random labels there is nothing to learn but the training images themselves: held-out accuracy is chance."""
    labels = torch.randint(10, (400,), generator=torch.Generator().manual_seed(0))
    noise = replace(DIGITS, samples=DIGITS.samples[:400], labels=labels)
    net = features.train(noise, steps=600, progress=False)
    learned = (net.predict(noise.samples) == labels).double().mean().item()
    assert learned > 0.8 and net.accuracy < 0.4


def test_features_are_fixed_bounded_in_memory_and_without_gradient(net):
    images = DIGITS.samples[:130].clone().requires_grad_()
    out = net.features(images)
    assert out.shape == (130, 64) and not out.requires_grad and not net.training
    assert torch.allclose(net.features(images, batch=7), out, atol=1e-5)
    assert torch.allclose(net.head(out), net(images), atol=1e-5)
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_features_separate_the_classes(net):
    """One nearest neighbour in feature space classifies: the distances mean something."""
    embedded = net.features(DIGITS.samples)
    neighbour = KNeighborsClassifier(1).fit(embedded[:1200], DIGITS.labels[:1200])
    assert neighbour.score(embedded[1200:], DIGITS.labels[1200:]) > 0.95


def test_distances_order_real_blurred_and_noise(net):
    order = torch.randperm(len(DIGITS), generator=torch.Generator().manual_seed(0))
    one, other = DIGITS.samples[order[:800]], DIGITS.samples[order[800:1600]]
    noise = torch.rand(other.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    levels = [other, 0.6 * other + 0.4 * noise, noise]
    distances = [metrics.frechet_distance(net.features(one), net.features(level)) for level in levels]
    assert distances[0] < 0.5 * distances[1] < 0.5 * distances[2]


def test_the_seed_decides_and_the_global_state_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    nets = []
    for seed in (0, 0, 1):
        torch.manual_seed(5)
        nets.append(features.train(DIGITS, seed=seed, steps=10, progress=False))
        assert torch.equal(torch.rand(3), expected)
    first, again, other = (net.features(DIGITS.samples[:20]) for net in nets)
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 25, 25), (1, 28, 28), (1, 32, 32), (3, 64, 64), (1, 8, 64)])
def test_it_adapts_to_the_images(shape):
    net = features.Classifier(shape, 7)
    images = torch.randn(2, *shape)
    assert net(images).shape == (2, 7) and net.features(images).shape == (2, 64)
    assert sum(parameter.numel() for parameter in net.parameters()) < 150_000


def test_the_range_of_the_data_does_not_matter():
    nets = [
        features.train(data.load("digits", value_range=value_range), steps=20, progress=False)
        for value_range in ((-1, 1), (0, 255))
    ]
    one, other = (
        net.features(data.load("digits", value_range=value_range).samples[:9])
        for net, value_range in zip(nets, ((-1, 1), (0, 255)), strict=True)
    )
    assert torch.allclose(one, other, atol=1e-3)


def test_bad_data_is_named(net):
    with pytest.raises(ValueError, match="data='ring' has no labelled images"):
        features.train(data.load("ring"))
    with pytest.raises(ValueError, match="data='faces' has no labelled images"):
        features.train(data.load("faces"))
    with pytest.raises(ValueError, match="images of 65x65: 8 to 64"):
        features.train(data.load("digits", size=65))
    with pytest.raises(ValueError, match="steps=0"):
        features.train(DIGITS, steps=0)
    with pytest.raises(ValueError, match=r"images must be \(n, 1, 8, 8\), not \(2, 1, 28, 28\)"):
        net.features(torch.zeros(2, 1, 28, 28))
