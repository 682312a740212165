"""Healthy loops of deep, moment-matching and multiplying networks: further twins of the sick ones."""

import itertools
import math

import torch
from torch import nn
from torch.nn.functional import leaky_relu, relu
from torch.optim import SGD, Adam, RMSprop

from ganlab.clinic._games.third.well_e_twins import HINGE, NONSATURATING, WASSERSTEIN, Modulated, ModulatedAhead, end
from ganlab.clinic._games.third.well_e_twins_joined import JoinedCritic
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class Equalised(nn.Module):
    """A linear layer of unit normal weights, which are scaled as they are used."""

    def __init__(self, before: int, after: int, gain: float | None = None):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(after, before)), nn.Parameter(torch.zeros(after))
        self.gain = gain or math.sqrt(2 / before)

    def forward(self, x):
        return nn.functional.linear(x, self.gain * self.weight, self.bias)


@healthy("third e: equalised rates, eight layers", settings=only("ring-mlp", "grid-resmlp"), losses=HINGE)
class Even(Plain):
    """Eight layers of unit normal weights in G, each scaled as it is used; a relativistic hinge; D steps twice."""

    rate = 2e-3

    def layer(self, before, after):
        return Equalised(before, after)

    def generator(self):
        widths = [self.latent, *[64] * 7]
        body = []
        for before, after in itertools.pairwise(widths):
            body += [self.layer(before, after), nn.LeakyReLU(0.2)]
        return nn.Sequential(*body, self.layer(64, math.prod(self.data.shape)), *end(self.data.shape))

    def discriminator(self):
        size = math.prod(self.data.shape)
        body = [nn.Flatten(), Equalised(size, 96), nn.LeakyReLU(0.2), Equalised(96, 96), nn.LeakyReLU(0.2)]
        return nn.Sequential(*body, Equalised(96, 1), nn.Flatten(0))

    def optimizers(self):
        return Adam(self.D.parameters(), self.rate, (0.0, 0.99)), Adam(self.G.parameters(), self.rate, (0.0, 0.99))

    def round(self):
        for _ in range(2):
            real, fake = self.D(self.real()), self.D(self.G(self.noise()).detach())
            self.step_d.zero_grad()
            (relu(1 - real + fake.mean()).mean() + relu(1 + fake - real.mean()).mean()).backward()
            self.step_d.step()
        self.step_g.zero_grad()
        real, fake = self.D(self.real()).detach(), self.D(self.G(self.noise()))
        (relu(1 + real - fake.mean()).mean() + relu(1 - fake + real.mean()).mean()).backward()
        self.step_g.step()
        self.rounds += 1


class Polar(nn.Module):
    """A linear function of a point's two numbers and of its distance from the middle."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(3, 1, bias=False)

    def forward(self, x):
        return self.out(torch.cat([x, torch.linalg.vector_norm(x, dim=1, keepdim=True)], dim=1)).squeeze(1)


@healthy("third e: three moments, R1, SGD", settings=only("ring-mlp", "grid-resmlp"), losses=WASSERSTEIN)
class Moments(Plain):
    """D is linear in a point and its radius, and held by R1; both players step at once, by SGD."""

    hold = 1.0

    def generator(self):
        G = nn.Sequential(nn.Linear(self.latent, 64), nn.Softplus(), nn.Linear(64, 2))
        nn.init.normal_(G[2].weight, std=0.5)
        nn.init.constant_(G[2].bias, 3.0)
        return G

    def discriminator(self):
        return Polar()

    def optimizers(self):
        return SGD(self.D.parameters(), lr=0.1), SGD(self.G.parameters(), lr=0.02)

    def round(self):
        real, fake = self.real().requires_grad_(), self.G(self.noise())
        self.step_d.zero_grad()
        self.step_g.zero_grad()
        logits = self.D(real)
        loss = self.D(fake.detach()).mean() - logits.mean()
        if self.hold:
            (slope,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
            loss = loss + self.hold * slope.square().sum(1).mean()
        loss.backward(inputs=list(self.D.parameters()))
        (-self.D(fake).mean()).backward(inputs=list(self.G.parameters()))
        self.step_d.step()
        self.step_g.step()
        self.rounds += 1


class Products(nn.Module):
    """Products of two linear functions, twice, and a linear layer."""

    def __init__(self, size: int, width: int):
        super().__init__()
        self.first, self.second = nn.Linear(size, 2 * width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        one, two = self.first(x.flatten(1)).chunk(2, dim=1)
        one, two = self.second(one * two).chunk(2, dim=1)
        return self.out(one * two + leaky_relu(one)).squeeze(1)


@healthy("third e: a critic of products, SGD", settings=only("ring-mlp", "digits-mlp"), losses=WASSERSTEIN)
class ProductCritic(JoinedCritic):
    """A critic that multiplies its units by one another, with SGD under a clip, and a penalty on steep slopes."""

    def discriminator(self):
        return Products(math.prod(self.data.shape), 48)

    def optimizers(self):
        return SGD(self.D.parameters(), 0.02, momentum=0.5), RMSprop(self.G.parameters(), 5e-4)


class Weighed(nn.Module):
    """Branches, each weighed by a number that starts at 0, and their sum."""

    def __init__(self, size: int, width: int):
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Linear(size, width), unit, nn.Linear(width, 1))
            for unit in (nn.SiLU(), nn.ELU(), nn.Tanh())
        )
        self.weights = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        return torch.cat([branch(x.flatten(1)) for branch in self.branches], dim=1) @ self.weights


@healthy("third e: a critic of weighed branches", settings=only("digits-mlp"), losses=WASSERSTEIN)
class WeighedCritic(JoinedCritic):
    """Three branches of a critic, each weighed by a number that starts at 0, and a penalty around 1."""

    weight = 2.0

    def discriminator(self):
        return Weighed(math.prod(self.data.shape), 80)

    def length(self, slope):
        return slope.flatten(1).norm(dim=1)

    def penalty(self, real, fake):
        return self.weight * (self.length(self.slopes(real, fake)) - 1).square().mean()


@healthy("third e: SGD for a modulated G, Adam for a maxout D", settings=only("digits-mlp"), losses=NONSATURATING)
class ModulatedBySGD(ModulatedAhead):
    """D was trained alone for a hundred steps, and takes three a round by Adam; G has SGD with momentum."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        for _ in range(100):
            self.train_d()

    def optimizers(self):
        return super().optimizers()[0], SGD(self.G.parameters(), lr=0.03, momentum=0.5)


class Tall(nn.Module):
    """Ten layers behind one another, each with its norm."""

    def __init__(self, latent: int, width: int, size: int):
        super().__init__()
        self.enter, self.leave = nn.Linear(latent, width), nn.Linear(width, size)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(10))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(10))

    def forward(self, z):
        h = self.enter(z)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            h = leaky_relu(norm(layer(h)), 0.2)
        return self.leave(h)


@healthy("third e: ten layers with a norm each", settings=only("digits-mlp"), losses=NONSATURATING)
class TallNormed(Modulated):
    """Ten plain layers in G, and layer norm behind each; two steps of D a round, and no penalty."""

    hold, ahead = 0.0, 2

    def generator(self):
        return nn.Sequential(Tall(self.latent, 64, math.prod(self.data.shape)), *end(self.data.shape))
