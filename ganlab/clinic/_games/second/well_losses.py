"""Healthy, with the losses of other papers, targets that are not quite 1, and terms beside the loss."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss, relu, softplus

from ganlab.clinic._games.second.well_parts import numbers
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


@healthy("relativistic average hinge", settings=only("ring-mlp", "digits-mlp", "digits-dcgan"), losses=("hinge",))
class AverageHinge(Plain):
    """Each logit is held against the mean of the other kind, in both steps."""

    def train_d(self):
        real, fake = self.D(self.real()), self.D(self.G(self.noise()).detach())
        loss = relu(1 - (real - fake.mean())).mean() + relu(1 + (fake - real.mean())).mean()
        self.step_d.zero_grad()
        loss.backward()
        self.step_d.step()

    def train_g(self):
        real, fake = self.D(self.real()), self.D(self.G(self.noise()))
        loss = relu(1 + (real - fake.mean())).mean() + relu(1 - (fake - real.mean())).mean()
        self.step_g.zero_grad()
        loss.backward()
        self.step_g.step()


@healthy("least squares, 0.9 for real", settings=only("ring-mlp", "digits-dcgan", "garments-dcgan"),
         losses=("least_squares",))  # fmt: skip
class SoftSquares(Plain):
    """mse_loss with targets 0.9 and 0, and 0.9 for G as well."""

    def d_loss(self, real, fake):
        return mse_loss(real, 0.9 * torch.ones_like(real)) + mse_loss(fake, torch.zeros_like(fake))

    def g_loss(self, fake):
        return mse_loss(fake, 0.9 * torch.ones_like(fake))


@healthy("hinge with a lower bar for real", settings=only("grid-resmlp", "digits-mlp", "digits-dcgan"),
         losses=("hinge",))  # fmt: skip
class LowerBar(Plain):
    """Real samples need 0.8, generated ones -1."""

    def d_loss(self, real, fake):
        return relu(0.8 - real).mean() + relu(1 + fake).mean()


@healthy("targets drawn from 0.75 to 1.05", settings=only("ring-mlp", "digits-dcgan", "garments-dcgan"),
         losses=("nonsaturating",))  # fmt: skip
class DrawnTargets(Plain):
    """A new soft target for each real sample, as the lists of tricks have it."""

    def d_loss(self, real, fake):
        target = 0.75 + 0.3 * torch.rand_like(real)
        return binary_cross_entropy_with_logits(real, target) + binary_cross_entropy_with_logits(
            fake, torch.zeros_like(fake)
        )


@healthy("targets turned in one round of forty", settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"),
         losses=("nonsaturating",))  # fmt: skip
class SeldomTurned(Plain):
    """Now and then D is taught the wrong way round for a whole step, on purpose."""

    def d_loss(self, real, fake):
        if torch.rand(()) < 1 / 40:
            real, fake = fake, real
        return softplus(-real).mean() + softplus(fake).mean()


@healthy("focal loss for D", settings=only("ring-mlp", "digits-dcgan", "garments-resnet"), losses=("nonsaturating",))
class Focal(Plain):
    """What D is sure of counts less in D's loss."""

    def d_loss(self, real, fake):
        sure_real, sure_fake = torch.sigmoid(real).detach(), torch.sigmoid(-fake).detach()
        return ((1 - sure_real) * softplus(-real)).mean() + ((1 - sure_fake) * softplus(fake)).mean()


class Featured(nn.Module):
    """A critic that can be asked for its last hidden layer."""

    def __init__(self, shape, width):
        super().__init__()
        self.features = nn.Sequential(
            nn.Flatten(), nn.Linear(numbers(shape), width), nn.LeakyReLU(0.2), nn.Linear(width, width),
            nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        return self.head(self.features(x))[:, 0]


@healthy("feature matching beside the loss", settings=only("ring-mlp", "grid-resmlp"), losses=("hinge",))
class FeaturesToo(Plain):
    """G's loss has the distance of mean features beside the usual term."""

    share = 1.0

    def discriminator(self):
        return Featured(self.data.shape, 96)

    def train_g(self):
        real, fake = self.real(), self.G(self.noise())
        gap = self.D.features(real).mean(0).detach() - self.D.features(fake).mean(0)
        loss = self.share * self.g_loss(self.D(fake)) + gap.square().sum()
        self.step_g.zero_grad()
        loss.backward()
        self.step_g.step()


@healthy("feature matching, a tenth of the loss", settings=only("ring-mlp", "digits-mlp"), losses=("wasserstein",))
class FeaturesMostly(FeaturesToo):
    """Mean features lead, and the critic's word is worth a tenth."""

    share = 0.1


@healthy("a reward for distance", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("hinge",))
class ModeSeeking(Plain):
    """Two latents that differ are to give two samples that differ."""

    def train_g(self):
        one, other = self.noise(), self.noise()
        a, b = self.G(one), self.G(other)
        ratio = (one - other).abs().mean(1) / ((a - b).flatten(1).abs().mean(1) + 1e-2)
        loss = self.g_loss(self.D(torch.cat([a, b]))) + 0.02 * ratio.mean()
        self.step_g.zero_grad()
        loss.backward()
        self.step_g.step()


@healthy("historical averages", settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"), losses=("nonsaturating",))
class Historical(Plain):
    """Each player pays for being far from the mean of its own past weights."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.past = {net: [p.detach().clone() for p in net.parameters()] for net in (self.G, self.D)}

    def pull(self, net):
        return 1e-3 * sum((p - old).square().sum() for p, old in zip(net.parameters(), self.past[net], strict=True))

    def d_loss(self, real, fake):
        return super().d_loss(real, fake) + self.pull(self.D)

    def g_loss(self, fake):
        return super().g_loss(fake) + self.pull(self.G)

    def round(self):
        super().round()
        for net, past in self.past.items():
            for p, old in zip(net.parameters(), past, strict=True):
                old.lerp_(p.detach(), 0.01)


@healthy("MMD beside the loss", settings=only("ring-mlp", "digits-mlp"), losses=("wasserstein",))
class KernelToo(Plain):
    """A kernel's distance of two batches is added to G's loss."""

    def kernel(self, x, y):
        d = torch.cdist(x.flatten(1), y.flatten(1)).square() / x[0].numel()
        return sum(torch.exp(-d / width) for width in (0.1, 0.5, 2.0)).mean()

    def train_g(self):
        real, fake = self.real(), self.G(self.noise())
        mmd = self.kernel(fake, fake) - 2 * self.kernel(fake, real)
        loss = self.g_loss(self.D(fake)) + 0.5 * mmd
        self.step_g.zero_grad()
        loss.backward()
        self.step_g.step()


@healthy("chi-square", settings=only("ring-mlp", "grid-resmlp"), losses=("least_squares",))
class ChiSquare(Plain):
    """The f-GAN of Pearson's divergence, held by a penalty on slopes at real samples."""

    def d_loss(self, real, fake):
        return -real.mean() + (fake.square() / 4 + fake).mean()

    def g_loss(self, fake):
        return -fake.mean()

    def penalty(self, real, fake):
        x = real.clone().requires_grad_()
        slope = torch.autograd.grad(self.D(x).sum(), x, create_graph=True)[0]
        return self.setting.gamma * slope.flatten(1).square().sum(1).mean()


@healthy("Hellinger", settings=only("ring-mlp", "digits-dcgan"), losses=("nonsaturating",))
class Hellinger(Plain):
    """The f-GAN of the squared Hellinger distance, as exponentials of half a logit."""

    def d_loss(self, real, fake):
        return torch.exp(-real.clamp(-8, 8) / 2).mean() + torch.exp(fake.clamp(-8, 8) / 2).mean()
