"""Sick by what the networks do to a gradient, in loops unlike the plain one."""

import torch
from torch import nn

from ganlab.clinic._games.second.well_b_twins import (
    CONVOLUTIONS,
    HINGE,
    NONSATURATING,
    WASSERSTEIN,
    Bounded,
    Gated,
    Shortcut,
    SmoothCritic,
    Squares,
    Upsampled,
    bound,
    layers,
    numbers,
)
from ganlab.clinic._games.second.well_b_twins_more import (
    SMALL,
    Affine,
    BoundedUnits,
    FixedWaves,
    ManyConvolutions,
    PixelWaves,
    Rolled,
    RolledOut,
)
from ganlab.clinic.games import only, sick


@sick("rotation", "fixed waves", twin=FixedWaves, settings=only("ring-mlp", "grid-resmlp"), losses=WASSERSTEIN)
class CirclingWaves(FixedWaves):
    """Nothing damps a critic that is linear in its weights."""

    hold = 0.0


@sick("rotation", "an affine generator", twin=Affine, settings=only("ring-mlp", "grid-resmlp"), losses=WASSERSTEIN)
class CirclingAffine(Affine):
    """A location and a spread chase a critic of two moments whose slope nothing holds."""

    hold = 0.0


@sick("rotation", "waves of pixels", twin=PixelWaves, settings=only("digits-mlp", "digits-dcgan"), losses=WASSERSTEIN)
class CirclingPixels(PixelWaves):
    """The same waves of pixels without the decay."""

    hold = 0.0


@sick("depth-vanishing", "a cell rolled out", twin=RolledOut, settings=only("digits-mlp", "digits-dcgan"),
      losses=NONSATURATING)  # fmt: skip
class Elman(Gated):
    """G is one tanh cell applied twenty-five times; the latent enters at the first."""

    def generator(self):
        body = Rolled(self.latent, 96, numbers(self.data.shape), 25, nn.Tanh, skip=False)
        return nn.Sequential(body, bound(self.data.shape), nn.Unflatten(1, self.data.shape))


@sick("depth-vanishing", "soft signs", twin=SmoothCritic, settings=only("digits-mlp"),
      losses=WASSERSTEIN)  # fmt: skip
class SoftSigns(SmoothCritic):
    """Twelve layers of softsign in G, as PyTorch draws them, without a norm or a shortcut."""

    def generator(self):
        body = [*layers([self.latent, *[64] * 12], nn.Softsign), nn.Linear(64, numbers(self.data.shape))]
        return nn.Sequential(*body, bound(self.data.shape), nn.Unflatten(1, self.data.shape))


@sick("depth-vanishing", "convolutions without shortcuts", twin=ManyConvolutions, settings=SMALL,
      losses=NONSATURATING)  # fmt: skip
class NoShortcuts(ManyConvolutions):
    """Ten convolutions with tanh, one behind the other."""

    def middle(self, c):
        return [part for _ in range(10) for part in (nn.Conv2d(c, c, 3, padding=1), nn.Tanh())]


@sick("explosion", "shortcuts that add up", twin=Bounded, settings=only("ring-mlp", "grid-resmlp", "digits-mlp"),
      losses=HINGE)  # fmt: skip
class AddedUp(Bounded):
    """Eighteen blocks in G, each added whole to what came in, drawn for ReLUs, and no norm."""

    def generator(self):
        body = [nn.Linear(self.latent, 64)]
        body += [Shortcut(nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64))) for _ in range(18)]
        for one in nn.Sequential(*body).modules():
            if isinstance(one, nn.Linear):
                nn.init.kaiming_normal_(one.weight)
        body += [nn.ReLU(), nn.Linear(64, numbers(self.data.shape)), bound(self.data.shape)]
        return nn.Sequential(*body, nn.Unflatten(1, self.data.shape))


@sick("explosion", "an orthogonal start, gain 4", twin=ManyConvolutions, settings=SMALL, losses=NONSATURATING)
class OrthogonalGain(ManyConvolutions):
    """Ten leaky convolutions in G, drawn orthogonal with a gain of 4."""

    def middle(self, c):
        found = []
        for _ in range(10):
            found += [nn.Conv2d(c, c, 3, padding=1), nn.LeakyReLU(0.2)]
            nn.init.orthogonal_(found[-2].weight, gain=4.0)
        return found


@sick("dead-units", "a shift of -4 behind the norm", twin=Upsampled, settings=CONVOLUTIONS, losses=NONSATURATING)
class ShiftedNorm(Upsampled):
    """ReLUs in G behind group norms whose shift starts at -4."""

    def generator(self):
        G = super().generator()
        for i, layer in enumerate(G):
            if isinstance(layer, nn.GroupNorm):
                nn.init.constant_(layer.bias, -4.0)
                G[i + 1] = nn.ReLU()
        return G


@sick("dead-units", "a high threshold", twin=Squares, settings=only("ring-mlp", "grid-resmlp", "digits-mlp"),
      losses=("least_squares",))  # fmt: skip
class HighThreshold(Squares):
    """Units of G that let through what lies above 3.5 and nothing else."""

    def generator(self):
        G = super().generator()
        for i, layer in enumerate(G):
            if isinstance(layer, nn.ReLU):
                G[i] = nn.Threshold(3.5, 0.0)
        return G


@sick("dead-units", "a critic of dead ReLUs", twin=SmoothCritic, settings=only("ring-mlp", "grid-resmlp", "digits-mlp"),
      losses=WASSERSTEIN)  # fmt: skip
class DeadCritic(SmoothCritic):
    """The critic's second layer starts with weights below zero behind ReLUs: nearly none of its units wakes."""

    def discriminator(self):
        body = layers([numbers(self.data.shape), 96, 96], nn.ReLU)
        with torch.no_grad():
            body[2].weight.copy_(-body[2].weight.abs())
            body[2].bias.fill_(-0.1)
        return nn.Sequential(nn.Flatten(), *body, nn.Linear(96, 1))


class Times(nn.Module):
    """What comes in, times a number."""

    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


@sick("saturated-units", "bytes into a tanh", twin=BoundedUnits,
      settings=only("grid-resmlp", "digits-mlp", "digits-dcgan"), losses=NONSATURATING)  # fmt: skip
class BytesIntoTanh(BoundedUnits):
    """D has hidden units of tanh, and sees everything times 127.5."""

    def discriminator(self):
        body = layers([numbers(self.data.shape), 96, 96], nn.Tanh)
        return nn.Sequential(nn.Flatten(), Times(127.5), *body, nn.Linear(96, 1))


@sick("saturated-units", "hard tanh, weights of 3", twin=ManyConvolutions, settings=SMALL, losses=NONSATURATING)
class HardTanh(ManyConvolutions):
    """Four convolutions of G end in hard tanh, and their weights are drawn with a deviation of 3."""

    def middle(self, c):
        found = []
        for _ in range(4):
            found += [nn.Conv2d(c, c, 3, padding=1), nn.Hardtanh()]
            nn.init.normal_(found[-2].weight, std=3.0)
        return found
