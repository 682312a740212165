"""Healthy, over data of other shapes and scales, and with other ways to feed them."""

import math
from dataclasses import replace

import torch
from torch.nn.functional import avg_pool2d, pad
from torch.optim import Adam

from ganlab import data
from ganlab.clinic._games.second.well_parts import dense_critic, dense_generator
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain

POINTS = only("ring-mlp", "grid-resmlp")


def endless(name, shape, law):
    """A data set that `law(n)` draws from."""
    return data.Dataset(name, shape, draw=lambda _, n, dice: law(n))


@healthy("a helix", settings=only("ring-mlp"), losses=("nonsaturating",))
class Helix(Plain):
    """Points in space along two turns of a screw."""

    def dataset(self):
        def law(n):
            t = 2 * torch.rand(n) - 1
            line = torch.stack([torch.cos(2 * math.pi * t), torch.sin(2 * math.pi * t), 1.5 * t], dim=1)
            return line + 0.05 * torch.randn(n, 3)

        return endless("helix", (3,), law)


@healthy("two moons in space", settings=POINTS, losses=("wasserstein",))
class Moons(Plain):
    """Two half circles in planes that cross."""

    def dataset(self):
        def law(n):
            t, upper = math.pi * torch.rand(n), torch.rand(n) < 0.5
            x, y = torch.cos(t), torch.sin(t)
            up, down = torch.stack([x, y, 0 * t], dim=1), torch.stack([1 - x, 0 * t, 0.5 - y], dim=1)
            return torch.where(upper[:, None], up, down) + 0.05 * torch.randn(n, 3)

        return endless("moons", (3,), law)


@healthy("a line of three hills", settings=POINTS, losses=("hinge",))
class Hills(Plain):
    """One number a sample: the first example of many courses."""

    def dataset(self):
        def law(n):
            centre = torch.tensor([-2.0, 0.5, 2.0])[torch.multinomial(torch.tensor([0.3, 0.5, 0.2]), n, True)]
            return (centre + 0.25 * torch.randn(n))[:, None]

        return endless("hills", (1,), law)


@healthy("waves of 24 numbers", settings=only("ring-mlp", "digits-mlp"), losses=("wasserstein",))
class Series(Plain):
    """Short series: a sine of any phase, two frequencies, some noise."""

    def dataset(self):
        def law(n):
            time, phase = torch.linspace(0, 1, 24), 2 * math.pi * torch.rand(n, 1)
            tempo = 1.0 + (torch.rand(n, 1) < 0.5).float()
            return torch.sin(2 * math.pi * tempo * time + phase) + 0.05 * torch.randn(n, 24)

        return endless("series", (24,), law)


@healthy("a table of mixed columns", settings=only("ring-mlp", "grid-resmlp"), losses=("wasserstein",))
class Table(Plain):
    """Six columns that hang together: skewed, two-valued, heavy-tailed."""

    def dataset(self):
        def law(n):
            a, b = torch.randn(n), torch.randn(n)
            two = (a + 0.5 * b > 0).float() * 2 - 1
            columns = [a, 0.8 * a + 0.6 * b, two, torch.exp(0.5 * b) - 1, torch.sin(2 * a), torch.randn(n) * b.abs()]
            return torch.stack(columns, dim=1)

        return endless("table", (6,), law)


@healthy("points brought to deviation 1", settings=POINTS, losses=("hinge",))
class Standard(Plain):
    """The points are standardised for training, and samples are brought back."""

    def __init__(self, setting, loss):
        many = setting.train.sample(2000)
        self.mean, self.deviation = many.mean(0), many.std(0)
        super().__init__(setting, loss)

    def real(self):
        return (super().real() - self.mean) / self.deviation

    def sample(self, n):
        return super().sample(n) * self.deviation + self.mean


@healthy("small pictures", settings=only("digits-dcgan", "garments-dcgan", "garments-resnet"), losses=("wasserstein",))
class Thumbnails(Plain):
    """The images at half their size, and dense players for them."""

    def dataset(self):
        small = avg_pool2d(self.setting.train.samples, 2)
        return replace(self.setting.train, samples=small, shape=tuple(small.shape[1:]))

    def generator(self):
        return dense_generator(self.latent, self.data.shape, (128, 128))

    def discriminator(self):
        return dense_critic(self.data.shape, (128, 128))


@healthy("two channels", settings=only("digits-mlp", "digits-dcgan", "garments-resnet"), losses=("hinge",))
class TwoChannels(Plain):
    """Each image has its blurred copy for a second channel."""

    def dataset(self):
        images = self.setting.train.samples
        blurred = avg_pool2d(pad(images, (1, 1, 1, 1), value=-1.0), 3, stride=1)
        return replace(self.setting.train, samples=torch.cat([images, blurred], dim=1), shape=(2, *images.shape[2:]))


@healthy("negatives", settings=only("digits-dcgan", "garments-dcgan", "garments-resnet"), losses=("nonsaturating",))
class Negatives(Plain):
    """White paper and black ink: all images turned, and the samples turned back."""

    def real(self):
        return -super().real()

    def sample(self, n):
        return -super().sample(n)


@healthy("a little noise on real images", settings=only("digits-mlp", "digits-dcgan", "garments-dcgan"),
         losses=("wasserstein",))  # fmt: skip
class Dequantised(Plain):
    """Noise of a grey level or two on what was read from a file."""

    def real(self):
        return (super().real() + 0.05 * (torch.rand(self.batch, *self.data.shape) - 0.5)).clamp(-1, 1)


@healthy("cut-outs for D", settings=only("digits-dcgan", "garments-resnet"), losses=("hinge",))
class CutOuts(Plain):
    """A square is blanked and the contrast changed in all that D sees, differentiably."""

    def seen(self, x):
        side = x.shape[-1]
        top, left = torch.randint(side - side // 4, (2, len(x), 1, 1, 1))
        rows, columns = torch.arange(side).view(1, 1, -1, 1), torch.arange(side).view(1, 1, 1, -1)
        hole = (rows >= top) & (rows < top + side // 4) & (columns >= left) & (columns < left + side // 4)
        x = torch.where(hole, torch.zeros_like(x), x)
        return x * (0.75 + 0.5 * torch.rand(len(x), 1, 1, 1))

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        loss = self.d_loss(self.D(self.seen(real)), self.D(self.seen(fake)))
        loss.backward()
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(self.seen(self.G(self.noise()))))
        loss.backward()
        self.step_g.step()


@healthy("blends with soft targets", settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"),
         losses=("least_squares",))  # fmt: skip
class Blends(Plain):
    """D is shown blends of real and generated samples too, with the share of the real one as their target."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        share = torch.rand(len(real), *[1] * (real.ndim - 1))
        self.step_d.zero_grad()
        blended = (self.D(share * real + (1 - share) * fake) - share.flatten()).square().mean()
        loss = self.d_loss(self.D(real), self.D(fake)) + 0.25 * blended
        loss.backward()
        self.step_d.step()


@healthy("a decoder first", settings=only("digits-dcgan", "garments-dcgan", "garments-resnet"),
         losses=("nonsaturating",))  # fmt: skip
class DecoderFirst(Plain):
    """G was the decoder of an autoencoder for thirty steps before the game began."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        encoder = dense_generator(torch.Size(self.data.shape).numel(), (self.latent,), (96,))
        step = Adam([*encoder.parameters(), *self.G.parameters()], lr=2e-3)
        for _ in range(30):
            images = self.real()
            code = encoder(images.flatten(1))
            code = code + 0.5 * torch.randn_like(code)
            loss = (self.G(code) - images).square().mean() + 0.01 * code.square().mean()
            step.zero_grad()
            loss.backward()
            step.step()
