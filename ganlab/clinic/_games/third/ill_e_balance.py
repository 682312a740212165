"""Sick by who wins, and by what the players see, in loops of modulated and shuffled networks."""

from dataclasses import replace

import torch
from torch import nn
from torch.nn.functional import softplus

from ganlab.clinic._games.third.well_e_twins import NONSATURATING, Modulated, ModulatedAhead, Shuffled
from ganlab.clinic._games.third.well_e_twins_more import ModulatedBySGD
from ganlab.clinic.games import only, sick

DIGITS, GARMENTS = only("digits-mlp"), only("garments-resnet")


def begin(data, count: int):
    """The first samples of a set, or as many drawn once."""
    if data.samples is None:
        return replace(data, samples=data.sample(count), draw=None)
    labels = None if data.labels is None else data.labels[:count]
    return replace(data, samples=data.samples[:count], labels=labels)


@sick("saturation", "one value for both, SGD for G", twin=ModulatedBySGD, settings=DIGITS,
      losses=("minimax",))  # fmt: skip
class OneValue(ModulatedBySGD):
    """G goes down on the value that D goes up on: the logarithm of 1 - p."""

    def asked(self, logits):
        return nn.functional.logsigmoid(-logits).mean()


@sick("discriminator-too-strong", "fifteen fast steps of maxout", twin=Modulated, settings=only("digits-mlp"),
      losses=NONSATURATING)  # fmt: skip
class Fifteen(Modulated):
    """R1 was taken out, D steps fifteen times a round, and at four times the rate."""

    hold, ahead = 0.0, 15

    def optimizers(self):
        step_d, step_g = super().optimizers()
        step_d.param_groups[0]["lr"] *= 4
        return step_d, step_g


@sick("discriminator-too-weak", "steps only where its loss is above 1.5", twin=Modulated, settings=DIGITS,
      losses=NONSATURATING)  # fmt: skip
class HeldBack(Modulated):
    """D is to step only where it does worse than by chance."""

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        loss = softplus(-self.D(real)).mean() + softplus(self.D(fake.detach())).mean()
        if loss.item() > 1.5:
            self.step_d.zero_grad()
            loss.backward()
            self.step_d.step()
        self.step_g.zero_grad()
        softplus(-self.D(fake)).mean().backward()
        self.step_g.step()
        self.rounds += 1


@sick("discriminator-too-weak", "sees three pixels by three", twin=Shuffled, settings=GARMENTS,
      losses=NONSATURATING)  # fmt: skip
class SmallField(Shuffled):
    """D judges each patch of three pixels by three, and takes the mean."""

    def discriminator(self):
        c = self.channels
        body = [nn.Conv2d(self.data.shape[0], c, 3), nn.LeakyReLU(0.1), nn.Conv2d(c, c, 1), nn.LeakyReLU(0.1)]
        return nn.Sequential(*body, nn.Conv2d(c, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())


@sick("discriminator-memorises", "eighteen rows, three steps of maxout", twin=ModulatedAhead, settings=DIGITS,
      losses=NONSATURATING)  # fmt: skip
class Eighteen(ModulatedAhead):
    """Eighteen samples, and three steps of D on them a round."""

    def dataset(self):
        return begin(super().dataset(), 18)


@sick("collapse", "L1 to unpaired images, weight 100", twin=Shuffled, settings=GARMENTS, losses=NONSATURATING)
class Unpaired(Shuffled):
    """A distance to images that belong to no latent, with the weight that pairs of images have."""

    def train_g(self):
        fake = self.G(self.noise())
        self.step_g.zero_grad()
        (softplus(-self.D(fake)).mean() + 100 * (fake - self.real()).abs().mean()).backward()
        self.step_g.step()


@sick("collapse", "up to ten steps until D is fooled", twin=Modulated, settings=DIGITS, losses=NONSATURATING)
class UntilFooled(Modulated):
    """G steps until D calls nine in ten of its samples real, ten times at most, and then D has one step."""

    def round(self):
        self.train_d()
        for _ in range(10):
            logits = self.D(self.G(self.noise()))
            self.step_g.zero_grad()
            softplus(-logits).mean().backward()
            self.step_g.step()
            if (logits > 0).float().mean() > 0.9:
                break
        self.rounds += 1


@sick("noise-too-large", "a spread of its own for each sample", twin=Modulated, settings=DIGITS, losses=NONSATURATING)
class OwnSpread(Modulated):
    """Each sample that D sees has noise of a spread drawn from 0 to five."""

    def seen(self, x):
        return x + 5 * torch.rand(len(x), *[1] * (x.ndim - 1)) * torch.randn_like(x)


@sick("noise-too-large", "mixed as in diffusion, a twentieth of image", twin=Shuffled, settings=GARMENTS,
      losses=NONSATURATING)  # fmt: skip
class Diffused(Shuffled):
    """D sees mixtures of image and noise, of which the image is a twentieth or less."""

    def seen(self, x):
        share = torch.rand(len(x), 1, 1, 1) / 20
        return share.sqrt() * x + (1 - share).sqrt() * torch.randn_like(x)
