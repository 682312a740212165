"""Healthy games of other losses and numbers of steps: further twins of the sick ones."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy, softplus
from torch.optim import SGD, Adam

from ganlab.clinic._games.second.well_b_twins import (
    CONVOLUTIONS,
    FLAT,
    NONSATURATING,
    WASSERSTEIN,
    Gated,
    Shortcut,
    SmoothCritic,
    Upsampled,
    numbers,
)
from ganlab.clinic.games import healthy, only


@healthy("second b: a residual critic, Adam", settings=FLAT, losses=WASSERSTEIN)
class ResidualCritic(SmoothCritic):
    """A critic of four leaky blocks with shortcuts, Adam with a little momentum for both, a penalty."""

    steps = 2

    def discriminator(self):
        body = [nn.Flatten(), nn.Linear(numbers(self.data.shape), 64)]
        for _ in range(4):
            body += [Shortcut(nn.Sequential(nn.LeakyReLU(0.1), nn.Linear(64, 64)))]
        return nn.Sequential(*body, nn.LeakyReLU(0.1), nn.Linear(64, 1))

    def optimizers(self):
        return Adam(self.D.parameters(), 1e-3, (0.5, 0.9)), Adam(self.G.parameters(), 5e-4, (0.5, 0.9))


@healthy("second b: four steps of D ahead, non-saturating", settings=only("digits-mlp"), losses=NONSATURATING)
class FourAhead(Gated):
    """D has learnt alone for a hundred and fifty steps, and takes four a round; G asks for "real"."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        for _ in range(150):
            self.train_d()

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        (softplus(-self.D(real)).mean() + softplus(self.D(fake)).mean()).backward()
        self.step_d.step()

    def round(self):
        for _ in range(4):
            self.train_d()
        self.step_g.zero_grad()
        self.asked(self.D(self.G(self.noise()))).backward()
        self.step_g.step()
        self.rounds += 1

    def asked(self, logits):
        return softplus(-logits).mean()


@healthy("second b: probabilities of convolutions", settings=CONVOLUTIONS, losses=NONSATURATING)
class Convinced(Upsampled):
    """A D of probabilities, sixty steps ahead; SGD for G, whose targets are ones."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        for _ in range(60):
            self.train_d()

    def discriminator(self):
        return nn.Sequential(super().discriminator(), nn.Sigmoid())

    def optimizers(self):
        return super().optimizers()[0], SGD(self.G.parameters(), lr=0.1, momentum=0.5)

    def train_d(self):
        real, fake = self.D(self.real()), self.D(self.G(self.noise()).detach())
        self.step_d.zero_grad()
        loss = binary_cross_entropy(real, torch.ones_like(real)) + binary_cross_entropy(fake, torch.zeros_like(fake))
        loss.backward()
        self.step_d.step()

    def asked(self, p):
        return binary_cross_entropy(p, torch.ones_like(p))

    def round(self):
        self.train_d()
        self.step_g.zero_grad()
        self.asked(self.D(self.G(self.noise()))).backward()
        self.step_g.step()
        self.rounds += 1
