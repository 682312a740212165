"""What the clinic's games are played over, and by which networks: small, so that two hundred steps take seconds."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial

import torch
from torch import Tensor

from ganlab import data, nets

HELD_OUT = 500  # images, or a third of the set where that is less
KEPT = 4000  # images to train on, at most


@dataclass(frozen=True)
class Setting:
    """Data with a pair of networks, and the plain recipe's numbers.

    name: "ring-mlp".
    load: its whole data set.
    generator: (shape, latent, **options) -> G; discriminator: (shape, **options) -> D.
    latent: width of the latent. batch: samples a step. rate: Adam's, of both players.
    gamma: weight of the gradient penalty under the Wasserstein loss.
    critic_steps: in a round, under that loss.
    losses: which of the standard ones it is played with; each costs seconds on images.
    norm_g, norm_d: their norms. A critic under the penalty has none.
    steps: of the long run that tells whether a game is sick.

    >>> from ganlab.clinic import SETTINGS
    >>> ring = SETTINGS["ring-mlp"]
    >>> ring.train.shape, ring.held_out.shape, ring.images
    ((2,), torch.Size([500, 2]), False)
    """

    name: str
    load: Callable[[], data.Dataset]
    generator: partial
    discriminator: partial
    latent: int
    batch: int
    rate: float
    gamma: float
    steps: int
    critic_steps: int = 1
    losses: tuple[str, ...] = ("nonsaturating", "wasserstein", "hinge")
    norm_g: str = "none"
    norm_d: str = "none"

    @property
    def train(self) -> data.Dataset:
        """What the players see: draws of a mixture, or the images that are not held out."""
        return _parts(self.name)[0]

    @property
    def held_out(self) -> Tensor:
        """Real samples that no player sees, (n, *shape)."""
        return _parts(self.name)[1]

    @property
    def images(self) -> bool:
        return len(self.train.shape) == 3

    @property
    def convolutional(self) -> bool:
        return self.generator.func in (nets.dcgan_generator, nets.resnet_generator)

    @property
    def labelled(self) -> bool:
        """Whether a label belongs to each sample: of a mixture, its mode."""
        return self.train.labels is not None or self.train.modes is not None


def _garments(size: int) -> data.Dataset:
    """Fashion-MNIST where its files lie; elsewhere the faces that come with scikit-image, at the same size."""
    try:
        return data.load("fashion_mnist", size=size, fit="resize", download=False)
    except (FileNotFoundError, ImportError):
        return data.load("faces", size=size, fit="resize")


@cache
def _parts(name: str) -> tuple[data.Dataset, Tensor]:
    whole, dice = SETTINGS[name].load(), torch.Generator().manual_seed(0)
    if whole.samples is None:
        return whole, whole.sample(HELD_OUT, dice)
    order = torch.randperm(len(whole), generator=dice)
    count = min(HELD_OUT, len(whole) // 3)
    held_out, kept = order[:count], order[count : count + KEPT]
    labels = None if whole.labels is None else whole.labels[kept]
    return replace(whole, samples=whole.samples[kept], labels=labels), whole.samples[held_out]


_ALL = (
    Setting(
        "ring-mlp", partial(data.load, "ring"), partial(nets.mlp_generator, width=64),
        partial(nets.mlp_discriminator, width=64), latent=16, batch=64, rate=1e-3, gamma=0.2, steps=1500,
        critic_steps=2, norm_g="batch",
    ),
    Setting(
        "grid-resmlp", partial(data.load, "grid"), partial(nets.resmlp_generator, width=48),
        partial(nets.resmlp_discriminator, width=48), latent=16, batch=64, rate=1e-3, gamma=0.2, steps=1500,
        critic_steps=2,
    ),
    Setting(
        "digits-mlp", partial(data.load, "digits"), partial(nets.mlp_generator, width=128),
        partial(nets.mlp_discriminator, width=128), latent=32, batch=32, rate=5e-4, gamma=2.0, steps=1000,
    ),
    Setting(
        "digits-dcgan", partial(data.load, "digits", size=16, fit="resize"), partial(nets.dcgan_generator, width=8),
        partial(nets.dcgan_discriminator, width=8), latent=32, batch=16, rate=1e-3, gamma=2.0, steps=800,
        norm_g="batch", norm_d="batch",
    ),
    Setting(
        "garments-dcgan", partial(_garments, 28), partial(nets.dcgan_generator, width=6),
        partial(nets.dcgan_discriminator, width=6), latent=32, batch=16, rate=1e-3, gamma=2.0, steps=500,
        norm_g="batch", norm_d="batch", losses=("nonsaturating", "wasserstein"),
    ),
    Setting(
        "garments-resnet", partial(_garments, 16), partial(nets.resnet_generator, width=6),
        partial(nets.resnet_discriminator, width=6), latent=32, batch=16, rate=5e-4, gamma=2.0, steps=500,
        norm_g="batch", losses=("nonsaturating", "hinge"),
    ),
)  # fmt: skip

# Name of a setting: its data, then its networks.
SETTINGS: dict[str, Setting] = {setting.name: setting for setting in _ALL}


def get(name: str) -> Setting:
    """The setting called `name`. Raises ValueError for an unknown name; the message lists the known ones.

    >>> from ganlab.clinic import settings
    >>> settings.get("digits-mlp").batch
    32
    """
    if name not in SETTINGS:
        raise ValueError(f"unknown setting {name!r}; known: {', '.join(SETTINGS)}")
    return SETTINGS[name]
