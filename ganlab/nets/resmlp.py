"""Residual MLPs: generators and discriminators of any depth, and their plain twins."""

import math

from torch import nn

from ganlab._check import check_positive, lookup
from ganlab.nets._blocks import Blocks, start_at_zero
from ganlab.nets._shapes import check_shape, to_sample
from ganlab.nets.activations import ACTIVATIONS
from ganlab.nets.inits import initialised
from ganlab.nets.layers import Discriminator, Generator, norm_activation
from ganlab.nets.normalisation import NORMS
from ganlab.nets.residual import Scale


def resmlp_generator(
    shape: tuple[int, ...], latent: int = 64, width: int = 128, blocks: int = 2, norm: str = "none",
    activation: str = "relu", output: str | None = None, init: str = "he", dropout: float = 0.0,
    branch_scale: Scale = 1.0, plain: bool = False,
) -> Generator:  # fmt: skip
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
        ValueError: a shape of another length, a size that is not positive, an unknown name, `norm="instance"`, a rate
            outside its range, a scale that a block cannot have or that a plain net would not use.

    >>> from ganlab.nets import cost, resmlp_generator
    >>> nets = [resmlp_generator((2,), latent=16, width=32, blocks=15, plain=plain) for plain in (False, True)]
    >>> [cost.parameters(net) for net in nets]  # 17 * 32 + 2 * 15 * 33 * 32 + 33 * 2
    [32290, 32290]
    """
    shape = check_shape(shape)
    check_positive(latent=latent, width=width, blocks=blocks)
    build = Blocks(width, norm, activation, branch_scale, plain, dropout)
    body = nn.Sequential(
        nn.Linear(latent, width, bias=norm == "none"),
        *(build.same(image=False) for _ in range(blocks)),
        *norm_activation(width, norm, activation, image=False),
        *to_sample(width, shape, output),
    )
    return start_at_zero(initialised(Generator(latent, shape, body), init))


def resmlp_discriminator(
    shape: tuple[int, ...], width: int = 128, blocks: int = 2, norm: str = "none", activation: str = "leaky_relu",
    init: str = "he", outputs: int = 1, dropout: float = 0.0, branch_scale: Scale = 1.0, plain: bool = False,
) -> Discriminator:  # fmt: skip
    """Fully connected: a layer from the sample, residual blocks of two layers, a layer to the logit.

    Args and errors as `resmlp_generator`; `outputs`: numbers for each sample, more than one gives `(batch, outputs)`.
    As in the other discriminators, neither the first nor the last layer has a norm.

    >>> import torch
    >>> from ganlab.nets import resmlp_discriminator
    >>> D = resmlp_discriminator((2,), blocks=15, branch_scale="zero")  # each block starts as the identity
    >>> x = torch.randn(5, 2)
    >>> D(x).shape, torch.equal(D.body[:17](x), D.body[:2](x))  # flatten, linear, 15 blocks
    (torch.Size([5]), True)
    """
    shape = check_shape(shape)
    check_positive(width=width, blocks=blocks, outputs=outputs)
    build = Blocks(width, norm, activation, branch_scale, plain, dropout)
    lookup(NORMS, norm, "norm")
    body = nn.Sequential(
        nn.Flatten(),
        nn.Linear(math.prod(shape), width),
        *(build.same(image=False, first=k == 0) for k in range(blocks)),
        lookup(ACTIVATIONS, activation, "activation")(),
        nn.Linear(width, outputs),
    )
    return start_at_zero(initialised(Discriminator(shape, body), init))
