"""Sick by the balance of the players, in loops unlike the plain one."""

import copy

import torch
from torch import nn

from ganlab.clinic._games.second.well_b_twins import (
    CONVOLUTIONS,
    HINGE,
    NONSATURATING,
    Bounded,
    Gated,
    Upsampled,
    cross_entropy,
    few,
    layers,
    numbers,
)
from ganlab.clinic.games import only, sick


@sick("discriminator-too-strong", "trained until it is sure", twin=Gated, settings=only("grid-resmlp", "digits-mlp"),
      losses=NONSATURATING)  # fmt: skip
class UntilSure(Gated):
    """Before each step of G, D steps until its loss is below 0.05, fifteen times at most."""

    def round(self):
        for _ in range(15):
            real, fake = self.real(), self.G(self.noise()).detach()
            one, zero = torch.ones(len(real), 1), torch.zeros(len(real), 1)
            self.step_d.zero_grad()
            loss = cross_entropy(self.D(real), one) + cross_entropy(self.D(fake), zero)
            loss.backward()
            self.step_d.step()
            if loss.item() < 0.05:
                break
        self.step_g.zero_grad()
        cross_entropy(self.D(self.G(self.noise())), one).backward()
        self.step_g.step()
        self.rounds += 1


class Waves(nn.Module):
    """Sines and cosines of many random directions, most of them fast."""

    def __init__(self, size: int, count: int, pace: float):
        super().__init__()
        self.register_buffer("directions", pace * torch.randn(size, count))

    def forward(self, x):
        angles = x.flatten(1) @ self.directions
        return torch.cat([angles.sin(), angles.cos()], dim=1)


@sick("discriminator-too-strong", "fast waves for its input", twin=Gated, settings=only("grid-resmlp", "digits-mlp"),
      losses=NONSATURATING)  # fmt: skip
class FastWaves(Gated):
    """D sees 256 fast waves of a sample, by which it tells any two apart, and its slopes point nowhere."""

    def discriminator(self):
        size = numbers(self.data.shape)
        body = [Waves(size, 256, 40.0 / size**0.5), *layers([512, 256, 256], nn.GELU), nn.Linear(256, 1)]
        return nn.Sequential(*body)


class Sine(nn.Module):
    """A sine of so many times what comes in."""

    def __init__(self, pace: float):
        super().__init__()
        self.pace = pace

    def forward(self, x):
        return (self.pace * x).sin()


@sick("discriminator-too-strong", "sines, pretrained, two steps", twin=Upsampled,
      settings=only("digits-dcgan", "garments-resnet"), losses=NONSATURATING)  # fmt: skip
class Pretrained(Upsampled):
    """D has units of fast sines, has learnt alone for a hundred steps, and takes two to one of G's."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        for _ in range(100):
            self.train_d()

    def discriminator(self):
        D = super().discriminator()
        D[1] = Sine(20.0)
        return D

    def train_d(self):
        real = self.real()
        with torch.no_grad():
            fake = self.G(self.noise())
        self.step_d.zero_grad()
        cross_entropy(self.D(real), torch.ones(len(real), 1)).backward()
        cross_entropy(self.D(fake), torch.zeros(len(real), 1)).backward()
        self.step_d.step()

    def round(self):
        self.train_d()
        self.train_d()
        self.step_g.zero_grad()
        cross_entropy(self.D(self.G(self.noise())), torch.ones(self.batch, 1)).backward()
        self.step_g.step()
        self.rounds += 1


@sick("discriminator-too-weak", "four averages", twin=Upsampled, settings=CONVOLUTIONS, losses=NONSATURATING)
class FourAverages(Upsampled):
    """D sees the four quarters of an image, each as its mean."""

    def discriminator(self):
        pool = [nn.AdaptiveAvgPool2d(2), nn.Flatten()]
        return nn.Sequential(*pool, *layers([4 * self.data.shape[0], 64, 64], nn.SiLU), nn.Linear(64, 1))


class FirstNumber(nn.Module):
    """The first number of each sample alone."""

    def forward(self, x):
        return x.flatten(1)[:, :1]


@sick("discriminator-too-weak", "the first coordinate alone", twin=Bounded, settings=only("ring-mlp", "grid-resmlp"),
      losses=HINGE)  # fmt: skip
class FirstCoordinate(Bounded):
    """D sees one of a point's two numbers."""

    def discriminator(self):
        return nn.Sequential(FirstNumber(), *layers([1, 64, 64], nn.ReLU), nn.Linear(64, 1))


@sick("discriminator-too-weak", "begun anew", twin=Gated, settings=only("grid-resmlp", "digits-mlp"),
      losses=NONSATURATING)  # fmt: skip
class BegunAnew(Gated):
    """Every sixth round D gets its first weights back, which was meant to keep it from winning."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.first = copy.deepcopy(self.D.state_dict())

    def round(self):
        if self.rounds % 6 == 0:
            self.D.load_state_dict(self.first)
        super().round()


@sick("discriminator-too-weak", "a step in forty rounds", twin=Bounded, settings=only("ring-mlp", "digits-mlp"),
      losses=HINGE)  # fmt: skip
class OneInForty(Bounded):
    """D steps in one round of forty, under the hinge loss and spectral norm."""

    def round(self):
        if self.rounds % 40 == 0:
            real, fake = self.real(), self.G(self.noise()).detach()
            self.step_d.zero_grad()
            (torch.relu(1 - self.D(real)).mean() + torch.relu(1 + self.D(fake)).mean()).backward()
            self.step_d.step()
        self.step_g.zero_grad()
        (-self.D(self.G(self.noise())).mean()).backward()
        self.step_g.step()
        self.rounds += 1


@sick("discriminator-memorises", "twenty-four images in epochs", twin=Upsampled,
      settings=only("digits-dcgan", "garments-resnet"), losses=NONSATURATING)  # fmt: skip
class TwentyFour(Upsampled):
    """Twenty-four images, and most of them in each step."""

    channels = 24

    def dataset(self):
        return few(super().dataset(), 24)


@sick("discriminator-memorises", "a dozen points", twin=Gated, settings=only("grid-resmlp"), losses=NONSATURATING)
class DozenPoints(Gated):
    """Twelve points, drawn once."""

    def dataset(self):
        return few(super().dataset(), 12)

    def real(self):
        return self.data.samples[torch.randint(12, (self.batch,))]


@sick("discriminator-memorises", "a dozen images, spectral norm", twin=Bounded,
      settings=only("digits-dcgan", "garments-resnet"), losses=HINGE)  # fmt: skip
class DozenImages(Bounded):
    """Twelve images under a D of two convolutions with spectral norm."""

    def dataset(self):
        return few(super().dataset(), 12)


@sick("discriminator-memorises", "sixteen digits, one pass", twin=Gated, settings=only("digits-mlp"),
      losses=NONSATURATING)  # fmt: skip
class SixteenDigits(Gated):
    """Sixteen images under a wide D with layer norm."""

    def dataset(self):
        return few(super().dataset(), 16)

    def discriminator(self):
        widths = [numbers(self.data.shape), 256, 256]
        return nn.Sequential(nn.Flatten(), *layers(widths, nn.GELU, norm=nn.LayerNorm), nn.Linear(256, 1))
