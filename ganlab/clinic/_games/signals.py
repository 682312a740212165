"""Sick by what the players are told: targets, signs, losses."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, mse_loss, softplus

from ganlab.clinic.games import STANDARD, sick
from ganlab.clinic.plain import Plain

LOGISTIC = ("nonsaturating", "minimax")


@sick("targets-swapped")
class TargetsSwapped(Plain):
    """D learns to call real samples generated; G goes on to ask for "real"."""

    def d_loss(self, real, fake):
        return self.loss.d_loss(fake, real)


@sick("targets-broadcast", losses=("nonsaturating",))
class TargetsBroadcast(Plain):
    """Real and generated in one batch: predictions (2n, 1), targets (2n,), products (2n, 2n)."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        target = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
        self.step_d.zero_grad()
        logits = self.D(torch.cat([real, fake])).unsqueeze(1)
        loss = (softplus(logits) - target * logits).mean()
        loss.backward()
        self.step_d.step()


@sick("targets-broadcast", "least squares", losses=("least_squares",))
class SquaresBroadcast(Plain):
    """The same with squares."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        target = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
        self.step_d.zero_grad()
        loss = (self.D(torch.cat([real, fake])).unsqueeze(1) - target).square().mean()
        loss.backward()
        self.step_d.step()


@sick("sign-turned", "generator", losses=(*STANDARD, "minimax"))
class SignOfGenerator(Plain):
    """G is taught to please D less."""

    def g_loss(self, fake):
        return -self.loss.g_loss(fake)


@sick("sign-turned", "both terms of the critic", losses=("wasserstein",))
class SignOfCritic(Plain):
    """The critic minimises what it should maximise."""

    def d_loss(self, real, fake):
        return real.mean() - fake.mean()


@sick("sign-turned", "one term of the discriminator", losses=("nonsaturating",))
class SignOfOneTerm(Plain):
    """D is rewarded for calling generated samples real."""

    def d_loss(self, real, fake):
        return softplus(-real).mean() + softplus(-fake).mean()


@sick("smoothing-on-fakes", losses=("nonsaturating",))
class SmoothedFakes(Plain):
    """Targets 0.9 and 0.4."""

    def d_loss(self, real, fake):
        return binary_cross_entropy_with_logits(real, torch.full_like(real, 0.9)) + binary_cross_entropy_with_logits(
            fake, torch.full_like(fake, 0.4)
        )


class Probabilities(Plain):
    """D ends in a sigmoid."""

    def discriminator(self):
        return nn.Sequential(self.build_d(), nn.Sigmoid())


@sick("double-sigmoid", losses=("nonsaturating",))
class DoubleSigmoid(Probabilities):
    """A second sigmoid inside the loss: D can say 0.5 to 0.73 at most."""

    def discriminator(self):
        return nn.Sequential(self.build_d(), nn.Sigmoid())

    def d_loss(self, real, fake):
        return binary_cross_entropy_with_logits(real, torch.ones_like(real)) + binary_cross_entropy_with_logits(
            fake, torch.zeros_like(fake)
        )

    def g_loss(self, fake):
        return binary_cross_entropy_with_logits(fake, torch.ones_like(fake))


@sick("double-sigmoid", "least squares of a sigmoid of a sigmoid", losses=("least_squares",))
class DoubleSigmoidSquares(Probabilities):
    """D ends in a sigmoid, and the loss takes another."""

    def discriminator(self):
        return nn.Sequential(self.build_d(), nn.Sigmoid())

    def d_loss(self, real, fake):
        real, fake = real.sigmoid(), fake.sigmoid()
        return mse_loss(real, torch.ones_like(real)) + mse_loss(fake, torch.zeros_like(fake))

    def g_loss(self, fake):
        return mse_loss(fake.sigmoid(), torch.ones_like(fake))


@sick("wasserstein-on-sigmoid", losses=("wasserstein",))
class WassersteinOnSigmoid(Probabilities):
    """Differences of probabilities for the critic, cross-entropy for G."""

    def discriminator(self):
        return nn.Sequential(self.build_d(), nn.Sigmoid())

    def d_loss(self, real, fake):
        return -real.mean() + fake.mean()

    def g_loss(self, fake):
        return binary_cross_entropy(fake, torch.ones_like(fake))

    def penalty(self, real, fake):
        return 0.0


@sick("wasserstein-on-sigmoid", "both losses", losses=("wasserstein",))
class WassersteinOfProbabilities(WassersteinOnSigmoid):
    """Differences of probabilities for both."""

    def discriminator(self):
        return nn.Sequential(self.build_d(), nn.Sigmoid())

    def d_loss(self, real, fake):
        return -real.mean() + fake.mean()

    def g_loss(self, fake):
        return -fake.mean()


@sick("loss-without-D")
class PixelMeans(Plain):
    """G matches the mean of the numbers of a batch."""

    def train_g(self):
        self.step_g.zero_grad()
        loss = (self.G(self.noise()).mean() - self.real().mean()).square()
        loss.backward()
        self.step_g.step()


@sick("saturation", losses=("minimax",))
class Saturated(Plain):
    """Minimax, and a D that is five steps of ten times the rate ahead."""

    rate_d, critic_steps = 10.0, 5


@sick("saturation", "a trained discriminator", losses=("minimax",))
class SaturatedFromTheStart(Plain):
    """Minimax, and a D that was trained alone before."""

    rate_d, rate_g = 3.0, 0.3

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        for _ in range(100):
            self.train_d()
