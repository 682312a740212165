"""Sick by how the steps are written: gradients, optimizers."""

from itertools import chain

import torch
from torch.optim import Adam

from ganlab.clinic.games import sick
from ganlab.clinic.plain import Plain


@sick("gradients-not-cleared")
class NothingCleared(Plain):
    """zero_grad is missing twice."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        loss = self.d_loss(self.D(real), self.D(fake)) + self.penalty(real, fake)
        loss.backward()
        self.step_d.step()

    def train_g(self):
        loss = self.g_loss(self.D(self.G(self.noise())))
        loss.backward()
        self.step_g.step()


@sick("gradients-not-cleared", "generator")
class GeneratorNotCleared(Plain):
    """zero_grad is missing in G's step."""

    def train_g(self):
        loss = self.g_loss(self.D(self.G(self.noise())))
        loss.backward()
        self.step_g.step()


@sick("discriminator-gradients-leak")
class LeakedIntoDiscriminator(Plain):
    """D is cleared behind its step: what G's backward pass leaves in D then goes into the next."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        loss = self.d_loss(self.D(real), self.D(fake)) + self.penalty(real, fake)
        loss.backward()
        self.step_d.step()
        self.step_d.zero_grad()


@sick("foreign-optimizer")
class OptimizerOfBoth(Plain):
    """G's optimizer was given D's parameters too."""

    def optimizers(self):
        rate = self.setting.rate
        step_d = Adam(self.D.parameters(), lr=rate, betas=(0.5, 0.999))
        step_g = Adam(chain(self.G.parameters(), self.D.parameters()), lr=rate, betas=(0.5, 0.999))
        return step_d, step_g


@sick("foreign-optimizer", "discriminator's")
class GeneratorInDiscriminatorsOptimizer(Plain):
    """D's optimizer was given G's parameters too, and the samples are not detached in D's step."""

    def optimizers(self):
        rate = self.setting.rate
        step_d = Adam(chain(self.D.parameters(), self.G.parameters()), lr=rate, betas=(0.5, 0.999))
        step_g = Adam(self.G.parameters(), lr=rate, betas=(0.5, 0.999))
        return step_d, step_g

    def train_d(self):
        real, fake = self.real(), self.G(self.noise())
        self.step_d.zero_grad()
        loss = self.d_loss(self.D(real), self.D(fake)) + self.penalty(real, fake.detach())
        loss.backward()
        self.step_d.step()


@sick("detached")
class Detached(Plain):
    """G's step takes the samples that were detached for D."""

    def train_g(self):
        fake = self.G(self.noise()).detach()
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(fake))
        loss.backward()
        self.step_g.step()


@sick("detached", "beside another loss")
class DetachedBesideAnother(Plain):
    """The same, and a small loss of another kind that does reach G."""

    def train_g(self):
        fake = self.G(self.noise())
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(fake.detach())) + 1e-3 * fake.square().mean()
        loss.backward()
        self.step_g.step()


@sick("detached", "a new generator at each call")
class Rebuilt(Plain):
    """A function that makes a new generator at each call."""

    def train_d(self):
        real, fake = self.real(), self.generator()(self.noise()).detach()
        self.step_d.zero_grad()
        loss = self.d_loss(self.D(real), self.D(fake)) + self.penalty(real, fake)
        loss.backward()
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(self.generator()(self.noise())))
        loss.backward()
        self.step_g.step()

    def sample(self, n):
        with torch.no_grad():
            return self.generator()(torch.randn(n, self.latent))


@sick("frozen-generator")
class FrozenGenerator(Plain):
    """requires_grad was turned off for some other purpose, and never on again."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.G.requires_grad_(False)


@sick("frozen-generator", "rate 0")
class RateZero(Plain):
    """A schedule has brought G's rate to 0."""

    rate_g = 0.0


@sick("discriminator-frozen")
class RateZeroOfDiscriminator(Plain):
    """A schedule has brought D's rate to 0."""

    rate_d = 0.0


@sick("discriminator-frozen", "no step")
class NoStepOfDiscriminator(Plain):
    """backward without step."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        loss = self.d_loss(self.D(real), self.D(fake)) + self.penalty(real, fake)
        loss.backward()


@sick("discriminator-frozen", "all but the last layer")
class FrozenBody(Plain):
    """Only D's last layer learns."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        for parameter in list(self.D.parameters())[:-2]:
            parameter.requires_grad_(False)
