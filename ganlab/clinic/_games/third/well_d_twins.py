"""Healthy loops, unlike those of the first two lists: twins of the `ill_d` games."""

import copy

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import pad, relu
from torch.optim import Adam, NAdam, RAdam
from torch.optim.lr_scheduler import CosineAnnealingLR

from ganlab.clinic._games.third import well_d_twins_nets as nets
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain

FLAT = only("ring-mlp", "digits-mlp")


@healthy("third d: valid and fake, G first, dropout in D", settings=FLAT, losses=("nonsaturating",))
class GeneratorFirst(Plain):
    """G's step comes first, then D's on the same samples; BCELoss of probabilities."""

    adversarial_loss = nn.BCELoss()

    def generator(self):
        return nets.blocks_generator(self.data.shape, self.latent, self.setting.convolutional)

    def discriminator(self):
        return nets.blocks_discriminator(self.data.shape, self.setting.convolutional)

    def train_g(self, valid):
        self.step_g.zero_grad()
        gen_imgs = self.G(self.noise())
        self.adversarial_loss(self.D(gen_imgs), valid).backward()
        self.step_g.step()
        return gen_imgs

    def train_d(self, real_imgs, gen_imgs, valid, fake):
        self.step_d.zero_grad()
        real_loss = self.adversarial_loss(self.D(real_imgs), valid)
        fake_loss = self.adversarial_loss(self.D(gen_imgs.detach()), fake)
        ((real_loss + fake_loss) / 2).backward()
        self.step_d.step()

    def round(self):
        real_imgs = self.real()
        valid, fake = torch.ones(len(real_imgs), 1), torch.zeros(len(real_imgs), 1)
        gen_imgs = self.train_g(valid)
        self.train_d(real_imgs, gen_imgs, valid, fake)
        self.rounds += 1


@healthy("third d: one shuffled batch, two parts, NAdam on a cosine", settings=only("grid-resmlp", "digits-mlp"),
         losses=("nonsaturating",))  # fmt: skip
class OneShuffled(Plain):
    """Real and generated samples in one shuffled batch; two parts a step; a rate that swings along a cosine."""

    parts, batch = 2, 32

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.schedules = [CosineAnnealingLR(step, setting.steps) for step in (self.step_d, self.step_g)]

    def generator(self):
        layers = nets.prenorm(self.latent, nets.size_of(self.data.shape))
        return nn.Sequential(*layers, *nets.ending(self.data.shape))

    def discriminator(self):
        return nn.Sequential(nn.Flatten(), *nets.prenorm(nets.size_of(self.data.shape), 1))

    def optimizers(self):
        rate = self.setting.rate
        return NAdam(self.D.parameters(), rate, (0.0, 0.99)), NAdam(self.G.parameters(), rate / 2, (0.0, 0.99))

    def judged(self, logits, target):
        return cross_entropy(logits.squeeze(1), target)

    def mixed(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        target = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
        order = torch.randperm(len(target))
        return torch.cat([real, fake])[order], target[order]

    def train_d(self):
        self.step_d.zero_grad()
        for _ in range(self.parts):
            x, target = self.mixed()
            (2 * self.judged(self.D(x), target) / self.parts).backward()
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        for _ in range(self.parts):
            logits = self.D(self.G(self.noise())).squeeze(1)
            (cross_entropy(logits, torch.ones_like(logits)) / self.parts).backward()
        self.step_g.step()

    def round(self):
        super().round()
        for schedule in self.schedules:
            schedule.step()


@healthy("third d: maxout critic, one-sided penalty, G by shifts and scales", settings=FLAT, losses=("wasserstein",))
class OneSided(Plain):
    """A Wasserstein GAN whose penalty only minds slopes above 1; samples come from an average of G."""

    critic_steps, lip = 2, 1.0

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.average = copy.deepcopy(self.G).requires_grad_(False)

    def generator(self):
        return nets.Film(self.data.shape, self.latent)

    def discriminator(self):
        size = nets.size_of(self.data.shape)
        return nn.Sequential(nn.Flatten(), nets.Maxout(size, 64), nets.Maxout(64, 48), nn.Linear(48, 1))

    def optimizers(self):
        rate = self.setting.rate
        return Adam(self.D.parameters(), rate, (0.0, 0.9)), Adam(self.G.parameters(), rate / 2, (0.0, 0.9))

    def penalty(self, real, fake):
        share = torch.rand(len(real), *[1] * (real.ndim - 1))
        between = (share * real + (1 - share) * fake).requires_grad_()
        (slope,) = torch.autograd.grad(self.D(between).sum(), between, create_graph=True)
        return self.lip * relu(slope.flatten(1).norm(dim=1) - 1).square().mean()

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        (self.D(fake).mean() - self.D(real).mean() + self.penalty(real, fake)).backward()
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        (-self.D(self.G(self.noise())).mean()).backward()
        self.step_g.step()
        for slow, fast in zip(self.average.parameters(), self.G.parameters(), strict=True):
            slow.lerp_(fast.detach(), 0.05)

    @torch.no_grad()
    def sample(self, n):
        return self.average(torch.randn(n, self.latent))


def moved(images):
    """Each batch shifted by up to one pixel, with background at its edge."""
    down, right = torch.randint(0, 3, (2,)).tolist()
    size = images.shape[-1]
    return pad(images, (1, 1, 1, 1), value=-1.0)[:, :, down : down + size, right : right + size]


@healthy("third d: shuffled pixels, spread of a batch, hinge, shifts",
         settings=only("digits-mlp"), losses=("hinge",))  # fmt: skip
class ShuffledPixels(Plain):
    """Hinge under torch's spectral norm; D sees shifted images, also in G's step; RAdam; two rates."""

    def generator(self):
        return nets.shuffled_pixels(self.data.shape, self.latent)

    def discriminator(self):
        return nets.spectral_convolutions(self.data.shape)

    def optimizers(self):
        return RAdam(self.D.parameters(), 2e-3, (0.0, 0.9)), RAdam(self.G.parameters(), 1e-3, (0.0, 0.9))

    def seen(self, images):
        return moved(images)

    def train_d(self):
        real, fake = self.seen(self.real()), self.seen(self.G(self.noise()).detach())
        self.step_d.zero_grad()
        self.margins(self.D(real), self.D(fake)).backward()
        self.step_d.step()

    def margins(self, real, fake):
        return (relu(1 - real) + relu(1 + fake)).mean()

    def train_g(self):
        self.step_g.zero_grad()
        (-self.D(self.seen(self.G(self.noise()))).mean()).backward()
        self.step_g.step()
