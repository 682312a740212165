"""Healthy, with other networks, latents and inputs than the plain game."""

import torch
from torch import nn

from ganlab import nets
from ganlab.clinic._games.inputs import Labelled
from ganlab.clinic.games import healthy
from ganlab.clinic.plain import Plain

healthy("conditional", settings=lambda setting: setting.labelled)(Labelled)


@healthy("no norm", settings=lambda setting: setting.norm_g == "batch")
class NoNorm(Plain):
    """Neither player has a norm."""

    def generator(self):
        return self.build_g(norm="none")

    def discriminator(self):
        return self.build_d(norm="none")


@healthy("layer norm in G", losses=("nonsaturating", "hinge"))
class LayerNorm(Plain):
    """Layer norm in G."""

    def generator(self):
        return self.build_g(norm="layer")


@healthy("batch norm in G", settings=lambda setting: setting.norm_g == "none")
class BatchNorm(Plain):
    """Batch norm in a generator that has none."""

    def generator(self):
        return self.build_g(norm="batch")


@healthy("dropout in D")
class Dropout(Plain):
    """D drops a fifth of its units."""

    def discriminator(self):
        return self.build_d(dropout=0.2)


@healthy("a latent of 4")
class SmallLatent(Plain):
    """Four numbers in."""

    latent = 4


@healthy("a latent of 100")
class LargeLatent(Plain):
    """A hundred numbers in."""

    latent = 100


@healthy("uniform latents")
class Uniform(Plain):
    """Latents in [-1, 1]."""

    def noise(self):
        return 2 * torch.rand(self.batch, self.latent) - 1

    @torch.no_grad()
    def sample(self, n):
        return self.G(2 * torch.rand(n, self.latent) - 1)


@healthy("leaky G")
class LeakyG(Plain):
    """LeakyReLU in G too."""

    def generator(self):
        return self.build_g(activation="leaky_relu")


@healthy("smooth units", losses=("nonsaturating", "wasserstein"))
class Smooth(Plain):
    """SiLU in both players."""

    def generator(self):
        return self.build_g(activation="silu")

    def discriminator(self):
        return self.build_d(activation="silu")


@healthy("orthogonal start")
class Orthogonal(Plain):
    """Orthogonal weights in both players."""

    def generator(self):
        return self.build_g(init="orthogonal")

    def discriminator(self):
        return self.build_d(init="orthogonal")


@healthy("wider D")
class WiderD(Plain):
    """D is half as wide again."""

    def discriminator(self):
        return self.build_d(width=self.setting.discriminator.keywords["width"] * 3 // 2)


@healthy("narrower G")
class NarrowerG(Plain):
    """G is three quarters as wide."""

    def generator(self):
        return self.build_g(width=self.setting.generator.keywords["width"] * 3 // 4)


@healthy("sigmoid for [0, 1]", settings=lambda setting: setting.images)
class UnitRange(Plain):
    """Data in [0, 1], and a generator for them."""

    output = "sigmoid"

    def real(self):
        return (super().real() + 1) / 2

    def sample(self, n):
        return 2 * super().sample(n) - 1


class Patches(nn.Module):
    """A logit for each place: (batch, 1, height/4, width/4)."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 1, 3, padding=1),
        )

    def forward(self, x):
        return self.body(x)


@healthy("patches", settings=lambda setting: setting.convolutional, losses=("nonsaturating", "hinge"))
class PatchDiscriminator(Plain):
    """D judges each place of an image."""

    def discriminator(self):
        return Patches(self.data.shape[0], 12)

    def d_loss(self, real, fake):
        return self.loss.d_loss(real.flatten(), fake.flatten())

    def g_loss(self, fake):
        return self.loss.g_loss(fake.flatten())


@healthy("batch deviation in D", settings=lambda setting: not setting.convolutional, losses=("nonsaturating",))
class Deviation(Plain):
    """D sees how far the samples of a batch are apart."""

    def discriminator(self):
        size = torch.Size(self.data.shape).numel()
        width = self.setting.discriminator.keywords["width"]
        return nn.Sequential(
            nn.Flatten(), nn.Linear(size, width), nn.LeakyReLU(0.2), nets.MinibatchStd(), nn.Linear(width + 1, width),
            nn.LeakyReLU(0.2), nn.Linear(width, 1), nn.Flatten(0),
        )  # fmt: skip


@healthy("shifted images", settings=lambda setting: setting.images, losses=("nonsaturating",))
class Shifted(Plain):
    """D sees all images shifted by a pixel or so."""

    def discriminator(self):
        return nets.Augmented(self.build_d(), ["shift"], p=0.5, fill=-1.0)
