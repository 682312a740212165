"""Sick by rates, momenta, thresholds and decays, in loops unlike the plain one."""

import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim import SGD, Adagrad, AdamW, RMSprop
from torch.optim.lr_scheduler import CyclicLR, ExponentialLR

from ganlab.clinic._games.second.well_b_twins import (
    CONVOLUTIONS,
    FLAT,
    HINGE,
    NONSATURATING,
    WASSERSTEIN,
    Bounded,
    Gated,
    SmoothCritic,
    Squares,
    Upsampled,
    cross_entropy,
)
from ganlab.clinic.games import only, sick

GRID_AND_DIGITS = only("grid-resmlp", "digits-mlp")


@sick("rate-too-small", "a schedule that ends too early", twin=Gated, settings=GRID_AND_DIGITS, losses=NONSATURATING)
class EarlyEnd(Gated):
    """A schedule meant for epochs takes a tenth off both rates in every round."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.schedules = [ExponentialLR(one, 0.9) for one in (self.step_d, self.step_g)]

    def round(self):
        super().round()
        for schedule in self.schedules:
            schedule.step()


@sick("rate-too-small", "Adagrad for G", twin=Upsampled, settings=CONVOLUTIONS, losses=NONSATURATING)
class AdagradForG(Upsampled):
    """G has Adagrad with Adam's rate, which falls with every step."""

    def optimizers(self):
        return super().optimizers()[0], Adagrad(self.G.parameters(), lr=1e-4)


@sick("rate-too-small", "a warm-up without end", twin=Bounded, settings=only("ring-mlp", "digits-mlp", "digits-dcgan"),
      losses=HINGE)  # fmt: skip
class EndlessWarmUp(Bounded):
    """G's rate grows from 0 over two hundred thousand rounds."""

    def round(self):
        self.step_g.param_groups[0]["lr"] = self.setting.rate * min(1.0, (self.rounds + 1) / 2e5)
        super().round()


@sick("rate-too-large", "RMSprop for G", twin=Gated, settings=GRID_AND_DIGITS, losses=NONSATURATING)
class FastRMSprop(Gated):
    """G's rate is forty times D's."""

    def optimizers(self):
        return RMSprop(self.D.parameters(), lr=5e-4), RMSprop(self.G.parameters(), lr=2e-2)


@sick("rate-too-large", "peaks of a cycle", twin=Upsampled, settings=CONVOLUTIONS, losses=NONSATURATING)
class Peaks(Upsampled):
    """G's rate goes up and down, over thirty rounds, between a good one and one that is sixty times as large."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.cycle = CyclicLR(self.step_g, 1e-3, 6e-2, step_size_up=15, cycle_momentum=False)

    def round(self):
        super().round()
        self.cycle.step()


@sick("momentum-too-high", "Nesterov's, 0.99", twin=Squares, settings=FLAT, losses=("least_squares",))
class Nesterov(Squares):
    """Nesterov's momentum at 0.99, with a rate that is smaller by as much as the steps add up to."""

    momentum, rate = 0.99, 1e-3


@sick("momentum-too-high", "RMSprop's, 0.98", twin=SmoothCritic, settings=only("digits-mlp"), losses=WASSERSTEIN)
class HeavyRMSprop(SmoothCritic):
    """RMSprop with a momentum of 0.98, and a fiftieth of the rate for it."""

    def optimizers(self):
        own = {"lr": self.rate / 50, "momentum": 0.98}
        return RMSprop(self.D.parameters(), alpha=0.9, **own), RMSprop(self.G.parameters(), **own)


@sick("momentum-too-high", "AdamW's beta1, 0.98", twin=Upsampled, settings=CONVOLUTIONS, losses=NONSATURATING)
class HeavyAdamW(Upsampled):
    """A beta1 of 0.98 in both."""

    def optimizers(self):
        own = {"lr": 1e-3, "betas": (0.98, 0.99), "weight_decay": self.decay}
        return AdamW(self.D.parameters(), **own), AdamW(self.G.parameters(), **own)


@sick("clip-always-on", "micro-batches", twin=Squares, settings=FLAT, losses=("least_squares",))
class ClippedMicroBatches(Squares):
    """The norm of the two halves' sum is held to 0.002, before SGD."""

    def stepped(self, player, optimizer):
        clip_grad_norm_(player.parameters(), 2e-3)
        optimizer.step()


@sick("clip-always-on", "hooks", twin=Squares, settings=FLAT, losses=("least_squares",))
class Hooks(Squares):
    """A hook on each of G's parameters holds every number of its gradient within 1e-5."""

    def generator(self):
        G = super().generator()
        for parameter in G.parameters():
            parameter.register_hook(lambda slope: slope.clamp(-1e-5, 1e-5))
        return G


@sick("clip-always-on", "unit by unit", twin=Squares, settings=FLAT, losses=("least_squares",))
class UnitByUnit(Squares):
    """Each unit's gradient is held to a ten-thousandth of its weights."""

    def stepped(self, player, optimizer):
        with torch.no_grad():
            for one in player.parameters():
                rows, slopes = one.reshape(len(one), -1), one.grad.reshape(len(one), -1)
                most = 1e-4 * rows.norm(dim=1).clamp_min(1e-3)
                share = (most / slopes.norm(dim=1).clamp_min(1e-12)).clamp_max(1.0)
                one.grad.copy_((slopes * share[:, None]).reshape(one.shape))
        optimizer.step()


@sick("weight-decay-too-large", "AdamW's, 60", twin=Upsampled, settings=CONVOLUTIONS, losses=NONSATURATING)
class DecoupledSixty(Upsampled):
    """AdamW takes six parts in a hundred off every weight in every step."""

    decay = 60.0


@sick("weight-decay-too-large", "a sum of absolute weights", twin=Gated, settings=GRID_AND_DIGITS, losses=NONSATURATING)
class SumOfWeights(Gated):
    """All of G's weights, by their absolute values, are added to its loss with 0.01 each."""

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        one, zero = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        self.step_d.zero_grad()
        (cross_entropy(self.D(real), one) + cross_entropy(self.D(fake.detach()), zero)).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        weights = sum(parameter.abs().sum() for parameter in self.G.parameters())
        (cross_entropy(self.D(fake), one) + 0.01 * weights).backward()
        self.step_g.step()
        self.rounds += 1


@sick("weight-decay-too-large", "SGD's, 0.3, of D", twin=Squares, settings=FLAT, losses=("least_squares",))
class DecayOfD(Squares):
    """SGD with a weight decay of 0.3 in D alone."""

    def optimizers(self):
        own = {"lr": self.rate, "momentum": self.momentum, "nesterov": True}
        return SGD(self.D.parameters(), weight_decay=0.3, **own), SGD(self.G.parameters(), **own)


@sick("nonfinite-rate", "a schedule that grows", twin=Squares, settings=FLAT, losses=("least_squares",))
class GrowingRate(Squares):
    """A schedule multiplies both rates by 1.1 in every round, where 0.999 was meant."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.schedules = [ExponentialLR(one, 1.1) for one in (self.step_d, self.step_g)]

    def round(self):
        super().round()
        for schedule in self.schedules if self.rounds < 900 else ():
            schedule.step()
