"""Convolutional pairs for square images: DCGAN (Radford et al. 2016) and ResNet (Gulrajani et al. 2017).

Both start from, or end in, a square of 4x4 or 7x7 places and double or halve it, so they make images of the side
lengths in `SIZES`. A convolution with a norm behind it has no bias: the norm has a shift of its own.
"""

from itertools import pairwise

from torch import nn

from ganlab._check import check_positive, lookup
from ganlab.nets.activations import ACTIVATIONS, OUTPUTS
from ganlab.nets.convolutions import CONVS, DOWN_CONVS
from ganlab.nets.inits import initialised
from ganlab.nets.layers import Discriminator, Generator, check_shape, norm_activation
from ganlab.nets.normalisation import NORMS
from ganlab.nets.residual import Scale, down_block, same_block, start_at_zero, up_block

# Side length of the image: (side of the smallest square, number of doublings).
SIZES: dict[int, tuple[int, int]] = {
    side: (base, doublings)
    for side, base, doublings in sorted((base * 2**k, base, k) for base in (4, 7) for k in range(1, 5))
    if side <= 64
}


def _plan(shape: tuple[int, ...]) -> tuple[tuple[int, ...], int, int]:
    """The checked shape, the side of the smallest square and the number of doublings."""
    shape = check_shape(shape)
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] not in SIZES:
        raise ValueError(
            f"shape is {shape}: a convolutional net makes square images (channels, n, n) with n one of "
            f"{', '.join(map(str, SIZES))}; pad or resize the images, or use an MLP"
        )
    return shape, *SIZES[shape[1]]


def dcgan_generator(
    shape: tuple[int, int, int],
    latent: int = 64,
    width: int = 64,
    norm: str = "batch",
    activation: str = "relu",
    output: str = "tanh",
    upsample: str = "transposed",
    init: str = "dcgan",
    dropout: float = 0.0,
) -> Generator:
    """The generator of Radford et al. 2016: `(batch, latent)` to `(batch, *shape)`.

    At 64x64, with `latent=100`, it is the generator of PyTorch's DCGAN example, whose first layer is here a `Linear`.

    Args:
        shape: `(channels, n, n)` with n in `SIZES`.
        latent: width of the latent.
        width: channels before the last layer; each layer before that has twice those of the next.
        norm, activation, output, upsample, init: names in `NORMS`, `ACTIVATIONS`, `OUTPUTS`, `CONVS`, `INITS`.
        dropout: rate in [0, 1), behind the activation of every hidden layer, in train mode.

    Raises:
        ValueError: a shape it cannot make, a size that is not positive, an unknown name.
    """
    shape, base, doublings = _plan(shape)
    check_positive(latent=latent, width=width)
    up, bias = lookup(CONVS, upsample, "upsample"), norm == "none"
    channels = [width * 2**k for k in reversed(range(doublings))]
    # "Project and reshape". The example's transposed convolution of one place is this product, only slower.
    layers = [nn.Linear(latent, channels[0] * base * base, bias=bias), nn.Unflatten(1, (channels[0], base, base))]
    for inputs, outputs in pairwise(channels):
        layers += [*norm_activation(inputs, norm, activation, True, dropout), up(inputs, outputs, bias)]
    layers += [*norm_activation(width, norm, activation, True, dropout), up(width, shape[0], bias)]
    body = nn.Sequential(*layers, lookup(OUTPUTS, output, "output")())
    return initialised(Generator(latent, shape, body), init)


def dcgan_discriminator(
    shape: tuple[int, int, int],
    width: int = 64,
    norm: str = "batch",
    activation: str = "leaky_relu",
    init: str = "dcgan",
    outputs: int = 1,
    dropout: float = 0.0,
    downsample: str = "strided",
) -> Discriminator:
    """The discriminator of Radford et al. 2016: `(batch, *shape)` to logits `(batch,)`.

    At 64x64 it is the discriminator of PyTorch's DCGAN example, without the sigmoid; the last layer, which sees all
    places at once, is here a `Linear`. No norm in the first layer, nor in the last.

    Args:
        shape: `(channels, n, n)` with n in `SIZES`.
        width: channels after the first layer; each further layer doubles them.
        norm, activation, init: names in `NORMS`, `ACTIVATIONS`, `INITS`.
        outputs: numbers for each image; more than one gives `(batch, outputs)`, as an encoder needs.
        dropout: as in `dcgan_generator`; neither on the image nor on the logit.
        downsample: a name in `DOWN_CONVS`.

    Raises:
        ValueError: a shape it cannot read, a size that is not positive, an unknown name.
    """
    shape, base, doublings = _plan(shape)
    check_positive(width=width, outputs=outputs)
    down = lookup(DOWN_CONVS, downsample, "downsample")
    channels, bias = [width * 2**k for k in range(doublings)], norm == "none"
    lookup(NORMS, norm, "norm")  # At the smallest size no layer has a norm, and a wrong name would pass unseen.
    layers = [down(shape[0], width, bias)]
    layers += norm_activation(width, "none", activation, True, dropout)
    for before, after in pairwise(channels):
        layers += [down(before, after, bias)]
        layers += norm_activation(after, norm, activation, True, dropout)
    layers += [nn.Flatten(), nn.Linear(channels[-1] * base * base, outputs, bias=bias)]
    return initialised(Discriminator(shape, nn.Sequential(*layers)), init)


def resnet_generator(
    shape: tuple[int, int, int],
    latent: int = 64,
    width: int = 64,
    norm: str = "batch",
    activation: str = "relu",
    output: str = "tanh",
    upsample: str = "nearest",
    init: str = "he",
    dropout: float = 0.0,
    blocks: int = 1,
    branch_scale: Scale = 1.0,
    plain: bool = False,
) -> Generator:
    """Residual blocks that double the side: `(batch, latent)` to `(batch, *shape)`.   Gulrajani et al. 2017, app. F.

    Args and errors as `dcgan_generator`, but `width` is the number of channels in every block, and
    `dropout` works between the two convolutions of a block (Zagoruyko & Komodakis 2016).

        blocks: blocks for each doubling; all but the first keep the side.
        branch_scale: as `scale` of `ganlab.nets.ResidualBlock`.
        plain: without the shortcuts, and so without the 1x1 convolution of each block that doubles; else the same.
    """
    shape, base, doublings = _plan(shape)
    check_positive(latent=latent, width=width, blocks=blocks)
    rest = (branch_scale, plain, dropout)
    body = nn.Sequential(
        nn.Linear(latent, width * base * base, bias=norm == "none"),
        nn.Unflatten(1, (width, base, base)),
        *(
            same_block(width, norm, activation, *rest) if k else up_block(width, norm, activation, upsample, *rest)
            for _ in range(doublings)
            for k in range(blocks)
        ),
        *norm_activation(width, norm, activation, image=True),
        nn.Conv2d(width, shape[0], 3, padding=1),
        lookup(OUTPUTS, output, "output")(),
    )
    return start_at_zero(initialised(Generator(latent, shape, body), init))


def resnet_discriminator(
    shape: tuple[int, int, int],
    width: int = 64,
    norm: str = "none",
    activation: str = "relu",
    init: str = "he",
    outputs: int = 1,
    dropout: float = 0.0,
    blocks: int = 1,
    branch_scale: Scale = 1.0,
    plain: bool = False,
) -> Discriminator:
    """Residual blocks that halve the side, the mean over places, a linear layer.   Gulrajani et al. 2017, app. F.

    Args and errors as `dcgan_discriminator`, but `width` is the number of channels in every block, and
    `dropout` works between the two convolutions of a block (Zagoruyko & Komodakis 2016); `blocks` for each halving,
    `branch_scale` and `plain` as in `resnet_generator`.
    """
    shape, _, doublings = _plan(shape)
    check_positive(width=width, outputs=outputs, blocks=blocks)
    rest = (branch_scale, plain, dropout)
    lookup(NORMS, norm, "norm")  # As in the DCGAN: the first block has none.
    body = nn.Sequential(
        *(
            same_block(width, norm, activation, *rest)
            if k
            else down_block(width if i else shape[0], width, norm, activation, i == 0, *rest)
            for i in range(doublings)
            for k in range(blocks)
        ),
        lookup(ACTIVATIONS, activation, "activation")(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, outputs),
    )
    return start_at_zero(initialised(Discriminator(shape, body), init))
