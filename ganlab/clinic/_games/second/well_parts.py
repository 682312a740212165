"""Networks and small helpers that the healthy games of the second list share."""

from itertools import pairwise

from torch import Size, nn


def as_it_is(layer):
    return layer


def numbers(shape):
    """How many numbers a sample has."""
    return Size(shape).numel()


def dense_critic(shape, widths=(64, 64), unit=lambda: nn.LeakyReLU(0.2), wrap=as_it_is):
    """Fully connected, with `wrap` around each layer: (batch, *shape) to (batch,)."""
    layers, widths = [nn.Flatten()], [numbers(shape), *widths]
    for inputs, outputs in pairwise(widths):
        layers += [wrap(nn.Linear(inputs, outputs)), unit()]
    return nn.Sequential(*layers, wrap(nn.Linear(widths[-1], 1)), nn.Flatten(0))


def dense_generator(latent, shape, widths=(64, 64), unit=nn.ReLU, wrap=as_it_is):
    """Fully connected, with a tanh behind images: (batch, latent) to (batch, *shape)."""
    layers, widths = [], [latent, *widths]
    for inputs, outputs in pairwise(widths):
        layers += [wrap(nn.Linear(inputs, outputs)), unit()]
    end = [nn.Tanh()] if len(shape) == 3 else []
    return nn.Sequential(*layers, nn.Linear(widths[-1], numbers(shape)), *end, nn.Unflatten(1, shape))


def conv_critic(shape, width=8, wrap=as_it_is, norm=lambda channels: nn.Identity()):
    """Two strided convolutions and a linear layer: (batch, *shape) to (batch,)."""
    side = shape[1] // 4
    return nn.Sequential(
        wrap(nn.Conv2d(shape[0], width, 4, 2, 1)), nn.LeakyReLU(0.2),
        wrap(nn.Conv2d(width, 2 * width, 4, 2, 1)), norm(2 * width), nn.LeakyReLU(0.2),
        nn.Flatten(), wrap(nn.Linear(2 * width * side * side, 1)), nn.Flatten(0),
    )  # fmt: skip


def conv_generator(latent, shape, width=8, norm=nn.BatchNorm2d, unit=nn.ReLU):
    """A linear layer, then twice a doubled image and a convolution: (batch, latent) to (batch, *shape)."""
    side = shape[1] // 4
    return nn.Sequential(
        nn.Linear(latent, 2 * width * side * side), nn.Unflatten(1, (2 * width, side, side)), norm(2 * width), unit(),
        nn.Upsample(scale_factor=2), nn.Conv2d(2 * width, width, 3, padding=1), norm(width), unit(),
        nn.Upsample(scale_factor=2), nn.Conv2d(width, shape[0], 3, padding=1), nn.Tanh(),
    )  # fmt: skip
