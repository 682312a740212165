"""Loops in which D sees more than one view: growing resolutions, fixed features, places."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, interpolate, mse_loss, relu
from torch.optim import Adam

from ganlab import nets
from ganlab.clinic._games.fourth.well_g_parts import Equalised, squared_slopes, toggle, unit
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class GrowingG(nn.Module):
    """A small picture, and a large one that fades in over it."""

    def __init__(self, latent: int, side: int, width: int = 96, layer=Equalised):
        super().__init__()
        self.half, self.side, self.share = side // 2, side, 0.0
        self.first, self.second = layer(latent, width), layer(width, width)
        self.small, self.deeper, self.large = layer(width, self.half**2), layer(width, width), layer(width, side**2)

    def forward(self, z: Tensor) -> Tensor:
        h = unit(self.first(unit(z)).relu())
        h = unit(self.second(h * 2**0.5).relu())
        small = interpolate(self.small(h).unflatten(1, (1, self.half, self.half)), scale_factor=2)
        large = self.large(unit(self.deeper(h).relu())).unflatten(1, (1, self.side, self.side))
        return torch.lerp(small, large, self.share)


class GrowingD(nn.Module):
    """The mirror, with the spread of the batch as one more feature."""

    def __init__(self, side: int, width: int = 96):
        super().__init__()
        self.share = 0.0
        self.small, self.large = Equalised(side**2 // 4, width), Equalised(side**2, width)
        self.deeper, self.second, self.last = Equalised(width, width), Equalised(width + 1, width), Equalised(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        act = nn.functional.leaky_relu
        small = act(self.small(avg_pool2d(x, 2).flatten(1)), 0.2)
        h = torch.lerp(small, act(self.deeper(act(self.large(x.flatten(1)), 0.2)), 0.2), self.share)
        spread = h.std(0, correction=0).mean().expand(len(h), 1)
        return self.last(act(self.second(torch.cat([h, spread], 1)), 0.2)).squeeze(1)


@healthy("growing, with a drift term", settings=only("digits-mlp"), losses=("wasserstein",))
class Growing(Plain):
    """Progressive growing of GANs: layers scaled at run time, a picture of half the side that fades into the whole one
    for both players and for the real samples, a gradient penalty, and a small weight on the square of real logits.
    """

    gamma, drift, fade, pace = 2.0, 1e-3, 100, 8.0

    def generator(self):
        return GrowingG(self.latent, self.data.shape[1])

    def discriminator(self):
        return GrowingD(self.data.shape[1])

    def optimizers(self):
        rate = self.pace * self.setting.rate
        return tuple(Adam(net.parameters(), rate, (0.0, 0.99), 1e-8) for net in (self.D, self.G))

    def real(self):
        x = super().real()
        return torch.lerp(interpolate(avg_pool2d(x, 2), scale_factor=2), x, self.G.share)

    def penalty(self, real, fake):
        share = torch.rand(len(real), 1, 1, 1)
        between = torch.lerp(real, fake, share).requires_grad_()
        slope = (squared_slopes(self.D(between), between) + 1e-12).sqrt()
        return self.gamma * (slope - 1).square().mean()

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        said_real, said_fake = self.D(real), self.D(fake)
        loss = said_fake - said_real + self.drift * said_real.square()
        self.step_d.zero_grad()
        (loss.mean() + self.penalty(real, fake)).backward()
        self.step_d.step()

    def round(self):
        self.G.share = self.D.share = min(1.0, self.rounds / self.fade)
        super().round()


class FixedFeatures(nn.Module):
    """Several heads on the levels of a network that is not trained; changes of the pictures come before it."""

    def __init__(self, channels: int, width: int = 12):
        super().__init__()
        self.features = nn.ModuleList()
        for k in range(3):
            inputs = channels if k == 0 else width * 2 ** (k - 1)
            self.features.append(nn.Conv2d(inputs, width * 2**k, 3, 1 if k == 0 else 2, 1))
            nn.init.orthogonal_(self.features[-1].weight, 2**0.5)
        self.features.requires_grad_(False)
        self.heads = nn.ModuleList(self.head(width * 2**k) for k in range(3))
        self.change = nets.Augmented(nn.Identity(), ["shift"], p=0.5, fill=-1.0)

    def head(self, width: int) -> nn.Module:
        layers = [nn.Conv2d(width, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 2)]
        return nets.spectrally_normalised(nn.Sequential(*layers))

    def forward(self, x: Tensor) -> Tensor:
        x, said = self.change(x), []
        for level, head in zip(self.features, self.heads, strict=True):
            x = nn.functional.leaky_relu(level(x), 0.2)
            said.append(head(x).flatten(1))
        return torch.cat(said, 1)


@healthy("heads on fixed features", settings=only("digits-dcgan", "garments-resnet"), losses=("hinge",))
class FixedHeads(Plain):
    """Projected GAN: D is a few small heads on a network whose weights never move, its answer a row of logits for each
    picture; G first, then generated and real samples by separate backward calls; pictures are blurred at first.
    """

    blurred = 100

    def discriminator(self):
        return FixedFeatures(self.data.shape[0])

    def optimizers(self):
        rate = self.setting.rate
        return Adam(self.D.heads.parameters(), rate, (0.0, 0.99)), Adam(self.G.parameters(), rate, (0.0, 0.99))

    def judge(self, x: Tensor) -> Tensor:
        share = max(0.0, 1 - self.rounds / self.blurred)
        return self.D(torch.lerp(x, nn.functional.avg_pool2d(x, 3, 1, 1), share))

    def round(self):
        real, z = self.real(), self.noise()
        self.step_g.zero_grad(set_to_none=True)
        toggle(self.D.heads, False)
        (-self.judge(self.G(z))).mean().backward()
        self.step_g.step()
        self.step_d.zero_grad(set_to_none=True)
        toggle(self.D.heads, True), toggle(self.G, False)
        relu(1 + self.judge(self.G(self.noise()))).mean().backward()
        relu(1 - self.judge(real)).mean().backward()
        toggle(self.G, True)
        self.step_d.step()
        self.rounds += 1


class Places(nn.Module):
    """A small U-Net: one logit for the picture, and one for each of its places."""

    def __init__(self, channels: int, side: int, width: int = 12):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2))
        self.deep = nn.Sequential(nn.Conv2d(width, 2 * width, 4, 2, 1), nn.LeakyReLU(0.2))
        self.whole = nn.Linear(2 * width * (side // 4) ** 2, 1)
        self.up = nn.Sequential(nn.ConvTranspose2d(2 * width, width, 4, 2, 1), nn.LeakyReLU(0.2))
        self.place = nn.ConvTranspose2d(2 * width, 1, 4, 2, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first = self.down(x)
        h = self.deep(first)
        return self.whole(h.flatten(1)), self.place(torch.cat([self.up(h), first], 1))


@healthy("a logit for each place", settings=only("digits-dcgan"), losses=("nonsaturating",))
class PerPlace(Plain):
    """U-Net GAN: D answers for the picture and for each place; mixed pictures, a box of a generated one in a real one,
    are taught by place with the box as target, and the answers are to be the mixture of those on the two.
    """

    consistent = 1.0

    def discriminator(self):
        return Places(self.data.shape[0], self.data.shape[1])

    def judged(self, said: tuple[Tensor, Tensor], target: float) -> Tensor:
        return sum(binary_cross_entropy_with_logits(x, torch.full_like(x, target)) for x in said)

    def box(self) -> Tensor:
        side = self.data.shape[1]
        edge = int(side * (1 - torch.rand(()).item()) ** 0.5)
        row, column = torch.randint(side, (2,)).tolist()
        mask = torch.ones(1, 1, side, side)
        mask[..., row : row + edge, column : column + edge] = 0
        return mask

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        said_real, said_fake, mask = self.D(real), self.D(fake), self.box()
        whole, place = self.D(torch.lerp(fake, real, mask))
        mixed = binary_cross_entropy_with_logits(place, mask.expand_as(place))
        mixed = mixed + binary_cross_entropy_with_logits(whole, torch.zeros_like(whole))
        alike = mse_loss(place, torch.lerp(said_fake[1], said_real[1], mask))
        self.step_d.zero_grad()
        (self.judged(said_real, 1) + self.judged(said_fake, 0) + mixed + self.consistent * alike).backward()
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        self.judged(self.D(self.G(self.noise())), 1).backward()
        self.step_g.step()
