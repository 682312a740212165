"""Healthy loops with deep, rolled-out, bounded or hardly any layers: further twins of the sick ones."""

import torch
from torch import nn
from torch.optim import SGD, Adam, RMSprop

from ganlab.clinic._games.second.well_b_twins import (
    NONSATURATING,
    WASSERSTEIN,
    Gated,
    Shortcut,
    Upsampled,
    bound,
    layers,
    numbers,
)
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain

SMALL = only("digits-dcgan", "garments-resnet")


class Features(nn.Module):
    """A linear critic over fixed random waves."""

    def __init__(self, size: int, count: int, pace: float):
        super().__init__()
        self.register_buffer("directions", pace * torch.randn(size, count))
        self.register_buffer("phases", 6.2832 * torch.rand(count))
        self.out = nn.Linear(count, 1, bias=False)

    def forward(self, x):
        waves = (x.flatten(1) @ self.directions + self.phases).cos()
        return self.out(waves * (2 / len(self.phases)) ** 0.5)


@healthy("second b: fixed waves, SGD", settings=only("ring-mlp", "grid-resmlp"), losses=WASSERSTEIN)
class FixedWaves(Plain):
    """A linear critic over 128 fixed waves, held by a decay of its weights; SGD for both."""

    hold = 0.2

    def generator(self):
        return nn.Sequential(*layers([self.latent, 64, 64], nn.ELU), nn.Linear(64, self.data.shape[0]))

    def discriminator(self):
        return Features(self.data.shape[0], 128, 1.4 / self.data.modes.std().item())

    def optimizers(self):
        return SGD(self.D.parameters(), lr=0.3, weight_decay=self.hold), SGD(self.G.parameters(), lr=0.03)

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        self.step_d.zero_grad()
        (self.D(fake.detach()).mean() - self.D(real).mean()).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        (-self.D(fake).mean()).backward()
        self.step_g.step()
        self.rounds += 1


class Squared(nn.Module):
    """The numbers of a sample, and their products."""

    def forward(self, x):
        return torch.cat([x, (x.unsqueeze(1) * x.unsqueeze(2)).flatten(1) / 4], dim=1)


@healthy("second b: an affine generator", settings=only("ring-mlp", "grid-resmlp"), losses=WASSERSTEIN)
class Affine(Plain):
    """G turns, stretches and shifts its latents; the critic is linear in two moments, and its slope is held."""

    hold, latent = 0.3, 2

    def generator(self):
        G = nn.Linear(2, 2)
        nn.init.constant_(G.bias, 4.0)
        return G

    def discriminator(self):
        return nn.Sequential(Squared(), nn.Linear(6, 1, bias=False))

    def optimizers(self):
        return SGD(self.D.parameters(), lr=0.02), SGD(self.G.parameters(), lr=0.02)

    def round(self):
        real, fake = self.real().requires_grad_(), self.G(self.noise())
        loss = self.D(fake.detach()).mean() - self.D(real).mean()
        self.step_d.zero_grad()
        if self.hold:
            slope = torch.autograd.grad(self.D(real).sum(), real, create_graph=True)[0]
            loss = loss + self.hold * slope.square().sum(1).mean()
        loss.backward()
        self.step_d.step()
        self.step_g.zero_grad()
        (-self.D(fake).mean()).backward()
        self.step_g.step()
        self.rounds += 1


@healthy("second b: waves of pixels", settings=only("digits-mlp", "digits-dcgan"), losses=WASSERSTEIN)
class PixelWaves(FixedWaves):
    """A linear critic over 512 waves of all pixels, with a decay; RMSprop for G."""

    hold = 0.5

    def generator(self):
        return self.build_g()

    def discriminator(self):
        return Features(numbers(self.data.shape), 512, 1.5 / numbers(self.data.shape) ** 0.5)

    def optimizers(self):
        D = SGD(self.D.parameters(), lr=0.2, weight_decay=self.hold)
        return D, RMSprop(self.G.parameters(), lr=self.setting.rate / 2)


class Rolled(nn.Module):
    """One cell, applied again and again, with or without what came in added."""

    def __init__(self, inside: int, width: int, size: int, times: int, unit, skip: bool):
        super().__init__()
        self.enter, self.cell, self.leave = nn.Linear(inside, width), nn.Linear(width, width), nn.Linear(width, size)
        self.unit, self.times, self.skip = unit(), times, skip

    def forward(self, z):
        h = self.enter(z)
        for _ in range(self.times):
            h = h + self.unit(self.cell(h)) / self.times if self.skip else self.unit(self.cell(h))
        return self.leave(h)


@healthy("second b: a cell rolled out", settings=only("digits-mlp", "digits-dcgan"), losses=NONSATURATING)
class RolledOut(Gated):
    """G is one cell that adds to its state twelve times."""

    def generator(self):
        body = Rolled(self.latent, 96, numbers(self.data.shape), 12, nn.Tanh, skip=True)
        return nn.Sequential(body, bound(self.data.shape), nn.Unflatten(1, self.data.shape))


@healthy("second b: many convolutions with shortcuts", settings=SMALL, losses=NONSATURATING)
class ManyConvolutions(Upsampled):
    """Ten convolutions at the small size, each added to what came in."""

    def middle(self, c):
        return [Shortcut(nn.Sequential(nn.Conv2d(c, c, 3, padding=1), nn.Tanh()), 0.3) for _ in range(10)]

    def generator(self):
        side, color, c = self.data.shape[-1] // 4, self.data.shape[0], 12
        return nn.Sequential(
            nn.Linear(self.latent, c * side * side), nn.Unflatten(1, (c, side, side)), *self.middle(c),
            nn.Upsample(scale_factor=2), nn.Conv2d(c, c, 3, padding=1), nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2), nn.Conv2d(c, color, 3, padding=1), nn.Tanh(),
        )  # fmt: skip


@healthy("second b: bounded units", settings=only("grid-resmlp", "digits-mlp", "digits-dcgan"), losses=NONSATURATING)
class BoundedUnits(Gated):
    """Hidden tanh in both players, and inputs of their scale."""

    def discriminator(self):
        body = layers([numbers(self.data.shape), 96, 96], nn.Tanh)
        return nn.Sequential(nn.Flatten(), *body, nn.Linear(96, 1))

    def generator(self):
        body = [*layers([self.latent, 96, 96], nn.Tanh), nn.Linear(96, numbers(self.data.shape))]
        return nn.Sequential(*body, bound(self.data.shape), nn.Unflatten(1, self.data.shape))

    def optimizers(self):
        return Adam(self.D.parameters(), 1e-3, (0.5, 0.99)), Adam(self.G.parameters(), 1e-3, (0.5, 0.99))
