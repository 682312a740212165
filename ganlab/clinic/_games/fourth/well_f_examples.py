"""Loops of official examples: PyTorch's DCGAN, TensorFlow's tutorial, Keras' train_step, the combined model, hacks."""

import torch
from torch import autograd, nn
from torch.nn import functional as F
from torch.optim import SGD, Adam

from ganlab.clinic._games.fourth.well_f_parts import bce_with_logits, switch
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


@healthy(
    "DCGAN example, BCELoss on probabilities",
    settings=only("digits-dcgan", "ring-mlp"), losses=("nonsaturating",),
)  # fmt: skip
class DcganExample(Plain):
    """PyTorch's DCGAN example: a sigmoid in D, one label tensor refilled, two backward calls, one batch of fakes."""

    criterion = nn.BCELoss()

    def discriminator(self):
        return nn.Sequential(self.build_d(), nn.Sigmoid())

    def round(self):
        self.D.zero_grad()
        label = torch.full((self.batch,), 1.0)
        self.criterion(self.D(self.real()).view(-1), label).backward()
        fake = self.G(self.noise())
        label.fill_(0.0)
        self.criterion(self.D(fake.detach()).view(-1), label).backward()
        self.step_d.step()

        self.G.zero_grad()
        label.fill_(1.0)
        self.criterion(self.D(fake).view(-1), label).backward()
        self.step_g.step()
        self.rounds += 1


@healthy(
    "DCGAN example on MLPs, D at six times G's rate", settings=only("digits-mlp"), losses=("nonsaturating",),
)  # fmt: skip
class QuickerD(DcganExample):
    """The DCGAN example's loop as forks have it: fully connected players, leaky in G too, and two time scales."""

    rate_d = 6.0

    def generator(self):
        return self.build_g(activation="leaky_relu")


@healthy(
    "TF tutorial, both gradients before both steps",
    settings=only("digits-dcgan"), losses=("nonsaturating",),
)  # fmt: skip
class TapeTutorial(Plain):
    """TensorFlow's DCGAN tutorial: both losses of the same fakes, two sets of gradients, then both are applied."""

    betas = (0.9, 0.999)
    criterion = nn.BCEWithLogitsLoss()

    def generator(self):
        return self.build_g(activation="leaky_relu")

    def discriminator(self):
        return self.build_d(norm="none", dropout=0.3)

    def losses(self, real_output, fake_output):
        ones, zeros = torch.ones_like(real_output), torch.zeros_like(fake_output)
        total = self.criterion(real_output, ones) + self.criterion(fake_output, zeros)
        return self.criterion(fake_output, ones), total

    def apply(self, optimizer, gradients, net):
        for p, gradient in zip(net.parameters(), gradients, strict=True):
            p.grad = gradient
        optimizer.step()

    def round(self):
        generated = self.G(self.noise())
        g_loss, d_loss = self.losses(self.D(self.real()), self.D(generated))
        of_g = autograd.grad(g_loss, list(self.G.parameters()), retain_graph=True)
        of_d = autograd.grad(d_loss, list(self.D.parameters()))
        self.apply(self.step_g, of_g, self.G)
        self.apply(self.step_d, of_d, self.D)
        self.rounds += 1


@healthy(
    "Keras train_step, label 1 means generated",
    settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"), losses=("nonsaturating",),
)  # fmt: skip
class KerasTrainStep(Plain):
    """Keras' DCGAN example: one D call on generated and real together, label 1 for generated, noise on the labels."""

    def discriminator(self):
        return self.build_d(norm="none").body

    def labels(self):
        return torch.cat([torch.ones(self.batch, 1), torch.zeros(self.batch, 1)])

    def round(self):
        with torch.no_grad():
            generated = self.G(self.noise())
        labels = self.labels()
        labels += 0.05 * torch.rand_like(labels)
        d_loss = bce_with_logits(self.D(torch.cat([generated, self.real()])), labels)
        self.step_d.zero_grad()
        d_loss.backward()
        self.step_d.step()

        misleading = torch.zeros(self.batch, 1)
        g_loss = bce_with_logits(self.D(self.G(self.noise())), misleading)
        self.step_g.zero_grad()
        g_loss.backward()
        self.step_g.step()
        self.rounds += 1


@healthy(
    "Keras combined model, D by halves of a batch",
    settings=only("digits-dcgan", "grid-resmlp"), losses=("nonsaturating",),
)  # fmt: skip
class CombinedModel(Plain):
    """The older Keras way: D is fitted to real and to fakes one after the other, then G within a frozen stack."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.valid, self.fake = torch.ones(self.batch), torch.zeros(self.batch)

    def train_on_batch(self, net, optimizer, inputs, targets):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(net(inputs), targets).backward()
        optimizer.step()

    def round(self):
        half, real = self.batch // 2, self.real()
        with torch.no_grad():
            predicted = self.G(self.noise()[:half])
        switch(self.D, True)
        self.train_on_batch(self.D, self.step_d, real[:half], self.valid[:half])
        self.train_on_batch(self.D, self.step_d, predicted, self.fake[:half])
        switch(self.D, False)
        self.train_on_batch(nn.Sequential(self.G, self.D), self.step_g, self.noise(), self.valid)
        self.rounds += 1


@healthy(
    "ganhacks: SGD for D, soft labels, fading noise",
    settings=only("digits-dcgan", "ring-mlp"), losses=("nonsaturating",),
)  # fmt: skip
class Hacks(Plain):
    """Tips of soumith/ganhacks: z on a sphere, D by SGD, real labels in 0.7 to 1.2, some flipped, noise that fades."""

    def optimizers(self):
        rate_d, rate_g = (0.05, 2.0) if self.setting.images else (0.1, 1.0)
        return (
            SGD(self.D.parameters(), lr=rate_d, momentum=0.5),
            Adam(self.G.parameters(), lr=rate_g * self.setting.rate, betas=self.betas),
        )

    def noise(self):
        z = torch.randn(self.batch, self.latent)
        return z / z.norm(dim=1, keepdim=True) * self.latent**0.5

    def noisy(self, x):
        return x + 0.1 * max(0.0, 1 - self.rounds / 500) * torch.randn_like(x)

    def soft(self):
        labels = 0.7 + 0.5 * torch.rand(self.batch)
        return torch.where(torch.rand(self.batch) < 0.05, torch.zeros(()), labels)

    def round(self):
        self.step_d.zero_grad()
        bce_with_logits(self.D(self.noisy(self.real())), self.soft()).backward()
        fake = self.G(self.noise())
        bce_with_logits(self.D(self.noisy(fake.detach())), torch.zeros(self.batch)).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        bce_with_logits(self.D(self.noisy(fake)), torch.ones(self.batch)).backward()
        self.step_g.step()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        z = torch.randn(n, self.latent)
        return self.G(z / z.norm(dim=1, keepdim=True) * self.latent**0.5)
