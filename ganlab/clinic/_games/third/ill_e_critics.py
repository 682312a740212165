"""Sick by what holds a critic, in loops of joined, weighed and multiplying critics."""

import torch

from ganlab.clinic._games.third.well_e_twins import WASSERSTEIN
from ganlab.clinic._games.third.well_e_twins_joined import JoinedCritic
from ganlab.clinic._games.third.well_e_twins_more import (
    Moments,
    ProductCritic,
    WeighedCritic,
)
from ganlab.clinic.games import only, sick

DIGITS = only("digits-mlp")


@sick("rotation", "three moments, steps at once", twin=Moments, settings=only("ring-mlp", "grid-resmlp"),
      losses=WASSERSTEIN)  # fmt: skip
class CirclingMoments(Moments):
    """The same two players without R1: nothing damps them."""

    hold = 0.0


@sick("critic-unbounded", "the penalty's weight is 0", twin=JoinedCritic, settings=DIGITS,
      losses=WASSERSTEIN)  # fmt: skip
class WeightZero(JoinedCritic):
    """A penalty that is written, and whose weight is 0 in the file of settings."""

    weight = 0.0


@sick("weights-at-clip-bound", "joined, five steps, 0.01", twin=JoinedCritic, settings=DIGITS,
      losses=WASSERSTEIN)  # fmt: skip
class JoinedClipped(JoinedCritic):
    """The critic's weights are clamped to 0.01 behind each of its five steps, and there is no penalty."""

    steps = 5

    def round(self):
        for _ in range(self.steps):
            self.step_d.zero_grad()
            with torch.no_grad():
                fake = self.G(self.noise())
            (self.D(fake).mean() - self.D(self.real()).mean()).backward()
            self.step_d.step()
            for one in self.D.parameters():
                one.data.clamp_(-0.01, 0.01)
        self.step_g.zero_grad()
        (-self.D(self.G(self.noise())).mean()).backward()
        self.step_g.step()
        self.rounds += 1


@sick("nonfinite-critic", "products of units", twin=ProductCritic, settings=DIGITS, losses=WASSERSTEIN)
class ProductsUnbounded(ProductCritic):
    """Nothing holds a critic that multiplies its units."""

    def penalty(self, real, fake):
        return torch.zeros(())


@sick("nonfinite-penalty-at-zero", "weighed branches", twin=WeighedCritic, settings=only("digits-mlp"),
      losses=WASSERSTEIN)  # fmt: skip
class WeighedRoot(WeighedCritic):
    """The penalty's length is a sum of squares to the power of a half."""

    def length(self, slope):
        return (slope**2).flatten(1).sum(dim=1) ** 0.5


@sick("penalty-wrong", "a mean before the norm", twin=JoinedCritic, settings=DIGITS, losses=WASSERSTEIN)
class MeanFirst(JoinedCritic):
    """The slopes are averaged over the batch, and the norm of that mean is drawn to 1."""

    def penalty(self, real, fake):
        return self.weight * (self.slopes(real, fake).mean(dim=0).norm() - 1).square()
