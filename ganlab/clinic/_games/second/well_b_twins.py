"""Healthy loops, unlike the plain one in their networks and their code: twins of the sick ones."""

import math
from dataclasses import replace
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.utils.parametrizations import spectral_norm, weight_norm
from torch.optim import SGD, Adam, AdamW, RMSprop

from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain

NONSATURATING, WASSERSTEIN, HINGE = ("nonsaturating",), ("wasserstein",), ("hinge",)


FLAT = only("ring-mlp", "grid-resmlp", "digits-mlp")
CONVOLUTIONS = only("digits-dcgan", "garments-dcgan", "garments-resnet")


def numbers(shape) -> int:
    return math.prod(shape)


def layers(widths, unit, *, norm=None) -> list[nn.Module]:
    """Linear layers of those widths, a unit behind each, and a norm between."""
    found = []
    for before, after in pairwise(widths):
        found += [nn.Linear(before, after), *([norm(after)] if norm else []), unit()]
    return found


def bound(shape) -> nn.Module:
    return nn.Tanh() if len(shape) == 3 else nn.Identity()


class Shortcut(nn.Module):
    """x plus a share of what a body makes of it."""

    def __init__(self, body: nn.Module, share: float = 1.0):
        super().__init__()
        self.body, self.share = body, share

    def forward(self, x):
        return x + self.share * self.body(x)


@healthy("second b: gated units, one pass, RMSprop", settings=only("grid-resmlp", "digits-mlp"), losses=NONSATURATING)
class Gated(Plain):
    """A generator of gated units, layer norm in D, RMSprop, and one pass of G for both steps."""

    width = 64

    def generator(self):
        size, w = numbers(self.data.shape), self.width
        body = [nn.Linear(self.latent, 2 * w), nn.GLU(), nn.Linear(w, 2 * w), nn.GLU(), nn.Linear(w, size)]
        return nn.Sequential(*body, bound(self.data.shape), nn.Unflatten(1, self.data.shape))

    def discriminator(self):
        widths = [numbers(self.data.shape), 96, 96]
        return nn.Sequential(nn.Flatten(), *layers(widths, nn.GELU, norm=nn.LayerNorm), nn.Linear(96, 1))

    def optimizers(self):
        return RMSprop(self.D.parameters(), lr=5e-4), RMSprop(self.G.parameters(), lr=5e-4)

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        one, zero = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        self.step_d.zero_grad()
        (cross_entropy(self.D(real), one) + cross_entropy(self.D(fake.detach()), zero)).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        cross_entropy(self.D(fake), one).backward()
        self.step_g.step()
        self.rounds += 1


@healthy("second b: upsampled, group norm, epochs", settings=CONVOLUTIONS, losses=NONSATURATING)
class Upsampled(Plain):
    """Nearest upsampling with convolutions and group norm; AdamW without momentum; the images come in epochs."""

    channels, decay = 16, 1e-4

    def generator(self):
        side, c, color = self.data.shape[-1] // 4, self.channels, self.data.shape[0]
        return nn.Sequential(
            nn.Linear(self.latent, 2 * c * side * side), nn.Unflatten(1, (2 * c, side, side)),
            nn.GroupNorm(4, 2 * c), nn.SiLU(), nn.Upsample(scale_factor=2), nn.Conv2d(2 * c, c, 3, padding=1),
            nn.GroupNorm(4, c), nn.SiLU(), nn.Upsample(scale_factor=2), nn.Conv2d(c, color, 3, padding=1), nn.Tanh(),
        )  # fmt: skip

    def discriminator(self):
        side, c, color = self.data.shape[-1] // 4, self.channels, self.data.shape[0]
        return nn.Sequential(
            nn.Conv2d(color, c, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(c, 2 * c, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(2 * c * side * side, 1),
        )  # fmt: skip

    def optimizers(self):
        options = {"lr": 1e-3, "betas": (0.0, 0.99), "weight_decay": self.decay}
        return AdamW(self.D.parameters(), **options), AdamW(self.G.parameters(), **options)

    def real(self):
        self.order = getattr(self, "order", [])
        if len(self.order) < self.batch:
            self.order = torch.randperm(len(self.data)).repeat(1 + self.batch // len(self.data)).tolist()
        chosen, self.order = self.order[: self.batch], self.order[self.batch :]
        return self.data.samples[chosen]

    def round(self):
        real = self.real()
        self.step_d.zero_grad()
        with torch.no_grad():
            fake = self.G(self.noise())
        cross_entropy(self.D(real), torch.full((len(real), 1), 0.9)).backward()
        cross_entropy(self.D(fake), torch.zeros(len(real), 1)).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        cross_entropy(self.D(self.G(self.noise())), torch.ones(len(real), 1)).backward()
        self.step_g.step()
        self.rounds += 1


@healthy("second b: a smooth critic, RMSprop", settings=FLAT, losses=WASSERSTEIN)
class SmoothCritic(Plain):
    """A critic of smooth units under a penalty that is written here, and three of its steps a round."""

    strength, steps, rate = 1.0, 3, 5e-4

    def generator(self):
        size = numbers(self.data.shape)
        body = [*layers([self.latent, 96, 96], nn.SiLU, norm=nn.LayerNorm), nn.Linear(96, size)]
        return nn.Sequential(*body, bound(self.data.shape), nn.Unflatten(1, self.data.shape))

    def discriminator(self):
        return nn.Sequential(nn.Flatten(), *layers([numbers(self.data.shape), 96, 96], nn.SiLU), nn.Linear(96, 1))

    def optimizers(self):
        return RMSprop(self.D.parameters(), lr=self.rate, alpha=0.9), RMSprop(self.G.parameters(), lr=self.rate)

    def penalty(self, real, fake):
        t = torch.rand(len(real), *[1] * (real.ndim - 1))
        x = torch.lerp(real, fake, t).requires_grad_()
        slope = torch.autograd.grad(self.D(x).sum(), x, create_graph=True)[0]
        return self.strength * (slope.flatten(1).norm(dim=1) - 1).pow(2).mean()

    def round(self):
        for _ in range(self.steps):
            real, fake = self.real(), self.G(self.noise()).detach()
            self.step_d.zero_grad()
            (self.D(fake).mean() - self.D(real).mean() + self.penalty(real, fake)).backward()
            self.step_d.step()
        self.step_g.zero_grad()
        (-self.D(self.G(self.noise())).mean()).backward()
        self.step_g.step()
        self.rounds += 1


@healthy("second b: spectral norm for all, two rates", settings=lambda setting: True, losses=HINGE)
class Bounded(Plain):
    """Hinge, torch's own spectral norm in a D of ReLUs, a rate for D that is twice G's, and no momentum."""

    def discriminator(self):
        if self.setting.convolutional:
            c, last = 24, self.data.shape[-1] // 4
            body = [nn.Conv2d(self.data.shape[0], c, 4, 2, 1), nn.ReLU(), nn.Conv2d(c, c, 4, 2, 1), nn.ReLU()]
            body += [nn.Flatten(), nn.Linear(c * last * last, 1)]
        else:
            body = [nn.Flatten(), *layers([numbers(self.data.shape), 128, 128, 128], nn.ReLU), nn.Linear(128, 1)]
        return nn.Sequential(*(spectral_norm(one) if hasattr(one, "weight") else one for one in body))

    def optimizers(self):
        rate = self.setting.rate
        return Adam(self.D.parameters(), 2 * rate, (0.0, 0.9)), Adam(self.G.parameters(), rate, (0.0, 0.9))

    def round(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        (torch.relu(1 - self.D(real)).mean() + torch.relu(1 + self.D(fake)).mean()).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        (-self.D(self.G(self.noise())).mean()).backward()
        self.step_g.step()
        self.rounds += 1


@healthy("second b: squares, weight norm, two micro-batches", settings=FLAT, losses=("least_squares",))
class Squares(Plain):
    """Least squares, weight norm in a D of leaky units, SGD with momentum, two halves of a batch for each step."""

    momentum, rate = 0.5, 0.05

    def generator(self):
        size = numbers(self.data.shape)
        body = [*layers([self.latent, 128, 128], nn.ReLU, norm=nn.BatchNorm1d), nn.Linear(128, size)]
        return nn.Sequential(*body, bound(self.data.shape), nn.Unflatten(1, self.data.shape))

    def discriminator(self):
        body = [nn.Flatten(), *layers([numbers(self.data.shape), 128, 128], nn.LeakyReLU), nn.Linear(128, 1)]
        return nn.Sequential(*(weight_norm(one) if isinstance(one, nn.Linear) else one for one in body))

    def optimizers(self):
        own = {"lr": self.rate, "momentum": self.momentum, "nesterov": self.momentum > 0}
        return SGD(self.D.parameters(), **own), SGD(self.G.parameters(), **own)

    def round(self):
        self.step_d.zero_grad()
        for _ in range(2):
            real, fake = self.real(), self.G(self.noise()).detach()
            (0.5 * ((self.D(real) - 1).square() + self.D(fake).square()).mean()).backward()
        self.stepped(self.D, self.step_d)
        self.step_g.zero_grad()
        for _ in range(2):
            (0.5 * (self.D(self.G(self.noise())) - 1).square().mean()).backward()
        self.stepped(self.G, self.step_g)
        self.rounds += 1

    def stepped(self, player, optimizer):
        optimizer.step()


def few(data, count: int):
    """The first samples of a set, or as many drawn once from a law."""
    if data.samples is None:
        return replace(data, samples=data.sample(count), draw=None)
    return replace(data, samples=data.samples[:count], labels=None if data.labels is None else data.labels[:count])
