"""Healthy, with networks of people's own for points and small images."""

import math

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from ganlab.clinic._games.second.well_parts import conv_critic, conv_generator, dense_critic, dense_generator, numbers
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


@healthy("doubled images, group norm", settings=only("digits-dcgan", "garments-dcgan", "garments-resnet"),
         losses=("nonsaturating",))  # fmt: skip
class Doubled(Plain):
    """Upsample and convolve with group norm and SiLU; D has instance norm in its middle."""

    def generator(self):
        return conv_generator(self.latent, self.data.shape, 12, lambda channels: nn.GroupNorm(4, channels), nn.SiLU)

    def discriminator(self):
        return conv_critic(self.data.shape, 12, norm=lambda channels: nn.InstanceNorm2d(channels, affine=True))


class Attention(nn.Module):
    """Each place of an image looks at the others, as much as a number says that starts at 0."""

    def __init__(self, channels):
        super().__init__()
        self.ask, self.answer = nn.Conv2d(channels, channels // 2, 1), nn.Conv2d(channels, channels // 2, 1)
        self.value, self.share = nn.Conv2d(channels, channels, 1), nn.Parameter(torch.zeros(()))

    def forward(self, x):
        ask, answer, value = self.ask(x).flatten(2), self.answer(x).flatten(2), self.value(x).flatten(2)
        weights = torch.softmax(ask.transpose(1, 2) @ answer, dim=-1)
        return x + self.share * (value @ weights.transpose(1, 2)).view_as(x)


@healthy("self-attention", settings=only("digits-dcgan", "garments-resnet"), losses=("hinge",))
class SelfAttention(Plain):
    """An attention layer in the middle of both players, spectral norm in D, and unlike rates."""

    rate_d, rate_g, betas = 2.0, 0.5, (0.0, 0.9)

    def generator(self):
        layers = list(conv_generator(self.latent, self.data.shape, 12))
        return nn.Sequential(*layers[:7], Attention(12), *layers[7:])

    def discriminator(self):
        layers = list(conv_critic(self.data.shape, 12, wrap=spectral_norm))
        return nn.Sequential(*layers[:2], Attention(12), *layers[2:])


class Coordinates(nn.Module):
    """An image as a function of the place, with sines for units; the latent moves their phases."""

    def __init__(self, latent, shape, width):
        super().__init__()
        side = torch.linspace(-1, 1, shape[1])
        self.register_buffer("places", torch.cartesian_prod(side, side))
        self.shape, self.width = shape, width
        self.place, self.mix, self.out = nn.Linear(2, width), nn.Linear(width, width), nn.Linear(width, shape[0])
        self.style = nn.Sequential(nn.Linear(latent, 64), nn.ReLU(), nn.Linear(64, 2 * width))
        nn.init.uniform_(self.place.weight, -3, 3)

    def forward(self, z):
        first, second = self.style(z).unsqueeze(1).chunk(2, dim=2)
        h = torch.sin(self.place(self.places) + 2 * first)
        h = torch.sin(2 * self.mix(h) + 2 * second)
        return torch.tanh(self.out(h)).transpose(1, 2).reshape(len(z), *self.shape)


@healthy("sines of the place", settings=only("digits-mlp"), losses=("hinge",))
class Sines(Plain):
    """A SIREN makes the image pixel by pixel."""

    def generator(self):
        return Coordinates(self.latent, self.data.shape, 48)


@healthy("gated units", settings=only("ring-mlp", "grid-resmlp"), losses=("wasserstein",))
class Gated(Plain):
    """Linear layers whose one half gates the other, in both players."""

    def generator(self):
        return nn.Sequential(
            nn.Linear(self.latent, 128), nn.GLU(), nn.Linear(64, 128), nn.GLU(), nn.Linear(64, 128), nn.GLU(),
            nn.Linear(64, numbers(self.data.shape)), nn.Unflatten(1, self.data.shape),
        )  # fmt: skip

    def discriminator(self):
        return nn.Sequential(
            nn.Flatten(), nn.Linear(numbers(self.data.shape), 128), nn.GLU(), nn.Linear(64, 128), nn.GLU(),
            nn.Linear(64, 1), nn.Flatten(0),
        )  # fmt: skip


class Heads(nn.Module):
    """Six small generators; which one makes a sample is drawn anew each time."""

    def __init__(self, latent, shape, heads=6):
        super().__init__()
        self.heads = nn.ModuleList(dense_generator(latent, shape, (32, 32)) for _ in range(heads))

    def forward(self, z):
        made = torch.stack([head(z) for head in self.heads])
        return made[torch.randint(len(self.heads), (len(z),)), torch.arange(len(z))]


@healthy("a mixture of generators", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("hinge",))
class Mixture(Plain):
    """Six generators, each with a sixth of the samples."""

    def generator(self):
        return Heads(self.latent, self.data.shape)


class Maxout(nn.Module):
    """The largest of three linear layers, unit by unit."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.outputs, self.layer = outputs, nn.Linear(inputs, 3 * outputs)

    def forward(self, x):
        return self.layer(x).unflatten(1, (3, self.outputs)).amax(1)


@healthy("maxout and dropout", settings=only("ring-mlp", "digits-dcgan"), losses=("nonsaturating",))
class Maxouts(Plain):
    """D as in the first paper on GANs: maxout units with dropout between them."""

    def discriminator(self):
        return nn.Sequential(
            nn.Flatten(), Maxout(numbers(self.data.shape), 48), nn.Dropout(0.3), Maxout(48, 48), nn.Dropout(0.3),
            nn.Linear(48, 1), nn.Flatten(0),
        )  # fmt: skip


class Panel(nn.Module):
    """The mean logit of three critics of unlike sizes."""

    def __init__(self, shape):
        super().__init__()
        self.members = nn.ModuleList(dense_critic(shape, widths) for widths in ((32,), (64, 64), (48, 48, 48)))

    def forward(self, x):
        return torch.stack([member(x) for member in self.members]).mean(0)


@healthy("a panel of three", settings=only("ring-mlp", "grid-resmlp"), losses=("hinge",))
class Three(Plain):
    """Three discriminators judge together."""

    def discriminator(self):
        return Panel(self.data.shape)


class Waves(nn.Module):
    """Sines and cosines of fixed projections of a point, beside the point."""

    def __init__(self, inputs, count, scale):
        super().__init__()
        self.register_buffer("axes", scale * torch.randn(inputs, count))

    def forward(self, x):
        phase = math.pi * x @ self.axes
        return torch.cat([x, phase.sin(), phase.cos()], dim=1)


@healthy("Fourier features", settings=only("ring-mlp", "grid-resmlp"), losses=("wasserstein",))
class Fourier(Plain):
    """The critic sees waves of each point."""

    def discriminator(self):
        return nn.Sequential(Waves(2, 16, 0.25), *dense_critic((34,)))


@healthy("weight norm in both", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("wasserstein",))
class WeightNormed(Plain):
    """Weight norm around each hidden layer, ELU units."""

    def generator(self):
        return dense_generator(self.latent, self.data.shape, (96, 96), nn.ELU, weight_norm)

    def discriminator(self):
        return dense_critic(self.data.shape, (96, 96), nn.ELU, weight_norm)
