"""Checkerboards: how unevenly an up-sampling covers its output, and how much of the pattern an image holds."""

import torch
from torch import Tensor
from torch.nn import functional as F


def overlap_map(kernel: int, stride: int = 2, size: int = 6) -> Tensor:
    """How many terms of a transposed convolution each output pixel sums, borders included.   Odena et al. 2016.

    A transposed convolution, all weights 1, of `size` x `size` ones. Where the stride does not divide the kernel, the
    inner numbers differ from pixel to pixel.

    Kernel 3 at stride 2 sums two terms at every second pixel of a row, and four where such rows and columns cross:

    >>> from ganlab.metrics import overlap_map
    >>> overlap_map(3, stride=2, size=2)[:3].tolist()
    [[1, 1, 2, 1, 1], [1, 1, 2, 1, 1], [2, 2, 4, 2, 2]]

    Args:
        kernel, stride: of the convolution, in pixels.
        size: side of the input, in pixels.

    Returns:
        int64 (n, n) with n = stride (size - 1) + kernel, without padding.

    Raises:
        ValueError: an argument that is no positive integer.
    """
    for name, value in {"kernel": kernel, "stride": stride, "size": size}.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name}={value!r}: a positive number of pixels")
    ones, weights = torch.ones(1, 1, size, size), torch.ones(1, 1, kernel, kernel)
    return F.conv_transpose2d(ones, weights, stride=stride)[0, 0].round().long()


def inner(overlap: Tensor, kernel: int) -> Tensor:
    """The part of an `overlap_map` that no border touches: `kernel - 1` pixels less on each side.

    A kernel that the stride divides sums as many terms everywhere:

    >>> from ganlab.metrics import inner, overlap_map
    >>> inner(overlap_map(3, size=3), kernel=3).tolist()
    [[4, 2, 4], [2, 1, 2], [4, 2, 4]]
    >>> inner(overlap_map(4, size=5), kernel=4).unique().tolist()
    [4]

    Args:
        overlap: a square map (n, n).
        kernel: that of the map, in pixels.

    Raises:
        ValueError: a map that is all border.
    """
    if 2 * (kernel - 1) >= len(overlap):
        raise ValueError(f"kernel={kernel}: a map of {len(overlap)} pixels is all border; raise `size`")
    return overlap[kernel - 1 : len(overlap) - kernel + 1, kernel - 1 : len(overlap) - kernel + 1]


def phase_means(images: Tensor, period: int = 2) -> Tensor:
    """(..., h, w) to (..., period, period): the mean over the pixels of each place within the period.

    >>> import torch
    >>> from ganlab.metrics import phase_means
    >>> phase_means(torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])).tolist()
    [[2.0, 3.0], [6.0, 7.0]]

    Raises:
        ValueError: a period below 2, or one that does not divide h and w.
    """
    _check(images, period)
    height, width = (side // period for side in images.shape[-2:])
    return images.reshape(*images.shape[:-2], height, period, width, period).mean((-4, -2))


def checkerboard(images: Tensor, period: int = 2) -> Tensor:
    """Variance that repeats with `period`, relative to white noise of the same variance; one value an image.

    The phase means (`phase_means`) of an image hold all of its power at the frequencies that a grid of that period has,
    its mean apart: for period 2 (1/2, 0), (0, 1/2) and (1/2, 1/2). Their variance over that of the pixels is divided
    by its expectation for white noise, (period^2 - 1) / (pixels - 1). So 1 is white noise, and a pure checkerboard the
    largest value there is, (pixels - 1) / (period^2 - 1). Smooth images are far below 1: compare with real ones. An
    image of one grey has 0.

    A pure checkerboard of 4 x 4 pixels has (16 - 1) / (4 - 1):

    >>> import torch
    >>> from ganlab.metrics import checkerboard
    >>> board = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(1, 2, 2)
    >>> checkerboard(board).item(), checkerboard(torch.ones(1, 4, 4)).item()
    (5.0, 0.0)

    Args:
        images: (n, channels, h, w), (N, n, channels, h, w) of a population, or any (..., channels, h, w).
        period: in pixels; it must divide h and w. The last doubling makes 2, the one before it 4.

    Returns:
        (...): the mean over channels.

    Raises:
        ValueError: fewer than three axes, a period that does not divide the sides, or values that are not finite.
    """
    if images.ndim < 3 or not images.isfinite().all():
        raise ValueError(f"images must be finite and (..., channels, height, width), not {tuple(images.shape)}")
    images = images.detach().double()
    means, pixels = phase_means(images, period), images.shape[-1] * images.shape[-2]
    between, total = (part.flatten(-2).var(-1, correction=0) for part in (means, images))
    share = torch.where(total > 0, between / total, 0.0)
    return (share * (pixels - 1) / (period**2 - 1)).mean(-1)


def _check(images: Tensor, period: int) -> None:
    if not isinstance(period, int) or period < 2 or any(side % period for side in images.shape[-2:]):
        raise ValueError(f"period={period!r}: a whole number from 2 that divides both sides {tuple(images.shape[-2:])}")
