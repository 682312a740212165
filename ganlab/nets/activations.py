"""Activations of hidden layers, and the ends of generators: two registries, name to module."""

from collections.abc import Callable
from functools import partial

from torch import nn

# Nothing works in place: the nets must run under `torch.func.vmap` and bear a second differentiation.

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": partial(nn.LeakyReLU, negative_slope=0.2),
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "linear": nn.Identity,
}

# The end of a generator, and the range it can reach.
OUTPUTS: dict[str, Callable[[], nn.Module]] = {
    "tanh": nn.Tanh,  # (-1, 1)
    "sigmoid": nn.Sigmoid,  # (0, 1)
    "relu": nn.ReLU,  # [0, inf)
    "linear": nn.Identity,
}
