"""Overlap maps against Odena et al.'s counts and a loop over pixels; the checkerboard measure on images made for it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganlab.metrics import checkerboard, inner, overlap_map, phase_means


@pytest.mark.parametrize("kernel, terms", [(3, {1, 2, 4}), (4, {4}), (5, {4, 6, 9}), (6, {9})])
def test_terms_at_stride_2(kernel, terms):
    assert set(inner(overlap_map(kernel, 2, 8), kernel).flatten().tolist()) == terms


@given(kernel=st.integers(1, 6), stride=st.integers(1, 4), size=st.integers(1, 5))
def test_overlap_by_counting(kernel, stride, size):
    """Every input pixel paints a square of `kernel` pixels; strides of one axis count alone."""
    side = np.zeros(stride * (size - 1) + kernel, dtype=int)
    for place in range(size):
        side[place * stride : place * stride + kernel] += 1
    overlap = overlap_map(kernel, stride, size)
    assert overlap.tolist() == np.outer(side, side).tolist()
    assert overlap.sum() == (size * kernel) ** 2
    if kernel > 2 * stride and size >= 6:
        assert (inner(overlap, kernel).unique().numel() == 1) == (kernel % stride == 0)


def test_phase_means():
    image = torch.arange(16.0).view(4, 4)
    assert phase_means(image).tolist() == [[5, 6], [9, 10]]


@pytest.mark.parametrize("period", [2, 4])
def test_white_noise_is_one(period):
    noise = torch.randn(4000, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    found = checkerboard(noise, period)
    assert found.shape == (4000,)
    error = 5 * found.std() / 4000**0.5
    assert found.mean().item() == pytest.approx(1, abs=error.item())


def test_extremes():
    rows, columns = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    board = ((rows + columns) % 2).float().view(1, 1, 8, 8)
    assert checkerboard(board).item() == pytest.approx(63 / 3)
    assert checkerboard(torch.ones(1, 1, 8, 8)).item() == 0
    smooth = torch.sin(rows / 2.0).view(1, 1, 8, 8)
    assert checkerboard(smooth) < 0.2
    assert checkerboard(smooth + 0.3 * board) > checkerboard(smooth + 0.1 * board) > checkerboard(smooth)


def test_it_is_the_power_at_the_nyquist_frequencies():
    image = torch.randn(8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    power = torch.fft.fft2(image).abs().square()
    share = (power[0, 4] + power[4, 0] + power[4, 4]) / (power.sum() - power[0, 0])
    assert checkerboard(image[None, None]).item() == pytest.approx(share.item() * 63 / 3)


@given(scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_contrast_and_brightness_do_not_matter(scale, shift):
    image = torch.randn(3, 2, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(checkerboard(scale * image + shift), checkerboard(image))


def test_a_population_is_its_members():
    images = torch.randn(3, 5, 2, 8, 8, generator=torch.Generator().manual_seed(3))
    assert torch.equal(checkerboard(images), torch.stack([checkerboard(member) for member in images]))


def test_bad_input():
    with pytest.raises(ValueError, match="kernel=0: a positive number of pixels"):
        overlap_map(0)
    with pytest.raises(ValueError, match=r"stride=1\.5"):
        overlap_map(3, stride=1.5)
    with pytest.raises(ValueError, match="all border; raise `size`"):
        inner(overlap_map(6, 2, 2), 6)
    with pytest.raises(ValueError, match="divides both sides"):
        checkerboard(torch.zeros(1, 1, 7, 8))
    with pytest.raises(ValueError, match="finite"):
        checkerboard(torch.full((1, 1, 8, 8), float("nan")))
