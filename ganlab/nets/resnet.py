"""The residual convolutional pair of Gulrajani et al. 2017, for square images, and its plain twin."""

from torch import nn

from ganlab._check import check_positive, lookup
from ganlab.nets._blocks import Blocks, start_at_zero
from ganlab.nets._shapes import check_square, to_square
from ganlab.nets.activations import ACTIVATIONS, OUTPUTS
from ganlab.nets.inits import initialised
from ganlab.nets.layers import Discriminator, Generator, norm_activation
from ganlab.nets.normalisation import NORMS
from ganlab.nets.residual import Scale


def resnet_generator(
    shape: tuple[int, int, int], latent: int = 64, width: int = 64, norm: str = "batch", activation: str = "relu",
    output: str = "tanh", upsample: str = "nearest", init: str = "he", dropout: float = 0.0, blocks: int = 1,
    branch_scale: Scale = 1.0, plain: bool = False,
) -> Generator:  # fmt: skip
    """Residual blocks that double the side: `(batch, latent)` to `(batch, *shape)`.   Gulrajani et al. 2017, app. F.

    The other arguments and the errors are those of `dcgan_generator`.

    Args:
        width: channels in every block.
        dropout: rate, between the two convolutions of a block (Zagoruyko & Komodakis 2016).
        blocks: blocks for each doubling; all but the first keep the side.
        branch_scale: as `scale` of `ganlab.nets.ResidualBlock`.
        plain: without the shortcuts, and so without the 1x1 convolution of each block that doubles; else the same.

    >>> import torch
    >>> from ganlab.nets import ResidualBlock, resnet_generator
    >>> G = resnet_generator((1, 16, 16), latent=16, width=8, blocks=3)  # 4x4, doubled twice
    >>> G(torch.randn(5, 16)).shape
    torch.Size([5, 1, 16, 16])
    >>> sum(isinstance(module, ResidualBlock) for module in G.modules())
    6
    """
    shape, base, doublings = check_square(shape)
    check_positive(latent=latent, width=width, blocks=blocks)
    build = Blocks(width, norm, activation, branch_scale, plain, dropout)
    body = nn.Sequential(
        *to_square(latent, width, base, bias=norm == "none"),
        *(build.same(image=True) if k else build.up(upsample) for _ in range(doublings) for k in range(blocks)),
        *norm_activation(width, norm, activation, image=True),
        nn.Conv2d(width, shape[0], 3, padding=1),
        lookup(OUTPUTS, output, "output")(),
    )
    return start_at_zero(initialised(Generator(latent, shape, body), init))


def resnet_discriminator(
    shape: tuple[int, int, int], width: int = 64, norm: str = "none", activation: str = "relu", init: str = "he",
    outputs: int = 1, dropout: float = 0.0, blocks: int = 1, branch_scale: Scale = 1.0, plain: bool = False,
) -> Discriminator:  # fmt: skip
    """Residual blocks that halve the side, the mean over places, a linear layer.   Gulrajani et al. 2017, app. F.

    Args and errors as `dcgan_discriminator`; `width`, `dropout`, `branch_scale` and `plain` as in `resnet_generator`,
    and `blocks` for each halving.

    >>> import torch
    >>> from ganlab.nets import resnet_discriminator
    >>> D = resnet_discriminator((1, 16, 16), width=8)  # 16x16, halved twice
    >>> D(torch.randn(5, 1, 16, 16)).shape
    torch.Size([5])
    >>> D.body[:2](torch.randn(5, 1, 16, 16)).shape  # behind both blocks
    torch.Size([5, 8, 4, 4])
    """
    shape, _, doublings = check_square(shape)
    check_positive(width=width, outputs=outputs, blocks=blocks)
    build = Blocks(width, norm, activation, branch_scale, plain, dropout)
    lookup(NORMS, norm, "norm")  # As in the DCGAN: the first block has none.
    body = nn.Sequential(
        *(
            build.same(image=True) if k else build.down(width if i else shape[0], first=i == 0)
            for i in range(doublings)
            for k in range(blocks)
        ),
        lookup(ACTIVATIONS, activation, "activation")(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, outputs),
    )
    return start_at_zero(initialised(Discriminator(shape, body), init))
