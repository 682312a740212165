"""Residual MLPs: generators and discriminators of any depth, and their plain twins."""

import math

from torch import nn

from ganlab._check import check_positive, lookup
from ganlab.nets.activations import ACTIVATIONS, OUTPUTS
from ganlab.nets.inits import initialised
from ganlab.nets.layers import Discriminator, Generator, check_shape, norm_activation
from ganlab.nets.normalisation import NORMS
from ganlab.nets.residual import Scale, dense_block, start_at_zero


def resmlp_generator(
    shape: tuple[int, ...],
    latent: int = 64,
    width: int = 128,
    blocks: int = 2,
    norm: str = "none",
    activation: str = "relu",
    output: str | None = None,
    init: str = "he",
    dropout: float = 0.0,
    branch_scale: Scale = 1.0,
    plain: bool = False,
) -> Generator:
    """Fully connected: a layer from the latent, residual blocks of two layers, a layer to the sample.

    Args:
        shape: `(n,)` for points, `(channels, height, width)` for images of any size.
        latent: width of the latent.
        width, blocks: `blocks` blocks of two layers of `width` units: 2 blocks + 2 weighted layers in all.
        norm, activation, output, init: names in `NORMS`, `ACTIVATIONS`, `OUTPUTS`, `INITS`. `output=None` takes "tanh"
            for images and "linear" for points, which have no bounds.
        dropout: rate in [0, 1), between the two layers of a block, in train mode.
        branch_scale: as `scale` of `ResidualBlock`.
        plain: without the shortcuts; the same layers and, unless the scale is learned, the same number of parameters.

    Raises:
        ValueError: a shape of another length, a size that is not positive, an unknown name, `norm="instance"`, a scale
            that a block cannot have or that a plain net would not use.
    """
    shape = check_shape(shape)
    check_positive(latent=latent, width=width, blocks=blocks)
    output = output or ("tanh" if len(shape) == 3 else "linear")
    body = nn.Sequential(
        nn.Linear(latent, width, bias=norm == "none"),
        *(dense_block(width, norm, activation, branch_scale, plain, dropout) for _ in range(blocks)),
        *norm_activation(width, norm, activation, image=False),
        nn.Linear(width, math.prod(shape)),
        lookup(OUTPUTS, output, "output")(),
        nn.Unflatten(1, shape),
    )
    return start_at_zero(initialised(Generator(latent, shape, body), init))


def resmlp_discriminator(
    shape: tuple[int, ...],
    width: int = 128,
    blocks: int = 2,
    norm: str = "none",
    activation: str = "leaky_relu",
    init: str = "he",
    outputs: int = 1,
    dropout: float = 0.0,
    branch_scale: Scale = 1.0,
    plain: bool = False,
) -> Discriminator:
    """Fully connected: a layer from the sample, residual blocks of two layers, a layer to the logit.

    Args and errors as `resmlp_generator`; `outputs`: numbers for each sample, more than one gives `(batch, outputs)`.
    As in the other discriminators, neither the first nor the last layer has a norm.
    """
    shape = check_shape(shape)
    check_positive(width=width, blocks=blocks, outputs=outputs)
    lookup(NORMS, norm, "norm")
    body = nn.Sequential(
        nn.Flatten(),
        nn.Linear(math.prod(shape), width),
        *(dense_block(width, norm, activation, branch_scale, plain, dropout, k == 0) for k in range(blocks)),
        lookup(ACTIVATIONS, activation, "activation")(),
        nn.Linear(width, outputs),
    )
    return start_at_zero(initialised(Discriminator(shape, body), init))
