"""The two players' contracts, and what every network here is put together with."""

from torch import Tensor, nn

from ganlab._check import lookup
from ganlab.nets.activations import ACTIVATIONS
from ganlab.nets.normalisation import NORMS


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


def check_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` as a tuple, if it is one of a sample: `(n,)` for points, `(channels, height, width)` for images."""
    shape = tuple(shape)
    if len(shape) not in (1, 3) or any(not isinstance(n, int) or n < 1 for n in shape):
        raise ValueError(f"shape is {shape}: give (n,) for points or (channels, height, width) for images")
    return shape


def norm_activation(features: int, norm: str, activation: str, image: bool, dropout: float = 0.0) -> list[nn.Module]:
    """What follows a linear map in a hidden layer."""
    layers = [lookup(NORMS, norm, "norm")(features, image), lookup(ACTIVATIONS, activation, "activation")()]
    return [*layers, *dropouts(dropout)]


def dropouts(rate: float) -> list[nn.Module]:
    """Sets each number to 0 with probability `rate`, in train mode only, and divides the others by 1 - rate.

    Nothing at a rate of 0. The masks come from torch's global random numbers.   Srivastava et al. 2014.

    Raises:
        ValueError: a rate outside [0, 1).
    """
    if not 0 <= rate < 1:
        raise ValueError(f"dropout={rate}: a rate is in [0, 1); 0 for none")
    return [nn.Dropout(rate)] if rate else []
