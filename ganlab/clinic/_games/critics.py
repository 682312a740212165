"""Sick by what holds the Wasserstein critic."""

import torch
from torch.optim import SGD, RMSprop

from ganlab.clinic.games import sick
from ganlab.clinic.plain import Plain

WASSERSTEIN = ("wasserstein",)


@sick("critic-unbounded", losses=WASSERSTEIN)
class Unconstrained(Plain):
    """No penalty at all."""

    def penalty(self, real, fake):
        return 0.0


@sick("critic-unbounded", "rate", losses=WASSERSTEIN)
class UnconstrainedAndFast(Plain):
    """No penalty, five steps of the critic at three times the rate."""

    rate_d, critic_steps = 3.0, 5

    def penalty(self, real, fake):
        return 0.0


@sick("nonfinite-critic", losses=WASSERSTEIN)
class UnconstrainedSGD(Plain):
    """No penalty, and SGD, whose steps grow with the critic."""

    def optimizers(self):
        return SGD(self.D.parameters(), lr=0.5), SGD(self.G.parameters(), lr=0.5)

    def penalty(self, real, fake):
        return 0.0


@sick("penalty-wrong", "no create_graph", losses=WASSERSTEIN)
class NoGraph(Plain):
    """A number that teaches nothing: its gradient is cut off."""

    def penalty(self, real, fake):
        alpha = torch.rand(len(real), *[1] * (real.ndim - 1))
        x = (alpha * real + (1 - alpha) * fake).requires_grad_()
        slope = torch.autograd.grad(self.D(x).sum(), x)[0]
        return self.setting.gamma / 2 * (slope.flatten(1).norm(dim=1) - 1).square().mean()


@sick("penalty-wrong", "one norm for the batch", losses=WASSERSTEIN)
class BatchNorm(Plain):
    """The norm of all slopes together is drawn to 1, so that each is small."""

    def penalty(self, real, fake):
        alpha = torch.rand(len(real), *[1] * (real.ndim - 1))
        x = (alpha * real + (1 - alpha) * fake).requires_grad_()
        slope = torch.autograd.grad(self.D(x).sum(), x, create_graph=True)[0]
        return 10 * (slope.norm() - 1).square()


@sick("penalty-wrong", "alpha far outside", losses=WASSERSTEIN)
class AlphaOutside(Plain):
    """alpha is a normal number with a deviation of 10: the points lie anywhere but between."""

    def penalty(self, real, fake):
        alpha = 10 * torch.randn(len(real), *[1] * (real.ndim - 1))
        x = (alpha * real + (1 - alpha) * fake).requires_grad_()
        slope = torch.autograd.grad(self.D(x).sum(), x, create_graph=True)[0]
        return self.setting.gamma / 2 * (slope.flatten(1).norm(dim=1) - 1).square().mean()


@sick("penalty-wrong", "a weight of 1000", losses=WASSERSTEIN)
class Heavy(Plain):
    """The penalty is all that the critic learns."""

    def penalty(self, real, fake):
        alpha = torch.rand(len(real), *[1] * (real.ndim - 1))
        x = (alpha * real + (1 - alpha) * fake).requires_grad_()
        slope = torch.autograd.grad(self.D(x).sum(), x, create_graph=True)[0]
        return 1000 * slope.flatten(1).norm(dim=1).square().mean()


@sick("penalty-wrong", "its sign", losses=WASSERSTEIN)
class Negative(Plain):
    """The penalty is taken off the loss: the steeper the better."""

    def penalty(self, real, fake):
        return -super().penalty(real, fake)


@sick("penalty-wrong", "the logits for the slopes", losses=WASSERSTEIN)
class LogitsPenalised(Plain):
    """The norm of what the critic returns."""

    def penalty(self, real, fake):
        alpha = torch.rand(len(real), *[1] * (real.ndim - 1))
        x = alpha * real + (1 - alpha) * fake
        return 10 * (self.D(x).abs() - 1).square().mean()


@sick("weights-at-clip-bound", losses=WASSERSTEIN)
class Clipped(Plain):
    """Weights clipped to 0.01, as the first Wasserstein GAN had it."""

    def optimizers(self):
        rate = self.setting.rate
        return RMSprop(self.D.parameters(), rate), RMSprop(self.G.parameters(), rate)

    def penalty(self, real, fake):
        return 0.0

    def train_d(self):
        super().train_d()
        with torch.no_grad():
            for parameter in self.D.parameters():
                parameter.clamp_(-0.01, 0.01)


@sick("weights-at-clip-bound", "discriminator", losses=("nonsaturating",))
class ClippedDiscriminator(Clipped):
    """The same under the non-saturating loss."""

    def train_d(self):
        super(Clipped, self).train_d()
        with torch.no_grad():
            for parameter in self.D.parameters():
                parameter.clamp_(-0.01, 0.01)
