"""The layer that a parameter belongs to.

torch's parametrizations (spectral norm, weight norm, orthogonal) keep what is trained in modules of their own below the
layer: the weight of layer `0` is `0.parametrizations.weight.original`. It is a weight of layer `0` all the same.
"""

import re

from torch import nn

_KEPT = re.compile(r"(?:^|(?<=\.))parametrizations\.")
# The names that a weight is trained under: plain, by a parametrization, by the older hooks of spectral and weight norm.
_WEIGHT = re.compile(r"(?:^|\.)(?:weight|weight_orig|weight_g|weight_v|parametrizations\.weight\.original\d*)$")


def layer_of(parameter: str) -> str:
    """The name of the layer: "0" for "0.weight" and for "0.parametrizations.weight.original". "/" counts as ".".

    >>> from ganlab._modules import layer_of
    >>> layer_of("body/0/weight"), layer_of("0.parametrizations.weight.original1"), layer_of("weight")
    ('body.0', '0', '')
    """
    name = parameter.replace("/", ".")
    if found := _KEPT.search(name):
        return name[: found.start()].rstrip(".")
    return name.rpartition(".")[0]


def is_weight(parameter: str) -> bool:
    """Whether it is trained as a layer's `weight`, under whichever name."""
    return _WEIGHT.search(parameter.replace("/", ".")) is not None


def shared_parameters(net: nn.Module, other: nn.Module) -> list[str]:
    """The names in `net` of the parameters that `other` holds too."""
    theirs = set(map(id, other.parameters()))
    return [name for name, p in net.named_parameters() if id(p) in theirs]


def kept_for(module: str) -> bool:
    """Whether the module of this name only keeps a parameter for the layer above it."""
    return _KEPT.search(f"{module}.") is not None
