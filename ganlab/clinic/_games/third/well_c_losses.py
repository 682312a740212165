"""Healthy, with loss modules and losses of other kinds."""

import torch
from torch import nn
from torch.nn import functional as F

from ganlab.clinic._games.third.well_c_parts import across, leaky, maker, slope_norms, stack
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class GANLoss(nn.Module):
    """Mean squares against a label kept in a buffer, which is expanded to the prediction's shape."""

    def __init__(self, real_label=1.0, fake_label=0.0):
        super().__init__()
        self.register_buffer("real_label", torch.tensor(real_label))
        self.register_buffer("fake_label", torch.tensor(fake_label))
        self.loss = nn.MSELoss()

    def __call__(self, prediction, target_is_real):
        label = self.real_label if target_is_real else self.fake_label
        return self.loss(prediction, label.expand_as(prediction))


class ImagePool:
    """Fifty old batches' samples; each query swaps about half of a batch with them."""

    def __init__(self, size):
        self.size, self.images = size, []

    def query(self, images):
        chosen = []
        for image in images.detach():
            if len(self.images) < self.size:
                self.images.append(image)
                chosen.append(image)
            elif torch.rand(()) < 0.5:
                i = int(torch.randint(self.size, ()))
                chosen.append(self.images[i])
                self.images[i] = image
            else:
                chosen.append(image)
        return torch.stack(chosen)


@healthy("a loss module and a pool of images", settings=only("ring-mlp", "digits-dcgan"),
         losses=("least_squares",))  # fmt: skip
class Pooled(Plain):
    """As image translation has it: G first with D's gradients off, then half the squares for D, fakes from a pool."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.criterion, self.pool = GANLoss(), ImagePool(50)

    def set_requires_grad(self, net, flag):
        for p in net.parameters():
            p.requires_grad = flag

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        self.set_requires_grad(self.D, False)
        self.step_g.zero_grad()
        self.criterion(self.D(fake), True).backward()
        self.step_g.step()
        self.set_requires_grad(self.D, True)
        self.step_d.zero_grad()
        loss_real = self.criterion(self.D(real), True)
        loss_fake = self.criterion(self.D(self.pool.query(fake)), False)
        ((loss_real + loss_fake) * 0.5).backward()
        self.step_d.step()
        self.rounds += 1


@healthy("two classes and a softmax", settings=only("ring-mlp", "grid-resmlp"), losses=("nonsaturating",))
class TwoClasses(Plain):
    """D has two outputs, and the loss is the cross-entropy of a classifier; G asks for class 1."""

    def generator(self):
        return maker(self.latent, self.data.shape, (96, 96, 96))

    def discriminator(self):
        size = torch.Size(self.data.shape).numel()
        return nn.Sequential(nn.Flatten(), stack((size, 128, 128, 2), leaky))

    def d_loss(self, real, fake):
        target = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))]).long()
        return F.cross_entropy(torch.cat([real, fake]), target)

    def g_loss(self, fake):
        return F.cross_entropy(fake, torch.ones(len(fake), dtype=torch.long))


@healthy("the names the other way round, labels with noise", settings=only("ring-mlp", "digits-dcgan"),
         losses=("nonsaturating",))  # fmt: skip
class FakeIsOne(Plain):
    """A Keras script: "generated" is 1 and "real" 0 in both steps, one concatenated batch, a little noise on labels."""

    def discriminator(self):
        return self.build_d(norm="none")

    def round(self):
        n = self.batch
        with torch.no_grad():
            generated = self.G(torch.randn(n, self.latent))
        combined = torch.cat([generated, self.real()])
        labels = torch.cat([torch.ones(n), torch.zeros(n)])
        labels = labels + 0.05 * torch.rand(2 * n)
        self.step_d.zero_grad()
        F.binary_cross_entropy_with_logits(self.D(combined), labels).backward()
        self.step_d.step()
        misleading = torch.zeros(n)
        self.step_g.zero_grad()
        F.binary_cross_entropy_with_logits(self.D(self.G(torch.randn(n, self.latent))), misleading).backward()
        self.step_g.step()
        self.rounds += 1


@healthy("both sides smoothed, G's target too", settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"),
         losses=("nonsaturating",))  # fmt: skip
class BothSmoothed(Plain):
    """Targets 0.95 and 0.05 for D, 0.95 for G."""

    smooth = 0.05

    def d_loss(self, real, fake):
        up, down = torch.full_like(real, 1 - self.smooth), torch.full_like(fake, self.smooth)
        return F.binary_cross_entropy_with_logits(real, up) + F.binary_cross_entropy_with_logits(fake, down)

    def g_loss(self, fake):
        return F.binary_cross_entropy_with_logits(fake, torch.full_like(fake, 1 - self.smooth))


@healthy("targets turned sample by sample, both kinds", settings=only("ring-mlp", "digits-mlp", "digits-dcgan"),
         losses=("nonsaturating",))  # fmt: skip
class NoisyLabels(Plain):
    """Labels 0.8 to 1 and 0 to 0.1, and one in thirty of either kind turned."""

    def noisy(self, labels):
        turned = torch.rand_like(labels) < 1 / 30
        return torch.where(turned, 1 - labels, labels)

    def d_loss(self, real, fake):
        ones = self.noisy(0.8 + 0.2 * torch.rand_like(real))
        zeros = self.noisy(0.1 * torch.rand_like(fake))
        return F.binary_cross_entropy_with_logits(real, ones) + F.binary_cross_entropy_with_logits(fake, zeros)


@healthy("every pair compared", settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"), losses=("relativistic",))
class AllPairs(Plain):
    """The logistic loss of each real logit less each generated one; no penalty."""

    def pairs(self, a, b):
        return F.softplus(b[None, :] - a[:, None]).mean()

    def train_d(self):
        real, fake = self.D(self.real()), self.D(self.G(self.noise()).detach())
        self.step_d.zero_grad()
        self.pairs(real, fake).backward()
        self.step_d.step()

    def train_g(self):
        with torch.no_grad():
            real = self.D(self.real())
        self.step_g.zero_grad()
        self.pairs(self.D(self.G(self.noise())), real).backward()
        self.step_g.step()


@healthy("one against all others", settings=only("ring-mlp", "grid-resmlp"), losses=("relativistic",))
class DualContrast(Plain):
    """Each real sample is to be found among all generated ones, and each generated one among all real ones."""

    def contrast(self, one, others):
        table = torch.cat([one[:, None], others[None, :].expand(len(one), -1)], dim=1)
        return F.cross_entropy(table, torch.zeros(len(one), dtype=torch.long))

    def train_d(self):
        real, fake = self.D(self.real()), self.D(self.G(self.noise()).detach())
        self.step_d.zero_grad()
        (self.contrast(real, fake) + self.contrast(-fake, -real)).backward()
        self.step_d.step()

    def train_g(self):
        real, fake = self.D(self.real()).detach(), self.D(self.G(self.noise()))
        self.step_g.zero_grad()
        (self.contrast(fake, real) + self.contrast(-real, -fake)).backward()
        self.step_g.step()


@healthy("energy distance of embeddings", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"),
         losses=("wasserstein",))  # fmt: skip
class Cramer(Plain):
    """Cramer GAN: the critic gives sixteen numbers, and batches are compared by the energy distance of them."""

    def discriminator(self):
        size = torch.Size(self.data.shape).numel()
        return nn.Sequential(nn.Flatten(), stack((size, 96, 96, 16), leaky))

    def apart(self, real, fake):
        n = len(real)
        within = (torch.cdist(real, real).sum() + torch.cdist(fake, fake).sum()) / (n * (n - 1))
        return 2 * torch.cdist(real, fake).mean() - within

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        anchor = self.D(fake).detach()
        towards = lambda x: torch.cdist(self.D(x), anchor).mean(1)  # noqa: E731
        cost = (slope_norms(towards, across(real, fake)) - 1).square().mean()
        self.step_d.zero_grad()
        (-self.apart(self.D(real), self.D(fake)) + self.setting.gamma * cost).backward()
        self.step_d.step()

    def train_g(self):
        with torch.no_grad():
            real = self.D(self.real())
        self.step_g.zero_grad()
        self.apart(real, self.D(self.G(self.noise()))).backward()
        self.step_g.step()
