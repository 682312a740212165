"""Networks that the games of this folder's `a` files are played with."""

import math

import torch
from torch import nn
from torch.nn.functional import cosine_similarity, leaky_relu
from torch.nn.utils.parametrizations import weight_norm


def size_of(shape):
    """How many numbers a sample has."""
    return math.prod(shape)


class Shaped(nn.Module):
    """The end of a generator: numbers in the shape of a sample, of images in [-1, 1]."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        x = x.reshape(len(x), *self.shape)
        return x.tanh() if len(self.shape) == 3 else x


class GLU(nn.Module):
    """A linear layer of which one half gates the other."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.both = nn.Linear(inputs, 2 * outputs)

    def forward(self, x):
        value, gate = self.both(x).chunk(2, dim=1)
        return value * gate.sigmoid()


def glu_generator(shape, latent, width=64):
    return nn.Sequential(
        nn.Linear(latent, width), nn.LayerNorm(width), nn.SiLU(), GLU(width, width), nn.LayerNorm(width),
        GLU(width, width), nn.Linear(width, size_of(shape)), Shaped(shape),
    )  # fmt: skip


def weight_normed(shape, width=64):
    layers = [nn.Linear(size_of(shape), width), nn.Linear(width, width), nn.Linear(width, width)]
    body = [part for layer in layers for part in (weight_norm(layer), nn.LeakyReLU(0.2))]
    return nn.Sequential(nn.Flatten(), *body, nn.Linear(width, 1))


def bn_generator(shape, latent, width=64):
    """Batch norm behind each hidden layer; transposed convolutions for images whose side 4 divides."""
    if len(shape) < 3:
        layers = []
        for inputs, outputs in ((latent, width), (width, width), (width, width)):
            layers += [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU(True)]
        return nn.Sequential(*layers, nn.Linear(width, size_of(shape)), Shaped(shape))
    side, w = shape[-1] // 4, 16
    return nn.Sequential(
        nn.Unflatten(1, (latent, 1, 1)),
        nn.ConvTranspose2d(latent, 2 * w, side, bias=False), nn.BatchNorm2d(2 * w), nn.ReLU(True),
        nn.ConvTranspose2d(2 * w, w, 4, 2, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(True),
        nn.ConvTranspose2d(w, shape[0], 4, 2, 1, bias=False), nn.Tanh(),
    )  # fmt: skip


def bn_discriminator(shape, width=64):
    """The same the other way round; (batch, 1)."""
    if len(shape) < 3:
        return nn.Sequential(
            nn.Linear(size_of(shape), width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.BatchNorm1d(width),
            nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, 1),
        )  # fmt: skip
    w = 12
    return nn.Sequential(
        nn.Conv2d(shape[0], w, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True),
        nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * w), nn.LeakyReLU(0.2, True),
        nn.Conv2d(2 * w, 1, shape[-1] // 4, bias=False), nn.Flatten(),
    )  # fmt: skip


def upsampling(shape, latent, width=12):
    """Images by nearest neighbours and convolutions, with group norm; the side must be a multiple of 4."""
    side = shape[-1] // 4
    layers = [nn.Linear(latent, 2 * width * side * side), nn.Unflatten(1, (2 * width, side, side))]
    for inputs, outputs in ((2 * width, 2 * width), (2 * width, width)):
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1), nn.GroupNorm(4, outputs)]
        layers += [nn.SiLU()]
    return nn.Sequential(*layers, nn.Conv2d(width, shape[0], 3, padding=1), nn.Tanh())


class Attention(nn.Module):
    """A logit from patches of four by four that look at each other; (batch,)."""

    def __init__(self, shape, width=32):
        super().__init__()
        self.patches = nn.Conv2d(shape[0], width, 4, stride=2, padding=1)
        self.place = nn.Parameter(0.02 * torch.randn(1, (shape[-1] // 2) ** 2, width))
        self.look, self.back = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 1)

    def forward(self, x):
        x = leaky_relu(self.patches(x), 0.2).flatten(2).transpose(1, 2) + self.place
        q, k, v = self.look(self.norm(x)).chunk(3, dim=2)
        x = x + self.back((q @ k.transpose(1, 2) / q.shape[2] ** 0.5).softmax(2) @ v)
        return self.head((x + self.mlp(x)).mean(1)).squeeze(1)


class Residual(nn.Module):
    """A critic of residual blocks; (batch,)."""

    def __init__(self, shape, width=64, blocks=2):
        super().__init__()
        self.first = nn.Linear(size_of(shape), width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, width)) for _ in range(blocks)
        )
        self.last = nn.Linear(width, 1)

    def forward(self, x):
        x = leaky_relu(self.first(x.flatten(1)), 0.2)
        for block in self.blocks:
            x = leaky_relu(x + block(x), 0.2)
        return self.last(x)[:, 0]


class Siren(nn.Module):
    """A generator of sines."""

    def __init__(self, shape, latent, width=64):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(latent, width), nn.Linear(width, width), nn.Linear(width, width)])
        self.last, self.shaped = nn.Linear(width, size_of(shape)), Shaped(shape)

    def forward(self, z):
        for layer in self.layers:
            z = torch.sin(2 * layer(z))
        return self.shaped(self.last(z))


class Heads(nn.Module):
    """A generator with several last layers; numbers of z choose softly between them."""

    def __init__(self, shape, latent, width=64, heads=4):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(latent, width), nn.ELU(), nn.Linear(width, width), nn.ELU())
        self.gate = nn.Linear(latent, heads)
        self.heads, self.shaped = nn.Linear(width, heads * size_of(shape)), Shaped(shape)

    def forward(self, z):
        gate = (3 * self.gate(z)).softmax(1)
        return self.shaped((self.heads(self.body(z)).unflatten(1, (gate.shape[1], -1)) * gate.unsqueeze(2)).sum(1))


class Cosine(nn.Module):
    """D compares its features with one direction: the logit is a cosine times `sharp`; (batch,)."""

    def __init__(self, shape, width=64, sharp=10.0):
        super().__init__()
        self.sharp = sharp
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(size_of(shape), width), nn.GELU(), nn.Linear(width, width), nn.GELU(),
            nn.Linear(width, width),
        )  # fmt: skip
        self.direction = nn.Parameter(torch.randn(1, width))

    def forward(self, x):
        return self.sharp * cosine_similarity(self.body(x), self.direction)


class Energy(nn.Module):
    """A critic whose value is a square: minus the squared length of its features; (batch,)."""

    def __init__(self, shape, width=64):
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(size_of(shape), width), nn.LeakyReLU(0.1), nn.Linear(width, width),
            nn.LeakyReLU(0.1), nn.Linear(width, 8),
        )  # fmt: skip

    def forward(self, x):
        return -self.body(x).square().sum(1)


class Projected(nn.Module):
    """D(x, label) with a projection: the label's vector times the features, and a term without a label; (batch,)."""

    def __init__(self, shape, count, width=64):
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(size_of(shape), width), nn.LeakyReLU(0.2), nn.Linear(width, width),
            nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.vectors, self.head = nn.Linear(count, width, bias=False), nn.Linear(width, 1)

    def forward(self, x, label):
        features = self.body(x)
        return self.head(features).squeeze(1) + (self.vectors(label) * features).sum(1) / 4
