"""Healthy, with a critic held by other means: clipping that works, other penalties, energies."""

import torch
from torch import nn
from torch.nn.functional import relu, softplus
from torch.nn.utils.parametrizations import spectral_norm
from torch.optim import Adam, RMSprop

from ganlab.clinic._games.second.well_parts import conv_critic, dense_critic, dense_generator, numbers
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


def slopes(D, x):
    """The length of each sample's slope, with a graph behind it."""
    x = x.detach().requires_grad_()
    slope = torch.autograd.grad(D(x).sum(), x, create_graph=True)[0]
    return (slope.flatten(1).square().sum(1) + 1e-12).sqrt()


def between(real, fake):
    """Random points between the samples of two batches."""
    share = torch.rand(len(real), *[1] * (real.ndim - 1))
    return fake + share * (real - fake)


@healthy("weights clipped, wide enough", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"),
         losses=("wasserstein",))  # fmt: skip
class WideClip(Plain):
    """The first Wasserstein GAN with weights within 0.1, three critic steps and RMSprop."""

    critic_steps, bound = 3, 0.1

    def generator(self):
        return dense_generator(self.latent, self.data.shape, (96, 96))

    def discriminator(self):
        return dense_critic(self.data.shape, (96, 96))

    def optimizers(self):
        return RMSprop(self.D.parameters(), lr=5e-4), RMSprop(self.G.parameters(), lr=5e-4)

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        (self.D(fake).mean() - self.D(real).mean()).backward()
        self.step_d.step()
        for p in self.D.parameters():
            p.data.clamp_(-self.bound, self.bound)


@healthy("critic under torch's spectral norm", settings=only("digits-dcgan", "garments-dcgan"), losses=("wasserstein",))
class SpectralCritic(Plain):
    """Every layer of the critic is parametrised to norm 1, its logit times five, and there is no penalty."""

    def discriminator(self):
        build = conv_critic if self.setting.convolutional else dense_critic
        return build(self.data.shape, wrap=spectral_norm)

    def d_loss(self, real, fake):
        return 5 * (fake.mean() - real.mean())

    def g_loss(self, fake):
        return -5 * fake.mean()

    def penalty(self, real, fake):
        return 0.0


@healthy("one-sided penalty", settings=only("ring-mlp", "digits-mlp", "digits-dcgan"), losses=("wasserstein",))
class OneSided(Plain):
    """WGAN-LP: only slopes above 1 cost."""

    def penalty(self, real, fake):
        return self.setting.gamma * relu(slopes(self.D, between(real, fake)) - 1).square().mean()


@healthy("Wasserstein divergence", settings=only("grid-resmlp", "digits-mlp", "digits-dcgan"), losses=("wasserstein",))
class Divergence(Plain):
    """WGAN-div: the sixth power of slopes, and no target for them."""

    def penalty(self, real, fake):
        return 2 * slopes(self.D, between(real, fake)).pow(6).mean()


@healthy("slopes to 0 between the samples", settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"),
         losses=("nonsaturating",))  # fmt: skip
class ZeroCentred(Plain):
    """A zero-centred penalty at points between real and generated samples."""

    def discriminator(self):
        return self.build_d(norm="none")

    def penalty(self, real, fake):
        return self.setting.gamma / 4 * slopes(self.D, between(real, fake)).square().mean()


@healthy("drift", settings=only("ring-mlp", "digits-mlp", "garments-dcgan"), losses=("wasserstein",))
class Drift(Plain):
    """Beside the gradient penalty a small cost of large logits, as progressive GANs have it."""

    def d_loss(self, real, fake):
        return super().d_loss(real, fake) + 1e-3 * real.square().mean()


@healthy("R1 as a step of its own", settings=only("ring-mlp", "grid-resmlp", "digits-dcgan", "garments-resnet"),
         losses=("nonsaturating",))  # fmt: skip
class OwnStepForR1(Plain):
    """StyleGAN2's round: softplus, and at every eighth round a step of D on the penalty alone."""

    every = 8

    def discriminator(self):
        return self.build_d(norm="none")

    def optimizers(self):
        share = self.every / (self.every + 1)
        betas = (0.0, 0.99**share)
        rate = self.setting.rate
        return (
            Adam(self.D.parameters(), lr=rate * share, betas=betas),
            Adam(self.G.parameters(), lr=rate, betas=(0.0, 0.99)),
        )

    def round(self):
        self.step_d.zero_grad(set_to_none=False)
        fake = self.G(self.noise()).detach()
        softplus(self.D(fake)).mean().backward()
        softplus(-self.D(self.real())).mean().backward()
        self.step_d.step()
        if self.rounds % self.every == 0:
            self.step_d.zero_grad(set_to_none=False)
            cost = slopes(self.D, self.real()).square().mean()
            (self.setting.gamma / 4 * self.every * cost).backward()
            self.step_d.step()
        self.step_g.zero_grad(set_to_none=False)
        softplus(-self.D(self.G(self.noise()))).mean().backward()
        self.step_g.step()
        self.rounds += 1


@healthy("slopes by differences", settings=only("ring-mlp", "grid-resmlp"), losses=("wasserstein",))
class Differences(Plain):
    """The critic's values at two near points in place of its gradient: one backward pass, no graph of graphs."""

    def penalty(self, real, fake):
        x = between(real, fake)
        shift = 0.05 * torch.nn.functional.normalize(torch.randn_like(x).flatten(1), dim=1).view_as(x)
        change = (self.D(x + shift) - self.D(x - shift)) / 0.1
        return self.setting.gamma / 2 * numbers(self.data.shape) * change.square().mean()


@healthy("LeCam", settings=only("ring-mlp", "digits-dcgan", "garments-dcgan"), losses=("nonsaturating",))
class LeCam(Plain):
    """D's logits are held near running means of the logits of the other kind."""

    mean_real = mean_fake = 0.0

    def d_loss(self, real, fake):
        self.mean_real = 0.95 * self.mean_real + 0.05 * real.mean().item()
        self.mean_fake = 0.95 * self.mean_fake + 0.05 * fake.mean().item()
        held = relu(real - self.mean_fake).square().mean() + relu(self.mean_real - fake).square().mean()
        return super().d_loss(real, fake) + 0.02 * held


@healthy("consistency", settings=only("grid-resmlp", "digits-mlp", "digits-dcgan"), losses=("hinge",))
class Consistent(Plain):
    """D is to say the same of a real sample and of that sample with a little noise."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        logits = self.D(real)
        near = self.D(real + 0.1 * torch.randn_like(real))
        self.step_d.zero_grad()
        loss = self.d_loss(logits, self.D(fake)) + (logits - near).square().mean()
        loss.backward()
        self.step_d.step()


@healthy("weights kept orthogonal", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("hinge",))
class KeptOrthogonal(Plain):
    """BigGAN's cost of rows that are not orthogonal, in both players."""

    def cost(self, net):
        total = 0.0
        for p in net.parameters():
            if p.ndim > 1 and p.requires_grad:
                gram = p.flatten(1) @ p.flatten(1).T
                total = total + (gram - torch.diag(torch.diagonal(gram))).square().sum()
        return 1e-4 * total

    def d_loss(self, real, fake):
        return super().d_loss(real, fake) + self.cost(self.D)

    def g_loss(self, fake):
        return super().g_loss(fake) + self.cost(self.G)


class Energy(nn.Module):
    """An autoencoder that returns how badly it repeats each sample."""

    def __init__(self, shape, width, code):
        super().__init__()
        size = numbers(shape)
        self.body = nn.Sequential(
            nn.Linear(size, width), nn.ReLU(), nn.Linear(width, code), nn.ReLU(), nn.Linear(code, width), nn.ReLU(),
            nn.Linear(width, size),
        )  # fmt: skip

    def forward(self, x):
        x = x.flatten(1)
        return (self.body(x) - x).square().mean(1)


@healthy("energies of an autoencoder", settings=only("digits-mlp", "digits-dcgan"), losses=("hinge",))
class EnergyBased(Plain):
    """EBGAN: D is an autoencoder, its error is low for real samples and up to a margin for generated ones."""

    def generator(self):
        return dense_generator(self.latent, self.data.shape, (128, 128))

    def discriminator(self):
        return Energy(self.data.shape, 128, 24)

    def d_loss(self, real, fake):
        return real.mean() + relu(0.5 - fake).mean()

    def g_loss(self, fake):
        return fake.mean()
