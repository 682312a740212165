"""Conditional loops: CTGAN, text to image with mismatched pairs, labels by embedding."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import Adam

from ganlab.clinic._games.fourth.well_h_parts import Map, count, end, labelled, one_hot, size
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class Residual(nn.Module):
    """A layer whose output is joined to its input."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.linear, self.norm = nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs)

    def forward(self, x):
        return torch.cat([F.relu(self.norm(self.linear(x))), x], 1)


class Packs(nn.Module):
    """A critic of several rows at once, with dropout."""

    def __init__(self, columns, pac, width=128, dropout=0.25):
        super().__init__()
        self.inputs = columns * pac
        self.body = Map(self.inputs, (1,), width, act=nn.LeakyReLU, dropout=dropout)

    def forward(self, rows):
        return self.body(rows.view(-1, self.inputs))

    def penalty(self, real, fake):
        pac = self.inputs // real.shape[1]
        alpha = torch.rand(len(real) // pac, 1, 1).repeat(1, pac, 1).view(-1, 1)
        between = (alpha * real + (1 - alpha) * fake).requires_grad_()
        out = self(between)
        slope = torch.autograd.grad(out, between, torch.ones_like(out), create_graph=True)[0]
        return (slope.view(len(out), -1).norm(2, dim=1) - 1).square().mean()


@healthy("CTGAN", settings=only("ring-mlp", "digits-mlp"), losses=("wasserstein",))
class CTGAN(Plain):
    """CTGAN: rows of numbers and a column of classes, a drawn condition that real rows share in another order, a
    critic on packs of rows with dropout and a penalty by pack with a backward of its own, cross entropy of the class
    that was asked for, Adam with weight decay."""

    pac, betas, decay, dropout = 4, (0.5, 0.9), 1e-6, 0.25

    def generator(self):
        inputs, width = self.latent + count(self.data), 64
        last = nn.Linear(inputs + 2 * width, size(self.data) + count(self.data))
        return nn.Sequential(Residual(inputs, width), Residual(inputs + width, width), last)

    def discriminator(self):
        return Packs(size(self.data) + 2 * count(self.data), self.pac, dropout=self.dropout)

    def optimizers(self):
        options = {"lr": self.setting.rate, "betas": self.betas, "weight_decay": self.decay}
        return tuple(Adam(net.parameters(), **options) for net in (self.D, self.G))

    def activate(self, raw):
        numbers, classes = raw[:, : size(self.data)], raw[:, size(self.data) :]
        return torch.cat([self.squash(numbers), F.gumbel_softmax(classes, tau=0.2)], 1)

    def squash(self, numbers):
        return torch.tanh(numbers) if self.setting.images else numbers

    def drawn(self):
        x, y = labelled(self.data, self.batch)
        code, order = one_hot(y, count(self.data)), torch.randperm(self.batch)
        return torch.cat([x.flatten(1), code], 1), code, y[order], code[order]

    def train_d(self):
        real, code, _, asked = self.drawn()
        fake = self.activate(self.G(torch.cat([self.noise(), asked], 1))).detach()
        real, fake = torch.cat([real, code], 1), torch.cat([fake, asked], 1)
        penalty, loss = self.setting.gamma * self.D.penalty(real, fake), -(self.D(real).mean() - self.D(fake).mean())
        self.step_d.zero_grad(set_to_none=False)
        penalty.backward(retain_graph=True)
        loss.backward()
        self.step_d.step()

    def train_g(self):
        _, _, y, asked = self.drawn()
        raw = self.G(torch.cat([self.noise(), asked], 1))
        loss = -self.D(torch.cat([self.activate(raw), asked], 1)).mean() + F.cross_entropy(raw[:, size(self.data) :], y)
        self.step_g.zero_grad(set_to_none=False)
        loss.backward()
        self.step_g.step()

    @torch.no_grad()
    def sample(self, n):
        asked = one_hot(labelled(self.data, n)[1], count(self.data))
        rows = self.activate(self.G(torch.cat([torch.randn(n, self.latent), asked], 1)))
        return rows[:, : size(self.data)].view(-1, *self.data.shape)


def prior(mean, logvar):
    return -0.5 * (1 + logvar - mean.square() - logvar.exp()).mean()


class Told(nn.Module):
    """A G that blurs the embedded text by a drawn amount before it joins the noise; `spread` is for truncation."""

    spread = 1.0

    def __init__(self, data, latent, texts=8):
        super().__init__()
        self.augment = nn.Linear(texts, 2 * texts)
        self.body = Map(latent + texts, data.shape, 128, norm=True, end=end(data))

    def forward(self, text, z):
        mean, logvar = self.augment(text).chunk(2, 1)
        blurred = mean + self.spread * torch.randn_like(mean) * (0.5 * logvar).exp()
        return self.body(blurred, self.spread * z), mean, logvar


@healthy("text to image", settings=only("ring-mlp", "digits-mlp"), losses=("nonsaturating",))
class TextToImage(Plain):
    """StackGAN: the class is a fixed embedded text. D learns real with its text as 1, real with the next one's text and
    generated as 0, the last two at half weight each; G has a prior on its blurred text. Targets are made once; rates
    are halved at times, and samples shown in eval mode."""

    texts, decay, every, beta, width_d = 8, 0.5, 600, 0.1, 128

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.embedded = torch.randn(count(self.data), self.texts)
        self.ones, self.zeros = torch.ones(self.batch), torch.zeros(self.batch)
        self.bce = nn.BCEWithLogitsLoss()

    def generator(self):
        return Told(self.data, self.latent, self.texts)

    def discriminator(self):
        return Map(size(self.data) + self.texts, (), self.width_d, act=nn.LeakyReLU)

    def update_d(self, x, text, made):
        self.step_d.zero_grad()
        wrong, fake = self.bce(self.D(x[:-1], text[1:]), self.zeros[1:]), self.bce(self.D(made, text), self.zeros)
        (self.bce(self.D(x, text), self.ones) + (wrong + fake) * 0.5).backward()
        self.step_d.step()

    def adversarial(self, score):
        return self.bce(score, self.ones)

    def update_g(self, text, made, mean, logvar):
        self.step_g.zero_grad()
        (self.adversarial(self.D(made, text)) + self.beta * prior(mean, logvar)).backward()
        self.step_g.step()

    def preview(self):
        self.G.eval()
        self.shown = self.sample(8)
        self.G.train()

    def round(self):
        if self.rounds and self.rounds % self.every == 0:
            for group in (*self.step_d.param_groups, *self.step_g.param_groups):
                group["lr"] *= self.decay
        if self.rounds % 100 == 0:
            self.preview()
        x, y = labelled(self.data, self.batch)
        text = self.embedded[y]
        made, mean, logvar = self.G(text, self.noise())
        self.update_d(x, text, made.detach())
        self.update_g(text, made, mean, logvar)
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        text = self.embedded[labelled(self.data, n)[1]]
        return self.G(text, torch.randn(n, self.latent))[0]
