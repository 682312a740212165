"""The convolutional pair of Radford et al. 2016, for square images.

A convolution with a norm behind it has no bias: the norm has a shift of its own.
"""

from itertools import pairwise

from torch import nn

from ganlab._check import check_positive, lookup
from ganlab.nets._shapes import check_square, to_square
from ganlab.nets.activations import OUTPUTS
from ganlab.nets.convolutions import CONVS, DOWN_CONVS
from ganlab.nets.inits import initialised
from ganlab.nets.layers import Discriminator, Generator, norm_activation
from ganlab.nets.normalisation import NORMS


def dcgan_generator(
    shape: tuple[int, int, int], latent: int = 64, width: int = 64, norm: str = "batch", activation: str = "relu",
    output: str = "tanh", upsample: str = "transposed", init: str = "dcgan", dropout: float = 0.0,
) -> Generator:  # fmt: skip
    """The generator of Radford et al. 2016: `(batch, latent)` to `(batch, *shape)`.

    At 64x64, with `latent=100`, it is the generator of PyTorch's DCGAN example, whose first layer is here a `Linear`.

    Args:
        shape: `(channels, n, n)` with n one of 8, 14, 16, 28, 32, 56 and 64: a square of 4x4 or 7x7, doubled.
        latent: width of the latent.
        width: channels before the last layer; each layer before that has twice those of the next.
        norm, activation, output, upsample, init: names in `NORMS`, `ACTIVATIONS`, `OUTPUTS`, `CONVS`, `INITS`.
        dropout: rate in [0, 1), behind the activation of every hidden layer, in train mode.

    Raises:
        ValueError: a shape it cannot make, a size that is not positive, an unknown name, a rate outside its range.

    >>> import torch
    >>> from ganlab.nets import dcgan_generator
    >>> G = dcgan_generator((1, 28, 28), latent=16, width=8)  # 7x7, doubled twice
    >>> G(torch.randn(5, 16)).shape
    torch.Size([5, 1, 28, 28])
    """
    shape, base, doublings = check_square(shape)
    check_positive(latent=latent, width=width)
    up, bias = lookup(CONVS, upsample, "upsample"), norm == "none"
    channels = [width * 2**k for k in reversed(range(doublings))]
    # The example's transposed convolution of one place is this product, only slower.
    layers = to_square(latent, channels[0], base, bias)
    for inputs, outputs in pairwise((*channels, shape[0])):
        layers += [*norm_activation(inputs, norm, activation, True, dropout), up(inputs, outputs, bias)]
    body = nn.Sequential(*layers, lookup(OUTPUTS, output, "output")())
    return initialised(Generator(latent, shape, body), init)


def dcgan_discriminator(
    shape: tuple[int, int, int], width: int = 64, norm: str = "batch", activation: str = "leaky_relu",
    init: str = "dcgan", outputs: int = 1, dropout: float = 0.0, downsample: str = "strided",
) -> Discriminator:  # fmt: skip
    """The discriminator of Radford et al. 2016: `(batch, *shape)` to logits `(batch,)`.

    At 64x64 it is the discriminator of PyTorch's DCGAN example, without the sigmoid; the last layer, which sees all
    places at once, is here a `Linear`. No norm in the first layer, nor in the last.

    Args:
        shape: as in `dcgan_generator`.
        width: channels after the first layer; each further layer doubles them.
        norm, activation, init: names in `NORMS`, `ACTIVATIONS`, `INITS`.
        outputs: numbers for each image; more than one gives `(batch, outputs)`, as an encoder needs.
        dropout: as in `dcgan_generator`; neither on the image nor on the logit.
        downsample: a name in `DOWN_CONVS`.

    Raises:
        ValueError: a shape it cannot read, a size that is not positive, an unknown name, a rate outside its range.

    >>> import torch
    >>> from ganlab.nets import dcgan_discriminator
    >>> images = torch.randn(5, 1, 28, 28)
    >>> dcgan_discriminator((1, 28, 28), width=8)(images).shape
    torch.Size([5])
    >>> dcgan_discriminator((1, 28, 28), width=8, outputs=16)(images).shape
    torch.Size([5, 16])
    """
    shape, base, doublings = check_square(shape)
    check_positive(width=width, outputs=outputs)
    down = lookup(DOWN_CONVS, downsample, "downsample")
    channels, bias = [width * 2**k for k in range(doublings)], norm == "none"
    lookup(NORMS, norm, "norm")  # At the smallest size no layer has a norm, and a wrong name would pass unseen.
    layers = []
    for i, (before, after) in enumerate(pairwise((shape[0], *channels))):
        layers += [down(before, after, bias)]
        layers += norm_activation(after, norm if i else "none", activation, True, dropout)
    layers += [nn.Flatten(), nn.Linear(channels[-1] * base * base, outputs, bias=bias)]
    return initialised(Discriminator(shape, nn.Sequential(*layers)), init)
