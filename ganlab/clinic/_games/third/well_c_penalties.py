"""Healthy, with penalties that come seldom or elsewhere, and a critic held by its weights."""

from math import prod

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ganlab.clinic._games.third.well_c_parts import across, judge, leaky, slope_norms
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


@healthy("the penalty in every third step", settings=only("ring-mlp", "digits-mlp"),
         losses=("wasserstein",))  # fmt: skip
class Seldom(Plain):
    """A penalty three times as heavy in each third step of the critic, at points drawn nearer to real samples."""

    steps_of_d = 0

    def penalty(self, real, fake):
        self.steps_of_d += 1
        if self.steps_of_d % 3:
            return 0.0
        eps = torch.rand(len(real), *[1] * (real.ndim - 1)).sqrt()
        return 3 * self.setting.gamma * (slope_norms(self.D, eps * real + (1 - eps) * fake) - 1).square().mean()


@healthy("paths of even length", settings=only("ring-mlp", "grid-resmlp"), losses=("nonsaturating",))
class PathLength(Plain):
    """StyleGAN2's path length: in every fourth round G pays for slopes that are not as long as their running mean."""

    mean = 0.0

    def path(self):
        z = self.noise().requires_grad_()
        fake = self.G(z)
        (slope,) = torch.autograd.grad((fake * torch.randn_like(fake)).sum(), z, create_graph=True)
        length = slope.square().sum(1).add(1e-8).sqrt()
        self.mean = 0.9 * self.mean + 0.1 * length.mean().item()
        return (length - self.mean).square().mean()

    def train_g(self):
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(self.G(self.noise())))
        if self.rounds % 4 == 0:
            loss = loss + 0.02 * self.path()
        loss.backward()
        self.step_g.step()


@healthy("two passes with dropout agree", settings=only("ring-mlp", "digits-mlp"), losses=("wasserstein",))
class TwoPasses(Plain):
    """CT-GAN: the critic has dropout, and pays for two passes of a real sample that differ; a penalty beside."""

    def discriminator(self):
        size = prod(self.data.shape)
        return nn.Sequential(
            nn.Flatten(), nn.Linear(size, 128), leaky(), nn.Dropout(0.1), nn.Linear(128, 128), leaky(), nn.Dropout(0.1),
            nn.Linear(128, 1), nn.Flatten(0),
        )  # fmt: skip

    def penalty(self, real, fake):
        twice = (self.D(real) - self.D(real)).square().mean()
        return self.setting.gamma * (slope_norms(self.D, across(real, fake)) - 1).square().mean() + 0.5 * twice


@healthy("rows of the critic within norm 1", settings=only("ring-mlp"),
         losses=("wasserstein",))  # fmt: skip
class MaxNorm(Plain):
    """In place of a penalty each row of weights is put back to length 1 behind a step where it was longer."""

    def discriminator(self):
        return judge(self.data.shape, (128, 128))

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        (self.D(fake).mean() - self.D(real).mean()).backward()
        self.step_d.step()
        with torch.no_grad():
            for p in self.D.parameters():
                if p.ndim == 2:
                    p.copy_(torch.renorm(p, 2, 0, 1.0))


@healthy("slopes near generated samples", settings=only("ring-mlp", "grid-resmlp"),
         losses=("nonsaturating",))  # fmt: skip
class NearGenerated(Plain):
    """A zero-centred penalty at generated samples with noise alone, whose weight is halved every 300 rounds."""

    def discriminator(self):
        return self.build_d(norm="none")

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        one, zero = torch.ones(self.batch), torch.zeros(self.batch)
        loss = binary_cross_entropy_with_logits(self.D(real), one)
        loss = loss + binary_cross_entropy_with_logits(self.D(fake), zero)
        weight = self.setting.gamma / 2 * 0.5 ** (self.rounds / 300)
        cost = slope_norms(self.D, fake + 0.05 * torch.randn_like(fake)).square().mean()
        self.step_d.zero_grad()
        (loss + weight * cost).backward()
        self.step_d.step()
