"""Initialisation: a registry, name to a function that draws a network's weights anew, in place."""

import math
from collections.abc import Callable

from torch import Tensor, nn

from ganlab._check import lookup


def fans(layer: nn.Module) -> tuple[float, float]:
    """How many terms each output sums in the forward pass, and each input in the backward pass, borders apart.

    `torch.nn.init` takes a transposed convolution for a plain one, and leaves the stride out; both are counted here.
    `layer` is a linear layer, a convolution or a transposed convolution.

    >>> import torch
    >>> from ganlab.nets import fans
    >>> fans(torch.nn.Linear(3, 5))
    (3, 5)
    >>> fans(torch.nn.ConvTranspose2d(6, 10, kernel_size=4, stride=2))  # 6 * 16 / 4 and 10 * 16
    (24.0, 160.0)
    """
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    taps, strides = math.prod(layer.kernel_size), math.prod(layer.stride)
    inputs, outputs = layer.in_channels / layer.groups, layer.out_channels / layer.groups
    if isinstance(layer, nn.ConvTranspose2d):
        return inputs * taps / strides, outputs * taps
    return inputs * taps, outputs * taps / strides


def _weighted(net: nn.Module) -> list[nn.Module]:
    return [layer for layer in net.modules() if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]


def _zero_biases(net: nn.Module) -> None:
    for layer in net.modules():
        if getattr(layer, "bias", None) is not None:
            nn.init.zeros_(layer.bias)


def _init_dcgan(net: nn.Module) -> None:
    """Weights N(0, 0.02), scales of norms N(1, 0.02), biases 0.   Radford et al. 2016, as in PyTorch's example."""
    weighted = _weighted(net)
    for layer in net.modules():
        if isinstance(getattr(layer, "weight", None), Tensor):
            nn.init.normal_(layer.weight, 0.0 if layer in weighted else 1.0, 0.02)
    _zero_biases(net)


def _init_xavier(net: nn.Module) -> None:
    """Variance 2 / (fan in + fan out), biases 0.   Glorot & Bengio 2010, eq. 12, normal instead of uniform."""
    for layer in _weighted(net):
        nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / sum(fans(layer))))
    _zero_biases(net)


def _init_he(net: nn.Module) -> None:
    """Variance 2 / fan in, which keeps the mean square through ReLUs, biases 0.   He et al. 2015, eq. 10."""
    for layer in _weighted(net):
        nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / fans(layer)[0]))
    _zero_biases(net)


def _init_orthogonal(net: nn.Module) -> None:
    """Each weight, as a matrix with one row for each slice of its first axis, (semi-)orthogonal.   Saxe et al. 2014."""
    for layer in _weighted(net):
        nn.init.orthogonal_(layer.weight)
    _zero_biases(net)


INITS: dict[str, Callable[[nn.Module], None]] = {
    "default": lambda net: None,  # torch's own: uniform, variance 1 / (3 fan in)
    "dcgan": _init_dcgan,
    "xavier": _init_xavier,
    "he": _init_he,
    "orthogonal": _init_orthogonal,
}


def initialised(net: nn.Module, init: str) -> nn.Module:
    """`net` itself, its weights drawn anew by `INITS[init]`, from torch's global random numbers.

    Raises:
        ValueError: an unknown name.

    >>> import torch
    >>> from ganlab.nets import initialised
    >>> _ = torch.manual_seed(0)
    >>> layer = initialised(torch.nn.Linear(50, 2000), "he")
    >>> round(layer.weight.std().item(), 2), layer.bias.any().item()  # sqrt(2 / 50)
    (0.2, False)
    """
    lookup(INITS, init, "init")(net)
    return net
