"""Healthy loops of densely joined critics and of averaged generators: twins of the sick ones."""

import copy
import math

import torch
from torch import nn
from torch.nn.functional import relu
from torch.optim import SGD, RMSprop

from ganlab.clinic._games.third.well_e_twins import HINGE, WASSERSTEIN, end
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class Joined(nn.Module):
    """Each layer sees what came in, and what all layers before it made of that."""

    def __init__(self, size: int, width: int, depth: int):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(size + k * width, width) for k in range(depth))
        self.unit, self.out = nn.ELU(), nn.Linear(size + depth * width, 1)

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers:
            x = torch.cat([x, self.unit(layer(x))], dim=1)
        return self.out(x).squeeze(1)


@healthy("third e: a joined critic, one-sided penalty", settings=only("ring-mlp", "digits-mlp"), losses=WASSERSTEIN)
class JoinedCritic(Plain):
    """A densely joined critic of ELUs, a penalty on slopes above 1 alone, three of its steps a round, RMSprop."""

    weight, steps, pace = 5.0, 3, 1.0

    def generator(self):
        body = [nn.Linear(self.latent, 80), nn.LayerNorm(80), nn.GELU(), nn.Linear(80, 80), nn.LayerNorm(80), nn.GELU()]
        return nn.Sequential(*body, nn.Linear(80, math.prod(self.data.shape)), *end(self.data.shape))

    def discriminator(self):
        return Joined(math.prod(self.data.shape), 40, 3)

    def optimizers(self):
        return RMSprop(self.D.parameters(), 1e-3 * self.pace), RMSprop(self.G.parameters(), 5e-4)

    def slopes(self, real, fake):
        share = torch.rand(len(real), *[1] * (real.ndim - 1))
        x = (share * real + (1 - share) * fake).requires_grad_()
        return torch.autograd.grad(self.D(x).sum(), x, create_graph=True)[0]

    def penalty(self, real, fake):
        lengths = torch.linalg.vector_norm(self.slopes(real, fake).flatten(1), dim=1)
        return self.weight * relu(lengths - 1).square().mean()

    def round(self):
        for _ in range(self.steps):
            real, fake = self.real(), self.G(self.noise()).detach()
            self.step_d.zero_grad()
            (self.D(fake).mean() - self.D(real).mean() + self.penalty(real, fake)).backward()
            self.step_d.step()
        self.step_g.zero_grad()
        (-self.D(self.G(self.noise())).mean()).backward()
        self.step_g.step()
        self.rounds += 1


@healthy("third e: hinge by SGD, one pass of D, averaged G", settings=only("grid-resmlp", "digits-mlp"), losses=HINGE)
class Rolling(Plain):
    """SGD with a little momentum, a clip that few steps reach, one pass of D over both kinds, and an average of G."""

    rate, momentum, most = 0.05, 0.3, 20.0

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.average = copy.deepcopy(self.G)

    def generator(self):
        body = [nn.Linear(self.latent, 128), nn.BatchNorm1d(128), nn.PReLU()]
        body += [nn.Linear(128, 128), nn.BatchNorm1d(128), nn.PReLU()]
        return nn.Sequential(*body, nn.Linear(128, math.prod(self.data.shape)), *end(self.data.shape))

    def discriminator(self):
        body = [nn.Flatten(), nn.Linear(math.prod(self.data.shape), 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU()]
        return nn.Sequential(*body, nn.Linear(128, 1), nn.Flatten(0))

    def optimizers(self):
        own = {"lr": self.rate, "momentum": self.momentum}
        return SGD(self.D.parameters(), **own), SGD(self.G.parameters(), **own)

    def stepped(self, player, optimizer):
        nn.utils.clip_grad_norm_(player.parameters(), self.most)
        optimizer.step()

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        self.step_d.zero_grad()
        on_real, on_fake = self.D(torch.cat([real, fake.detach()])).split([len(real), len(fake)])
        (relu(1 - on_real).mean() + relu(1 + on_fake).mean()).backward()
        self.stepped(self.D, self.step_d)
        self.step_g.zero_grad()
        (-self.D(fake).mean()).backward()
        self.stepped(self.G, self.step_g)
        with torch.no_grad():
            for mean, one in zip(self.average.parameters(), self.G.parameters(), strict=True):
                mean.lerp_(one, 0.05)
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.average(torch.randn(n, self.latent))
