"""Fully connected generators and discriminators."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from ganlab._check import check_positive, lookup
from ganlab.nets._shapes import check_shape, to_sample
from ganlab.nets.inits import initialised
from ganlab.nets.layers import Discriminator, Generator, norm_activation
from ganlab.nets.normalisation import NORMS


def _widths(width: int | Sequence[int], depth: int | None) -> tuple[int, ...]:
    """One width a hidden layer: `depth` (by default 2) times the same, or those given."""
    if not isinstance(width, Sequence):
        depth = 2 if depth is None else depth
        check_positive(width=width, depth=depth)
        return (width,) * depth
    if depth is not None:
        raise ValueError(f"depth={depth}: {len(width)} widths are given, and they say how many layers there are")
    check_positive(**{f"width[{i}]": value for i, value in enumerate(width)}, widths=len(width))
    return tuple(width)


def _hidden(inputs: int, width: int, norm: str, activation: str, dropout: float) -> list[nn.Module]:
    # No bias before a norm, which has a shift of its own.
    after = norm_activation(width, norm, activation, image=False, dropout=dropout)
    return [nn.Linear(inputs, width, bias=norm == "none"), *after]


def mlp_generator(
    shape: tuple[int, ...], latent: int = 64, width: int | Sequence[int] = 128, depth: int | None = None,
    norm: str = "none", activation: str = "relu", output: str | None = None, init: str = "default",
    dropout: float = 0.0,
) -> Generator:  # fmt: skip
    """Fully connected: hidden layers, then one to the sample.

    Args:
        shape: `(n,)` for points, `(channels, height, width)` for images of any size.
        latent: width of the latent.
        width, depth: `depth` hidden layers (2 unless said) of `width` units; or a width for each layer, (128, 256) say.
        norm, activation, output, init: names in `NORMS`, `ACTIVATIONS`, `OUTPUTS`, `INITS`. `output=None` takes "tanh"
            for images and "linear" for points, which have no bounds.
        dropout: rate in [0, 1), behind the activation of every hidden layer, in train mode.

    Raises:
        ValueError: a shape of another length, a size that is not positive, an unknown name, `norm="instance"`,
            a rate outside its range.

    >>> import torch
    >>> from ganlab.nets import mlp_generator
    >>> G = mlp_generator((1, 8, 8), latent=16, width=(32, 64))
    >>> [layer.out_features for layer in G.modules() if isinstance(layer, torch.nn.Linear)]
    [32, 64, 64]
    >>> G(torch.randn(5, 16)).shape
    torch.Size([5, 1, 8, 8])
    """
    shape = check_shape(shape)
    check_positive(latent=latent)
    widths, layers = (latent, *_widths(width, depth)), []
    for inputs, outputs in pairwise(widths):
        layers += _hidden(inputs, outputs, norm, activation, dropout)
    body = nn.Sequential(*layers, *to_sample(widths[-1], shape, output))
    return initialised(Generator(latent, shape, body), init)


def mlp_discriminator(
    shape: tuple[int, ...], width: int | Sequence[int] = 128, depth: int | None = None, norm: str = "none",
    activation: str = "leaky_relu", init: str = "default", outputs: int = 1, dropout: float = 0.0,
) -> Discriminator:  # fmt: skip
    """Fully connected: hidden layers, then one to the logit.

    As in DCGAN the first layer has no norm, so that D sees the scale of the data, nor has the last.

    Args:
        shape: of one sample, `(n,)` or `(channels, height, width)`.
        width, depth: `depth` hidden layers (2 unless said) of `width` units; or a width for each layer, (128, 256) say.
        norm, activation, init: names in `NORMS`, `ACTIVATIONS`, `INITS`.
        outputs: numbers for each sample; more than one gives `(batch, outputs)`, as an encoder needs.
        dropout: as in `mlp_generator`; neither on the sample nor on the logit.

    Raises:
        ValueError: a shape of another length, a size that is not positive, an unknown name, `norm="instance"`,
            a rate outside its range.

    >>> import torch
    >>> from ganlab.nets import mlp_discriminator
    >>> points = torch.randn(5, 2)
    >>> mlp_discriminator((2,), width=32, depth=3)(points).shape
    torch.Size([5])
    >>> mlp_discriminator((2,), width=32, depth=3, outputs=16)(points).shape
    torch.Size([5, 16])
    """
    shape = check_shape(shape)
    check_positive(outputs=outputs)
    lookup(NORMS, norm, "norm")  # At depth 1 no layer has a norm, and a wrong name would pass unseen.
    widths = _widths(width, depth)
    layers = [nn.Flatten(), *_hidden(math.prod(shape), widths[0], "none", activation, dropout)]
    for inside, outside in pairwise(widths):
        layers += _hidden(inside, outside, norm, activation, dropout)
    return initialised(Discriminator(shape, nn.Sequential(*layers, nn.Linear(widths[-1], outputs))), init)
