"""Networks and small formulas that several of these loops share."""

import math

import torch
from torch import Tensor, autograd, nn


def bce_with_logits(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy written out, as a Keras loss from logits is."""
    return (logits.clamp(min=0) - logits * targets + torch.log1p(torch.exp(-logits.abs()))).mean()


def switch(net: nn.Module, on: bool) -> None:
    """The loop over parameters that sets requires_grad."""
    for p in net.parameters():
        p.requires_grad = on


def slope_penalty(D: nn.Module, points: Tensor) -> Tensor:
    """Mean of (|slope| - 1)^2 at the given points, by autograd.grad with grad_outputs of ones."""
    points = points.detach().requires_grad_(True)
    out = D(points)
    slopes = autograd.grad(out, points, grad_outputs=torch.ones_like(out), create_graph=True, retain_graph=True)[0]
    return ((slopes.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


def between(real: Tensor, fake: Tensor) -> Tensor:
    """Random points on the lines from generated to real samples."""
    alpha = torch.rand(len(real), *[1] * (real.ndim - 1))
    return alpha * real + (1 - alpha) * fake


def sampled_with_labels(data, n: int) -> tuple[Tensor, Tensor]:
    """A batch of images with their labels."""
    index = torch.randint(len(data), (n,))
    return data.samples[index], data.labels[index]


class Autoencoder(nn.Module):
    """A discriminator that returns its input as it rebuilds it, and the code between."""

    def __init__(self, shape: tuple[int, ...], width: int, code: int):
        super().__init__()
        size = math.prod(shape)
        self.encode = nn.Sequential(nn.Flatten(), nn.Linear(size, width), nn.ReLU(), nn.Linear(width, code))
        self.decode = nn.Sequential(nn.Linear(code, width), nn.ReLU(), nn.Linear(width, size), nn.Unflatten(1, shape))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        code = self.encode(x)
        return self.decode(code), code


class Heads(nn.Module):
    """A body of features with a layer for each answer: validity, class, and what else is asked."""

    def __init__(self, shape: tuple[int, ...], width: int, answers: tuple[int, ...]):
        super().__init__()
        self.features = nn.Sequential(
            nn.Flatten(), nn.Linear(math.prod(shape), width), nn.LeakyReLU(0.2), nn.Linear(width, width),
            nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.heads = nn.ModuleList(nn.Linear(width, n) for n in answers)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        features = self.features(x)
        return tuple(head(features) for head in self.heads)


class Conditioned(nn.Module):
    """A generator that takes noise and further vectors, side by side."""

    def __init__(self, G: nn.Module):
        super().__init__()
        self.G = G

    def forward(self, *parts: Tensor) -> Tensor:
        return self.G(torch.cat(parts, dim=-1))
