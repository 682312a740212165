"""ganlab.data: what is sampled, what is declared, what is refused."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial.distance import cdist
from sklearn.datasets import make_swiss_roll

from ganlab import data


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# --- Points


@pytest.mark.parametrize("name, count", [("ring", 8), ("grid", 25)])
def test_mixture_has_its_modes_and_sigma(name, count):
    mixture = data.load(name)
    points = mixture.sample(20_000, generator())
    assert mixture.modes.shape == (count, 2) and points.dtype == torch.float32 and mixture.value_range is None
    offset, nearest = torch.cdist(points, mixture.modes).min(1)
    assert stats.chisquare(torch.bincount(nearest, minlength=count)).pvalue > 1e-3
    # The distance to the centre, in sigma, follows the Rayleigh law.
    assert stats.kstest(offset / mixture.sigma, "rayleigh").pvalue > 1e-3


def test_ring_and_grid_geometry():
    ring, grid = data.load("ring", modes=6, radius=3.0), data.load("grid")
    assert torch.allclose(ring.modes.norm(dim=1), torch.tensor(3.0)) and len(ring.modes) == 6
    assert {tuple(mode) for mode in grid.modes.tolist()} == {(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)}


def test_swiss_roll_follows_the_law_of_scikit_learn():
    ours = data.load("swiss_roll").sample(4000, generator()).numpy()
    theirs = make_swiss_roll(4000, noise=0.25, random_state=0)[0][:, [0, 2]] / 7.5
    for direction in ([1, 0], [0, 1], [1, 1], [1, -1]):
        assert stats.ks_2samp(ours @ direction, theirs @ direction).pvalue > 1e-3
    t = np.linspace(1.5, 4.5, 2000) * np.pi
    curve = np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / 7.5
    off_curve = [cdist(points, curve).min(1) for points in (ours, theirs)]
    assert stats.ks_2samp(*off_curve).pvalue > 1e-3


@pytest.mark.parametrize("name", ["ring", "swiss_roll", "digits"])
def test_a_seed_gives_the_same_samples(name):
    source = data.load(name)
    assert torch.equal(source.sample(50, generator(3)), source.sample(50, generator(3)))
    assert not torch.equal(source.sample(50, generator(3)), source.sample(50, generator(4)))


def test_endless_data_has_no_length_and_moves():
    ring = data.load("ring")
    with pytest.raises(TypeError, match="endless"):
        len(ring)
    assert ring.to("meta").modes.is_meta and ring.to("meta").device.type == "meta"


# --- Images


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    digits, source = data.load("digits"), load_digits()
    assert digits.shape == (1, 8, 8) and len(digits) == 1797 and digits.classes == tuple("0123456789")
    assert np.array_equal((digits.samples[:, 0].numpy() + 1) * 8, source.images)
    assert np.array_equal(digits.labels, source.target)


def test_faces_are_the_first_half_of_the_subset():
    from skimage.data import lfw_subset

    faces = data.load("faces", value_range=(0, 1))
    assert faces.samples.shape == (100, 1, 25, 25)
    assert np.allclose(faces.samples[:, 0], lfw_subset()[:100])
    # The two halves differ: a face fills its picture, the other cut-outs are mostly flat.
    contrast = lfw_subset().reshape(200, -1).std(1)
    assert contrast[:100].mean() > 1.2 * contrast[100:].mean()


def test_padding_alters_no_pixel():
    small, large = data.load("digits"), data.load("digits", size=13)
    assert large.shape == (1, 13, 13)
    assert torch.equal(large.samples[:, :, 2:10, 2:10], small.samples)
    border = large.samples.clone()
    border[:, :, 2:10, 2:10] = -1
    assert (border == -1).all()


def test_cropping_keeps_the_centre_and_resizing_the_mean():
    faces = data.load("faces")
    assert torch.equal(data.load("faces", size=23, fit="crop").samples, faces.samples[:, :, 1:24, 1:24])
    resized = data.load("faces", size=32, fit="resize")
    assert resized.shape == (1, 32, 32)
    assert torch.allclose(resized.samples.mean((1, 2, 3)), faces.samples.mean((1, 2, 3)), atol=0.02)


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("circle", {}, "unknown data set 'circle'; known: ring, grid"),
        ("ring", {"size": 32}, "size=32: ring holds points"),
        ("ring", {"root": "."}, "no option 'root'; known: modes, radius, sigma"),
        ("digits", {"train": False}, "no option 'train'; known: none"),
        ("ring", {"sigma": 0}, "sigma > 0"),
        ("grid", {"side": 0}, "at least one mode"),
        ("digits", {"size": 6}, "size=6 is smaller.*fit='crop'"),
        ("faces", {"size": 32}, "size=32 needs padding.*fit='crop' or 'resize'"),
        ("faces", {"size": 26, "fit": "crop"}, "size=26: fit='crop' gives 1 to 25"),
        ("faces", {"size": 0, "fit": "resize"}, "size=0"),
        ("faces", {"size": 32, "fit": "zoom"}, "unknown fit 'zoom'; known: pad, crop, resize"),
        ("digits", {"value_range": (1, -1)}, "value_range"),
    ],
)
def test_bad_arguments_are_named(name, options, message):
    with pytest.raises(ValueError, match=message):
        data.load(name, **options)


def test_no_samples_asked():
    with pytest.raises(ValueError, match="n=0"):
        data.load("ring").sample(0)


UNIT = torch.linspace(0, 1, 3 * 16).reshape(3, 1, 4, 4)


@pytest.mark.parametrize(
    "images, message",
    [
        (UNIT, r"span \[0, 1\].*\[-1, 1\].*2\*x - 1"),
        (255 * UNIT, r"span \[0, 255\].*x / 127.5 - 1"),
        (UNIT - 1, r"span \[-1, 0\]"),
        (4 * UNIT - 2, r"span \[-2, 2\]"),
        ((255 * UNIT).byte(), "uint8: convert"),
        (torch.where(UNIT == 0, torch.nan, 2 * UNIT - 1), "not finite"),
        (UNIT[0], r"\(n, channels, height, width\), not \(1, 4, 4\)"),
        (UNIT[:0], "not \\(0, 1, 4, 4\\)"),
    ],
)
def test_images_that_do_not_fit_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        data.Dataset.from_images(images)


def test_own_images_and_labels():
    own = data.Dataset.from_images(UNIT, (0, 1), torch.tensor([0, 1, 1]), "own", ["a", "b"])
    assert own.shape == (1, 4, 4) and own.classes == ("a", "b") and torch.equal(own.samples, UNIT)
    with pytest.raises(ValueError, match="labels must be int64"):
        data.Dataset.from_images(UNIT, (0, 1), torch.tensor([0, 1]))


@pytest.mark.parametrize("value_range", [(-1, 1), (0, 1), (0, 255), (-0.5, 0.5), (-3, 0.25)])
def test_the_declared_range_is_reached(value_range):
    digits = data.load("digits", value_range=value_range)
    assert digits.value_range == value_range
    assert (digits.samples.min().item(), digits.samples.max().item()) == value_range
