"""Adaptation by gradient reversal: both players learn from one backward."""

import math

import torch
from torch.nn import functional as F

from ganlab.clinic._games.fourth.well_h_parts import Map, end, other_domain, size
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class Reverse(torch.autograd.Function):
    """The identity, whose gradient is turned and scaled."""

    @staticmethod
    def forward(ctx, x, scale):
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.scale * gradient, None


@healthy("gradient reversal", settings=only("ring-mlp", "digits-mlp"), losses=("minimax",))
class Reversal(Plain):
    """DANN (pytorch-dann and its like): samples of one domain are moved to the other; D stands behind a gradient
    reversal layer whose strength grows, and both optimizers step behind one backward. D has a zero-centred penalty."""

    warm, slope = 100, 0.2

    def generator(self):
        return Map(size(self.data), self.data.shape, 128, act=torch.nn.Tanh, end=end(self.data))

    def source(self, n):
        return other_domain(self.data.sample(n))

    def strength(self):
        return 2 / (1 + math.exp(-10 * min(1.0, (self.rounds + 1) / self.warm))) - 1

    def flatness(self, target):
        target = target.requires_grad_()
        gradient = torch.autograd.grad(self.D(target).sum(), target, create_graph=True)[0]
        return gradient.flatten(1).square().sum(1).mean()

    def round(self):
        source, target = self.source(self.batch), self.real()
        moved = Reverse.apply(self.G(source), self.strength())
        domain = torch.cat([self.D(target), self.D(moved)])
        labels = torch.cat([torch.ones(self.batch), torch.zeros(self.batch)])
        loss = 2 * F.binary_cross_entropy_with_logits(domain, labels) + self.slope * self.flatness(target)
        self.step_g.zero_grad()
        self.step_d.zero_grad()
        loss.backward()
        self.step_g.step()
        self.step_d.step()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.G(self.source(n))
