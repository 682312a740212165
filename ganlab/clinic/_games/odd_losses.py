"""Healthy, with other losses, targets and penalties than the plain game."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from ganlab import nets, penalties
from ganlab.clinic.games import STANDARD, healthy
from ganlab.clinic.plain import Plain


@healthy("least squares", losses=("least_squares",))
class Squares(Plain):
    """Targets 1 and 0 for the raw output."""


@healthy("relativistic", losses=("relativistic",))
class Relativistic(Plain):
    """Differences of real and generated logits, with R1 and R2."""

    def penalty(self, real, fake):
        return self.setting.gamma / 2 * (penalties.r1(self.D, real) + penalties.r2(self.D, fake))

    def build_d(self, **options):
        return super().build_d(norm="none", **options)

    def train_g(self):
        real = self.real()
        self.step_g.zero_grad()
        loss = self.loss.g_loss(self.D(self.G(self.noise())), self.D(real))
        loss.backward()
        self.step_g.step()


@healthy("R1", losses=("nonsaturating", "hinge"))
class R1(Plain):
    """A zero-centred penalty at real samples."""

    def build_d(self, **options):
        return super().build_d(norm="none", **options)

    def penalty(self, real, fake):
        return self.setting.gamma / 2 * penalties.r1(self.D, real)


@healthy("R1 and R2", losses=("nonsaturating",))
class R1AndR2(Plain):
    """A zero-centred penalty at real and at generated samples."""

    def build_d(self, **options):
        return super().build_d(norm="none", **options)

    def penalty(self, real, fake):
        return self.setting.gamma / 2 * (penalties.r1(self.D, real) + penalties.r2(self.D, fake))


@healthy("R1 at every fourth step", losses=("nonsaturating",))
class LazyR1(Plain):
    """The penalty in every fourth round, four times as heavy."""

    def build_d(self, **options):
        return super().build_d(norm="none", **options)

    def penalty(self, real, fake):
        return 0.0 if self.rounds % 4 else 2 * self.setting.gamma * penalties.r1(self.D, real)


@healthy("gradient penalty under a logistic loss", losses=("nonsaturating",))
class LogisticPenalty(Plain):
    """The penalty of WGAN-GP beside the non-saturating loss."""

    def build_d(self, **options):
        return super().build_d(norm="none", **options)

    def penalty(self, real, fake):
        return self.setting.gamma * penalties.wgan_gp(self.D, real, fake)


@healthy("DRAGAN", losses=("nonsaturating",))
class Dragan(Plain):
    """Slopes of 1 around the data."""

    def build_d(self, **options):
        return super().build_d(norm="none", **options)

    def penalty(self, real, fake):
        return self.setting.gamma * penalties.dragan(self.D, real)


@healthy("a written penalty", losses=("wasserstein",))
class Written(Plain):
    """The gradient penalty as one writes it oneself."""

    def penalty(self, real, fake):
        alpha = torch.rand(len(real), *[1] * (real.ndim - 1))
        x = (alpha * real + (1 - alpha) * fake).requires_grad_()
        slope = torch.autograd.grad(self.D(x).sum(), x, create_graph=True)[0]
        return self.setting.gamma / 2 * (slope.flatten(1).norm(dim=1) - 1).square().mean()


@healthy("half the penalty", losses=("wasserstein",))
class HalfPenalty(Plain):
    """Half the weight."""

    def penalty(self, real, fake):
        return super().penalty(real, fake) / 2


@healthy("twice the penalty", losses=("wasserstein",))
class TwicePenalty(Plain):
    """Twice the weight."""

    def penalty(self, real, fake):
        return super().penalty(real, fake) * 2


@healthy("spectral norm", settings=lambda setting: setting.images, losses=("nonsaturating",))
class SpectralNorm(Plain):
    """Spectral normalisation of D under the non-saturating loss."""

    def build_d(self, **options):
        return nets.spectrally_normalised(super().build_d(norm="none", **options))


@healthy("hinge without a constraint", settings=lambda setting: setting.images, losses=("hinge",))
class FreeHinge(Plain):
    """The hinge loss with batch norm where the setting has it, and nothing else."""

    def build_d(self, **options):
        return self.setting.discriminator(self.data.shape, **{"norm": self.setting.norm_d, **options})


@healthy("one-sided smoothing", losses=("nonsaturating",))
class OneSided(Plain):
    """Targets 0.9 for real samples, 0 for generated ones."""

    def d_loss(self, real, fake):
        return binary_cross_entropy_with_logits(real, torch.full_like(real, 0.9)) + binary_cross_entropy_with_logits(
            fake, torch.zeros_like(fake)
        )


@healthy("a few wrong targets", losses=("nonsaturating",))
class NoisyTargets(Plain):
    """One target in twenty of the real samples is turned."""

    def d_loss(self, real, fake):
        target = (torch.rand_like(real) > 0.05).float()
        return binary_cross_entropy_with_logits(real, target) + binary_cross_entropy_with_logits(
            fake, torch.zeros_like(fake)
        )


@healthy("probabilities", losses=("nonsaturating",))
class Probabilities(Plain):
    """D ends in a sigmoid, and the loss is the one for that."""

    def discriminator(self):
        return nn.Sequential(self.build_d(), nn.Sigmoid())

    def d_loss(self, real, fake):
        return binary_cross_entropy(real, torch.ones_like(real)) + binary_cross_entropy(fake, torch.zeros_like(fake))

    def g_loss(self, fake):
        return binary_cross_entropy(fake, torch.ones_like(fake))


@healthy("targets 1 and -1", losses=("hinge",))
class Centred(Plain):
    """Squares with the targets 1 and -1."""

    def d_loss(self, real, fake):
        return (real - 1).square().mean() / 2 + (fake + 1).square().mean() / 2

    def g_loss(self, fake):
        return (fake - 1).square().mean() / 2


@healthy("half the loss", losses=STANDARD)
class Halved(Plain):
    """The mean of D's two terms in place of their sum."""

    def d_loss(self, real, fake):
        return super().d_loss(real, fake) / 2
