"""Healthy, with data of other kinds and other ways of bringing them to a scale."""

from math import pi

import torch
from torch import nn
from torch.nn.functional import gumbel_softmax, normalize

from ganlab.clinic._games.third.well_c_parts import judge, leaky, maker, stack
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain
from ganlab.data import Dataset

DENSE = only("ring-mlp", "grid-resmlp")


class Unit(nn.Module):
    """Two pairs of numbers, each brought to length 1."""

    def forward(self, x):
        return normalize(x.view(-1, 2, 2), dim=2).flatten(1)


class Columns(nn.Module):
    """A category of five by Gumbel's trick, then numbers as they are."""

    def forward(self, x):
        return torch.cat([gumbel_softmax(x[:, :5], tau=0.3), x[:, 5:]], 1)


class Centre(nn.Module):
    """The unit square to three about 0."""

    def forward(self, x):
        return 6 * x - 3


class OwnLaw(Plain):
    """Data that `law(n)` draws, and dense players for them, deeper and thinner where the setting's are."""

    shape: tuple[int, ...] = (2,)

    @property
    def widths(self):
        return (96, 96) if self.setting.name == "ring-mlp" else (56, 56, 56)

    def dataset(self):
        return Dataset(type(self).__name__.lower(), self.shape, draw=lambda data, n, generator: self.law(n))

    def generator(self):
        return maker(self.latent, self.shape, self.widths)

    def discriminator(self):
        return judge(self.shape, self.widths)


@healthy("incomes on a log scale", settings=only("ring-mlp", "grid-resmlp"), losses=("wasserstein",))
class LogScale(OwnLaw):
    """Four positive columns over several powers of ten; their logarithms are standardised before anybody sees them."""

    shape = (4,)

    def law(self, n):
        age = torch.rand(n)
        base = torch.randn(n)
        income = 9 + 1.5 * age + 0.7 * base
        rent = 0.6 * income + 0.3 * torch.randn(n)
        debt = torch.where(torch.rand(n) < 0.4, 2 + torch.randn(n) * 0.3, 8 + 0.5 * base)
        savings = income + 3 * (age - 0.5) + torch.randn(n).abs()
        raw = torch.stack([income, rent, debt, savings], 1).exp()
        return (raw.log1p() - torch.tensor([9.75, 5.85, 5.6, 10.5])) / torch.tensor([0.8, 0.6, 3.0, 1.4])


@healthy("angles on a torus", settings=only("ring-mlp", "grid-resmlp"), losses=("nonsaturating",))
class Torus(OwnLaw):
    """Two angles as cosine and sine, as people do with torsions; G's pairs are brought to length 1."""

    shape = (4,)

    def law(self, n):
        centre = torch.tensor([[-1.0, 2.0], [1.2, 0.5], [-2.4, -1.0]])[torch.randint(3, (n,))]
        phi, psi = (centre + 0.35 * torch.randn(n, 2)).unbind(1)
        return torch.stack([phi.cos(), phi.sin(), psi.cos(), psi.sin()], 1)

    def generator(self):
        return nn.Sequential(stack((self.latent, *self.widths, 4), nn.SiLU), Unit())


@healthy("a category and two numbers", settings=only("ring-mlp", "grid-resmlp"), losses=("wasserstein",))
class Mixed(OwnLaw):
    """A one-hot column of five and two numbers that hang on it; G's category is drawn by Gumbel's trick."""

    shape = (7,)

    def law(self, n):
        k = torch.multinomial(torch.tensor([0.4, 0.25, 0.15, 0.12, 0.08]), n, replacement=True)
        angle = 2 * pi * k / 5
        numbers = torch.stack([angle.cos(), angle.sin()], 1) + 0.15 * torch.randn(n, 2)
        return torch.cat([nn.functional.one_hot(k, 5).float(), numbers], 1)

    def generator(self):
        return nn.Sequential(stack((self.latent, *self.widths, 7), nn.ReLU), Columns())


@healthy("series by convolutions", settings=only("ring-mlp", "digits-mlp"), losses=("nonsaturating",))
class Series(OwnLaw):
    """Thirty-two values of a damped swing with a start of its own; one-dimensional convolutions in both players."""

    shape = (1, 32)

    def law(self, n):
        t = torch.linspace(0, 1, 32)
        amplitude, damping = 0.5 + torch.rand(n, 1), 1 + 2 * torch.rand(n, 1)
        swing = amplitude * (-damping * t).exp() * (2 * pi * (2 * t + torch.rand(n, 1))).cos()
        return (swing + 0.03 * torch.randn(n, 32))[:, None]

    def generator(self):
        return nn.Sequential(
            nn.Linear(self.latent, 256), nn.ReLU(), nn.Unflatten(1, (32, 8)),
            nn.Upsample(scale_factor=2), nn.Conv1d(32, 24, 5, padding=2), nn.ReLU(),
            nn.Upsample(scale_factor=2), nn.Conv1d(24, 16, 5, padding=2), nn.ReLU(), nn.Conv1d(16, 1, 5, padding=2),
        )  # fmt: skip

    def discriminator(self):
        return nn.Sequential(
            nn.Conv1d(1, 16, 5, 2, 2), leaky(), nn.Conv1d(16, 32, 5, 2, 2), leaky(), nn.Flatten(),
            nn.Linear(256, 1), nn.Flatten(0),
        )  # fmt: skip


@healthy("points in [0, 1] behind a sigmoid", settings=only("ring-mlp", "grid-resmlp"), losses=("hinge",))
class UnitSquare(Plain):
    """Points are scaled into the unit square by minimum and maximum, and D takes twice what is seen, less 1."""

    reach = 5.0

    def generator(self):
        return nn.Sequential(stack((self.latent, 128, 128, 2), nn.ReLU), nn.Sigmoid())

    def discriminator(self):
        return nn.Sequential(Centre(), judge((2,), (128, 128)))

    def real(self):
        return (super().real() + self.reach) / (2 * self.reach)

    def sample(self, n):
        return super().sample(n) * 2 * self.reach - self.reach
