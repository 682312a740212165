"""The small GAN that the tests train: two 2-D modes, two small nets, written out so that it depends on nothing here."""

import torch
from torch import nn


class TwoModes:
    """Two Gaussians at (-1, 0) and (1, 0)."""

    shape = (2,)

    def sample(self, n, generator=None):
        side = 2.0 * torch.randint(2, (n, 1), generator=generator) - 1
        noise = 0.1 * torch.randn(n, 2, generator=generator)
        return (torch.cat([side, torch.zeros(n, 1)], 1) + noise).to(torch.get_default_dtype())


class G(nn.Module):
    def __init__(self, norm=False):
        super().__init__()
        self.latent, self.shape = 4, (2,)
        middle = [nn.BatchNorm1d(8)] if norm else []
        self.net = nn.Sequential(nn.Linear(4, 8), *middle, nn.ReLU(), nn.Linear(8, 2))

    def forward(self, z):
        return self.net(z.to(self.net[0].weight.dtype))


class D(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))

    def forward(self, x):
        return self.net(x).squeeze(-1)
