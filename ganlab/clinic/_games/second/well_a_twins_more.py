"""More healthy loops in other hands, the twins of the sick games of the `ill_a` files."""

import torch
from torch import nn
from torch.nn.functional import one_hot, softplus
from torch.nn.utils import clip_grad_norm_
from torch.optim import SGD, Adam

from ganlab.clinic._games.second import well_a_nets as nets
from ganlab.clinic._games.second.well_a_twins import Gated, Remembering, Sines, Tutorial, flat_slopes
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain
from ganlab.latent import classes, join, labelled, separate

POINTS = only("ring-mlp", "grid-resmlp")
POINTS_AND_DIGITS = only("ring-mlp", "grid-resmlp", "digits-mlp")


@healthy("projection of labels", settings=POINTS_AND_DIGITS, losses=("nonsaturating",))
class Projection(Plain):
    """A conditional game: D multiplies its features with a vector of the label; G has the label beside z."""

    def dataset(self):
        return labelled(self.setting.train)

    def generator(self):
        self.count = classes(self.setting.train)
        return nets.glu_generator(self.setting.train.shape, self.latent + self.count)

    def discriminator(self):
        return nets.Projected(self.setting.train.shape, self.count)

    def real(self):
        real, labels = separate(self.data.sample(self.batch), self.data)
        return real, one_hot(labels, self.count).float()

    def make(self, label):
        return self.G(torch.cat([torch.randn(len(label), self.latent), label], dim=1))

    def round(self):
        real, label = self.real()
        wanted = one_hot(torch.randint(self.count, (self.batch,)), self.count).float()
        fake = self.make(wanted)
        self.step_d.zero_grad()
        (softplus(-self.D(real, label)).mean() + softplus(self.D(fake.detach(), wanted)).mean()).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        softplus(-self.D(fake, wanted)).mean().backward()
        self.step_g.step()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        label = one_hot(torch.randint(self.count, (n,)), self.count).float()
        return join(self.make(label), label)


@healthy("standardised points", settings=POINTS, losses=("nonsaturating",))
class Standardised(Gated):
    """Points divided by their deviation, and multiplied by it again for whoever asks for samples."""

    def __init__(self, setting, loss):
        self.scale = setting.train.sample(2000).std()
        super().__init__(setting, loss)

    def real(self):
        return super().real() / self.scale

    def sample(self, n):
        return self.scale * super().sample(n)


class Affine(nn.Module):
    """The last step of a generator: from [-1, 1] to the range of normalised pixels."""

    def forward(self, x):
        return ((x + 1) / 2 - 0.1307) / 0.3081


@healthy("pixels normalised by mean and deviation", settings=only("digits-mlp", "digits-dcgan"),
         losses=("nonsaturating",))  # fmt: skip
class Normalised(Tutorial):
    """Pixels in [-0.4, 2.8], and a generator whose tanh is stretched to that."""

    def generator(self):
        return nn.Sequential(nets.bn_generator(self.data.shape, self.latent), Affine())

    def real(self):
        return Affine()(super().real())

    def sample(self, n):
        return 2 * (super().sample(n) * 0.3081 + 0.1307) - 1


@healthy("Nesterov with a large rate, clipped", settings=POINTS_AND_DIGITS, losses=("nonsaturating",))
class Nesterov(Plain):
    """SGD with Nesterov's momentum at a rate that only the clip makes possible."""

    rate, limit = 0.3, 0.2

    def generator(self):
        return nets.glu_generator(self.data.shape, self.latent)

    def discriminator(self):
        return nets.Residual(self.data.shape)

    def optimizers(self):
        own = {"lr": self.rate, "momentum": 0.5, "nesterov": True}
        return SGD(self.D.parameters(), **own), SGD(self.G.parameters(), **own)

    def step(self, optimizer, player, loss):
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(player.parameters(), self.limit)
        optimizer.step()

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step(self.step_d, self.D, softplus(-self.D(real)).mean() + softplus(self.D(fake)).mean())

    def train_g(self):
        self.step(self.step_g, self.G, softplus(-self.D(self.G(self.noise()))).mean())


@healthy("Nesterov with half that rate, clipped", settings=POINTS_AND_DIGITS, losses=("nonsaturating",))
class Brisk(Nesterov):
    """The same at half the rate."""

    rate = 0.15


@healthy("float16 with a loss scale", settings=POINTS_AND_DIGITS, losses=("nonsaturating",))
class Scaled(Plain):
    """Autocast to float16, a fixed loss scale, and gradients divided by it."""

    scale = 2.0**7

    def generator(self):
        return nets.Heads(self.data.shape, self.latent)

    def discriminator(self):
        return nets.Residual(self.data.shape)

    def step(self, optimizer, player, loss):
        optimizer.zero_grad()
        (loss * self.scale).backward()
        for parameter in player.parameters():
            parameter.grad.div_(self.scale)
        optimizer.step()

    def train_d(self):
        with torch.autocast("cpu", dtype=torch.float16):
            real, fake = self.D(self.real()), self.D(self.G(self.noise()).detach())
            loss = softplus(-real.float()).mean() + softplus(fake.float()).mean()
        self.step(self.step_d, self.D, loss)

    def train_g(self):
        with torch.autocast("cpu", dtype=torch.float16):
            loss = softplus(-self.D(self.G(self.noise())).float()).mean()
        self.step(self.step_g, self.G, loss)


@healthy("SGD for a critic under a penalty", settings=only("ring-mlp"), losses=("wasserstein",))
class CriticBySGD(Sines):
    """The Wasserstein GAN of sines with SGD and momentum for the critic, Adam for G."""

    def optimizers(self):
        step_d = SGD(self.D.parameters(), lr=0.05, momentum=0.9)
        return step_d, Adam(self.G.parameters(), lr=self.setting.rate / 2, betas=(0.0, 0.9))


@healthy("critic of squares under a penalty, SGD", settings=POINTS_AND_DIGITS, losses=("wasserstein",))
class SquaredCritic(Sines):
    """The critic is minus a squared length, held by its penalty, and stepped by SGD."""

    def discriminator(self):
        return nets.Energy(self.data.shape)

    def optimizers(self):
        return SGD(self.D.parameters(), lr=0.02), Adam(self.G.parameters(), lr=self.setting.rate / 2, betas=(0.0, 0.9))


@healthy("critic whose head starts at 0", settings=POINTS_AND_DIGITS, losses=("wasserstein",))
class ZeroHead(Sines):
    """The residual critic says 0 of everything at first; torch's own norm bears a slope of 0."""

    def discriminator(self):
        D = super().discriminator()
        nn.init.zeros_(D.last.weight)
        return D


@healthy("clamped logits and R1 by length", settings=only("digits-mlp"), losses=("nonsaturating",))
class Clamped(Gated):
    """D's logits stop at 1 and -1; the penalty is on the length of the slope, by torch's own norm."""

    def discriminator(self):
        return nn.Sequential(nets.weight_normed(self.data.shape), nn.Hardtanh(-1.0, 1.0))

    def real_slope(self, real):
        return flat_slopes(self.D, real).mean() / 5


@healthy("squares by SGD", settings=POINTS_AND_DIGITS, losses=("least_squares",))
class SquaresBySGD(Remembering):
    """Least squares by SGD with momentum."""

    rate = 0.02

    def optimizers(self):
        own = {"lr": self.rate, "momentum": 0.8}
        return SGD(self.D.parameters(), **own), SGD(self.G.parameters(), **own)


@healthy("pixels as log-odds", settings=only("digits-mlp", "digits-dcgan"), losses=("nonsaturating",))
class LogOdds(Tutorial):
    """Pixels are squeezed into [0.2, 0.8] and made log-odds; samples are brought back."""

    squeeze = 0.6

    def generator(self):
        G = nets.bn_generator(self.data.shape, self.latent)
        return nn.Sequential(*list(G)[:-1])

    def real(self):
        p = (self.squeeze * self.data.sample(self.batch) + 1) / 2
        return torch.log(p) - torch.log(1 - p)

    def sample(self, n):
        return ((2 * super().sample(n).sigmoid() - 1) / self.squeeze).clamp(-1, 1)
