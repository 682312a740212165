"""Loops that rebuild their input: VQGAN and HiFi-GAN."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm
from torch.optim import Adam, AdamW
from torch.optim.lr_scheduler import ExponentialLR

from ganlab.clinic._games.fourth.well_h_parts import Map, end, size
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class Quantised(nn.Module):
    """An autoencoder whose code is a few entries of a book; the gradient goes straight through."""

    def __init__(self, data, tokens=8, entry=4, entries=32):
        super().__init__()
        self.encode = Map(size(data), (tokens, entry), 96)
        self.book = nn.Embedding(entries, entry)
        self.book.weight.data.uniform_(-1 / entries, 1 / entries)
        self.decode = Map(tokens * entry, data.shape, 96, end=end(data))

    @property
    def last_layer(self):
        return self.decode.body[-2].weight

    def forward(self, x):
        h = self.encode(x)
        distance = torch.cdist(h.flatten(0, 1), self.book.weight).view(*h.shape[:2], -1)
        code = self.book(distance.argmin(-1))
        loss = F.mse_loss(code.detach(), h) * 0.25 + F.mse_loss(code, h.detach())
        return self.decode(h + (code - h).detach()), loss


@healthy("VQGAN", settings=only("ring-mlp", "digits-mlp"), losses=("hinge",))
class VQGAN(Plain):
    """taming-transformers: `training_step` by `optimizer_idx`. D's term of G's loss is weighed by the ratio of two
    gradients at the last layer; D's factor is 0 for the first rounds, though both optimizers step."""

    disc_start, disc_weight = 20, 0.8

    def generator(self):
        return Quantised(self.data)

    def discriminator(self):
        return self.build_d()

    def optimizers(self):
        rates = self.setting.rate * self.rate_d, self.setting.rate * self.rate_g
        return Adam(self.D.parameters(), rates[0], (0.5, 0.9)), Adam(self.G.parameters(), rates[1], (0.5, 0.9))

    def adaptive_weight(self, nll, g_loss):
        last = self.G.last_layer
        nll_slope = torch.autograd.grad(nll, last, retain_graph=True)[0]
        g_slope = torch.autograd.grad(g_loss, last, retain_graph=True)[0]
        return self.disc_weight * (nll_slope.norm() / (g_slope.norm() + 1e-4)).clamp(0.0, 1e4).detach()

    def disc_factor(self):
        return 0.0 if self.rounds < self.disc_start else 1.0

    def training_step(self, x, optimizer_idx):
        rebuilt, book_loss = self.G(x)
        if optimizer_idx == 0:
            nll, g_loss = (x - rebuilt).abs().mean(), -self.D(rebuilt).mean()
            return nll + self.adaptive_weight(nll, g_loss) * self.disc_factor() * g_loss + book_loss
        real, fake = self.D(x.detach()), self.D(rebuilt.detach())
        return self.disc_factor() * 0.5 * (F.relu(1 - real).mean() + F.relu(1 + fake).mean())

    def round(self):
        x = self.real()
        for index, optimizer in enumerate((self.step_g, self.step_d)):
            loss = self.training_step(x, index)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.G(self.data.sample(n))[0]


class Stack(nn.Module):
    """A few layers with weight norm that return all they find on the way."""

    def __init__(self, inputs, width):
        super().__init__()
        sizes = (inputs, width, width, 1)
        self.layers = nn.ModuleList(weight_norm(nn.Linear(m, n)) for m, n in pairwise(sizes))

    def forward(self, x):
        found = []
        for layer in self.layers[:-1]:
            x = F.leaky_relu(layer(x), 0.1)
            found.append(x)
        return self.layers[-1](x).flatten(1), found


class Periods(nn.Module):
    """Several D's, each on the signal folded by its period."""

    def __init__(self, length, periods=(2, 4), width=48):
        super().__init__()
        self.periods, self.parts = periods, nn.ModuleList(Stack(length // p, width) for p in periods)

    def view(self, x, k):
        return x.view(len(x), -1, self.periods[k]).transpose(1, 2)

    def forward(self, y, made):
        real, fake = [], []
        for k, part in enumerate(self.parts):
            real.append(part(self.view(y, k)))
            fake.append(part(self.view(made, k)))
        return real, fake


class Scales(Periods):
    """Several D's, each on the signal pooled to its scale."""

    def view(self, x, k):
        return F.avg_pool1d(x.unsqueeze(1), self.periods[k])


class Vocoder(nn.Module):
    """From a coarse signal to the fine one, with weight norm in every layer."""

    def __init__(self, inputs, outputs, width=128):
        super().__init__()
        sizes = (inputs, width, width, outputs)
        self.layers = nn.ModuleList(weight_norm(nn.Linear(m, n)) for m, n in pairwise(sizes))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.leaky_relu(layer(x), 0.1)
        return torch.tanh(self.layers[-1](x))


@healthy("HiFi-GAN", settings=only("digits-mlp", "garments-resnet"), losses=("least_squares",))
class HiFiGAN(Plain):
    """HiFi-GAN: an image is a signal, its means the spectrogram. D's by periods and by scales under one AdamW; D steps
    first, then G on the same output with feature matching and a spectral term. Rates decay by the epoch."""

    weight_mel, decay, epoch = 5.0, 0.97, 100

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.schedulers = [ExponentialLR(each, self.decay) for each in (self.step_g, self.step_d)]

    def generator(self):
        return Vocoder(size(self.data) // 4, size(self.data))

    def discriminator(self):
        return nn.ModuleDict({"mpd": Periods(size(self.data)), "msd": Scales(size(self.data), (1, 2))})

    def optimizers(self):
        return tuple(AdamW(net.parameters(), self.setting.rate, (0.8, 0.99)) for net in (self.D, self.G))

    def mel(self, y):
        return F.avg_pool2d(y.view(len(y), *self.data.shape), 2).flatten(1)

    def discriminator_loss(self, real, fake):
        return sum((1 - r[0]).square().mean() + f[0].square().mean() for r, f in zip(real, fake, strict=True))

    def generator_loss(self, fake):
        return sum((1 - score).square().mean() for score, _ in fake)

    def feature_loss(self, real, fake):
        pairs = [pair for r, f in zip(real, fake, strict=True) for pair in zip(r[1], f[1], strict=True)]
        return 2 * sum((r - f).abs().mean() for r, f in pairs)

    def round(self):
        y = self.real().flatten(1)
        made = self.G(self.mel(y))
        self.step_d.zero_grad()
        sum(self.discriminator_loss(*D(y, made.detach())) for D in self.D.values()).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        loss = self.weight_mel * F.l1_loss(self.mel(made), self.mel(y))
        for D in self.D.values():
            real, fake = D(y, made)
            loss = loss + self.generator_loss(fake) + self.feature_loss(real, fake)
        loss.backward()
        self.step_g.step()
        self.rounds += 1
        if self.rounds % self.epoch == 0:
            for scheduler in self.schedulers:
                scheduler.step()

    @torch.no_grad()
    def sample(self, n):
        return self.G(self.mel(self.data.sample(n).flatten(1))).view(-1, *self.data.shape)
