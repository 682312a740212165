"""Normalisation written out on plain tensors, forwards and backwards: what `torch.nn.BatchNorm1d` does, line by line.

    y, saved = forward(x, scale, shift)
    grad_x, grad_scale, grad_shift = backward(grad_y, scale, saved)

The norms of `ganlab.nets.NORMS` differ in the axes they average over alone. Of x with the shape (batch, channels)
batch norm averages over `axes=(0,)`; of images (batch, channels, height, width) batch norm over (0, 2, 3), instance
norm over (2, 3), layer norm over (1, 2, 3). So one forward and one backward pass do for all of them. On paper, in
`BatchNormDerivation`, SymPy differentiates the forward pass, the closed form stands beside it, and they agree.

Source: Ioffe & Szegedy 2015, algorithm 1 and section 3; the order of the terms is ours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import sympy as sp
from torch import Tensor


class Saved(NamedTuple):
    """What the backward pass takes from the forward pass. It computes no statistics of x anew.

    >>> import torch
    >>> from ganlab.theory import batchnorm
    >>> _, saved = batchnorm.forward(torch.tensor([[1.0], [3.0], [1.0], [3.0]]), eps=0.0)
    >>> saved.normalised.flatten().tolist(), saved.std.tolist(), saved.axes
    ([-1.0, 1.0, -1.0, 1.0], [[1.0]], (0,))

    Attributes:
        normalised: the output before scale and shift, in the shape of x.
        std: the root of variance plus eps, in the shape of x with 1 for each of `axes`.
        axes: those averaged over, ascending and not negative.
    """

    normalised: Tensor
    std: Tensor
    axes: tuple[int, ...]


def forward(
    x: Tensor, scale: Tensor | float = 1.0, shift: Tensor | float = 0.0, eps: float = 1e-5, axes: Sequence[int] = (0,)
) -> tuple[Tensor, Saved]:
    """Subtract the mean, divide by the standard deviation, scale and shift.

    >>> import torch
    >>> from ganlab.theory import batchnorm
    >>> y, saved = batchnorm.forward(torch.tensor([[1.0], [3.0]]), scale=10.0, shift=5.0, eps=0.0)
    >>> y.tolist()  # the mean is 2, the standard deviation 1
    [[-5.0], [15.0]]

    Args:
        x: any shape.
        scale, shift: numbers, or tensors that broadcast against x: (channels,) beside (batch, channels), (channels, 1,
            1) beside images.
        eps: added to the variance, so at least 0; the variance is that of the batch, divided by n and not by n - 1.
        axes: what to average over.

    Returns:
        The output, in the shape of x, and what `backward` needs.

    Raises:
        ValueError: a negative eps, an axis that x does not have, or fewer than two numbers to average over.
    """
    axes = _checked(x, eps, axes)
    centred = x - x.mean(axes, keepdim=True)
    std = (centred.square().mean(axes, keepdim=True) + eps).sqrt()
    normalised = centred / std
    return scale * normalised + shift, Saved(normalised, std, axes)


def backward(grad: Tensor, scale: Tensor | float, saved: Saved) -> tuple[Tensor, Tensor, Tensor]:
    """From dL/dy to dL/dx, dL/dscale and dL/dshift.

    The gradient loses its component along the vector of ones (a shift of all x changes nothing) and along the
    normalised x itself (a stretch changes nothing); the rest is divided by the standard deviation.

    >>> import torch
    >>> from ganlab.theory import batchnorm
    >>> y, saved = batchnorm.forward(torch.tensor([-1.0, -1.0, 1.0, 1.0]), eps=0.0)
    >>> grad_x, grad_scale, grad_shift = batchnorm.backward(torch.tensor([1.0, 0.0, 0.0, 0.0]), 1.0, saved)
    >>> grad_x.tolist()
    [0.5, -0.5, 0.0, 0.0]

    Args:
        grad: dL/dy, in the shape of y.
        scale: as `forward` had it.
        saved: what `forward` returned.

    Returns:
        dL/dx in the shape of x; dL/dscale and dL/dshift in the shape of `scale` (scalars if that is a number).
    """
    normalised, std, axes = saved
    through_scale = scale * grad
    along_ones = through_scale.mean(axes, keepdim=True)
    along_output = normalised * (normalised * through_scale).mean(axes, keepdim=True)
    shape = scale.shape if isinstance(scale, Tensor) else ()
    return (
        (through_scale - along_ones - along_output) / std,
        (grad * normalised).sum_to_size(shape),
        grad.sum_to_size(shape),
    )


def removed_share(grad: Tensor, saved: Saved) -> Tensor:
    """Share of the squared gradient that the backward pass takes away before it divides, in [0, 1], one for each mean.

    Two dimensions out of n: 2 / n of a random gradient, and all of it where n is 2.

    >>> import torch
    >>> from ganlab.theory import batchnorm
    >>> _, saved = batchnorm.forward(torch.tensor([-1.0, -1.0, 1.0, 1.0]), eps=0.0)
    >>> batchnorm.removed_share(torch.tensor([1.0, 0.0, 0.0, 0.0]), saved).item()  # two dimensions out of four
    0.5
    """
    normalised, _, axes = saved
    squares = grad.square().mean(axes)
    along_ones = grad.mean(axes).square()
    length = normalised.square().mean(axes)  # 1, but for eps
    return (along_ones + (grad * normalised).mean(axes).square() / length) / squares


def running(mean: Tensor, var: Tensor, x: Tensor, momentum: float = 0.1, axes: Sequence[int] = (0,)):
    """The running mean and variance after a batch x: (1 - momentum) of the old plus momentum of the batch's.

    torch's convention: its momentum is one minus that of most other libraries. The variance is divided by n - 1 here,
    although the forward pass divides by n. Returns both in the shape of `mean`.

    >>> import torch
    >>> from ganlab.theory import batchnorm
    >>> batch = torch.tensor([[1.0], [3.0]])  # mean 2, variance 2
    >>> mean, var = batchnorm.running(torch.zeros(1), torch.ones(1), batch, momentum=0.5)
    >>> mean.item(), var.item()
    (1.0, 1.5)

    Raises:
        ValueError: a momentum outside [0, 1], an axis that x does not have, or fewer than two numbers to average over.
    """
    axes = _checked(x, 0.0, axes)
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum={momentum}: the weight of the newest batch, in [0, 1]; torch's default is 0.1")
    return (
        (1 - momentum) * mean + momentum * x.mean(axes),
        (1 - momentum) * var + momentum * x.var(axes, correction=1),
    )


def inference(
    x: Tensor, mean: Tensor, var: Tensor, scale: Tensor | float = 1.0, shift: Tensor | float = 0.0, eps: float = 1e-5
) -> Tensor:
    """Eval mode: the running statistics in place of the batch's, so an affine map of each sample by itself.

    >>> import torch
    >>> from ganlab.theory import batchnorm
    >>> batchnorm.inference(torch.tensor([[3.0], [5.0]]), torch.tensor([1.0]), torch.tensor([4.0]), eps=0.0).tolist()
    [[1.0], [2.0]]

    Raises:
        ValueError: a negative eps.
    """
    if eps < 0:
        raise ValueError(f"eps={eps}: it is added to a variance, so at least 0")
    return scale * (x - mean) / (var + eps).sqrt() + shift


def _checked(x: Tensor, eps: float, axes: Sequence[int]) -> tuple[int, ...]:
    if eps < 0:
        raise ValueError(f"eps={eps}: it is added to a variance, so at least 0")
    if not axes or any(not -x.ndim <= axis < x.ndim for axis in axes):
        raise ValueError(f"axes={tuple(axes)}: x has shape {tuple(x.shape)}; name at least one of its axes")
    axes = tuple(sorted(axis % x.ndim for axis in axes))
    if len(set(axes)) < len(axes):
        raise ValueError(f"axes={axes}: one axis stands twice")
    if (count := math.prod(x.shape[axis] for axis in axes)) < 2:
        raise ValueError(f"x has shape {tuple(x.shape)}: axes={axes} hold {count} numbers; a mean needs two")
    return axes


GAMMA, BETA = sp.symbols("gamma beta", real=True)
EPSILON = sp.Symbol("epsilon", positive=True)


@dataclass(frozen=True)
class BatchNormDerivation:
    """Forward pass and derivative of batch norm over `batch` samples of one feature, in SymPy's symbols.

    x_i goes in, y_i comes out, and g_i = dL/dy_i is given.

    >>> from ganlab.theory.batchnorm import EPSILON, GAMMA, BatchNormDerivation
    >>> norm = BatchNormDerivation(2)
    >>> at = {**dict(zip(norm.x + norm.g, (1, 3, 1, 0))), GAMMA: 1, EPSILON: 3}  # the variance is 1, so std is 2
    >>> norm.slope(0).subs(at), norm.closed_form(0).subs(at)  # 1/2 (1 - 1/2 - 1/8), either way
    (3/16, 3/16)

    Raises:
        ValueError: fewer than two samples.
    """

    batch: int

    def __post_init__(self):
        if self.batch < 2:
            raise ValueError(f"batch={self.batch}: batch norm of one sample is 0; give at least 2")

    @cached_property
    def x(self) -> tuple[sp.Symbol, ...]:
        """The inputs."""
        return sp.symbols(f"x_:{self.batch}", real=True)

    @cached_property
    def g(self) -> tuple[sp.Symbol, ...]:
        """dL/dy, one for each output."""
        return sp.symbols(f"g_:{self.batch}", real=True)

    @cached_property
    def mean(self) -> sp.Expr:
        return sp.Add(*self.x) / self.batch

    @cached_property
    def std(self) -> sp.Expr:
        """The root of variance plus epsilon; the variance is divided by n."""
        return sp.sqrt(sp.Add(*((x - self.mean) ** 2 for x in self.x)) / self.batch + EPSILON)

    def normalised(self, i: int) -> sp.Expr:
        """x_i less the mean, divided by `std`."""
        return (self.x[i] - self.mean) / self.std

    def output(self, i: int) -> sp.Expr:
        """y_i."""
        return GAMMA * self.normalised(i) + BETA

    def slope(self, j: int) -> sp.Expr:
        """dL/dx_j = sum_i g_i dy_i/dx_j, by SymPy's differentiation, through mean and variance."""
        return sp.Add(*(g * sp.diff(self.output(i), self.x[j]) for i, g in enumerate(self.g)))

    def closed_form(self, j: int) -> sp.Expr:
        """dL/dx_j with the two projections: gamma / std (g_j - mean of g - xhat_j mean of g xhat)."""
        along_ones = sp.Add(*self.g) / self.batch
        along_output = sp.Add(*(g * self.normalised(i) for i, g in enumerate(self.g))) / self.batch
        return GAMMA / self.std * (self.g[j] - along_ones - self.normalised(j) * along_output)

    def error(self) -> sp.Expr:
        """Sum of the squared differences between the two, simplified: 0."""
        differences = (sp.simplify(self.slope(j) - self.closed_form(j)) for j in range(self.batch))
        return sp.Add(*(difference**2 for difference in differences))
