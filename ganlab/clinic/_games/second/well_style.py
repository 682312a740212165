"""Healthy, with odder networks: skips, packs, scales, other latents and ends."""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, normalize

from ganlab.clinic._games.second.well_parts import conv_critic, dense_critic, dense_generator, numbers
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class Skipping(nn.Module):
    """The latent goes into each layer anew, and each layer adds its part to the sample."""

    def __init__(self, latent, shape, width, layers=3):
        super().__init__()
        sizes = [latent] + [latent + width] * (layers - 1)
        self.hidden = nn.ModuleList(nn.Linear(size, width) for size in sizes)
        self.outs = nn.ModuleList(nn.Linear(width, numbers(shape)) for _ in sizes)
        self.shape = shape

    def forward(self, z):
        h, made = z, 0.0
        for i, (hidden, out) in enumerate(zip(self.hidden, self.outs, strict=True)):
            h = nn.functional.mish(hidden(h if i == 0 else torch.cat([z, h], dim=1)))
            made = made + out(h)
        return (torch.tanh(made) if len(self.shape) == 3 else made).unflatten(1, self.shape)


@healthy("skips all over", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("wasserstein",))
class Skips(Plain):
    """G hands the latent to every layer and sums what each of them makes; Mish units."""

    def generator(self):
        return Skipping(self.latent, self.data.shape, 64)


class Pairs(nn.Module):
    """One logit for two samples side by side, handed out to both."""

    def __init__(self, shape, width):
        super().__init__()
        self.body = dense_critic((2 * numbers(shape),), (width, width))

    def forward(self, x):
        return self.body(x.flatten(1).reshape(len(x) // 2, -1)).repeat_interleave(2)


@healthy("two samples a logit", settings=only("ring-mlp", "grid-resmlp"), losses=("hinge",))
class Packs(Plain):
    """D sees two samples of a kind at a time, as in PacGAN."""

    def discriminator(self):
        return Pairs(self.data.shape, 128)


class TwoScales(nn.Module):
    """One critic for the image and one for the image at half its size."""

    def __init__(self, shape):
        super().__init__()
        self.fine, self.coarse = conv_critic(shape, 8), dense_critic((shape[0], shape[1] // 2, shape[2] // 2), (48,))

    def forward(self, x):
        return self.fine(x) + self.coarse(avg_pool2d(x, 2))


@healthy("two scales", settings=only("digits-dcgan", "garments-dcgan"), losses=("wasserstein",))
class Scales(Plain):
    """The critic is the sum of a fine and of a coarse one."""

    def discriminator(self):
        return TwoScales(self.data.shape)


@healthy("pixels shuffled out of channels", settings=only("digits-dcgan", "garments-resnet"), losses=("nonsaturating",))
class Shuffled(Plain):
    """G has sub-pixel convolutions, PReLU and no norm."""

    def generator(self):
        channels, side = self.data.shape[0], self.data.shape[1] // 4
        return nn.Sequential(
            nn.Linear(self.latent, 16 * side * side), nn.PReLU(), nn.Unflatten(1, (16, side, side)),
            nn.Conv2d(16, 48, 3, padding=1), nn.PixelShuffle(2), nn.PReLU(),
            nn.Conv2d(12, 4 * channels, 3, padding=1), nn.PixelShuffle(2), nn.Tanh(),
        )  # fmt: skip


@healthy("latents on a sphere and a class", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"),
         losses=("wasserstein",))  # fmt: skip
class SphereAndClass(Plain):
    """Half the latent is a direction, the other half one of its units at 1."""

    def draw(self, n):
        half = self.latent // 2
        direction = normalize(torch.randn(n, half), dim=1) * half**0.5
        return torch.cat([direction, nn.functional.one_hot(torch.randint(half, (n,)), half).float()], dim=1)

    def noise(self):
        return self.draw(self.batch)

    @torch.no_grad()
    def sample(self, n):
        return self.G(self.draw(n))


@healthy("a bound of softsign", settings=only("digits-mlp", "digits-dcgan"), losses=("hinge",))
class Softsign(Plain):
    """GELU units, layer norm and a softsign times 1.1 at the end of G."""

    def generator(self):
        body = dense_generator(self.latent, (numbers(self.data.shape),), (128, 128), nn.GELU)
        layers = list(body)[:-1]
        layers.insert(2, nn.LayerNorm(128))
        return nn.Sequential(*layers, nn.Softsign(), Scaled(1.1), nn.Unflatten(1, self.data.shape))


class Scaled(nn.Module):
    """Times a number."""

    def __init__(self, by):
        super().__init__()
        self.by = by

    def forward(self, x):
        return self.by * x
