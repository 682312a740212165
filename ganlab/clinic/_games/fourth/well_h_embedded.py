"""A conditional GAN whose two players embed the label each for themselves."""

import torch
from torch import nn

from ganlab.clinic._games.fourth.well_h_parts import Map, count, end, labelled, size
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class FromLabel(nn.Module):
    """Noise and label have a layer each, whose outputs are added."""

    def __init__(self, data, latent, width=128):
        super().__init__()
        self.from_noise, self.from_label = nn.Linear(latent, width), nn.Embedding(count(data), width)
        self.body = Map(width, data.shape, width, act=nn.LeakyReLU, norm=True, end=end(data))

    def forward(self, z, y):
        h = self.from_noise(z)
        h = h + self.from_label(y)
        return self.body(h)


class WithLabel(nn.Module):
    """The sample and an embedded label, joined at the input."""

    def __init__(self, data, width=128):
        super().__init__()
        self.embed = nn.Embedding(count(data), count(data))
        self.body = Map(size(data) + count(data), (1,), width, act=nn.LeakyReLU)

    def forward(self, x, y):
        return self.body(x, self.embed(y))


@healthy("embedded labels", settings=only("ring-mlp", "digits-mlp"), losses=("least_squares",))
class EmbeddedLabels(Plain):
    """PyTorch-GAN's cgan: labels are drawn for G; G steps first, on a score with MSE to targets (B, 1), then D on the
    same samples detached, half of each loss."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.criterion = nn.MSELoss()

    def generator(self):
        return FromLabel(self.data, self.latent)

    def discriminator(self):
        return WithLabel(self.data)

    def drawn(self, n):
        return torch.randint(count(self.data), (n,))

    def g_step(self, made, y, valid):
        self.step_g.zero_grad()
        self.criterion(self.D(made, y), valid).backward()
        self.step_g.step()

    def d_step(self, x, y, made, other, valid, fake):
        self.step_d.zero_grad()
        real_loss = self.criterion(self.D(x, y), valid)
        fake_loss = self.criterion(self.D(made.detach(), other), fake)
        ((real_loss + fake_loss) / 2).backward()
        self.step_d.step()

    def round(self):
        x, y = labelled(self.data, self.batch)
        valid, fake = torch.ones(self.batch, 1), torch.zeros(self.batch, 1)
        other = self.drawn(self.batch)
        made = self.G(self.noise(), other)
        self.g_step(made, other, valid)
        self.d_step(x, y, made, other, valid, fake)
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.G(torch.randn(n, self.latent), torch.randint(count(self.data), (n,)))
