"""Loops from papers on convergence: penalties at every step, several backward calls, plain gradient descent."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from torch.optim import SGD, Adam, RMSprop

from ganlab.clinic._games.fourth.well_g_parts import average, frozen_copy, squared_slopes, toggle
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain

POINTS = only("ring-mlp", "grid-resmlp")


@healthy("R1 by a second backward call", settings=only("ring-mlp", "digits-mlp"), losses=("nonsaturating",))
class Stable(Plain):
    """GAN_stability: gradients toggled, RMSprop, full targets for each call, and in D's step the loss on real samples
    goes backward first with its graph kept, then the penalty on the same logits, then the loss on generated ones.
    """

    gamma, pace = 0.1, 0.5

    def optimizers(self):
        rate = self.setting.rate * self.pace
        return tuple(RMSprop(net.parameters(), lr=rate, alpha=0.99, eps=1e-8) for net in (self.D, self.G))

    def judged(self, logits: Tensor, target: int) -> Tensor:
        return binary_cross_entropy_with_logits(logits, logits.new_full(logits.size(), target))

    def train_d(self):
        toggle(self.G, False), toggle(self.D, True)
        self.G.train(), self.D.train()
        self.step_d.zero_grad()
        real = self.real().requires_grad_()
        logits = self.D(real)
        self.judged(logits, 1).backward(retain_graph=True)
        (self.gamma * squared_slopes(logits, real).mean()).backward()
        with torch.no_grad():
            fake = self.G(self.noise())
        fake.requires_grad_()
        self.judged(self.D(fake), 0).backward()
        self.step_d.step()
        toggle(self.D, False)

    def train_g(self):
        toggle(self.G, True), toggle(self.D, False)
        self.G.train(), self.D.train()
        self.step_g.zero_grad()
        self.judged(self.D(self.G(self.noise())), 1).backward()
        self.step_g.step()

    def round(self):
        self.train_g()
        self.train_d()
        self.rounds += 1


class Residual(nn.Module):
    """Blocks x + f(x), the last layer of each f zero at first, with a scale on every f."""

    def __init__(self, inputs: int, outputs: int, width: int = 48, blocks: int = 4):
        super().__init__()
        self.first = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, width)) for _ in range(blocks)
        )
        self.last = nn.Linear(width, outputs)
        self.start(width, blocks)

    def start(self, width: int, blocks: int) -> None:
        for block in self.blocks:
            nn.init.kaiming_normal_(block[0].weight, a=0.2)
            block[0].weight.data.mul_(blocks**-0.5)
            nn.init.zeros_(block[2].weight)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x.flatten(1))
        for block in self.blocks:
            h = h + block(h)
        return self.last(h)


class Judge(Residual):
    """The same with one logit, (batch,)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).squeeze(1)


@healthy("relativistic with two penalties", settings=POINTS, losses=("relativistic",))
class Relativistic(Plain):
    """R3GAN: pairs of samples, penalties on real and generated ones at every step, weights that start small in deep
    residual networks, and rate, second beta and penalty on a cosine from one value to another; an average of G.
    """

    gammas, seconds, falls, horizon = (0.5, 0.05), (0.9, 0.99), (2.0, 0.5), 1500

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.average = frozen_copy(self.G)

    def generator(self):
        return Residual(self.latent, self.data.shape[0])

    def discriminator(self):
        return Judge(self.data.shape[0], 1)

    def optimizers(self):
        return tuple(Adam(net.parameters(), lr=self.setting.rate, betas=(0.0, 0.9)) for net in (self.D, self.G))

    def now(self, span: tuple[float, float]) -> float:
        share = (1 + math.cos(math.pi * min(1.0, self.rounds / self.horizon))) / 2
        return span[1] + (span[0] - span[1]) * share

    def schedule(self) -> float:
        for optimizer in (self.step_d, self.step_g):
            for group in optimizer.param_groups:
                group["lr"] = self.setting.rate * self.now(self.falls)
                group["betas"] = (0.0, self.now(self.seconds))
        return self.now(self.gammas)

    def train_d(self):
        gamma = self.schedule()
        self.step_d.zero_grad(set_to_none=True)
        real = self.real().detach().requires_grad_(True)
        fake = self.G(self.noise()).detach().requires_grad_(True)
        said_real, said_fake = self.D(real), self.D(fake)
        penalty = squared_slopes(said_real, real) + squared_slopes(said_fake, fake)
        (softplus(said_fake - said_real) + gamma / 2 * penalty).mean().backward()
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad(set_to_none=True)
        real = self.real().detach()
        ahead = self.D(self.G(self.noise())) - self.D(real)
        softplus(-ahead).mean().backward()
        self.step_g.step()
        average(self.average, self.G, 0.99)


@healthy("descent with a norm that is held", settings=only("ring-mlp", "grid-resmlp"), losses=("nonsaturating",))
class Descent(Plain):
    """BigGAN-like trainer options in GAN_stability's loop: no Adam but plain gradient descent at a high rate, which
    stands because the norm of each player's gradient is held; R1 in the same backward call; D's norm is logged.
    """

    speed_d, speed_g, most, gamma = 0.5, 0.5, 0.5, 0.02

    def optimizers(self):
        return SGD(self.D.parameters(), self.speed_d, momentum=0.5), SGD(self.G.parameters(), self.speed_g)

    def held(self, net: nn.Module, loss: Tensor) -> float:
        loss.backward()
        return nn.utils.clip_grad_norm_(net.parameters(), self.most).item()

    def train_d(self):
        real = self.real().requires_grad_()
        with torch.no_grad():
            fake = self.G(self.noise())
        self.step_d.zero_grad()
        said = self.D(real)
        loss = softplus(-said).mean() + softplus(self.D(fake)).mean()
        self.norm_d = self.held(self.D, loss + self.gamma * squared_slopes(said, real).mean())
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        self.held(self.G, softplus(-self.D(self.G(self.noise()))).mean())
        self.step_g.step()


@healthy("a critic that starts flat", settings=POINTS, losses=("wasserstein",))
class Flat(Plain):
    """GAN_stability's WGAN-GP: the slope is the root of a sum of squares, taken in a backward call of its own; the
    critic is residual and its last layer starts at zero; plain descent for it, and Adam for G.
    """

    gamma, tiny, repeats, speed = 1.0, 1e-8, 2, 0.02

    def discriminator(self):
        D = Judge(self.data.shape[0], 1)
        nn.init.zeros_(D.last.weight)
        return D

    def optimizers(self):
        step_d = SGD(self.D.parameters(), self.speed)
        return step_d, Adam(self.G.parameters(), self.setting.rate / 2, betas=(0.0, 0.9))

    def regularise(self, real: Tensor, fake: Tensor) -> None:
        share = torch.rand(len(real), 1)
        between = (share * real + (1 - share) * fake).detach().requires_grad_()
        slope = (squared_slopes(self.D(between), between) + self.tiny).sqrt()
        (self.gamma * (slope - 1).square().mean()).backward()

    def train_d(self):
        real = self.real()
        with torch.no_grad():
            fake = self.G(self.noise())
        self.step_d.zero_grad()
        (-self.D(real).mean()).backward()
        self.D(fake).mean().backward()
        self.regularise(real, fake)
        self.step_d.step()

    def round(self):
        for _ in range(self.repeats):
            self.train_d()
        self.train_g()
        self.rounds += 1
