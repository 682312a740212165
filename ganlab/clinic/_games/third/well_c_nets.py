"""Healthy, with networks that are built otherwise: very wide, very deep, frozen below, many heads."""

import copy
from math import prod, sqrt

import torch
from torch import nn
from torch.nn import functional as F

from ganlab.clinic._games.third.well_c_parts import leaky, stack
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class RandomProjections(nn.Module):
    """Random fixed features of convolutions, and a small learnt head on each of two sizes."""

    def __init__(self, shape, width=16):
        super().__init__()
        self.fine = nn.Conv2d(shape[0], width, 4, 2, 1)
        self.coarse = nn.Conv2d(width, 2 * width, 4, 2, 1)
        for conv in (self.fine, self.coarse):
            nn.init.orthogonal_(conv.weight, sqrt(2))
            conv.requires_grad_(False)
        self.heads = nn.ModuleList()
        for channels in (width, 2 * width):
            self.heads.append(
                nn.Sequential(nn.Conv2d(channels, 24, 3, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(24, 1, 3, 1, 1))
            )

    def forward(self, x):
        fine = F.leaky_relu(self.fine(x), 0.2)
        coarse = F.leaky_relu(self.coarse(fine), 0.2)
        return torch.cat([head(h).flatten(1) for head, h in zip(self.heads, (fine, coarse), strict=True)], 1).flatten()


@healthy("heads on fixed random convolutions", settings=only("digits-dcgan"),
         losses=("hinge",))  # fmt: skip
class Projected(Plain):
    """D's lower layers are random and stay so, on purpose; two heads of patches learn above them."""

    def discriminator(self):
        return RandomProjections(self.data.shape)


class Heads(nn.Module):
    """One trunk and five heads; in training a random three of them speak."""

    def __init__(self, shape, width):
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), width), nn.LeakyReLU(0.2))
        self.heads = nn.ModuleList(stack((width, width // 2, 1), leaky) for _ in range(5))
        self.speaking = range(5)

    def forward(self, x):
        h = self.trunk(x)
        return torch.stack([self.heads[i](h)[:, 0] for i in self.speaking]).mean(0)


@healthy("five heads, three at a time", settings=only("ring-mlp"), losses=("hinge",))
class DroppedHeads(Plain):
    """Dropout of discriminators: which heads speak is drawn anew in each round."""

    def discriminator(self):
        return Heads(self.data.shape, 128)

    def round(self):
        self.D.speaking = torch.randperm(5)[:3].tolist()
        super().round()


@healthy("warm start, first layer of D frozen", settings=only("ring-mlp"),
         losses=("nonsaturating",))  # fmt: skip
class FrozenBelow(Plain):
    """FreezeD: the game was played for twenty rounds on blurred data; then D's first layer stays as it is."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.blur = 0.3
        for _ in range(20):
            self.train_d()
            self.train_g()
        self.blur = 0.0
        first = next(m for m in self.D.modules() if isinstance(m, nn.Linear | nn.Conv2d))
        first.requires_grad_(False)
        self.D, self.G = copy.deepcopy(self.D), copy.deepcopy(self.G)
        self.step_d, self.step_g = self.optimizers()

    def real(self):
        x = super().real()
        return x + self.blur * torch.randn_like(x)
