"""The two players' contracts, and what every hidden layer here ends in."""

from torch import Tensor, nn

from ganlab._check import lookup
from ganlab._stacked import STACKED, run, within
from ganlab.nets.activations import ACTIVATIONS
from ganlab.nets.normalisation import NORMS


class Generator(nn.Module):
    """`(batch, latent)` to `(batch, *shape)`, through `body`, any module that does.

    Raises, when it is called:
        ValueError: z is not `(batch, latent)`.

    >>> import torch
    >>> from ganlab.nets import Generator
    >>> G = Generator(latent=8, shape=(2,), body=torch.nn.Linear(8, 2))
    >>> G(torch.randn(5, G.latent)).shape
    torch.Size([5, 2])
    """

    def __init__(self, latent: int, shape: tuple[int, ...], body: nn.Module):
        super().__init__()
        self.latent, self.shape, self.body = latent, shape, body

    def forward(self, z: Tensor) -> Tensor:
        self.check(z.shape)
        return self.body(z)

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise for a shape that is not `(batch, latent)`."""
        if len(shape) != 2 or shape[1] != self.latent:
            raise ValueError(f"z has shape {tuple(shape)}: this generator takes (batch, {self.latent})")


class Discriminator(nn.Module):
    """`(batch, *shape)` to `(batch,)` logits, or to `(batch, outputs)` where `body` gives more than one number.

    Raises, when it is called:
        ValueError: x is not `(batch, *shape)`.

    >>> import torch
    >>> from ganlab.nets import Discriminator
    >>> D = Discriminator(shape=(2,), body=torch.nn.Linear(2, 1))
    >>> D(torch.randn(5, 2)).shape  # the body gives (5, 1)
    torch.Size([5])
    """

    def __init__(self, shape: tuple[int, ...], body: nn.Module):
        super().__init__()
        self.shape, self.body = shape, body

    def forward(self, x: Tensor) -> Tensor:
        self.check(x.shape)
        return self.body(x).squeeze(-1)

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise for a shape that is not `(batch, *shape)`."""
        if tuple(shape[1:]) != self.shape:
            expected = ", ".join(map(str, ("batch", *self.shape)))
            raise ValueError(f"x has shape {tuple(shape)}: this discriminator takes ({expected})")


def _stacked(net: Generator | Discriminator, weights: dict[str, Tensor], x: Tensor) -> Tensor:
    net.check(x.shape[1:])
    y = run(net.body, within(weights, "body"), x)
    return y.squeeze(-1) if isinstance(net, Discriminator) else y


STACKED[Generator] = STACKED[Discriminator] = _stacked


def norm_activation(features: int, norm: str, activation: str, image: bool, dropout: float = 0.0) -> list[nn.Module]:
    """What follows a linear map in a hidden layer: the norm, the activation and, if it has a rate, dropout.

    Args:
        features: width of the layer, or channels of an image.
        norm, activation: names in `NORMS`, `ACTIVATIONS`.
        image: whether the features are `(batch, C, H, W)` or `(batch, C)`.
        dropout: rate in [0, 1). In train mode each number is set to 0 with this probability and the others are divided
            by 1 - rate (Srivastava et al. 2014); the masks come from torch's global random numbers.

    Raises:
        ValueError: an unknown name, a rate outside [0, 1), `norm="instance"` without an image.

    >>> from ganlab.nets import norm_activation
    >>> [type(layer).__name__ for layer in norm_activation(16, "batch", "relu", image=True, dropout=0.5)]
    ['BatchNorm2d', 'ReLU', 'Dropout']
    """
    layers = [lookup(NORMS, norm, "norm")(features, image), lookup(ACTIVATIONS, activation, "activation")()]
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout={dropout}: a rate is in [0, 1); 0 for none")
    return [*layers, nn.Dropout(dropout)] if dropout else layers
