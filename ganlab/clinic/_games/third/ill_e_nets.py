"""Sick by what a network does to a gradient, in loops of modulated, tall and equalised networks."""

import math

import torch
from torch import nn
from torch.nn.functional import leaky_relu

from ganlab.clinic._games.third.well_e_twins import HINGE, NONSATURATING, Modulated, Styled, end
from ganlab.clinic._games.third.well_e_twins_joined import Rolling
from ganlab.clinic._games.third.well_e_twins_more import Equalised, Even, TallNormed
from ganlab.clinic.games import only, sick


@sick("depth-vanishing", "ten layers drawn with 0.02", twin=TallNormed, settings=only("digits-mlp"),
      losses=NONSATURATING)  # fmt: skip
class TallBare(TallNormed):
    """Ten plain layers in G without a norm, drawn with a deviation of 0.02 as those of convolutions with one are."""

    def generator(self):
        body = [nn.Linear(self.latent, 64)]
        for _ in range(10):
            body += [nn.LeakyReLU(0.2), nn.Linear(64, 64)]
        body += [nn.LeakyReLU(0.2), nn.Linear(64, math.prod(self.data.shape))]
        for layer in body[::2]:
            nn.init.normal_(layer.weight, std=0.02)
        return nn.Sequential(*body, *end(self.data.shape))


class Unscaled(Equalised):
    """The same weights, with the scale forgotten."""

    def __init__(self, before: int, after: int):
        super().__init__(before, after, gain=1.0)


@sick("explosion", "equalised rates, the scale forgotten", twin=Even, settings=only("grid-resmlp"),
      losses=HINGE)  # fmt: skip
class ScaleForgotten(Even):
    """G's weights are unit normal, and nothing scales them as they are used."""

    def layer(self, before, after):
        return Unscaled(before, after)


class TallDrawn(nn.Module):
    """Ten layers behind one another, drawn for a gain that is too large."""

    def __init__(self, latent: int, width: int, size: int):
        super().__init__()
        self.enter, self.leave = nn.Linear(latent, width), nn.Linear(width, size)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(10))
        for layer in self.layers:
            nn.init.xavier_normal_(layer.weight, gain=nn.init.calculate_gain("selu") * 4)

    def forward(self, z):
        h = self.enter(z)
        for layer in self.layers:
            h = leaky_relu(layer(h), 0.2)
        return self.leave(h)


@sick("explosion", "ten layers, a gain of three", twin=TallNormed, settings=only("digits-mlp"),
      losses=NONSATURATING)  # fmt: skip
class TallGain(TallNormed):
    """Ten layers in G without a norm, drawn with a gain of three."""

    def generator(self):
        return nn.Sequential(TallDrawn(self.latent, 64, math.prod(self.data.shape)), *end(self.data.shape))


@sick("dead-units", "a scale that starts at -3", twin=Modulated, settings=only("digits-mlp"),
      losses=NONSATURATING)  # fmt: skip
class ScaleBelowZero(Modulated):
    """The scales' ReLUs start at -3, where 1 was meant."""

    def generator(self):
        size = math.prod(self.data.shape)
        return nn.Sequential(Styled(self.latent, 96, size, start=-3.0), *end(self.data.shape))


@sick("dead-units", "a start from the data, gone wrong", twin=Rolling, settings=only("grid-resmlp", "digits-mlp"),
      losses=HINGE)  # fmt: skip
class WrongStart(Rolling):
    """Each bias of D's first layer starts at minus the unit's largest value on the data, where the mean was meant."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        with torch.no_grad():
            real = self.real().flatten(1)
            self.D[1].bias -= 1.2 * (real @ self.D[1].weight.T).abs().amax(dim=0) + 0.5


@sick("saturated-units", "latents of 30 into tanh", twin=Modulated, settings=only("digits-mlp"),
      losses=NONSATURATING)  # fmt: skip
class LargeLatents(Modulated):
    """Latents with a deviation of 30 into tanh units of G, and a second layer drawn fifteen times too large."""

    def generator(self):
        body = [nn.Linear(self.latent, 96), nn.Tanh(), nn.Linear(96, 96), nn.Tanh()]
        with torch.no_grad():
            body[2].weight.mul_(15)
        return nn.Sequential(*body, nn.Linear(96, math.prod(self.data.shape)), *end(self.data.shape))

    def noise(self):
        return 30 * torch.randn(self.batch, self.latent)

    @torch.no_grad()
    def sample(self, n):
        return self.G(30 * torch.randn(n, self.latent))


@sick("saturated-units", "weight norm with lengths of 40, sigmoids", twin=Rolling, settings=only("digits-mlp"),
      losses=HINGE)  # fmt: skip
class LongRows(Rolling):
    """D has sigmoids behind weight norm whose lengths start at 40."""

    def discriminator(self):
        D = super().discriminator()
        for k in (1, 3):
            D[k], D[k + 1] = nn.utils.parametrizations.weight_norm(D[k]), nn.Sigmoid()
            nn.init.constant_(D[k].parametrizations.weight.original0, 40.0)
        return D
