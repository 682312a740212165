"""Healthy loops in other hands, the twins of the sick games of the `ill_a` files."""

import copy

import torch
from torch import nn
from torch.nn.functional import logsigmoid, mse_loss, relu, softplus
from torch.optim import Adam, AdamW, RMSprop

from ganlab.clinic._games.second import well_a_nets as nets
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


@healthy("tutorial: labels filled in, D's backward twice", settings=only("ring-mlp", "digits-mlp", "digits-dcgan"),
         losses=("nonsaturating",))  # fmt: skip
class Tutorial(Plain):
    """The loop of a well-known tutorial: real and generated batches go backward one after the other."""

    real_label, fake_label, wanted = 1.0, 0.0, 1.0
    criterion = nn.BCEWithLogitsLoss()

    def generator(self):
        return nets.bn_generator(self.data.shape, self.latent)

    def discriminator(self):
        return nets.bn_discriminator(self.data.shape)

    def round(self):
        self.D.zero_grad()
        data = self.real()
        label = torch.full((len(data),), self.real_label)
        self.criterion(self.D(data).view(-1), label).backward()
        fake = self.G(torch.randn(len(data), self.latent))
        label.fill_(self.fake_label)
        self.criterion(self.D(fake.detach()).view(-1), label).backward()
        self.step_d.step()
        self.G.zero_grad()
        label.fill_(self.wanted)
        self.criterion(self.D(fake).view(-1), label).backward()
        self.step_g.step()
        self.rounds += 1


def flat_slopes(D, x, root=torch.linalg.vector_norm):
    """The length of D's slope at each x, with a graph."""
    x = x.detach().requires_grad_()
    slope = torch.autograd.grad(D(x).sum(), x, create_graph=True)[0].flatten(1)
    return root(slope, dim=1) if root is torch.linalg.vector_norm else root(slope)


@healthy("gated G, weight norm in D, lazy R1, AdamW", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"),
         losses=("nonsaturating",))  # fmt: skip
class Gated(Plain):
    """Gated layers and weight norm, R1 in every fourth step, two time scales, AdamW."""

    def generator(self):
        return nets.glu_generator(self.data.shape, self.latent)

    def discriminator(self):
        return nets.weight_normed(self.data.shape)

    def optimizers(self):
        rate = self.setting.rate
        return (
            AdamW(self.D.parameters(), lr=2 * rate, betas=(0.0, 0.99), weight_decay=1e-3),
            AdamW(self.G.parameters(), lr=rate, betas=(0.0, 0.99), weight_decay=1e-3),
        )

    def real_slope(self, real):
        return flat_slopes(self.D, real).square().mean()

    def train_d(self):
        real = self.real()
        with torch.no_grad():
            fake = self.G(self.noise())
        loss = softplus(-self.D(real)).mean() + softplus(self.D(fake)).mean()
        if self.rounds % 4 == 0:
            loss = loss + 0.2 * self.real_slope(real)
        self.step_d.zero_grad()
        loss.backward()
        self.step_d.step()

    def train_g(self):
        loss = softplus(-self.D(self.G(self.noise()))).mean()
        self.step_g.zero_grad()
        loss.backward()
        self.step_g.step()


@healthy("attention in D, group norm in G, hinge by hand", settings=only("digits-mlp", "digits-dcgan"),
         losses=("hinge",))  # fmt: skip
class Attentive(Plain):
    """D looks at patches; one batch of latents serves both steps; samples come from an average of G."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.ema = copy.deepcopy(self.G)

    def generator(self):
        return nets.upsampling(self.data.shape, self.latent)

    def discriminator(self):
        return nets.Attention(self.data.shape)

    def follow(self):
        with torch.no_grad():
            for slow, fast in zip(self.ema.parameters(), self.G.parameters(), strict=True):
                slow.mul_(0.95).add_(fast, alpha=0.05)

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        d_loss = relu(1 - self.D(real)).mean() + relu(1 + self.D(fake.detach())).mean()
        self.step_d.zero_grad()
        d_loss.backward()
        self.step_d.step()
        g_loss = -self.D(fake).mean()
        self.step_g.zero_grad()
        g_loss.backward()
        self.step_g.step()
        self.follow()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.ema(torch.randn(n, self.latent))


@healthy("sines in G, residual critic, penalty by hand, RMSprop",
         settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("wasserstein",))  # fmt: skip
class Sines(Plain):
    """A Wasserstein GAN with three steps of a residual critic."""

    critic_steps = 3
    weight = 0.5

    def generator(self):
        return nets.Siren(self.data.shape, self.latent)

    def discriminator(self):
        return nets.Residual(self.data.shape)

    def optimizers(self):
        rate = self.setting.rate / 2
        return RMSprop(self.D.parameters(), lr=rate, alpha=0.9), RMSprop(self.G.parameters(), lr=rate, alpha=0.9)

    def slope_term(self, real, fake):
        mix = torch.rand(len(real), *[1] * (real.ndim - 1))
        return (flat_slopes(self.D, mix * real + (1 - mix) * fake) - 1).square().mean()

    def round(self):
        for _ in range(self.critic_steps):
            real, fake = self.real(), self.G(self.noise()).detach()
            self.step_d.zero_grad(set_to_none=True)
            (self.D(fake).mean() - self.D(real).mean() + self.weight * self.slope_term(real, fake)).backward()
            self.step_d.step()
        self.step_g.zero_grad(set_to_none=True)
        (-self.D(self.G(self.noise())).mean()).backward()
        self.step_g.step()
        self.rounds += 1


@healthy("several heads in G, squares, a memory of old samples", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"),
         losses=("least_squares",))  # fmt: skip
class Remembering(Plain):
    """Least squares; half of what D sees as generated comes from earlier rounds."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.old = []

    def generator(self):
        return nets.Heads(self.data.shape, self.latent)

    def discriminator(self):
        return nets.Residual(self.data.shape, blocks=1)

    def remembered(self, fake):
        self.old = [*self.old[-20:], fake]
        half = len(fake) // 2
        other = self.old[torch.randint(len(self.old), ()).item()]
        return torch.cat([fake[:half], other[half:]])

    def train_d(self):
        real, fake = self.real(), self.remembered(self.G(self.noise()).detach())
        real, fake = self.D(real), self.D(fake)
        loss = (mse_loss(real, torch.ones_like(real)) + mse_loss(fake, torch.zeros_like(fake))) / 2
        self.step_d.zero_grad()
        loss.backward()
        self.step_d.step()

    def train_g(self):
        fake = self.D(self.G(self.noise()))
        self.step_g.zero_grad()
        mse_loss(fake, torch.ones_like(fake)).backward()
        self.step_g.step()


@healthy("several heads in G, squares, batches of sixteen", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"),
         losses=("least_squares",))  # fmt: skip
class Sixteens(Remembering):
    """Small batches."""

    batch = 16


@healthy("cosine in D, gated G", settings=only("ring-mlp", "grid-resmlp"), losses=("nonsaturating",))
class Angles(Plain):
    """D's logit is an angle, times 50; the logarithm of the sigmoid is torch's own."""

    def generator(self):
        return nets.glu_generator(self.data.shape, self.latent)

    def discriminator(self):
        return nets.Cosine(self.data.shape, sharp=50.0)

    def optimizers(self):
        return (
            Adam(self.D.parameters(), lr=self.setting.rate, betas=(0.5, 0.99)),
            Adam(self.G.parameters(), lr=self.setting.rate, betas=(0.5, 0.99)),
        )

    def d_loss(self, real, fake):
        return -logsigmoid(real).mean() - logsigmoid(-fake).mean()

    def g_loss(self, fake):
        return -logsigmoid(fake).mean()
