"""Faults of data, penalties, starts and ranges of numbers."""

from dataclasses import replace

import torch
from torch.nn.functional import linear

from ganlab.clinic._games.fourth.well_g_class import Projected
from ganlab.clinic._games.fourth.well_g_half import Mixed
from ganlab.clinic._games.fourth.well_g_parts import Equalised, Mapped
from ganlab.clinic._games.fourth.well_g_shots import Decoding
from ganlab.clinic._games.fourth.well_g_slopes import Flat
from ganlab.clinic._games.fourth.well_g_style import Phases
from ganlab.clinic._games.fourth.well_g_views import Growing, GrowingG
from ganlab.clinic.games import only, sick

POINTS = only("ring-mlp", "grid-resmlp")


@sick("labels-shuffled", "two loaders", twin=Projected, settings=only("ring-mlp", "digits-mlp"), losses=("hinge",))
class TwoLoaders(Projected):
    """Samples come from one shuffled loader, labels from another."""

    def batches(self):
        return [(x, y) for (x, _), (_, y) in zip(super().batches(), super().batches(), strict=True)]


@sick(
    "noise-too-large",
    "a size for pixels",
    twin=Phases,
    settings=only("ring-mlp", "digits-mlp"),
    losses=("nonsaturating",),
)
class Noisy(Phases):
    """The noise before D has a size for pixels up to 255, and the data end at 1."""

    noise_std = 3.0


class Unscaled(Equalised):
    """Scaled at each pass for a start at one over the speed, but started at one."""

    def __init__(self, inputs: int, outputs: int, speed: float = 1.0):
        super().__init__(inputs, outputs, speed)
        torch.nn.init.normal_(self.weight)


@sick(
    "depth-vanishing", "in the mapping", twin=Phases, settings=only("ring-mlp", "digits-mlp"), losses=("nonsaturating",)
)
class FaintMapping(Phases):
    """The mapping's layers start without the division by their speed, which each pass multiplies by."""

    def generator(self):
        return Mapped(self.latent, self.build_g(), layer=Unscaled)


class Raw(Equalised):
    """Without the scale at run time."""

    def forward(self, x):
        return linear(x, self.weight, self.bias)


@sick("explosion", "layers that are not scaled", twin=Growing, settings=only("digits-mlp"), losses=("wasserstein",))
class NotScaled(Growing):
    """G's layers start at N(0, 1), and the scale that goes with it is missing."""

    def generator(self):
        return GrowingG(self.latent, self.data.shape[1], layer=Raw)


@sick("discriminator-memorises", "a folder of ten", twin=Decoding, settings=only("digits-dcgan"), losses=("hinge",))
class TenImages(Decoding):
    """The folder held ten images."""

    def dataset(self):
        whole = super().dataset()
        return replace(whole, samples=whole.samples[:10], labels=whole.labels[:10])


@sick("nonfinite-half", "a fixed scale", twin=Mixed, settings=only("ring-mlp", "digits-mlp"), losses=("hinge",))
class FixedScale(Mixed):
    """A scale by hand in place of the scaler: it never falls, and no step is left out."""

    scale = 2.0**16

    def backward(self, loss):
        (loss / self.parts * self.scale).backward()

    def step(self, optimizer):
        for parameter in optimizer.param_groups[0]["params"]:
            parameter.grad /= self.scale
        optimizer.step()


@sick("nonfinite-penalty-at-zero", "a bare root", twin=Flat, settings=POINTS, losses=("wasserstein",))
class BareRoot(Flat):
    """The small number under the root is missing."""

    tiny = 0.0


@sick("nonfinite-critic", "no regulariser", twin=Flat, settings=POINTS, losses=("wasserstein",))
class NoRegulariser(Flat):
    """The kind of regulariser was left at none."""

    def regularise(self, real, fake):
        return None


@sick("penalty-wrong", "slope of the mean", twin=Flat, settings=POINTS, losses=("wasserstein",))
class MeanSlope(Flat):
    """The slope is that of the mean logit, smaller by the batch than that of each."""

    def regularise(self, real, fake):
        share = torch.rand(len(real), 1)
        between = (share * real + (1 - share) * fake).detach().requires_grad_()
        (slope,) = torch.autograd.grad(self.D(between).mean(), between, create_graph=True)
        length = (slope.square().sum(1) + self.tiny).sqrt()
        (self.gamma * (length - 1).square().mean()).backward()
