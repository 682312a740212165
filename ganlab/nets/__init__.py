"""Which networks play? Generators, discriminators and the parts that they are built of.

A generator maps `(batch, latent)` to `(batch, *shape)` and has the attributes `latent` and `shape`. A discriminator
maps `(batch, *shape)` to logits `(batch,)`, with no sigmoid behind them. Each part has a registry, a plain dict into
which a function of your own may go: `NORMS`, `ACTIVATIONS`, `OUTPUTS`, `CONVS`, `DOWN_CONVS`, `INITS`. This wing knows
nothing of data, losses or training; `cost` counts parameters and multiply-adds.
"""

from collections.abc import Callable

from ganlab.nets import cost
from ganlab.nets.activations import ACTIVATIONS, OUTPUTS
from ganlab.nets.augment import AUGMENTATIONS, Augmented
from ganlab.nets.convolutions import CONVS, DOWN_CONVS, separable
from ganlab.nets.dcgan import dcgan_discriminator, dcgan_generator
from ganlab.nets.diversity import MinibatchDiscrimination, MinibatchStd, Packed
from ganlab.nets.inits import INITS, fans, initialised
from ganlab.nets.layers import Discriminator, Generator, norm_activation
from ganlab.nets.mlp import mlp_discriminator, mlp_generator
from ganlab.nets.normalisation import NORMS
from ganlab.nets.residual import ResidualBlock
from ganlab.nets.resmlp import resmlp_discriminator, resmlp_generator
from ganlab.nets.resnet import resnet_discriminator, resnet_generator
from ganlab.nets.spectral import SpectralNorm, spectrally_normalised

__all__ = [
    "ACTIVATIONS", "AUGMENTATIONS", "CONVS", "DISCRIMINATORS", "DOWN_CONVS", "GENERATORS", "INITS", "NORMS", "OUTPUTS",
    "Augmented", "Discriminator", "Generator", "MinibatchDiscrimination", "MinibatchStd", "Packed", "ResidualBlock",
    "SpectralNorm", "cost", "dcgan_discriminator", "dcgan_generator", "fans", "initialised", "mlp_discriminator",
    "mlp_generator", "norm_activation", "resmlp_discriminator", "resmlp_generator", "resnet_discriminator",
    "resnet_generator", "separable", "spectrally_normalised",
]  # fmt: skip

GENERATORS: dict[str, Callable[..., Generator]] = {
    "mlp": mlp_generator,
    "dcgan": dcgan_generator,
    "resnet": resnet_generator,
    "resmlp": resmlp_generator,
}

DISCRIMINATORS: dict[str, Callable[..., Discriminator]] = {
    "mlp": mlp_discriminator,
    "dcgan": dcgan_discriminator,
    "resnet": resnet_discriminator,
    "resmlp": resmlp_discriminator,
}
