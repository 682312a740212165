"""Sick by saturation, collapse and noise, in loops unlike the plain one."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy, softplus

from ganlab.clinic._games.second.well_b_twins import (
    CONVOLUTIONS,
    HINGE,
    NONSATURATING,
    Bounded,
    Gated,
    Upsampled,
    cross_entropy,
)
from ganlab.clinic._games.second.well_b_twins_games import Convinced, FourAhead
from ganlab.clinic.games import only, sick
from ganlab.clinic.plain import Plain

GRID_AND_DIGITS, MINIMAX = only("grid-resmlp", "digits-mlp"), ("minimax",)


@sick("saturation", "four steps ahead, layer norm", twin=FourAhead, settings=only("digits-mlp"), losses=MINIMAX)
class FourAheadMinimax(FourAhead):
    """The same with the loss that G would have in a zero-sum game."""

    def asked(self, logits):
        return -softplus(logits).mean()


@sick("saturation", "minus the cross-entropy to zeros", twin=Convinced, settings=CONVOLUTIONS, losses=MINIMAX)
class MinusCrossEntropy(Convinced):
    """G's loss is minus D's own: the cross-entropy of a probability to 0, with its sign turned."""

    def asked(self, p):
        return -binary_cross_entropy(p, torch.zeros_like(p))


@sick("collapse", "the best of the batch alone", twin=Gated, settings=GRID_AND_DIGITS, losses=NONSATURATING)
class BestAlone(Gated):
    """G learns from the one sample of a batch that D likes best, by three steps a round."""

    def round(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        (softplus(-self.D(real)).mean() + softplus(self.D(fake)).mean()).backward()
        self.step_d.step()
        for _ in range(3):
            self.step_g.zero_grad()
            softplus(-self.D(self.G(self.noise()))).min().backward()
            self.step_g.step()
        self.rounds += 1


@sick("collapse", "mode seeking, turned", twin=Upsampled, settings=CONVOLUTIONS, losses=NONSATURATING)
class ModeSeekingTurned(Upsampled):
    """A term for unlike samples of unlike latents has its ratio upside down, and draws them together."""

    def round(self):
        real = self.real()
        fake = self.G(self.noise())
        self.step_d.zero_grad()
        cross_entropy(self.D(real), torch.full((len(real), 1), 0.9)).backward()
        cross_entropy(self.D(fake.detach()), torch.zeros(len(real), 1)).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        one, two = self.noise(), self.noise()
        first, second = self.G(one), self.G(two)
        ratio = (first - second).abs().mean() / (one - two).abs().mean()
        (cross_entropy(self.D(first), torch.ones(len(real), 1)) + 5 * ratio).backward()
        self.step_g.step()
        self.rounds += 1


@sick("collapse", "seven steps of G, hinge", twin=Bounded, settings=only("ring-mlp", "digits-mlp", "digits-dcgan"),
      losses=HINGE)  # fmt: skip
class SevenSteps(Bounded):
    """Seven steps of G to one of D, at their own rates."""

    def round(self):
        super().round()
        for _ in range(6):
            self.step_g.zero_grad()
            (-self.D(self.G(self.noise())).mean()).backward()
            self.step_g.step()


@sick("noise-too-large", "more than the spread, for good", twin=Bounded, settings=only("ring-mlp", "digits-mlp"),
      losses=HINGE)  # fmt: skip
class MoreThanTheSpread(Bounded):
    """A layer in front of D adds noise of a deviation of 2.5 to whatever comes, in every step."""

    def discriminator(self):
        return nn.Sequential(Noisy(2.5), super().discriminator())


class Noisy(nn.Module):
    """Adds noise in train mode."""

    def __init__(self, sigma: float):
        super().__init__()
        self.sigma = sigma

    def forward(self, x):
        return x + self.sigma * torch.randn_like(x) if self.training else x


@sick("noise-too-large", "fades over a hundred thousand rounds", twin=Upsampled, settings=CONVOLUTIONS,
      losses=NONSATURATING)  # fmt: skip
class SlowFade(Upsampled):
    """Noise of 1.5 on images in [-1, 1], fading over a hundred thousand rounds."""

    def noisy(self, x):
        return x + 1.5 * (1 - self.rounds / 1e5) * torch.randn_like(x)

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        one = torch.ones(len(real), 1)
        self.step_d.zero_grad()
        cross_entropy(self.D(self.noisy(real)), 0.9 * one).backward()
        cross_entropy(self.D(self.noisy(fake.detach())), 0 * one).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        cross_entropy(self.D(self.noisy(fake)), one).backward()
        self.step_g.step()
        self.rounds += 1


@sick("noise-too-large", "pixels thrown away", twin=Plain, settings=only("digits-dcgan", "garments-dcgan"),
      losses=NONSATURATING)  # fmt: skip
class PixelsThrownAway(Plain):
    """Nine in ten pixels of all that D sees are replaced by uniform noise."""

    def hidden(self, x):
        keep = (torch.rand_like(x) < 0.1).float()
        return keep * x + (1 - keep) * (2 * torch.rand_like(x) - 1)

    def d_loss(self, real, fake):
        return softplus(-real).mean() + softplus(fake).mean()

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        self.step_d.zero_grad()
        self.d_loss(self.D(self.hidden(real)), self.D(self.hidden(fake.detach()))).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        softplus(-self.D(self.hidden(fake))).mean().backward()
        self.step_g.step()
        self.rounds += 1
