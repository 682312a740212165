"""Networks and helpers that the healthy games of the third list share."""

import itertools
from math import prod

import torch
from torch import nn


def stack(sizes, unit=nn.ReLU, end=()):
    """Linear layers with a unit between any two."""
    layers = []
    for i, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        layers += ([unit()] if i else []) + [nn.Linear(fan_in, fan_out)]
    return nn.Sequential(*layers, *end)


def leaky():
    return nn.LeakyReLU(0.2)


def judge(shape, widths=(96, 96), unit=leaky):
    """A dense D: (batch, *shape) to (batch,)."""
    return nn.Sequential(nn.Flatten(), stack((prod(shape), *widths, 1), unit), nn.Flatten(0))


def maker(latent, shape, widths=(96, 96), unit=nn.ReLU, end=None):
    """A dense G: (batch, latent) to (batch, *shape), behind tanh where the shape is an image's."""
    end = end or ([nn.Tanh()] if len(shape) == 3 else [])
    return nn.Sequential(stack((latent, *widths, prod(shape)), unit, end), nn.Unflatten(1, tuple(shape)))


def slope_norms(D, x):
    """The length of D's slope at each point, with a graph behind it."""
    x = x.detach().clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return slope.flatten(1).add(1e-9).norm(dim=1)


def across(real, fake):
    """Points on the lines from real to generated samples."""
    eps = torch.rand(len(real), *[1] * (real.ndim - 1))
    return eps * real + (1 - eps) * fake
