"""ganlab.metrics.distances against closed forms, scipy and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, ndimage
from sklearn.neighbors import NearestNeighbors

from ganlab import data, metrics
from ganlab.metrics import distances


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def features(n, d, seed=0, scale=1.0, shift=0.0):
    return torch.randn(n, d, generator=generator(seed)) * scale + shift


# --- Frechet distance


def reference(a, b):
    """Heusel et al. 2017, eq. 6, with scipy's matrix square root."""
    a, b = a.double().numpy(), b.double().numpy()
    A, B = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(A + B - 2 * linalg.sqrtm(A @ B).real)


@given(d=st.integers(2, 10), scale=st.floats(0.1, 5), shift=st.floats(-3, 3), seed=st.integers(0, 100))
@settings(deadline=None, max_examples=30)
def test_frechet_against_scipy(d, scale, shift, seed):
    mixing = torch.randn(d, d, generator=generator(seed + 1))
    a, b = features(60, d, seed) @ mixing, features(80, d, seed + 2, scale, shift)
    assert metrics.frechet_distance(a, b) == pytest.approx(reference(a, b), rel=1e-8)
    assert metrics.frechet_distance(a, b) == pytest.approx(metrics.frechet_distance(b, a), rel=1e-10)


def test_frechet_of_equal_and_shifted_sets():
    a = features(200, 16)
    assert metrics.frechet_distance(a, a) < 1e-10
    assert metrics.frechet_distance(a, a + 2) == pytest.approx(16 * 4, rel=1e-6)
    # The same shape scaled by s: (1 - s)^2 times the trace, since the roots are proportional.
    centred = (a - a.mean(0)).double()
    assert metrics.frechet_distance(centred, 3 * centred) == pytest.approx(4 * centred.var(0).sum().item(), rel=1e-9)


def test_frechet_with_singular_covariances():
    """Fewer samples than dimensions, dead features: the limit of regular covariances, and exact along one line."""
    a, b = features(5, 64), features(7, 64, seed=1)
    a[:, 10:] = 0
    noisy = [torch.cat([x, torch.zeros(200, 64)]) for x in (a, b)]
    assert math.isfinite(metrics.frechet_distance(a, b)) and metrics.frechet_distance(a, a) < 1e-10
    assert metrics.frechet_distance(*noisy) >= 0
    line = torch.randn(300, 1, generator=generator()).double() * torch.ones(4).double() / 2
    s, t = line, 5 * line
    expected = (5 - 1) ** 2 * line.var(0).sum().item() + (4 * line.mean(0)).square().sum().item()
    assert metrics.frechet_distance(s, t) == pytest.approx(expected, rel=1e-9)


# --- Precision and recall, neighbours


def neighbours(real, fake, k):
    """Kynkäänniemi et al. 2019 with scikit-learn."""

    def inside(points, manifold):
        radius = NearestNeighbors(n_neighbors=k + 1).fit(manifold).kneighbors(manifold)[0][:, -1]
        distance = np.linalg.norm(points[:, None] - manifold[None], axis=-1)
        return (distance <= radius).any(1).mean()

    return inside(fake, real), inside(real, fake)


@given(k=st.integers(1, 5), d=st.integers(1, 8), scale=st.floats(0.2, 3), seed=st.integers(0, 100))
@settings(deadline=None, max_examples=30)
def test_precision_recall_against_scikit_learn(k, d, scale, seed):
    real, fake = features(40, d, seed).double(), features(55, d, seed + 1, scale, 0.5).double()
    expected = neighbours(real.numpy(), fake.numpy(), k)
    assert metrics.precision_recall(real, fake, k) == pytest.approx(expected, abs=1e-12)


def test_precision_and_recall_tell_quality_from_variety():
    modes = torch.eye(10) * 20
    real = modes.repeat(50, 1) + features(500, 10)
    one_mode = modes[0] + features(500, 10, seed=1)
    outside = features(500, 10, seed=2, shift=100.0)
    precision, recall = metrics.precision_recall(real, one_mode)
    assert precision > 0.5 and recall < 0.11
    assert metrics.precision_recall(real, outside) == (0, 0)
    assert metrics.precision_recall(real, real) == (1, 1)


def test_blocks_do_not_change_the_result(monkeypatch):
    real, fake = features(100, 5), features(90, 5, seed=1)
    whole = metrics.precision_recall(real, fake), metrics.nearest(real, fake)[1]
    monkeypatch.setattr(distances, "CHUNK", 250)
    assert metrics.precision_recall(real, fake) == whole[0]
    assert torch.equal(metrics.nearest(real, fake)[1], whole[1])


def test_nearest_finds_copies():
    real = torch.rand(60, 1, 8, 8, generator=generator())
    fake = torch.rand(20, 1, 8, 8, generator=generator(1))
    fake[7] = real[42]
    distance, index = metrics.nearest(real, fake)
    expected, where = NearestNeighbors(n_neighbors=1).fit(real.flatten(1)).kneighbors(fake.flatten(1))
    assert distance[7] == 0 and index[7] == 42 and np.array_equal(index, where[:, 0])
    assert np.allclose(distance, expected[:, 0], atol=1e-6)


@pytest.mark.parametrize(
    "real, fake, message",
    [
        (features(3, 5), features(9, 5), r"real must be \(n, d\) with n >= 4, not \(3, 5\)"),
        (features(9, 5), features(3, 5), "fake must be"),
        (features(9, 5), features(9, 4), "real has 5 features and fake has 4"),
        (features(9, 5), torch.full((9, 5), torch.nan), "fake has values that are not finite in 9 of 9"),
        (features(9, 5), torch.zeros(9), "fake must be"),
    ],
)
def test_bad_features(real, fake, message):
    with pytest.raises(ValueError, match=message):
        metrics.precision_recall(real, fake)


def test_other_bad_arguments():
    with pytest.raises(ValueError, match="k=0"):
        metrics.precision_recall(features(9, 5), features(9, 5), k=0)
    with pytest.raises(ValueError, match=r"a must be .* n >= 2"):
        metrics.frechet_distance(features(1, 5), features(9, 5))
    with pytest.raises(ValueError, match="b has values that are not finite"):
        metrics.frechet_distance(features(9, 5), features(9, 5) / 0)
    with pytest.raises(ValueError, match="images must be"):
        metrics.sharpness(torch.zeros(4, 8, 8))


# --- Sharpness


def test_sharpness_against_scipy():
    images = torch.rand(6, 3, 9, 7, generator=generator())
    expected = np.mean([ndimage.laplace(plane.astype(float)).var() for plane in images.reshape(-1, 9, 7).numpy()])
    assert metrics.sharpness(images) == pytest.approx(expected, rel=1e-9)


def test_blur_lowers_sharpness():
    faces = data.load("faces").samples
    blurred = torch.from_numpy(ndimage.gaussian_filter(faces.numpy(), (0, 0, 1, 1)))
    assert (
        metrics.sharpness(blurred) < 0.5 * metrics.sharpness(faces) and metrics.sharpness(torch.ones(2, 1, 8, 8)) == 0
    )
