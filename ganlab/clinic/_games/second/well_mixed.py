"""Healthy, with several oddities at once, as programs that have grown have them."""

import copy

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam
from torch.optim.lr_scheduler import ExponentialLR

from ganlab.clinic._games.second.well_parts import conv_critic, conv_generator, dense_critic, dense_generator
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


@healthy("the tutorial's letter", settings=only("digits-dcgan", "garments-dcgan", "garments-resnet"),
         losses=("nonsaturating",))  # fmt: skip
class Tutorial(Plain):
    """netD.zero_grad, two backward passes for D, weights from N(0, 0.02), fill_ for targets."""

    def generator(self):
        return conv_generator(self.latent, self.data.shape, 16).apply(self.start)

    def discriminator(self):
        return conv_critic(self.data.shape, 12, norm=nn.BatchNorm2d).apply(self.start)

    def start(self, layer):
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)

    def round(self):
        criterion, label = binary_cross_entropy_with_logits, torch.full((self.batch,), 1.0)
        self.D.zero_grad()
        criterion(self.D(self.real()), label).backward()
        fake = self.G(self.noise())
        label.fill_(0.0)
        criterion(self.D(fake.detach()), label).backward()
        self.step_d.step()
        self.G.zero_grad()
        label.fill_(1.0)
        criterion(self.D(fake), label).backward()
        self.step_g.step()
        self.rounds += 1


@healthy("bfloat16, clipped and averaged", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("hinge",))
class Bfloat16Clipped(Plain):
    """Only forward passes of D in bfloat16, clips at norm 2, samples of an average."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.mean = copy.deepcopy(self.G).requires_grad_(False)

    def judge(self, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.D(x)

    def round(self):
        fake = self.G(self.noise())
        loss_d = self.d_loss(self.judge(self.real()).float(), self.judge(fake.detach()).float())
        self.step_d.zero_grad()
        loss_d.backward()
        clip_grad_norm_(self.D.parameters(), 2.0)
        self.step_d.step()
        loss_g = self.g_loss(self.judge(self.G(self.noise())).float())
        self.step_g.zero_grad()
        loss_g.backward()
        clip_grad_norm_(self.G.parameters(), 2.0)
        self.step_g.step()
        self.rounds += 1
        for mean, now in zip(self.mean.state_dict().values(), self.G.state_dict().values(), strict=True):
            mean.copy_(0.97 * mean + 0.03 * now if mean.is_floating_point() else now)

    @torch.no_grad()
    def sample(self, n):
        return self.mean(torch.randn(n, self.latent))


@healthy("least squares, D before and behind G", settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"),
         losses=("least_squares",))  # fmt: skip
class Sandwich(Plain):
    """G steps between two half steps of D, all on closures, and the rates fall by a fifth in a hundred rounds."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.schedules = [ExponentialLR(optimizer, 0.998) for optimizer in (self.step_d, self.step_g)]

    def closure_d(self):
        self.step_d.zero_grad()
        loss = mse_loss(self.D(self.real()), torch.ones(self.batch))
        loss = (loss + self.D(self.G(self.noise()).detach()).square().mean()) / 2
        loss.backward()
        return loss

    def closure_g(self):
        self.step_g.zero_grad()
        loss = mse_loss(self.D(self.G(self.noise())), torch.ones(self.batch))
        loss.backward()
        return loss

    def round(self):
        self.step_d.step(self.closure_d)
        self.step_g.step(self.closure_g)
        self.step_d.step(self.closure_d)
        for schedule in self.schedules:
            schedule.step()
        self.rounds += 1


@healthy("a cold D that warms up", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("wasserstein",))
class ColdD(Plain):
    """Forty steps of the critic before G's first, then G's rate grows over two hundred rounds."""

    def round(self):
        if self.rounds == 0:
            for _ in range(40):
                self.train_d()
        self.step_g.param_groups[0]["lr"] = self.setting.rate * min(1.0, 0.2 + self.rounds / 250)
        super().round()


@healthy("a D that adds its own noise", settings=only("ring-mlp", "digits-dcgan"),
         losses=("least_squares",))  # fmt: skip
class Sigma(Plain):
    """Noise on D's input that starts at 0.5 and halves every sixty rounds, D with own layers and no norm."""

    def discriminator(self):
        build = dense_critic if len(self.data.shape) == 1 else conv_critic
        return Noisy(build(self.data.shape))

    def round(self):
        self.D.sigma = 0.5 * 0.5 ** (self.rounds / 60)
        super().round()


class Noisy(nn.Module):
    """A critic that adds noise to what it is given."""

    sigma = 0.5

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return self.body(x + self.sigma * torch.randn_like(x))


@healthy("gradients with noise, centred", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("hinge",))
class NoisyGradients(Plain):
    """Each row of a gradient has its mean taken off, and a little noise that shrinks is added."""

    def stir(self, net):
        for p in net.parameters():
            if p.grad.ndim > 1:
                p.grad.sub_(p.grad.mean(1, keepdim=True))
            p.grad.add_(0.01 / (1 + self.rounds) ** 0.5 * torch.randn_like(p))

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        self.d_loss(self.D(real), self.D(fake)).backward()
        self.stir(self.D)
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        self.g_loss(self.D(self.G(self.noise()))).backward()
        self.stir(self.G)
        self.step_g.step()


@healthy("deep and thin, residual", settings=only("ring-mlp", "grid-resmlp"), losses=("wasserstein",))
class DeepAndThin(Plain):
    """Six residual layers of 40 units with layer norm in G, and tanh units in the critic."""

    def generator(self):
        layers = [Residual(40) for _ in range(6)]
        return nn.Sequential(nn.Linear(self.latent, 40), *layers, *dense_generator(40, self.data.shape, (40,)))

    def discriminator(self):
        return dense_critic(self.data.shape, (64, 64, 64), nn.Tanh)


class Residual(nn.Module):
    """x + 0.5 f(x)."""

    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, x):
        return x + 0.5 * self.body(x)


@healthy("extragradient", settings=only("ring-mlp", "digits-dcgan"), losses=("nonsaturating",))
class Extragradient(Plain):
    """Extragradient: both players step to look ahead, and then from where they were with the gradients found there."""

    def optimizers(self):
        rate = self.setting.rate
        return Adam(self.D.parameters(), rate, (0.3, 0.99)), Adam(self.G.parameters(), rate, (0.3, 0.99))

    def round(self):
        players = [*self.D.parameters(), *self.G.parameters()]
        before = [p.detach().clone() for p in players]
        self.train_d()
        self.train_g()
        self.step_d.zero_grad()
        self.d_loss(self.D(self.real()), self.D(self.G(self.noise()).detach())).backward()
        self.step_g.zero_grad()
        self.g_loss(self.D(self.G(self.noise()))).backward(inputs=list(self.G.parameters()))
        for p, old in zip(players, before, strict=True):
            p.data.copy_(old)
        self.step_d.step()
        self.step_g.step()
        self.rounds += 1
