"""Healthy, with encoders, codes, conditions and two discriminators."""

from itertools import chain
from math import prod

import torch
from torch import nn
from torch.nn.functional import cross_entropy, l1_loss, one_hot, relu, softplus
from torch.optim import Adam

from ganlab.clinic._games.third.well_c_parts import judge, leaky, maker, stack
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class Joint(nn.Module):
    """A judge of a sample together with its latent."""

    def __init__(self, shape, latent, width=128):
        super().__init__()
        self.seen, self.body = nn.Linear(prod(shape), width), stack((width + latent, width, 1), leaky)

    def forward(self, x, z):
        h = nn.functional.leaky_relu(self.seen(x.flatten(1)), 0.2)
        return self.body(torch.cat([h, z], 1))[:, 0]


@healthy("pairs of sample and latent", settings=only("digits-mlp"), losses=("hinge",))
class Bidirectional(Plain):
    """BiGAN: D tells (x, E(x)) from (G(z), z); the encoder is stepped with G, as a second group of its optimizer."""

    def generator(self):
        self.E = stack((prod(self.data.shape), 96, 96, self.latent), leaky)
        return maker(self.latent, self.data.shape)

    def discriminator(self):
        return Joint(self.data.shape, self.latent)

    def optimizers(self):
        rate, betas = self.setting.rate, (0.5, 0.999)
        groups = [{"params": self.G.parameters()}, {"params": self.E.parameters(), "lr": rate / 2}]
        return Adam(self.D.parameters(), lr=rate, betas=betas), Adam(groups, lr=rate, betas=betas)

    def round(self):
        real, z = self.real(), self.noise()
        fake, code = self.G(z), self.E(real.flatten(1))
        self.step_d.zero_grad()
        d_loss = relu(1 - self.D(real, code.detach())).mean() + relu(1 + self.D(fake.detach(), z)).mean()
        d_loss.backward()
        self.step_d.step()
        self.step_g.zero_grad()
        (self.D(real, code).mean() - self.D(fake, z).mean()).backward()
        self.step_g.step()
        self.rounds += 1


class WithCode(nn.Module):
    """A logit, and on demand a guess at the code."""

    def __init__(self, shape, codes):
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), stack((prod(shape), 128, 128), leaky), leaky())
        self.logit, self.code = nn.Linear(128, 1), nn.Linear(128, codes)

    def forward(self, x):
        return self.logit(self.trunk(x))[:, 0]

    def guess(self, x):
        return self.code(self.trunk(x))


@healthy("a category to be read back by D's trunk", settings=only("ring-mlp", "digits-mlp"),
         losses=("hinge",))  # fmt: skip
class Categorical(Plain):
    """InfoGAN's code of eight kinds; a third optimizer steps G and D together on the code's cross-entropy."""

    codes = 8

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.step_code = Adam(chain(self.G.parameters(), self.D.parameters()), lr=setting.rate / 5, betas=(0.5, 0.999))

    def discriminator(self):
        return WithCode(self.data.shape, self.codes)

    def latents(self, n):
        self.kind = torch.randint(self.codes, (n,))
        return torch.cat([one_hot(self.kind, self.codes).float(), torch.randn(n, self.latent - self.codes)], 1)

    def noise(self):
        return self.latents(self.batch)

    def round(self):
        super().round()
        self.step_code.zero_grad()
        fake = self.G(self.noise())
        cross_entropy(self.D.guess(fake), self.kind).backward()
        self.step_code.step()

    @torch.no_grad()
    def sample(self, n):
        return self.G(self.latents(n))


@healthy("the other half of an image", settings=only("digits-mlp"),
         losses=("nonsaturating",))  # fmt: skip
class Completed(Plain):
    """Pix2pix in small: G sees the left half and noise, and paints the right one; L1 beside the loss."""

    def halves(self, x):
        return x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]

    def generator(self):
        channels, height, width = self.data.shape
        self.right = (channels, height, width - width // 2)
        return maker(self.latent + channels * height * (width // 2), self.right, (128, 128))

    def discriminator(self):
        return judge(self.data.shape, (64, 64))

    def complete(self, x):
        left, _ = self.halves(x)
        return torch.cat([left, self.G(torch.cat([left.flatten(1), torch.randn(len(x), self.latent)], 1))], dim=-1)

    def round(self):
        real = self.real()
        fake = self.complete(real)
        self.step_d.zero_grad()
        (0.5 * (softplus(-self.D(real)) + softplus(self.D(fake.detach())))).mean().backward()
        self.step_d.step()
        self.step_g.zero_grad()
        (softplus(-self.D(fake)).mean() + 5 * l1_loss(fake, real)).backward()
        self.step_g.step()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.complete(self.data.sample(n))


@healthy("KL one way and the other", settings=only("ring-mlp", "grid-resmlp"), losses=("nonsaturating",))
class DualD(Plain):
    """D2GAN: two discriminators with softplus outputs, one fond of real samples, one of generated ones."""

    def discriminator(self):
        return nn.ModuleList(nn.Sequential(judge(self.data.shape), nn.Softplus()) for _ in range(2))

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        one, other = self.D
        loss = -0.2 * (one(real) + 1e-3).log().mean() + one(fake).mean()
        loss = loss + other(real).mean() - 0.2 * (other(fake) + 1e-3).log().mean()
        self.step_d.zero_grad()
        loss.backward()
        self.step_d.step()

    def train_g(self):
        fake = self.G(self.noise())
        one, other = self.D
        self.step_g.zero_grad()
        (-one(fake).mean() + 0.2 * (other(fake) + 1e-3).log().mean()).backward()
        self.step_g.step()
