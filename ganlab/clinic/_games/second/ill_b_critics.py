"""Sick by what holds a critic, or does not, in loops unlike the plain one."""

import torch
from torch import nn
from torch.optim import SGD

from ganlab.clinic._games.second.well_b_twins import FLAT, WASSERSTEIN, SmoothCritic, layers, numbers
from ganlab.clinic._games.second.well_b_twins_games import ResidualCritic
from ganlab.clinic.games import only, sick


@sick("critic-unbounded", "smooth units, RMSprop", twin=SmoothCritic, settings=only("digits-mlp"), losses=WASSERSTEIN)
class SmoothUnbounded(SmoothCritic):
    """The penalty was left out of a critic of smooth units."""

    def penalty(self, real, fake):
        return torch.zeros(())


@sick("critic-unbounded", "shortcuts, a clip at 5", twin=ResidualCritic, settings=FLAT, losses=WASSERSTEIN)
class LooseClip(ResidualCritic):
    """Four blocks with shortcuts and no penalty; the weights are clipped at 5, where none of them gets."""

    def penalty(self, real, fake):
        return torch.zeros(())

    def optimizers(self):
        step_d, step_g = super().optimizers()
        step_d.register_step_post_hook(lambda *_: [one.data.clamp_(-5.0, 5.0) for one in self.D.parameters()])
        return step_d, step_g


@sick("weights-at-clip-bound", "smooth units, 0.01", twin=SmoothCritic, settings=FLAT, losses=WASSERSTEIN)
class TightClip(SmoothCritic):
    """A hook behind each of the critic's steps puts all weights back within 0.01."""

    def penalty(self, real, fake):
        return torch.zeros(())

    def optimizers(self):
        step_d, step_g = super().optimizers()
        step_d.register_step_post_hook(lambda *_: [one.data.clamp_(-0.01, 0.01) for one in self.D.parameters()])
        return step_d, step_g


@sick("weights-at-clip-bound", "shortcuts, 0.005", twin=ResidualCritic, settings=only("digits-mlp"), losses=WASSERSTEIN)
class ClippedShortcuts(ResidualCritic):
    """A critic with shortcuts, clipped at 0.005 behind each round in place of the penalty."""

    def penalty(self, real, fake):
        return torch.zeros(())

    def round(self):
        super().round()
        with torch.no_grad():
            for one in self.D.parameters():
                one.clamp_(-0.005, 0.005)


@sick("penalty-wrong", "one-sided, the wrong way", twin=ResidualCritic, settings=FLAT, losses=WASSERSTEIN)
class WrongSide(ResidualCritic):
    """Slopes below 1 are punished and those above are free: the two are exchanged in a one-sided penalty."""

    def penalty(self, real, fake):
        t = torch.rand(len(real), *[1] * (real.ndim - 1))
        x = torch.lerp(real, fake, t).requires_grad_()
        slope = torch.autograd.grad(self.D(x).sum(), x, create_graph=True)[0]
        return self.strength * torch.relu(1 - slope.flatten(1).norm(dim=1)).square().mean()


@sick("penalty-wrong", "a mean in place of a sum", twin=SmoothCritic, settings=only("digits-mlp"), losses=WASSERSTEIN)
class MeanForSum(SmoothCritic):
    """The slope of the batch's mean is drawn to 1: each sample's own is steeper by the size of the batch."""

    def penalty(self, real, fake):
        t = torch.rand(len(real), *[1] * (real.ndim - 1))
        x = torch.lerp(real, fake, t).requires_grad_()
        slope = torch.autograd.grad(self.D(x).mean(), x, create_graph=True)[0]
        return self.strength * (slope.flatten(1).norm(dim=1) - 1).pow(2).mean()


@sick(
    "penalty-wrong",
    "at the generated ones, detached",
    twin=SmoothCritic,
    settings=only("digits-mlp"),
    losses=WASSERSTEIN,
)
class DetachedSlope(SmoothCritic):
    """The slope is taken with create_graph, and its norm goes through .item()."""

    def penalty(self, real, fake):
        x = fake.clone().requires_grad_()
        slope = torch.autograd.grad(self.D(x).sum(), x, create_graph=True)[0]
        return self.strength * (slope.flatten(1).norm(dim=1).mean().item() - 1) ** 2


class SignedSquare(nn.Module):
    """x |x|, which grows as a square does."""

    def forward(self, x):
        return x * x.abs()


@sick("nonfinite-critic", "squares for units", twin=SmoothCritic, settings=FLAT, losses=WASSERSTEIN)
class SquaredUnits(SmoothCritic):
    """A critic whose units square, SGD with momentum for it, and no penalty."""

    def discriminator(self):
        return nn.Sequential(nn.Flatten(), *layers([numbers(self.data.shape), 64, 64], SignedSquare), nn.Linear(64, 1))

    def optimizers(self):
        return SGD(self.D.parameters(), lr=0.02, momentum=0.5), super().optimizers()[1]

    def penalty(self, real, fake):
        return torch.zeros(())
