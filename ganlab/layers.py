"""What networks are made of: norms, activations, outputs, up-sampling, initialisation, and the players' two contracts.

Each choice is a registry, name to function. Nothing here works in place: the nets must run under `torch.func.vmap` and
bear a second differentiation.
"""

import math
from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from ganlab._check import lookup


class Generator(nn.Module):
    """`(batch, latent)` to `(batch, *shape)`, through `body`. The width of the latent is checked at each call."""

    def __init__(self, latent: int, shape: tuple[int, ...], body: nn.Module):
        super().__init__()
        self.latent, self.shape, self.body = latent, shape, body

    def forward(self, z: Tensor) -> Tensor:
        if z.ndim != 2 or z.shape[1] != self.latent:
            raise ValueError(f"z has shape {tuple(z.shape)}: this generator takes (batch, {self.latent})")
        return self.body(z)


class Discriminator(nn.Module):
    """`(batch, *shape)` to `(batch,)` logits, or to `(batch, outputs)` where `body` gives more than one number."""

    def __init__(self, shape: tuple[int, ...], body: nn.Module):
        super().__init__()
        self.shape, self.body = shape, body

    def forward(self, x: Tensor) -> Tensor:
        if tuple(x.shape[1:]) != self.shape:
            expected = ", ".join(map(str, ("batch", *self.shape)))
            raise ValueError(f"x has shape {tuple(x.shape)}: this discriminator takes ({expected})")
        return self.body(x).squeeze(-1)


def check_positive(**sizes: int) -> None:
    """Raise a ValueError for the first of the named sizes that is not a positive integer."""
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"{name} is {size!r}: give a positive integer")


def check_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` as a tuple, if it is one of a sample: `(n,)` for points, `(channels, height, width)` for images."""
    shape = tuple(shape)
    if len(shape) not in (1, 3) or any(not isinstance(n, int) or n < 1 for n in shape):
        raise ValueError(f"shape is {shape}: give (n,) for points or (channels, height, width) for images")
    return shape


# --- Norms: (features, image) -> module. `image` says whether the features are (batch, C, H, W) or (batch, C). All have
# --- a learned scale and shift, so they differ in the axes they average over alone.


def _batch_norm(features: int, image: bool) -> nn.Module:
    """Over the batch, and the places of an image.   Ioffe & Szegedy 2015. torch's eps 1e-5 and momentum 0.1."""
    return nn.BatchNorm2d(features) if image else nn.BatchNorm1d(features)


def _instance_norm(features: int, image: bool) -> nn.Module:
    """Over the places of one channel of one image.   Ulyanov et al. 2016."""
    if not image:
        raise ValueError("norm 'instance' averages over the places of an image: a vector has one, and would become 0")
    return nn.InstanceNorm2d(features, affine=True)


def _layer_norm(features: int, image: bool) -> nn.Module:
    """Over all features, and all places, of one sample, with one scale a channel.   Ba et al. 2016."""
    return nn.GroupNorm(1, features)


def _group_norm(features: int, image: bool) -> nn.Module:
    """Over 8 groups of channels, or fewer so that a group has two.   Wu & He 2018."""
    return nn.GroupNorm(next((g for g in (8, 4, 2) if features % (2 * g) == 0), 1), features)


NORMS: dict[str, Callable[[int, bool], nn.Module]] = {
    "none": lambda features, image: nn.Identity(),
    "batch": _batch_norm,
    "instance": _instance_norm,
    "layer": _layer_norm,
    "group": _group_norm,
}

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


def norm_activation(features: int, norm: str, activation: str, image: bool) -> list[nn.Module]:
    """What follows a linear map in a hidden layer."""
    return [lookup(NORMS, norm, "norm")(features, image), lookup(ACTIVATIONS, activation, "activation")()]


# --- Convolutions that double the height and width: (channels in, channels out, bias) -> module.


def _transposed(inputs: int, outputs: int, bias: bool) -> nn.Module:
    """Fractionally strided, 4x4. The stride divides the kernel: each pixel has as many terms.   Radford et al. 2016."""
    return nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=bias)


def _nearest(inputs: int, outputs: int, bias: bool) -> nn.Module:
    """Each pixel repeated 2x2, then a plain 3x3 convolution.   Odena et al. 2016."""
    return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=bias))


CONVS: dict[str, Callable[[int, int, bool], nn.Module]] = {"transposed": _transposed, "nearest": _nearest}


# --- Initialisation: a function that changes a network's weights in place.


def fans(layer: nn.Module) -> tuple[float, float]:
    """How many terms each output sums in the forward pass, and each input in the backward pass, borders apart.

    `torch.nn.init` takes a transposed convolution for a plain one, and leaves the stride out; both are counted here.
    """
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    taps, strides = math.prod(layer.kernel_size), math.prod(layer.stride)
    if isinstance(layer, nn.ConvTranspose2d):
        return layer.in_channels * taps / strides, layer.out_channels * taps
    return layer.in_channels * taps, layer.out_channels * taps / strides


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
    """`net`, its weights drawn anew by `INITS[init]`."""
    lookup(INITS, init, "init")(net)
    return net
