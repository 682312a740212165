"""Sick by what goes in: data, their range, latents, labels."""

from dataclasses import replace

import torch
from torch import nn
from torch.nn.functional import one_hot

from ganlab import penalties
from ganlab.clinic.games import sick
from ganlab.clinic.plain import Plain
from ganlab.latent import classes, join, labelled, separate


@sick("range-mismatch", "sigmoid for [-1, 1]", settings=lambda setting: setting.images)
class SigmoidGenerator(Plain):
    """G makes numbers in [0, 1], the data fill [-1, 1]."""

    output = "sigmoid"


@sick("range-mismatch", "tanh for [0, 1]", settings=lambda setting: setting.images)
class UnscaledData(Plain):
    """The data were left in [0, 1], G makes numbers in [-1, 1]."""

    def real(self):
        return (super().real() + 1) / 2


@sick("range-mismatch", "tanh for [0, 255]", settings=lambda setting: setting.images)
class Bytes(Plain):
    """The data are bytes as floats, G makes numbers in [-1, 1]."""

    def real(self):
        return (super().real() + 1) * 127.5


@sick("range-mismatch", "tanh for points", settings=lambda setting: not setting.images)
class BoundedPoints(Plain):
    """G makes numbers in [-1, 1], the points lie further out."""

    output = "tanh"


@sick("range-mismatch", "wrong normalisation", settings=lambda setting: setting.images)
class NormalisedTwice(Plain):
    """The normalisation of ImageNet's pixels behind that to [-1, 1]."""

    def real(self):
        return (super().real() - 0.485) / 0.229


@sick("one-batch")
class OneBatch(Plain):
    """The iterator is made anew in every step, so its first batch comes each time."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.first = self.data.sample(self.batch)

    def real(self):
        return self.first


@sick("fixed-latents")
class FixedLatents(Plain):
    """The latents that were meant for the pictures of progress are those of training."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.fixed = torch.randn(self.batch, self.latent)

    def noise(self):
        return self.fixed


@sick("fixed-latents", "one latent")
class OneLatent(Plain):
    """One latent for the whole batch."""

    def noise(self):
        return torch.randn(1, self.latent).expand(self.batch, -1)


@sick("z-unused", "multiplied by 0")
class Ignored(Plain):
    """Latents scaled to nothing."""

    def noise(self):
        return 0.0 * torch.randn(self.batch, self.latent)

    @torch.no_grad()
    def sample(self, n):
        return self.G(torch.zeros(n, self.latent))


@sick("z-unused", "first layer at 0")
class ZeroedFirstLayer(Plain):
    """G's first layer starts at 0 and is not trained."""

    def generator(self):
        G = self.build_g()
        first = next(layer for layer in G.modules() if isinstance(layer, nn.Linear))
        nn.init.zeros_(first.weight).requires_grad_(False)
        return G


@sick("discriminator-memorises", settings=lambda setting: setting.images)
class FewImages(Plain):
    """Forty images, and the same D as for thousands."""

    def dataset(self):
        data = self.setting.train
        labels = None if data.labels is None else data.labels[:40]
        return replace(data, samples=data.samples[:40], labels=labels)


@sick("discriminator-memorises", "ten images", settings=lambda setting: setting.images, losses=("nonsaturating",))
class TenImages(Plain):
    """Ten images, and a D that learns three times as fast."""

    rate_d = 3.0

    def dataset(self):
        data = self.setting.train
        labels = None if data.labels is None else data.labels[:10]
        return replace(data, samples=data.samples[:10], labels=labels)


@sick("nonfinite-data")
class OneNaN(Plain):
    """One sample in a hundred holds a NaN."""

    def real(self):
        real = super().real().clone()
        real[torch.rand(len(real)) < 0.01] = float("nan")
        return real


@sick("nonfinite-data", "0 divided by 0", settings=lambda setting: setting.images)
class Standardised(Plain):
    """Each pixel divided by its deviation over the batch, which is 0 where all are background."""

    def real(self):
        real = super().real()
        real[:, :, 0, 0] = -1.0
        return (real - real.mean(0)) / real.std(0)


class Joined(nn.Module):
    """D(x, label): the label becomes planes behind the sample."""

    def __init__(self, D):
        super().__init__()
        self.D = D

    def forward(self, x, label):
        return self.D(join(x, label))


class Labelled(Plain):
    """A conditional game: G and D are told which label a sample has, or is to have."""

    def dataset(self):
        return labelled(self.setting.train)

    def generator(self):
        self.count = classes(self.setting.train)
        own = {"latent": self.latent + self.count, "norm": self.setting.norm_g}
        return self.setting.generator(self.setting.train.shape, **own)

    def discriminator(self):
        return Joined(self.build_d())

    def real(self):
        real, labels = separate(self.data.sample(self.batch), self.data)
        return real, one_hot(labels, self.count).float()

    def noise(self, label):
        return torch.cat([torch.randn(len(label), self.latent), label], dim=1)

    def penalty(self, real, fake, label):
        if self.loss.name != "wasserstein":
            return 0.0
        return self.setting.gamma * penalties.wgan_gp(self.D, real, fake, given=label)

    def train_d(self):
        real, label = self.real()
        fake = self.G(self.noise(label)).detach()
        self.step_d.zero_grad()
        loss = self.d_loss(self.D(real, label), self.D(fake, label)) + self.penalty(real, fake, label)
        loss.backward()
        self.step_d.step()

    def train_g(self):
        label = self.real()[1]
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(self.G(self.noise(label)), label))
        loss.backward()
        self.step_g.step()

    @torch.no_grad()
    def sample(self, n):
        label = one_hot(torch.randint(self.count, (n,)), self.count).float()
        return join(self.G(self.noise(label)), label)


@sick("labels-shuffled", twin=Labelled, settings=lambda setting: setting.labelled)
class Shuffled(Labelled):
    """Samples and labels are shuffled apart."""

    def real(self):
        real, label = super().real()
        return real, label[torch.randperm(len(label))]
