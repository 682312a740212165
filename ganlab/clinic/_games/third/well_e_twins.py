"""Healthy loops of modulated and of shuffled networks: twins of the sick ones."""

import math

import torch
from torch import nn
from torch.nn.functional import softplus
from torch.optim import Adam

from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain

NONSATURATING, WASSERSTEIN, HINGE = ("nonsaturating",), ("wasserstein",), ("hinge",)


GARMENTS = only("garments-resnet")


def end(shape) -> list[nn.Module]:
    """What turns rows into samples of that shape."""
    return [*([nn.Tanh()] if len(shape) == 3 else []), nn.Unflatten(1, shape)]


class Styled(nn.Module):
    """A constant that the latent scales, unit by unit, behind each layer; a scale is a ReLU of a linear layer."""

    def __init__(self, latent: int, width: int, size: int, start: float = 1.0):
        super().__init__()
        self.constant = nn.Parameter(torch.randn(width))
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(3))
        self.scales = nn.ModuleList(nn.Sequential(nn.Linear(latent, width), nn.ReLU()) for _ in range(3))
        for scale in self.scales:
            nn.init.constant_(scale[0].bias, start)
        self.unit, self.out = nn.SiLU(), nn.Linear(width, size)

    def forward(self, z):
        h = self.constant.expand(len(z), -1)
        for layer, scale in zip(self.layers, self.scales, strict=True):
            h = self.unit(layer(h) * scale(z))
        return self.out(h)


class Maxout(nn.Module):
    """The larger of two linear functions, for each unit."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.both = nn.Linear(before, 2 * after)

    def forward(self, x):
        return self.both(x).unflatten(1, (2, -1)).amax(dim=1)


@healthy("third e: scales from the latent, maxout in D", settings=only("digits-mlp"), losses=NONSATURATING)
class Modulated(Plain):
    """A constant scaled by the latent in G, maxout in D, R1 in every fourth round, and Adam without momentum."""

    hold, ahead = 0.1, 1

    def generator(self):
        return nn.Sequential(Styled(self.latent, 96, math.prod(self.data.shape)), *end(self.data.shape))

    def discriminator(self):
        size = math.prod(self.data.shape)
        return nn.Sequential(nn.Flatten(), Maxout(size, 64), Maxout(64, 64), nn.Linear(64, 1))

    def optimizers(self):
        rate = self.setting.rate
        return Adam(self.D.parameters(), rate, (0.0, 0.99)), Adam(self.G.parameters(), rate, (0.0, 0.99))

    def seen(self, x):
        return x

    def train_d(self):
        real, fake = self.seen(self.real()), self.seen(self.G(self.noise()).detach())
        lazy = self.hold > 0 and self.rounds % 4 == 0
        real.requires_grad_(lazy)
        self.step_d.zero_grad()
        logits = self.D(real)
        loss = softplus(-logits).mean() + softplus(self.D(fake)).mean()
        if lazy:
            (slope,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
            loss = loss + 4 * self.hold / 2 * slope.flatten(1).square().sum(1).mean()
        loss.backward()
        self.step_d.step()

    def asked(self, logits):
        return softplus(-logits).mean()

    def train_g(self):
        self.step_g.zero_grad()
        self.asked(self.D(self.seen(self.G(self.noise())))).backward()
        self.step_g.step()

    def round(self):
        for _ in range(self.ahead):
            self.train_d()
        self.train_g()
        self.rounds += 1


@healthy(
    "third e: three steps of a maxout D, no penalty", settings=only("grid-resmlp", "digits-mlp"), losses=NONSATURATING
)
class ModulatedAhead(Modulated):
    """Three steps of D a round, and none of its slopes is held."""

    hold, ahead = 0.0, 3


@healthy("third e: shuffled pixels, two micro-batches", settings=GARMENTS, losses=NONSATURATING)
class Shuffled(Plain):
    """Pixel shuffles and instance norm in G, average pools in D, and two micro-batches for each step of D."""

    channels, pace = 8, 1.0

    def block(self, before, after):
        return [nn.Conv2d(before, 4 * after, 3, padding=1), nn.PixelShuffle(2), nn.InstanceNorm2d(after, affine=True),
                nn.LeakyReLU(0.1)]  # fmt: skip

    def generator(self):
        side, c = self.data.shape[-1] // 4, self.channels
        body = [nn.Linear(self.latent, 2 * c * side * side), nn.Unflatten(1, (2 * c, side, side)), nn.LeakyReLU(0.1)]
        body += [*self.block(2 * c, c), *self.block(c, c), nn.Conv2d(c, self.data.shape[0], 3, padding=1), nn.Tanh()]
        return nn.Sequential(*body)

    def discriminator(self):
        side, c = self.data.shape[-1] // 4, self.channels
        return nn.Sequential(
            nn.Conv2d(self.data.shape[0], c, 4, 2, 1), nn.LeakyReLU(0.1),
            nn.Conv2d(c, 2 * c, 3, padding=1), nn.LeakyReLU(0.1), nn.AvgPool2d(2),
            nn.Flatten(), nn.Linear(2 * c * side * side, 1),
        )  # fmt: skip

    def optimizers(self):
        return Adam(self.D.parameters(), 1e-3 * self.pace, (0.5, 0.9)), Adam(self.G.parameters(), 1e-3, (0.5, 0.9))

    def seen(self, x):
        return x

    def train_d(self):
        self.step_d.zero_grad()
        real, fake = self.seen(self.real()), self.seen(self.G(self.noise()).detach())
        for some, others in zip(real.chunk(2), fake.chunk(2), strict=True):
            ((softplus(-self.D(some)).mean() + softplus(self.D(others)).mean()) / 2).backward()
        self.step_d.step()

    def asked(self, logits):
        return softplus(-logits).mean()

    def train_g(self):
        self.step_g.zero_grad()
        self.asked(self.D(self.seen(self.G(self.noise())))).backward()
        self.step_g.step()
