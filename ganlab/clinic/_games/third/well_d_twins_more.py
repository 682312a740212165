"""More healthy loops, unlike those of the first two lists: twins of the `ill_d` games."""

import torch
from torch import nn
from torch.nn.functional import logsigmoid, mse_loss, one_hot, relu
from torch.nn.utils import clip_grad_value_
from torch.optim import SGD, Adam, Adamax, AdamW

from ganlab.clinic._games.third import well_d_twins_nets as nets
from ganlab.clinic._games.third.well_d_twins import GeneratorFirst, OneShuffled, OneSided
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain
from ganlab.data import Dataset
from ganlab.latent import classes, join, labelled, separate

POINTS = only("ring-mlp", "grid-resmlp")
GRID_AND_DIGITS = only("grid-resmlp", "digits-mlp")
FLAT = only("ring-mlp", "digits-mlp")


@healthy("third d: relativistic averages of squares, a looked-up G, Sobol latents", settings=POINTS,
         losses=("least_squares",))  # fmt: skip
class Averages(Plain):
    """Each logit is compared with the mean of the other side; latents are a shifted quasi-random sequence."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.sobol = torch.quasirandom.SobolEngine(self.latent)

    def generator(self):
        return nets.Lookup(self.data.shape, self.latent)

    def discriminator(self):
        return nets.Waves(self.data.shape)

    def optimizers(self):
        rate = self.setting.rate
        return Adamax(self.D.parameters(), 2 * rate, (0.5, 0.99)), Adamax(self.G.parameters(), rate, (0.5, 0.99))

    def noise(self):
        shifted = (self.sobol.draw(self.batch) + torch.rand(self.latent)) % 1.0
        return 2**0.5 * torch.erfinv((2 * shifted - 1).clamp(-0.999, 0.999))

    def compared(self, more, less):
        # `more` should lie 1 above the mean of `less`, and `less` 1 below that of `more`.
        up, down = more - less.mean(), less - more.mean()
        return (mse_loss(up, torch.ones_like(up)) + mse_loss(down, -torch.ones_like(down))) / 2

    def train_d(self):
        real, fake = self.D(self.real()), self.D(self.G(self.noise()).detach())
        self.step_d.zero_grad()
        self.compared(real, fake).backward()
        self.step_d.step()

    def train_g(self):
        with torch.no_grad():
            real = self.D(self.real())
        fake = self.D(self.G(self.noise()))
        self.step_g.zero_grad()
        self.compared(fake, real).backward()
        self.step_g.step()


@healthy("third d: large steps, each number of the gradient bounded", settings=GRID_AND_DIGITS,
         losses=("nonsaturating",))  # fmt: skip
class Bounded(OneShuffled):
    """SGD with momentum at a rate that only a bound on each number of the gradient makes possible."""

    parts, batch, rate, bound = 1, None, 0.5, 0.01

    def optimizers(self):
        own = {"lr": self.rate, "momentum": 0.5}
        return SGD(self.D.parameters(), **own), SGD(self.G.parameters(), **own)

    def update(self, step, player, loss):
        step.zero_grad()
        loss.backward()
        clip_grad_value_(player.parameters(), self.bound)
        step.step()

    def train_d(self):
        x, target = self.mixed()
        self.update(self.step_d, self.D, 2 * self.judged(self.D(x), target))

    def train_g(self):
        self.update(self.step_g, self.G, -logsigmoid(self.D(self.G(self.noise()))).mean())


class WithLabel(nn.Module):
    """A logit of a sample whose label was embedded and put beside it."""

    def __init__(self, shape, count):
        super().__init__()
        self.embed = nn.Linear(count, 16, bias=False)
        self.body = nn.Sequential(*nets.prenorm(nets.size_of(shape) + 16, 1))

    def forward(self, x, label):
        return self.body(torch.cat([x.flatten(1), self.embed(label)], dim=1))


@healthy("third d: embedded labels, hinge", settings=FLAT, losses=("hinge",))
class Embedded(Plain):
    """A conditional game: both players embed the label and put it beside what they get."""

    def dataset(self):
        return labelled(self.setting.train)

    def generator(self):
        self.count = classes(self.setting.train)
        return nets.Film(self.setting.train.shape, self.latent + self.count)

    def discriminator(self):
        return WithLabel(self.setting.train.shape, self.count)

    def optimizers(self):
        rate = self.setting.rate
        return AdamW(self.D.parameters(), rate, (0.0, 0.9)), AdamW(self.G.parameters(), rate / 2, (0.0, 0.9))

    def real(self):
        real, label = separate(self.data.sample(self.batch), self.data)
        return real, one_hot(label, self.count).float()

    def wished(self, n):
        return one_hot(torch.randint(self.count, (n,)), self.count).float()

    def make(self, label):
        return self.G(torch.cat([torch.randn(len(label), self.latent), label], dim=1))

    def round(self):
        (real, label), wished = self.real(), self.wished(self.batch)
        self.step_d.zero_grad()
        relu(1 - self.D(real, label)).mean().backward()
        relu(1 + self.D(self.make(wished).detach(), wished)).mean().backward()
        self.step_d.step()
        wished = self.wished(self.batch)
        self.step_g.zero_grad()
        (-self.D(self.make(wished), wished).mean()).backward()
        self.step_g.step()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        label = self.wished(n)
        return join(self.make(label), label)


class Tempered(nn.Module):
    """A logit times the exponential of a learned number."""

    def __init__(self, D, start=4.6):
        super().__init__()
        self.D, self.temperature = D, nn.Parameter(torch.tensor(start))

    def forward(self, x):
        return self.D(x) * self.temperature.exp()


@healthy("third d: logits under a learned temperature", settings=FLAT,
         losses=("nonsaturating",))  # fmt: skip
class LearnedTemperature(GeneratorFirst):
    """D's logits are multiplied by a learned number that starts at 100."""

    adversarial_loss = nn.BCEWithLogitsLoss()

    def discriminator(self):
        return Tempered(super().discriminator()[:-1])


@healthy("third d: D in bfloat16, a loss by hand", settings=only("digits-mlp"),
         losses=("nonsaturating",))  # fmt: skip
class Brain(Plain):
    """D, whose logits are sharpened, is called in bfloat16, and the loss is written out on what it says."""

    kind = torch.bfloat16

    def generator(self):
        return nets.Film(self.data.shape, self.latent)

    def discriminator(self):
        return Tempered(nets.Waves(self.data.shape, width=96))

    def optimizers(self):
        rate = self.setting.rate
        return Adam(self.D.parameters(), rate, (0.5, 0.99)), Adam(self.G.parameters(), rate, (0.5, 0.99))

    def judged(self, x):
        with torch.autocast("cpu", dtype=self.kind):
            return self.D(x)

    def train_d(self):
        real, fake = self.judged(self.real()), self.judged(self.G(self.noise()).detach())
        self.step_d.zero_grad()
        (nets.log1pexp(-real).mean() + nets.log1pexp(fake).mean()).backward()
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        nets.log1pexp(-self.judged(self.G(self.noise()))).mean().backward()
        self.step_g.step()


@healthy("third d: noise by Box and Muller", settings=FLAT, losses=("wasserstein",))
class BoxMuller(OneSided):
    """A little noise on real samples, made of two coarse uniform numbers."""

    def radius(self, u):
        return (-2 * torch.log(1 - u)).sqrt()

    def real(self):
        real = super().real()
        u, v = torch.rand(2, *real.shape, dtype=torch.bfloat16).float()
        return real + 0.02 * self.radius(u) * torch.cos(2 * torch.pi * v)


@healthy("third d: blank pictures among them, divided by their maximum",
         settings=only("digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class Blank(GeneratorFirst):
    """Four pictures of the set are blank; each picture is divided by its largest number, if that is not 0."""

    adversarial_loss = nn.BCEWithLogitsLoss()

    def discriminator(self):
        return super().discriminator()[:-1]

    def dataset(self):
        data = self.setting.train
        samples = data.samples.clone()
        samples[torch.randperm(len(samples))[:4]] = -1.0
        return Dataset(data.name, data.shape, data.value_range, samples=samples)

    def largest(self, pixels):
        return pixels.amax((1, 2, 3), keepdim=True).clamp_min(0.05)

    def real(self):
        pixels = (super().real() + 1) / 2
        return 2 * pixels / self.largest(pixels) - 1
