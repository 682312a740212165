"""Shapes of samples: those that a network can have, and the layers that lead from a row of numbers to one."""

import math

from torch import nn

from ganlab._check import lookup
from ganlab.nets.activations import OUTPUTS

# Side length of a square image: (side of the smallest square, number of doublings). The convolutional networks start
# from, or end in, a square of 4x4 or 7x7 places.
SIZES: dict[int, tuple[int, int]] = {
    side: (base, doublings)
    for side, base, doublings in sorted((base * 2**k, base, k) for base in (4, 7) for k in range(1, 5))
    if side <= 64
}


def check_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` as a tuple, if it is one of a sample: `(n,)` for points, `(channels, height, width)` for images."""
    shape = tuple(shape)
    if len(shape) not in (1, 3) or any(not isinstance(n, int) or n < 1 for n in shape):
        raise ValueError(f"shape is {shape}: give (n,) for points or (channels, height, width) for images")
    return shape


def check_square(shape: tuple[int, ...]) -> tuple[tuple[int, ...], int, int]:
    """The checked shape of a square image, the side of the smallest square and the number of doublings."""
    shape = check_shape(shape)
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] not in SIZES:
        raise ValueError(
            f"shape is {shape}: a convolutional net makes square images (channels, n, n) with n one of "
            f"{', '.join(map(str, SIZES))}; pad or resize the images, or use an MLP"
        )
    return shape, *SIZES[shape[1]]


def to_square(latent: int, channels: int, side: int, bias: bool) -> list[nn.Module]:
    """The start of a convolutional generator: `(latent,)` to `(channels, side, side)`.   Radford et al. 2016."""
    return [nn.Linear(latent, channels * side * side, bias=bias), nn.Unflatten(1, (channels, side, side))]


def to_sample(width: int, shape: tuple[int, ...], output: str | None) -> list[nn.Module]:
    """The end of a fully connected generator: `(width,)` to `shape`. None: "tanh" for images, "linear" for points."""
    output = output or ("tanh" if len(shape) == 3 else "linear")
    return [nn.Linear(width, math.prod(shape)), lookup(OUTPUTS, output, "output")(), nn.Unflatten(1, shape)]
