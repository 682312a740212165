"""Sick by what the players are told: signs, targets, sigmoids, losses that leave D out."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy, mse_loss, relu, softplus
from torch.optim import AdamW

from ganlab.clinic._games.second import well_a_nets as nets
from ganlab.clinic._games.second.well_a_twins import Attentive, Gated, Remembering, Sines, Tutorial
from ganlab.clinic._games.second.well_a_twins_more import Brisk
from ganlab.clinic.games import only, sick

POINTS_AND_DIGITS = only("ring-mlp", "grid-resmlp", "digits-mlp")
TUTORIALS = only("ring-mlp", "digits-mlp", "digits-dcgan")


@sick("sign-turned", "maximize and a minus", twin=Gated, settings=POINTS_AND_DIGITS, losses=("nonsaturating",))
class MaximizeAndMinus(Gated):
    """G's optimizer was told to maximise a loss that has its minus already."""

    def optimizers(self):
        rate = self.setting.rate
        return (
            AdamW(self.D.parameters(), lr=2 * rate, betas=(0.0, 0.99), weight_decay=1e-3),
            AdamW(self.G.parameters(), lr=rate, betas=(0.0, 0.99), weight_decay=1e-3, maximize=True),
        )


@sick("sign-turned", "hinge without the minus", twin=Attentive, settings=only("digits-mlp", "digits-dcgan"),
      losses=("hinge",))  # fmt: skip
class HingeWithoutMinus(Attentive):
    """G's loss is the mean of D's logits, and it is minimised."""

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        self.step_d.zero_grad()
        (relu(1 - self.D(real)).mean() + relu(1 + self.D(fake.detach())).mean()).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        self.D(fake).mean().backward()
        self.step_g.step()
        self.follow()
        self.rounds += 1


@sick("sign-turned", "labels of D's step kept for G", twin=Tutorial, settings=TUTORIALS, losses=("nonsaturating",))
class LabelKept(Tutorial):
    """The line that fills the labels anew for G is missing: G asks to be called generated."""

    wanted = 0.0


@sick("targets-swapped", "tutorial", twin=Tutorial, settings=TUTORIALS, losses=("nonsaturating",))
class SwappedInTutorial(Tutorial):
    """The two constants are mixed up in D's step, and G's step has its own."""

    real_label, fake_label = 0.0, 1.0


@sick("targets-swapped", "labels flipped too often", twin=Gated, settings=POINTS_AND_DIGITS, losses=("nonsaturating",))
class FlippedTooOften(Gated):
    """Labels are flipped at random where a number is above 0.3 in place of below: in seven batches of ten."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        one, two = (fake, real) if torch.rand(()) > 0.3 else (real, fake)
        loss = softplus(-self.D(one)).mean() + softplus(self.D(two)).mean()
        if self.rounds % 4 == 0:
            loss = loss + 0.2 * self.real_slope(real)
        self.step_d.zero_grad()
        loss.backward()
        self.step_d.step()


@sick("targets-broadcast", "signs of the hinge", twin=Attentive, settings=only("digits-mlp", "digits-dcgan"),
      losses=("hinge",))  # fmt: skip
class SignsBroadcast(Attentive):
    """Signs of shape (2n,) meet scores of shape (2n, 1) in one hinge."""

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        signs = torch.cat([torch.ones(len(real)), -torch.ones(len(fake))])
        scores = self.D(torch.cat([real, fake.detach()])).view(-1, 1)
        self.step_d.zero_grad()
        (2 * relu(1 - signs * scores).mean()).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        (-self.D(fake).mean()).backward()
        self.step_g.step()
        self.follow()
        self.rounds += 1


@sick("targets-broadcast", "squares, soft targets", twin=Remembering, settings=POINTS_AND_DIGITS,
      losses=("least_squares",))  # fmt: skip
class SoftSquares(Remembering):
    """Random targets near 1 and 0 of shape (2n,) against outputs of shape (2n, 1)."""

    def train_d(self):
        real, fake = self.real(), self.remembered(self.G(self.noise()).detach())
        target = torch.cat([1.1 - 0.2 * torch.rand(len(real)), 0.2 * torch.rand(len(fake)) - 0.1])
        error = self.D(torch.cat([real, fake])).unsqueeze(1) - target
        self.step_d.zero_grad()
        error.pow(2).mean().backward()
        self.step_d.step()


@sick("double-sigmoid", "residual D, clipped SGD", twin=Brisk, settings=POINTS_AND_DIGITS, losses=("nonsaturating",))
class SigmoidOfBrisk(Brisk):
    """Residual D with a sigmoid, and softplus of what comes out."""

    def discriminator(self):
        return nn.Sequential(nets.Residual(self.data.shape), nn.Sigmoid())


@sick(
    "double-sigmoid",
    "gated, with R1",
    twin=Gated,
    settings=only("grid-resmlp", "digits-mlp"),
    losses=("nonsaturating",),
)
class SigmoidInGated(Gated):
    """softplus of probabilities, beside a penalty on their slope."""

    def discriminator(self):
        return nn.Sequential(nets.weight_normed(self.data.shape), nn.Sigmoid())


@sick(
    "wasserstein-on-sigmoid",
    "under a penalty",
    twin=Sines,
    settings=only("ring-mlp", "digits-mlp"),
    losses=("wasserstein",),
)
class SigmoidUnderPenalty(Sines):
    """The critic was taken from another script, sigmoid and all; the penalty asks for slopes of 1."""

    def discriminator(self):
        return nn.Sequential(nets.Residual(self.data.shape), nn.Sigmoid())


@sick("wasserstein-on-sigmoid", "no penalty, clipped weights", twin=Sines, settings=POINTS_AND_DIGITS,
      losses=("wasserstein",))  # fmt: skip
class SigmoidAndClip(Sines):
    """Means of probabilities, and weights held within 0.3 of 0."""

    def discriminator(self):
        return nn.Sequential(nets.Residual(self.data.shape), nn.Sigmoid())

    def round(self):
        for _ in range(self.critic_steps):
            self.step_d.zero_grad()
            (self.D(self.G(self.noise()).detach()).mean() - self.D(self.real()).mean()).backward()
            self.step_d.step()
            for weight in self.D.parameters():
                weight.data.clamp_(-0.3, 0.3)
        self.step_g.zero_grad()
        (-self.D(self.G(self.noise())).mean()).backward()
        self.step_g.step()
        self.rounds += 1


@sick("smoothing-on-fakes", "squares with 0.9 and 0.6", twin=Remembering, settings=only("digits-mlp"),
      losses=("least_squares",))  # fmt: skip
class SmoothSquares(Remembering):
    """Targets 0.9 and 0.6 for a raw output; G still asks for 1."""

    def train_d(self):
        real, fake = self.D(self.real()), self.D(self.remembered(self.G(self.noise()).detach()))
        self.step_d.zero_grad()
        (((real - 0.9) ** 2).mean() + ((fake - 0.6) ** 2).mean()).div(2).backward()
        self.step_d.step()


@sick("loss-without-D", "pairs of pixels", twin=Attentive, settings=only("digits-mlp"),
      losses=("hinge",))  # fmt: skip
class Pairs(Attentive):
    """G's images are compared with as many real ones, one to one, number by number."""

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        self.step_d.zero_grad()
        (relu(1 - self.D(real)).mean() + relu(1 + self.D(fake.detach())).mean()).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        (fake - real).abs().mean().backward()
        self.step_g.step()
        self.follow()
        self.rounds += 1


@sick(
    "loss-without-D",
    "moments of a batch",
    twin=Gated,
    settings=only("ring-mlp", "digits-mlp"),
    losses=("nonsaturating",),
)
class Moments(Gated):
    """G matches mean and deviation of each coordinate."""

    def train_g(self):
        real, fake = self.real(), self.G(self.noise())
        loss = mse_loss(fake.mean(0), real.mean(0)) + mse_loss(fake.std(0), real.std(0))
        self.step_g.zero_grad()
        loss.backward()
        self.step_g.step()


@sick("loss-without-D", "a second discriminator that nobody trains", twin=Tutorial, settings=TUTORIALS,
      losses=("nonsaturating",))  # fmt: skip
class NobodyTrains(Tutorial):
    """G's step asks a network that was made for loading weights into, and never got any."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.judge = nets.bn_discriminator(self.data.shape)

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        ones, zeros = torch.ones(len(real)), torch.zeros(len(fake))
        self.step_d.zero_grad()
        self.criterion(self.D(real).view(-1), ones).backward()
        self.criterion(self.D(fake.detach()).view(-1), zeros).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        binary_cross_entropy(self.judge(fake).sigmoid().view(-1), ones).backward()
        self.step_g.step()
        self.rounds += 1
