"""Loops for few images or cheap machines: a sign-reversed hinge, decoders in D, consistency of changed pairs."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, mse_loss, relu
from torch.optim import Adam

from ganlab.clinic._games.fourth.well_g_parts import average, frozen_copy
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain
from ganlab.nets import Augmented


@healthy("hinge with its signs reversed", settings=only("ring-mlp", "digits-mlp"), losses=("hinge",))
class Reversed(Plain):
    """stylegan2-pytorch by lucidrains: D is low on real samples and high on generated ones, gradients of both players
    accumulate over parts, a penalty towards slope 1 on real samples each fourth round, G learns from the best k of its
    samples, and the average is set to G itself for a while and then follows it every tenth round.
    """

    parts, gamma, best = 2, 1.0, 0.75

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.average = frozen_copy(self.G)

    def optimizers(self):
        rate = self.setting.rate
        return Adam(self.D.parameters(), 2 * rate, (0.5, 0.9)), Adam(self.G.parameters(), rate, (0.5, 0.9))

    def slope_penalty(self, real: Tensor, logits: Tensor) -> Tensor:
        (slope,) = torch.autograd.grad(logits, real, torch.ones_like(logits), create_graph=True)
        return self.gamma * (slope.flatten(1).norm(2, dim=1) - 1).square().mean()

    def train_d(self):
        self.step_d.zero_grad()
        for _ in range(self.parts):
            fake = self.G(self.noise()).clone().detach()
            real = self.real().requires_grad_()
            said_fake, said_real = self.D(fake), self.D(real)
            loss = (relu(1 + said_real) + relu(1 - said_fake)).mean()
            if self.rounds % 4 == 0:
                loss = loss + self.slope_penalty(real, said_real)
            (loss / self.parts).backward()
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        for _ in range(self.parts):
            said = self.D(self.G(self.noise()))
            best = said.topk(int(self.batch * self.best), largest=False).values
            (best.mean() / self.parts).backward()
        self.step_g.step()

    def round(self):
        self.train_d()
        self.train_g()
        if self.rounds % 10 == 0:
            average(self.average, self.G, 0.0 if self.rounds < 200 else 0.995)
        self.rounds += 1


class WithDecoder(nn.Module):
    """D that on demand also paints the small image again from its features."""

    def __init__(self, shape: tuple[int, int, int], width: int = 16):
        super().__init__()
        places = (shape[1] // 4) ** 2
        self.body = nn.Sequential(
            nn.Conv2d(shape[0], width, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, 2, 1), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(2 * width * places, 1))
        self.decoder = nn.Sequential(
            nn.Upsample(scale_factor=2), nn.Conv2d(2 * width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, shape[0], 3, padding=1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, x: Tensor, kind: str = "fake"):
        h = self.body(x)
        return (self.head(h), self.decoder(h)) if kind == "real" else self.head(h)


@healthy("a decoder inside D", settings=only("digits-dcgan", "garments-resnet"), losses=("hinge",))
class Decoding(Plain):
    """FastGAN: one forward pass of G serves both players; real and generated images go through the same changes; D
    learns real and generated ones by separate backward calls, with a random margin, and paints real ones again.
    """

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.average = frozen_copy(self.G)

    def discriminator(self):
        self.change = Augmented(nn.Identity(), ["brightness", "shift"], fill=-1.0).augment
        return WithDecoder(self.data.shape)

    def made(self) -> Tensor:
        return self.G(self.noise())

    def margin(self, logits: Tensor) -> Tensor:
        return torch.rand_like(logits) * 0.2 + 0.8

    def teach_d(self, x: Tensor, kind: str) -> None:
        if kind == "fake":
            logits = self.D(x, kind)
            relu(self.margin(logits) + logits).mean().backward()
            return
        logits, painted = self.D(x, kind)
        loss = relu(self.margin(logits) - logits).mean() + mse_loss(painted, avg_pool2d(x, 2))
        loss.backward()

    def round(self):
        real, fake = self.change(self.real()), self.change(self.made())
        self.D.zero_grad()
        self.teach_d(real, "real")
        self.teach_d(fake.detach(), "fake")
        self.step_d.step()
        self.G.zero_grad()
        loss = -self.D(fake, "fake").mean()
        loss.backward()
        self.step_g.step()
        average(self.average, self.G, 0.999)
        self.rounds += 1


@healthy("consistency of changed pairs", settings=only("ring-mlp", "digits-dcgan"), losses=("nonsaturating", "hinge"))
class Consistent(Plain):
    """ICR-GAN (bCR and zCR): D is to say the same of a sample and of its changed copy, real or generated, and of
    samples of latents that are near; G is to make different samples of them.
    """

    weight, weight_z, near, least = 5.0, 0.02, 0.1, 1.0
    shifts = 0.05

    def discriminator(self):
        return self.build_d(norm="none")

    def optimizers(self):
        rate = self.setting.rate
        return Adam(self.D.parameters(), rate, (0.0, 0.9)), Adam(self.G.parameters(), rate, (0.0, 0.9))

    def changed(self, x: Tensor) -> Tensor:
        if x.ndim == 2:
            return x + self.shifts * torch.randn_like(x)
        return torch.roll(x, tuple(torch.randint(-1, 2, (2,)).tolist()), (2, 3))

    def train_d(self):
        real, z = self.real(), self.noise()
        with torch.no_grad():
            fake, beside = self.G(z), self.G(z + self.near * torch.randn_like(z))
        x = torch.cat([real, self.changed(real), fake, self.changed(fake), beside])
        reals, reals_changed, fakes, fakes_changed, besides = self.D(x).chunk(5)
        alike = mse_loss(reals, reals_changed) + mse_loss(fakes, fakes_changed)
        self.step_d.zero_grad()
        loss = self.d_loss(reals, fakes) + self.weight * alike + self.weight * mse_loss(fakes, besides)
        loss.backward()
        self.step_d.step()

    def train_g(self):
        z = self.noise()
        fake, beside = self.G(z), self.G(z + self.near * torch.randn_like(z))
        apart = mse_loss(fake, beside).clamp(max=self.least)
        self.step_g.zero_grad()
        (self.g_loss(self.D(fake)) - self.weight_z * apart).backward()
        self.step_g.step()
