"""Networks of the twins of the `ill_d` games."""

import math

import torch
from torch import nn
from torch.nn.functional import normalize
from torch.nn.utils.parametrizations import spectral_norm


def size_of(shape):
    return math.prod(shape)


def ending(shape):
    """From a row of numbers to a sample; of images each number in [-1, 1]."""
    return [*([nn.Tanh()] if len(shape) == 3 else []), nn.Unflatten(1, shape)]


def blocks_generator(shape, latent, convolutional):
    """Blocks of a layer, batch norm and a leaky unit; for images of convolutions behind a doubling."""
    if not convolutional:
        layers = [nn.Linear(latent, 48), nn.LeakyReLU(0.2)]
        for before, after in ((48, 96), (96, 96)):
            layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.LeakyReLU(0.2)]
        return nn.Sequential(*layers, nn.Linear(96, size_of(shape)), *ending(shape))
    side, w = shape[-1] // 4, 12
    return nn.Sequential(
        nn.Linear(latent, 2 * w * side * side), nn.Unflatten(1, (2 * w, side, side)), nn.BatchNorm2d(2 * w),
        nn.Upsample(scale_factor=2), nn.Conv2d(2 * w, 2 * w, 3, 1, 1), nn.BatchNorm2d(2 * w), nn.LeakyReLU(0.2),
        nn.Upsample(scale_factor=2), nn.Conv2d(2 * w, w, 3, 1, 1), nn.BatchNorm2d(w), nn.LeakyReLU(0.2),
        nn.Conv2d(w, shape[0], 3, 1, 1), nn.Tanh(),
    )  # fmt: skip


def blocks_discriminator(shape, convolutional, drop=0.1):
    """A probability, (batch, 1), by layers with batch norm and dropout."""
    if not convolutional:
        return nn.Sequential(
            nn.Flatten(), nn.Linear(size_of(shape), 96), nn.LeakyReLU(0.2),
            nn.Linear(96, 96), nn.BatchNorm1d(96), nn.LeakyReLU(0.2), nn.Dropout(drop),
            nn.Linear(96, 96), nn.LeakyReLU(0.2), nn.Linear(96, 1), nn.Sigmoid(),
        )  # fmt: skip
    w, side = 10, shape[-1] // 4
    return nn.Sequential(
        nn.Conv2d(shape[0], w, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(drop),
        nn.Conv2d(w, 2 * w, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(drop), nn.BatchNorm2d(2 * w),
        nn.Flatten(), nn.Linear(2 * w * side * side, 1), nn.Sigmoid(),
    )  # fmt: skip


class PreNorm(nn.Module):
    """x plus two layers of its normalised self."""

    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, x):
        return x + self.body(x)


def prenorm(inputs, outputs, width=64, blocks=2):
    return [nn.Linear(inputs, width), *(PreNorm(width) for _ in range(blocks)), nn.GELU(), nn.Linear(width, outputs)]


class Maxout(nn.Module):
    """The largest of several linear pieces."""

    def __init__(self, inputs, outputs, pieces=3):
        super().__init__()
        self.lines, self.pieces = nn.Linear(inputs, outputs * pieces), pieces

    def forward(self, x):
        return self.lines(x).unflatten(1, (-1, self.pieces)).amax(2)


class Film(nn.Module):
    """A generator from a learned constant that z shifts and scales in each layer."""

    def __init__(self, shape, latent, width=64, depth=3):
        super().__init__()
        self.start = nn.Parameter(torch.randn(1, width))
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.styles = nn.ModuleList(nn.Linear(latent, 2 * width) for _ in range(depth))
        self.last, self.end = nn.Linear(width, size_of(shape)), nn.Sequential(*ending(shape))

    def forward(self, z):
        x = self.start.expand(len(z), -1)
        for layer, style in zip(self.layers, self.styles, strict=True):
            scale, shift = style(z).chunk(2, dim=1)
            x = nn.functional.silu(layer(x) * (1 + scale) + shift)
        return self.end(self.last(x))


def shuffled_pixels(shape, latent, w=8):
    """Images by convolutions whose channels become pixels, with group norm."""
    side = shape[-1] // 4
    return nn.Sequential(
        nn.Linear(latent, w * side * side), nn.Unflatten(1, (w, side, side)),
        nn.Conv2d(w, 4 * w, 3, padding=1), nn.PixelShuffle(2), nn.GroupNorm(2, w), nn.Mish(),
        nn.Conv2d(w, 4 * w, 3, padding=1), nn.PixelShuffle(2), nn.GroupNorm(2, w), nn.Mish(),
        nn.Conv2d(w, shape[0], 3, padding=1), nn.Tanh(),
    )  # fmt: skip


class Spread(nn.Module):
    """One more channel: how far the samples of a batch lie apart."""

    def forward(self, x):
        spread = (x.var(0, unbiased=False) + 1e-6).sqrt().mean()
        return torch.cat([x, spread.expand(len(x), 1, *x.shape[2:])], dim=1)


def spectral_convolutions(shape, w=8):
    """A logit, (batch, 1), under torch's spectral norm."""
    side = shape[-1] // 4
    return nn.Sequential(
        spectral_norm(nn.Conv2d(shape[0], w, 3, 2, 1)), nn.SiLU(), spectral_norm(nn.Conv2d(w, 2 * w, 3, 2, 1)),
        nn.SiLU(), Spread(), spectral_norm(nn.Conv2d(2 * w + 1, 2 * w, 3, 1, 1)), nn.SiLU(), nn.Flatten(),
        spectral_norm(nn.Linear(2 * w * side * side, 1)),
    )  # fmt: skip


class Lookup(nn.Module):
    """z asks a table in several heads, softly; what it gets goes through sines."""

    axis = 3

    def __init__(self, shape, latent, heads=8, slots=12, width=64):
        super().__init__()
        self.ask, self.heads = nn.Linear(latent, heads * 8), heads
        self.keys = nn.Parameter(torch.randn(heads, slots, 8))
        self.values = nn.Parameter(torch.randn(heads, slots, width // heads))
        self.one, self.two = nn.Linear(width, width), nn.Linear(width, width)
        self.last, self.end = nn.Linear(width, size_of(shape)), nn.Sequential(*ending(shape))

    def forward(self, z):
        asked = self.ask(z).unflatten(1, (self.heads, 1, 8))
        weights = (asked @ self.keys.transpose(1, 2)).softmax(self.axis)  # (batch, heads, 1, slots)
        x = (weights @ self.values).flatten(1)
        return self.end(self.last(torch.sin(self.two(torch.sin(2 * self.one(x))))))


class Waves(nn.Module):
    """A logit, (batch, 1), of numbers and of learned waves of them."""

    def __init__(self, shape, width=64, pace=1.0):
        super().__init__()
        self.waves = nn.Linear(size_of(shape), width)
        nn.init.normal_(self.waves.weight, 0.0, pace / size_of(shape) ** 0.5)
        self.body = nn.Sequential(
            nn.Linear(width + size_of(shape), width), nn.LeakyReLU(0.1), nn.Linear(width, width), nn.LeakyReLU(0.1),
            nn.Linear(width, 1),
        )  # fmt: skip

    def forward(self, x):
        x = x.flatten(1)
        return self.body(torch.cat([x, self.waves(x).cos()], dim=1))


class Unit(nn.Module):
    """Each sample divided by its length."""

    def forward(self, x):
        return normalize(x.flatten(1), dim=1).view_as(x)


def log1pexp(x):
    """softplus, as the textbook writes it."""
    return torch.log(1 + torch.exp(x))
