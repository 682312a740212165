"""Sick by numbers that are none."""

import torch
from torch.optim.lr_scheduler import ExponentialLR

from ganlab.clinic._games.second.well_a_twins import Angles, Gated, Tutorial, flat_slopes
from ganlab.clinic._games.second.well_a_twins_more import (
    Clamped,
    CriticBySGD,
    LogOdds,
    Scaled,
    SquaredCritic,
    SquaresBySGD,
    ZeroHead,
)
from ganlab.clinic.games import only, sick
from ganlab.data import Dataset

POINTS_AND_DIGITS = only("ring-mlp", "grid-resmlp", "digits-mlp")
TUTORIALS = only("ring-mlp", "digits-mlp", "digits-dcgan")


def by_hand(logits, target):
    """Cross-entropy as the textbook has it: both logarithms, one of them times 0."""
    p = torch.sigmoid(logits)
    return -(target * torch.log(p) + (1 - target) * torch.log(1 - p)).mean()


@sick("nonfinite-log-sigmoid", "0 times a logarithm", twin=Angles, settings=only("ring-mlp", "grid-resmlp"),
      losses=("nonsaturating",))  # fmt: skip
class ZeroTimes(Angles):
    """The cross-entropy was written out: where p has rounded to 1, 0 times log(1 - p) is NaN."""

    def d_loss(self, real, fake):
        return by_hand(real, 1.0) + by_hand(fake, 0.0)

    def g_loss(self, fake):
        return by_hand(fake, 1.0)


@sick("nonfinite-half", "a loss scale of a million", twin=Scaled, settings=POINTS_AND_DIGITS, losses=("nonsaturating",))
class Million(Scaled):
    """A loss scale of 2^20, and nobody looks whether the scaled gradients are finite."""

    scale = 2.0**20


@sick("nonfinite-half", "a scale that doubles", twin=Scaled, settings=POINTS_AND_DIGITS, losses=("nonsaturating",))
class Doubling(Scaled):
    """The loss scale doubles every ten rounds and is never halved."""

    def train_g(self):
        super().train_g()
        if self.rounds % 10 == 9:
            self.scale = self.scale * 2


@sick("nonfinite-critic", "SGD with momentum", twin=CriticBySGD, settings=only("ring-mlp"), losses=("wasserstein",))
class NoPenaltyMomentum(CriticBySGD):
    """The penalty was commented out, and the critic's SGD has momentum."""

    def slope_term(self, real, fake):
        return 0.0


@sick("nonfinite-critic", "a squared length", twin=SquaredCritic, settings=POINTS_AND_DIGITS, losses=("wasserstein",))
class NoPenaltySquares(SquaredCritic):
    """A critic that is quadratic in its features, with the penalty's weight at 0."""

    weight = 0.0


def bare_root(slope):
    return slope.pow(2).sum(1).sqrt()


@sick("nonfinite-penalty-at-zero", "a head that starts at 0", twin=ZeroHead, settings=POINTS_AND_DIGITS,
      losses=("wasserstein",))  # fmt: skip
class ZeroHeadRoot(ZeroHead):
    """The residual critic is flat in the first step, and the penalty takes a bare root of squares."""

    def slope_term(self, real, fake):
        mix = torch.rand(len(real), *[1] * (real.ndim - 1))
        return (flat_slopes(self.D, mix * real + (1 - mix) * fake, bare_root) - 1).square().mean()


@sick("nonfinite-penalty-at-zero", "clamped logits", twin=Clamped, settings=only("digits-mlp"),
      losses=("nonsaturating",))  # fmt: skip
class ClampedRoot(Clamped):
    """A bare root in the penalty, and logits that stop at 1: there the slope is 0."""

    def real_slope(self, real):
        return flat_slopes(self.D, real, bare_root).mean()


@sick("nonfinite-rate", "a warm-up without an end", twin=Gated, settings=only("grid-resmlp", "digits-mlp"),
      losses=("nonsaturating",))  # fmt: skip
class EndlessWarmUp(Gated):
    """Both rates grow by a quarter in every round, and nothing stops them."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.schedules = [ExponentialLR(step, gamma=1.25) for step in (self.step_d, self.step_g)]

    def round(self):
        super().round()
        for schedule in self.schedules:
            schedule.step()


@sick("nonfinite-rate", "squares by SGD", twin=SquaresBySGD, settings=POINTS_AND_DIGITS, losses=("least_squares",))
class FastSquares(SquaresBySGD):
    """A rate of 1 for least squares."""

    rate = 1.0


@sick("nonfinite-data", "log-odds of 0 and 1", twin=LogOdds, settings=only("digits-mlp", "digits-dcgan"),
      losses=("nonsaturating",))  # fmt: skip
class LogOddsOfAll(LogOdds):
    """Pixels become log-odds without having been squeezed: those of black and white are infinite."""

    squeeze = 1.0


@sick("nonfinite-data", "one broken file", twin=Tutorial, settings=TUTORIALS, losses=("nonsaturating",))
class BrokenFile(Tutorial):
    """Of a set of some thousand samples one holds an infinity."""

    def dataset(self):
        data = self.setting.train
        samples = (data.sample(1200) if data.samples is None else data.samples).clone()
        samples[17].view(-1)[0] = float("inf")
        return Dataset(data.name, data.shape, data.value_range, samples=samples)


@sick("nonfinite-data", "a missing value", twin=Gated, settings=POINTS_AND_DIGITS, losses=("nonsaturating",))
class MissingValue(Gated):
    """A table with gaps: one number in five thousand is NaN."""

    def real(self):
        real = self.data.sample(self.batch)
        return torch.where(torch.rand_like(real) < 2e-4, torch.nan, real)
