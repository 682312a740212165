"""SPADE: a wrapper whose forward takes a mode, and a D that sees both kinds in one call."""

import torch
from torch import nn
from torch.nn import functional as F

from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain
from ganlab.nets import spectrally_normalised

KINDS = 3


class Modulated(nn.Module):
    """Batch norm without weights, whose scale and shift are read off the map, and a convolution."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(inputs, affine=False), nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.shared = nn.Sequential(nn.Conv2d(KINDS, 16, 3, 1, 1), nn.ReLU())
        self.scale, self.shift = nn.Conv2d(16, inputs, 3, 1, 1), nn.Conv2d(16, inputs, 3, 1, 1)

    def forward(self, x, kinds):
        h = self.shared(F.interpolate(kinds, size=x.shape[2:], mode="nearest"))
        return self.conv(F.leaky_relu(self.norm(x) * (1 + self.scale(h)) + self.shift(h), 0.2))


class Painter(nn.Module):
    """From a latent to a small square, and up twice under the map."""

    def __init__(self, latent, width=16):
        super().__init__()
        self.width, self.first = width, nn.Linear(latent, width * 16)
        self.blocks = nn.ModuleList(Modulated(width, width) for _ in range(2))
        self.last = nn.Conv2d(width, 1, 3, 1, 1)

    def forward(self, kinds, z):
        x = self.first(z).view(-1, self.width, 4, 4)
        for block in self.blocks:
            x = F.interpolate(block(x, kinds), scale_factor=2)
        return torch.tanh(self.last(F.leaky_relu(x, 0.2)))


class Layers(nn.Module):
    """A patch D that returns its hidden layers before its scores."""

    def __init__(self, width=16):
        super().__init__()
        first = nn.Sequential(nn.Conv2d(1 + KINDS, width, 4, 2, 1), nn.LeakyReLU(0.2))
        second = nn.Sequential(nn.Conv2d(width, 2 * width, 4, 2, 1), nn.LeakyReLU(0.2))
        self.layers = nn.ModuleList([first, second, nn.Conv2d(2 * width, 1, 3, 1, 1)])

    def forward(self, x):
        found = []
        for layer in self.layers:
            x = layer(x)
            found.append(x)
        return found


class Model(nn.Module):
    """Both networks behind one forward, as a wrapper for several devices wants it."""

    feature_weight = 1.0

    def __init__(self, painter, layers):
        super().__init__()
        self.painter, self.layers = painter, layers

    def forward(self, kinds, image, z, mode):
        if mode == "generator":
            return self.generator_losses(kinds, image, z)
        return self.discriminator_losses(kinds, image, z)

    def generator_losses(self, kinds, image, z):
        fake, real = self.discriminate(kinds, self.painter(kinds, z), image)
        features = sum(F.l1_loss(f, r.detach()) for f, r in zip(fake[:-1], real[:-1], strict=True))
        return {"gan": -fake[-1].mean(), "features": self.feature_weight * features}

    def discriminator_losses(self, kinds, image, z):
        with torch.no_grad():
            made = self.painter(kinds, z)
        fake, real = self.discriminate(kinds, made.detach().requires_grad_(), image)
        zero = torch.zeros_like(fake[-1])
        return {
            "fake": -torch.min(-fake[-1] - 1, zero).mean(),
            "real": -torch.min(real[-1] - 1, zero).mean(),
        }

    def discriminate(self, kinds, fake, real):
        kinds = F.interpolate(kinds, size=real.shape[2:], mode="nearest")
        both = torch.cat([torch.cat([kinds, fake], 1), torch.cat([kinds, real], 1)])
        halves = [layer.chunk(2) for layer in self.layers(both)]
        return [fake for fake, _ in halves], [real for _, real in halves]


@healthy("SPADE", settings=only("digits-dcgan", "garments-resnet"), losses=("hinge",))
class SPADE(Plain):
    """SPADE: a map of kinds, here of dark, grey and bright places, steers the norms of G. `run_generator_one_step`
    comes first, then `run_discriminator_one_step`; hinge by `min`, feature matching, D's rate four times G's."""

    rate_d, rate_g, betas = 2.0, 0.5, (0.0, 0.9)

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.model = Model(self.G, self.D)

    def generator(self):
        return Painter(self.latent)

    def discriminator(self):
        return spectrally_normalised(Layers())

    def kinds(self, image):
        places = F.adaptive_avg_pool2d(image, 8)
        return torch.cat([places < -0.5, (places >= -0.5) & (places < 0.3), places >= 0.3], 1).float()

    def run(self, image, mode, optimizer):
        optimizer.zero_grad()
        losses = self.model(self.kinds(image), image, torch.randn(len(image), self.latent), mode)
        sum(losses.values()).mean().backward()
        optimizer.step()

    def round(self):
        image = self.real()
        self.run(image, "generator", self.step_g)
        self.run(image, "discriminator", self.step_d)
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.G(self.kinds(self.data.sample(n)), torch.randn(n, self.latent))
