"""From a condition to an image, in pairs: pix2pix, ESRGAN, SPADE."""

import torch
from torch import nn
from torch.nn import functional as F

from ganlab.clinic._games.fourth.well_h_parts import Targets, requires_grad
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class UNet(nn.Module):
    """Down twice and up twice, with the way across, and dropout in the middle."""

    def __init__(self, width=12):
        super().__init__()
        self.first = nn.Conv2d(1, width, 4, 2, 1)
        self.second = nn.Sequential(nn.LeakyReLU(0.2), nn.Conv2d(width, 2 * width, 4, 2, 1), nn.BatchNorm2d(2 * width))
        up = nn.ConvTranspose2d(2 * width, width, 4, 2, 1)
        self.third = nn.Sequential(nn.ReLU(), up, nn.BatchNorm2d(width), nn.Dropout(0.5))
        self.last = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * width, 1, 4, 2, 1), nn.Tanh())

    def forward(self, x):
        first = self.first(x)
        return self.last(torch.cat([self.third(self.second(first)), first], 1))


@healthy("pix2pix", settings=only("digits-mlp", "digits-dcgan"), losses=("nonsaturating",))
class Pix2Pix(Plain):
    """pytorch-CycleGAN-and-pix2pix: the condition, here the upper half of an image, goes into D beside the image. D's
    step first, then G's with D frozen, both on one forward pass of G; half of D's loss, and an L1 term; noise is
    dropout alone."""

    weight_pixels = 5.0

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.criterion = Targets(nn.BCEWithLogitsLoss())

    def generator(self):
        return UNet()

    def discriminator(self):
        channels, height, width = self.data.shape
        return self.setting.discriminator((2 * channels, height, width), norm=self.setting.norm_d)

    def condition(self, image):
        half = image.clone()
        half[:, :, image.shape[2] // 2 :] = -1
        return half

    def scores(self, given, image):
        return self.D(torch.cat([given, image], 1))

    def backward_d(self, given, image, fake):
        loss_fake = self.criterion(self.scores(given, fake.detach()), False)
        loss_real = self.criterion(self.scores(given, image), True)
        ((loss_fake + loss_real) * 0.5).backward()

    def backward_g(self, given, image, fake):
        loss = self.criterion(self.scores(given, fake), True)
        (loss + self.weight_pixels * F.l1_loss(fake, image)).backward()

    def round(self):
        image = self.real()
        given = self.condition(image)
        fake = self.G(given)
        requires_grad(self.D, True)
        self.step_d.zero_grad()
        self.backward_d(given, image, fake)
        self.step_d.step()
        requires_grad(self.D, False)
        self.step_g.zero_grad()
        self.backward_g(given, image, fake)
        self.step_g.step()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.G(self.condition(self.data.sample(n)))


class Upscaler(nn.Module):
    """Residual blocks with batch norm on a small image, then pixel shuffling: as SRGAN's generator."""

    def __init__(self, width=16):
        super().__init__()
        self.head = nn.Sequential(nn.Conv2d(1, width, 3, 1, 1), nn.PReLU())
        self.blocks = nn.ModuleList(self.block(width) for _ in range(2))
        up = [nn.Conv2d(width, 4 * width, 3, 1, 1), nn.PixelShuffle(2), nn.PReLU()]
        up += [nn.Conv2d(width, 4 * width, 3, 1, 1), nn.PixelShuffle(2), nn.PReLU()]
        self.tail = nn.Sequential(*up, nn.Conv2d(width, 1, 3, 1, 1))

    def block(self, width):
        conv = [nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)]
        again = [nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)]
        return nn.Sequential(*conv, nn.PReLU(), *again)

    def forward(self, x):
        h = self.head(x)
        for block in self.blocks:
            h = h + block(h)
        return self.tail(h)


@healthy("ESRGAN", settings=only("digits-dcgan", "garments-resnet"), losses=("nonsaturating",))
class ESRGAN(Plain):
    """BasicSR's ESRGAN model: pixels alone at first, then a perceptual term and a small relativistic average term.
    G first with D frozen; in D's step the real and the generated half have each a backward of their own."""

    pixels_alone, weight_gan, weight_pixels = 50, 0.1, 1.0

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.features = nn.Sequential(nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 16, 3, 2, 1)).eval()
        requires_grad(self.features, False)
        self.criterion = Targets(nn.BCEWithLogitsLoss())

    def generator(self):
        return Upscaler()

    def small(self, image):
        return F.avg_pool2d(image, 4)

    def relativistic(self, real, fake):
        loss_real = self.criterion(real - fake.mean(), False)
        return (loss_real + self.criterion(fake - real.mean(), True)) / 2

    def train_generator(self, image, output):
        requires_grad(self.D, False)
        self.step_g.zero_grad()
        loss = self.weight_pixels * F.l1_loss(output, image)
        if self.rounds >= self.pixels_alone:
            loss = loss + F.l1_loss(self.features(output), self.features(image))
            loss = loss + self.weight_gan * self.relativistic(self.D(image).detach(), self.D(output))
        loss.backward()
        self.step_g.step()

    def train_discriminator(self, image, output):
        requires_grad(self.D, True)
        self.step_d.zero_grad()
        fake = self.D(output).detach()
        real = self.D(image)
        (self.criterion(real - fake.mean(), True) * 0.5).backward()
        fake = self.D(output.detach())
        (self.criterion(fake - real.detach().mean(), False) * 0.5).backward()
        self.step_d.step()

    def round(self):
        image = self.real()
        output = self.G(self.small(image))
        self.train_generator(image, output)
        self.train_discriminator(image, output)
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.G(self.small(self.data.sample(n)))
