"""TimeGAN: an image as a series of rows, an embedding trained before, and three players' losses in one phase."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import Adam

from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain

HIDDEN = 24


class Recurrent(nn.Module):
    """A GRU over the rows and a layer behind it."""

    def __init__(self, inputs, outputs, finish=nn.Sigmoid):
        super().__init__()
        self.cell, self.last, self.finish = (
            nn.GRU(inputs, HIDDEN, batch_first=True),
            nn.Linear(HIDDEN, outputs),
            finish(),
        )

    def forward(self, rows):
        return self.finish(self.last(self.cell(rows)[0]))


def moments(made, rows):
    spread = (made.var(0) + 1e-6).sqrt() - (rows.var(0) + 1e-6).sqrt()
    return spread.abs().mean() + (made.mean(0) - rows.mean(0)).abs().mean()


class Player(nn.Module):
    """The generator of hidden rows, and the supervisor that goes one row on."""

    def __init__(self, inputs):
        super().__init__()
        self.draw, self.follow = Recurrent(inputs, HIDDEN), Recurrent(HIDDEN, HIDDEN)

    def forward(self, z):
        drawn = self.draw(z)
        return drawn, self.follow(drawn)


class Embedded(Plain):
    """Images as series of rows, scaled column by column, and an embedding with a phase of its own before the game."""

    eps, before = 1e-7, 150

    def __init__(self, setting, loss):
        self.embed, self.recover = Recurrent(8, HIDDEN), Recurrent(HIDDEN, 8)
        super().__init__(setting, loss)
        self.low, self.high = self.data.samples.amin(0), self.data.samples.amax(0)
        self.step_e = Adam([*self.embed.parameters(), *self.recover.parameters()], 2e-3)
        for _ in range(self.before):
            self.train_embedder()

    def real(self):
        x = self.data.sample(self.batch)
        return ((x - self.low) / (self.high - self.low + self.eps)).squeeze(1)

    def train_embedder(self):
        rows = self.real()
        self.step_e.zero_grad()
        (10 * F.mse_loss(self.recover(self.embed(rows)), rows).sqrt()).backward()
        self.step_e.step()

    def image(self, hidden):
        return self.low + self.recover(hidden).unsqueeze(1) * (self.high - self.low)


@healthy("TimeGAN", settings=only("digits-mlp"), losses=("nonsaturating",))
class TimeGAN(Embedded):
    """TimeGAN: columns are scaled to [0, 1] by their least and greatest; the embedding is trained first. In the joint
    phase G learns twice, with the embedder behind it each time, then D, but only while its loss is above 0.15."""

    threshold, draws = 0.15, 8

    def generator(self):
        return Player(self.draws)

    def discriminator(self):
        return Recurrent(HIDDEN, 1, nn.Identity)

    def optimizers(self):
        return Adam(self.D.parameters(), 1e-3), Adam(self.G.parameters(), 2e-3)

    def z(self, n):
        return torch.rand(n, 8, self.draws)

    def train_g(self):
        rows = self.real()
        with torch.no_grad():
            hidden = self.embed(rows)
        self.step_g.zero_grad()
        drawn, followed = self.G(self.z(self.batch))
        scores = torch.cat([self.D(followed), self.D(drawn)])
        adversarial = F.binary_cross_entropy_with_logits(scores, torch.ones_like(scores))
        supervised = F.mse_loss(self.G.follow(hidden)[:, :-1], hidden[:, 1:])
        (adversarial + 10 * supervised.sqrt() + 10 * moments(self.recover(followed), rows)).backward()
        self.step_g.step()

    def train_d(self):
        with torch.no_grad():
            hidden, made = self.embed(self.real()), self.G(self.z(self.batch))
        real, fake, bce = self.D(hidden), torch.cat([self.D(each) for each in made]), F.binary_cross_entropy_with_logits
        loss = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
        if loss.item() > self.threshold:
            self.step_d.zero_grad()
            loss.backward()
            self.step_d.step()

    def round(self):
        for _ in range(2):
            self.train_g()
            self.train_embedder()
        self.train_d()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.image(self.G(self.z(n))[1])
