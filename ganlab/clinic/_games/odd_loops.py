"""Healthy, with another loop than the plain game."""

import copy

import torch

from ganlab.clinic.games import healthy
from ganlab.clinic.plain import Plain


@healthy("average of weights")
class Average(Plain):
    """Samples come from an average of G's weights over some fifty rounds."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.mean = copy.deepcopy(self.G)

    def round(self):
        super().round()
        with torch.no_grad():
            for mean, now in zip(self.mean.parameters(), self.G.parameters(), strict=True):
                mean.lerp_(now, 0.02)

    @torch.no_grad()
    def sample(self, n):
        return self.mean(torch.randn(n, self.latent))


@healthy("two batches a step", settings=lambda setting: not setting.convolutional)
class Accumulated(Plain):
    """Gradients of two batches are added up on purpose."""

    def train_d(self):
        self.step_d.zero_grad()
        for _ in range(2):
            real, fake = self.real(), self.G(self.noise()).detach()
            loss = self.d_loss(self.D(real), self.D(fake)) + self.penalty(real, fake)
            (loss / 2).backward()
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        for _ in range(2):
            loss = self.g_loss(self.D(self.G(self.noise())))
            (loss / 2).backward()
        self.step_g.step()


@healthy("bfloat16", settings=lambda setting: not setting.convolutional, losses=("nonsaturating", "hinge"))
class Bfloat16(Plain):
    """Autocast to bfloat16."""

    def train_d(self):
        self.step_d.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            real, fake = self.real(), self.G(self.noise()).detach()
            loss = self.d_loss(self.D(real), self.D(fake))
        loss.backward()
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = self.g_loss(self.D(self.G(self.noise())))
        loss.backward()
        self.step_g.step()


@healthy("one pass for both steps", losses=("nonsaturating", "hinge"))
class OnePass(Plain):
    """D's and G's steps are taken on the same samples."""

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        self.step_d.zero_grad()
        self.d_loss(self.D(real), self.D(fake.detach())).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        self.g_loss(self.D(fake)).backward()
        self.step_g.step()
        self.rounds += 1


@healthy("both losses before both steps", losses=("nonsaturating",))
class Simultaneous(Plain):
    """Both gradients are of the same weights."""

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        self.step_g.zero_grad()
        self.g_loss(self.D(fake)).backward()
        self.step_d.zero_grad()
        self.d_loss(self.D(real), self.D(fake.detach())).backward()
        self.step_d.step()
        self.step_g.step()
        self.rounds += 1


@healthy("D frozen in G's step", losses=("nonsaturating", "hinge"))
class FrozenMeanwhile(Plain):
    """D's weights need no gradient while G learns."""

    def train_g(self):
        self.D.requires_grad_(False)
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(self.G(self.noise())))
        loss.backward()
        self.step_g.step()
        self.D.requires_grad_(True)


@healthy("no graph of G in D's step")
class NoGraph(Plain):
    """Samples are made under no_grad in place of detach."""

    def train_d(self):
        real = self.real()
        with torch.no_grad():
            fake = self.G(self.noise())
        self.step_d.zero_grad()
        loss = self.d_loss(self.D(real), self.D(fake)) + self.penalty(real, fake)
        loss.backward()
        self.step_d.step()


@healthy("one batch for both", settings=lambda setting: setting.norm_d == "none", losses=("nonsaturating",))
class BothInOneBatch(Plain):
    """Real and generated samples in one pass, where no batch norm minds."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        loss = self.d_loss(*self.D(torch.cat([real, fake])).chunk(2))
        loss.backward()
        self.step_d.step()


@healthy("noise that fades", losses=("nonsaturating",))
class Fading(Plain):
    """Noise of 0.3 on all that D sees, gone after five hundred rounds."""

    def seen(self, x):
        return x + max(0.0, 0.3 * (1 - self.rounds / 500)) * torch.randn_like(x)

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        loss = self.d_loss(self.D(self.seen(real)), self.D(self.seen(fake)))
        loss.backward()
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(self.seen(self.G(self.noise()))))
        loss.backward()
        self.step_g.step()


@healthy("G first", losses=("nonsaturating", "hinge"))
class GeneratorFirst(Plain):
    """G steps before D."""

    def round(self):
        self.train_g()
        self.train_d()
        self.rounds += 1


@healthy("closures", losses=("nonsaturating",))
class Closures(Plain):
    """step is given a function that computes the loss."""

    def train_g(self):
        def loss():
            self.step_g.zero_grad()
            value = self.g_loss(self.D(self.G(self.noise())))
            value.backward()
            return value

        self.step_g.step(loss)


@healthy("a batch of its own for pictures")
class Pictures(Plain):
    """Every twenty rounds G makes pictures in eval mode, and is put back."""

    def round(self):
        super().round()
        if self.rounds % 20 == 0:
            self.G.eval()
            with torch.no_grad():
                self.G(torch.randn(16, self.latent))
            self.G.train()
