"""Loops of the style-based family: phases, lazy penalties, path length, adaptive augmentation."""

import torch
from torch import Tensor
from torch.nn.functional import softplus
from torch.optim import Adam

from ganlab.clinic._games.fourth.well_g_parts import Mapped, average, frozen_copy, squared_slopes, toggle
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain
from ganlab.nets import Augmented


class Style(Plain):
    """What both loops share: a mapped generator, and the penalty on the length of paths in w."""

    path_decay, path_weight, pace = 0.01, 0.02, 2.0

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.mean_path = torch.zeros(())

    def generator(self):
        return Mapped(self.latent, self.build_g())

    def path_length(self, fake: Tensor, w: Tensor) -> Tensor:
        noise = torch.randn_like(fake) / fake[0].numel() ** 0.5
        (slope,) = torch.autograd.grad((fake * noise).sum(), w, create_graph=True)
        lengths = slope.square().sum(1).sqrt()
        self.mean_path = self.mean_path.lerp(lengths.mean().detach(), self.path_decay)
        return (lengths - self.mean_path).square().mean()


def made_finite(net: torch.nn.Module) -> None:
    for parameter in net.parameters():
        if parameter.grad is not None:
            torch.nan_to_num(parameter.grad, nan=0, posinf=1e5, neginf=-1e5, out=parameter.grad)


@healthy("four phases that switch gradients", settings=only("ring-mlp", "digits-mlp"), losses=("nonsaturating",))
class Phases(Style):
    """stylegan2-ada-pytorch: main and lazy penalty phases of each player, G's first; nothing takes gradients but the
    player of the phase; gradients are made finite; an average with a ramp. One real batch and all z are drawn before.
    What D sees has a little noise of a random size, as one of the augmentations."""

    every, gamma, splits = {"Gmain": 1, "Greg": 4, "Dmain": 1, "Dreg": 16}, 1.0, 2
    noise_std = 0.05

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.average = frozen_copy(self.G)
        toggle(self.G, False), toggle(self.D, False)

    def optimizers(self):
        made = []
        for net, every in ((self.D, self.every["Dreg"]), (self.G, self.every["Greg"])):
            ratio = every / (every + 1)
            rate = self.pace * self.setting.rate * ratio
            made.append(Adam(net.parameters(), lr=rate, betas=(0.0, 0.99**ratio), eps=1e-8))
        return tuple(made)

    def run_d(self, x: Tensor) -> Tensor:
        sizes = torch.randn(len(x), *[1] * (x.ndim - 1)).abs() * self.noise_std
        return self.D(x + sizes * torch.randn_like(x))

    def accumulate(self, phase: str, real: Tensor, z: Tensor, gain: int) -> None:
        if phase == "Gmain":
            softplus(-self.run_d(self.G(z))).mean().backward()
        elif phase == "Greg":
            loss = self.path_length(*self.G(z[: len(z) // 2], with_w=True))
            (loss * self.path_weight * gain).backward()
        else:
            if phase == "Dmain":
                softplus(self.run_d(self.G(z))).mean().backward()
            real = real.detach().requires_grad_(phase == "Dreg")
            logits = self.run_d(real)
            loss = softplus(-logits) if phase == "Dmain" else squared_slopes(logits, real) * self.gamma / 2 * gain
            (0 * logits + loss).mean().backward()

    def round(self):
        real = self.real().chunk(self.splits)
        latents = {phase: self.noise().chunk(self.splits) for phase in self.every}
        for phase, every in self.every.items():
            if self.rounds % every:
                continue
            net, optimizer = (self.G, self.step_g) if phase[0] == "G" else (self.D, self.step_d)
            optimizer.zero_grad(set_to_none=True)
            net.requires_grad_(True)
            for x, z in zip(real, latents[phase], strict=True):
                self.accumulate(phase, x, z, every)
            net.requires_grad_(False)
            made_finite(net)
            optimizer.step()
        average(self.average, self.G, min(0.998, 0.05 * (1 + self.rounds)))
        self.rounds += 1


class Tuned(Style):
    """An augmentation whose probability follows the share of real samples that D calls real."""

    gamma, target, speed = 0.2, 0.6, 0.004

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.signs, self.average = [], frozen_copy(self.G)

    def discriminator(self):
        return self.build_d(norm="none")

    def optimizers(self):
        self.augment = Augmented(torch.nn.Identity(), ["shift", "brightness", "contrast"], p=0.0, fill=-1.0)
        rates = {"lr": self.pace * self.setting.rate, "betas": (0.0, 0.99)}
        return Adam(self.D.parameters(), **rates), Adam(self.G.parameters(), **rates)

    def tune(self, logits: Tensor) -> None:
        self.signs.append(logits.detach().sign().mean().item())
        if len(self.signs) == 4:
            ahead = sum(self.signs) / 4 > self.target
            self.augment.p.add_(self.speed if ahead else -self.speed).clamp_(0, 0.8)
            self.signs.clear()


@healthy("augmentation by what D says", settings=only("digits-dcgan", "digits-mlp"), losses=("nonsaturating",))
class Adaptive(Tuned):
    """stylegan2-pytorch by rosinality: D, R1 every 16th round as a step of its own, G, path length every 4th round;
    all that D sees is augmented, with a probability that follows the share of real samples D calls real.
    """

    def play_d(self) -> None:
        toggle(self.G, False), toggle(self.D, True)
        real = self.real()
        fake = self.augment(self.G(self.noise()))
        fakes, reals = self.D(fake), self.D(self.augment(real))
        self.D.zero_grad()
        (softplus(-reals).mean() + softplus(fakes).mean()).backward()
        self.step_d.step()
        self.tune(reals)
        if self.rounds % 16 == 0:
            real.requires_grad = True
            logits = self.D(self.augment(real))
            penalty = squared_slopes(logits, real).mean()
            self.D.zero_grad()
            (self.gamma / 2 * penalty * 16 + 0 * logits[0]).backward()
            self.step_d.step()

    def play_g(self) -> None:
        toggle(self.G, True), toggle(self.D, False)
        loss = softplus(-self.D(self.augment(self.G(self.noise())))).mean()
        self.G.zero_grad()
        loss.backward()
        self.step_g.step()
        if self.rounds % 4 == 0:
            fake, w = self.G(self.noise()[: self.batch // 2], with_w=True)
            self.G.zero_grad()
            (self.path_weight * 4 * self.path_length(fake, w) + 0 * fake.flatten()[0]).backward()
            self.step_g.step()

    def round(self):
        self.play_d()
        self.play_g()
        average(self.average, self.G, 0.5 ** (32 / 10000))
        self.rounds += 1
