"""Parts that several of the loops share: switches, slopes, averages, labelled data, layers with a scale at run time."""

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from ganlab import data


def toggle(net: nn.Module, on: bool) -> None:
    for parameter in net.parameters():
        parameter.requires_grad_(on)


def squared_slopes(logits: Tensor, x: Tensor) -> Tensor:
    """Of each sample the square of the gradient's length, (batch,), with a graph behind it."""
    (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return slope.square().flatten(1).sum(1)


def frozen_copy(net: nn.Module) -> nn.Module:
    return copy.deepcopy(net).eval().requires_grad_(False)


@torch.no_grad()
def average(kept: nn.Module, net: nn.Module, decay: float) -> None:
    """Weights by an exponential average, buffers as they are."""
    for mean, now in zip(kept.parameters(), net.parameters(), strict=True):
        mean.lerp_(now, 1 - decay)
    for mean, now in zip(kept.buffers(), net.buffers(), strict=True):
        mean.copy_(now)


def labelled(plain: data.Dataset) -> data.Dataset:
    """Rows of a flattened sample and its label, one number of one-hot for each class or mode."""
    size = plain.sample(1).numel()
    if plain.labels is not None:
        hot = nn.functional.one_hot(plain.labels).float()
        rows = torch.cat([plain.samples.flatten(1), hot], 1)
        return replace(plain, shape=(rows.shape[1],), samples=rows, value_range=None)
    count = len(plain.modes)

    def draw(_, n: int, generator) -> Tensor:
        x = plain.sample(n, generator)
        mode = torch.cdist(x, plain.modes).argmin(1)
        return torch.cat([x, nn.functional.one_hot(mode, count).float()], 1)

    return replace(plain, shape=(size + count,), draw=draw)


class Equalised(nn.Linear):
    """A linear layer whose weights start at N(0, 1) over `speed`, and are scaled at each pass."""

    def __init__(self, inputs: int, outputs: int, speed: float = 1.0):
        super().__init__(inputs, outputs)
        nn.init.normal_(self.weight, std=1 / speed)
        nn.init.zeros_(self.bias)
        self.scale, self.speed = speed / inputs**0.5, speed

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight * self.scale, self.bias * self.speed)


def unit(z: Tensor) -> Tensor:
    """Each row to a mean square of 1."""
    return z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class Mapped(nn.Module):
    """A style-like generator: a deep mapping of z to w, and a synthesis of samples from w."""

    def __init__(self, latent: int, synthesis: nn.Module, layer=Equalised, depth: int = 4, speed: float = 0.1):
        super().__init__()
        steps = []
        for _ in range(depth):
            steps += [layer(latent, latent, speed), nn.LeakyReLU(0.2)]
        self.mapping, self.synthesis = nn.Sequential(*steps), synthesis

    def forward(self, z: Tensor, with_w: bool = False):
        w = self.mapping(unit(z)) * 2**0.5
        return (self.synthesis(w), w) if with_w else self.synthesis(w)
