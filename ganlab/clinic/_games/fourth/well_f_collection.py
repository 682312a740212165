"""Loops of eriklindernoren/PyTorch-GAN: G steps first, and D sees the same fakes, detached."""

import torch
from torch import nn

from ganlab.clinic._games.fourth.well_f_parts import between, slope_penalty
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


@healthy(
    "PyTorch-GAN lsgan, G first, targets of one column",
    settings=only("ring-mlp", "digits-mlp", "digits-dcgan"), losses=("least_squares",),
)  # fmt: skip
class SquaresFirstG(Plain):
    """PyTorch-GAN's lsgan: MSELoss against columns of ones and zeros, G first, D's two losses halved."""

    adversarial_loss = nn.MSELoss()

    def generator(self):
        return self.build_g(norm="batch")

    def discriminator(self):
        return self.build_d().body

    def round(self):
        valid, fake = torch.ones(self.batch, 1), torch.zeros(self.batch, 1)
        real_imgs = self.real()

        self.step_g.zero_grad()
        gen_imgs = self.G(self.noise())
        g_loss = self.adversarial_loss(self.D(gen_imgs), valid)
        g_loss.backward()
        self.step_g.step()

        self.step_d.zero_grad()
        real_loss = self.adversarial_loss(self.D(real_imgs), valid)
        fake_loss = self.adversarial_loss(self.D(gen_imgs.detach()), fake)
        d_loss = 0.5 * (real_loss + fake_loss)
        d_loss.backward()
        self.step_d.step()
        self.rounds += 1


@healthy(
    "PyTorch-GAN relativistic average, D's answers reused",
    settings=only("ring-mlp", "digits-dcgan"), losses=("relativistic",),
)  # fmt: skip
class AverageFirstG(Plain):
    """PyTorch-GAN's relativistic_gan: each answer less the mean of the others, the real ones detached for G."""

    criterion = nn.BCEWithLogitsLoss()

    def round(self):
        valid, fake = torch.ones(self.batch), torch.zeros(self.batch)
        real_imgs = self.real()

        self.step_g.zero_grad()
        gen_imgs = self.G(self.noise())
        real_pred = self.D(real_imgs).detach()
        fake_pred = self.D(gen_imgs)
        g_loss = self.criterion(fake_pred - real_pred.mean(0, keepdim=True), valid)
        g_loss.backward()
        self.step_g.step()

        self.step_d.zero_grad()
        real_pred = self.D(real_imgs)
        fake_pred = self.D(gen_imgs.detach())
        real_loss = self.criterion(real_pred - fake_pred.mean(0, keepdim=True), valid)
        fake_loss = self.criterion(fake_pred - real_pred.mean(0, keepdim=True), fake)
        d_loss = (real_loss + fake_loss) / 2
        d_loss.backward()
        self.step_d.step()
        self.rounds += 1


@healthy(
    "PyTorch-GAN softmax_gan, one partition for both losses",
    settings=only("ring-mlp", "digits-dcgan"), losses=("relativistic",),
)  # fmt: skip
class Partition(Plain):
    """PyTorch-GAN's softmax_gan: real and generated share a softmax, the graph is kept for the second loss."""

    def round(self):
        d_real, d_fake = self.D(self.real()), self.D(self.G(self.noise()))
        partition = torch.logsumexp(torch.cat([-d_real, -d_fake]), 0)
        g_target, d_target = 1 / (2 * self.batch), 1 / self.batch

        self.step_g.zero_grad()
        g_loss = g_target * (d_real.sum() + d_fake.sum()) + partition
        g_loss.backward(retain_graph=True)

        self.step_d.zero_grad()
        d_loss = d_target * d_real.sum() + partition
        d_loss.backward(inputs=list(self.D.parameters()))
        self.step_g.step()
        self.step_d.step()
        self.rounds += 1


@healthy(
    "PyTorch-GAN dragan, slope held around the data",
    settings=only("ring-mlp", "digits-mlp", "digits-dcgan"), losses=("nonsaturating",),
)  # fmt: skip
class AroundData(Plain):
    """PyTorch-GAN's dragan: BCELoss on probabilities, and the slope held at 1 between real samples and noisy ones."""

    adversarial_loss = nn.BCELoss()
    weight = 0.5

    def generator(self):
        return self.build_g(norm="batch")

    def discriminator(self):
        return nn.Sequential(self.build_d().body, nn.Sigmoid())

    def gradient_penalty(self, x):
        return self.weight * slope_penalty(self.D, between(x, x + 0.5 * x.std() * torch.rand_like(x)))

    def round(self):
        valid, fake = torch.ones(self.batch, 1), torch.zeros(self.batch, 1)
        real_imgs = self.real()

        self.step_g.zero_grad()
        gen_imgs = self.G(self.noise())
        g_loss = self.adversarial_loss(self.D(gen_imgs), valid)
        g_loss.backward()
        self.step_g.step()

        self.step_d.zero_grad()
        real_loss = self.adversarial_loss(self.D(real_imgs), valid)
        fake_loss = self.adversarial_loss(self.D(gen_imgs.detach()), fake)
        ((real_loss + fake_loss) / 2).backward()
        self.gradient_penalty(real_imgs.data).backward()
        self.step_d.step()
        self.rounds += 1
