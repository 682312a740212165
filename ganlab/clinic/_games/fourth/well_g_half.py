"""Loops with a buffer of older samples, and in half precision."""

import torch
from torch import Tensor
from torch.amp import GradScaler, autocast
from torch.nn.functional import cross_entropy, relu
from torch.optim import Adam

from ganlab.clinic._games.fourth.well_g_parts import average, frozen_copy, toggle
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


@healthy("a buffer of older samples, two classes", settings=only("ring-mlp", "grid-resmlp"), losses=("nonsaturating",))
class Buffered(Plain):
    """SimGAN: D has two outputs and a cross-entropy; half of the generated samples it sees come from a buffer of older
    ones, of which as many are replaced at random; G steps twice before D once.
    """

    generator_steps, kept = 2, 8

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        with torch.no_grad():
            self.buffer = torch.cat([self.G(self.noise()) for _ in range(self.kept)])

    def discriminator(self):
        return self.build_d(outputs=2)

    def judged(self, x: Tensor, target: int) -> Tensor:
        return cross_entropy(self.D(x), torch.full((len(x),), target))

    def with_older(self, fake: Tensor) -> Tensor:
        half = len(fake) // 2
        places = torch.randperm(len(self.buffer))[:half]
        older = self.buffer[places]
        self.buffer[places] = fake[:half]
        return torch.cat([older, fake[half:]])

    def round(self):
        for _ in range(self.generator_steps):
            self.step_g.zero_grad()
            self.judged(self.G(self.noise()), 1).backward()
            self.step_g.step()
        fake = self.with_older(self.G(self.noise()).detach())
        self.step_d.zero_grad()
        (self.judged(self.real(), 1) + self.judged(fake, 0)).backward()
        self.step_d.step()
        self.rounds += 1


@healthy("half precision, two parts a step", settings=only("ring-mlp", "digits-mlp"), losses=("hinge",))
class Mixed(Plain):
    """StudioGAN: gradients toggled, two steps of D before G's, each from accumulated parts under autocast with a scaled
    loss, LeCam's pull of each answer towards the mean answer on the other kind, an average of G.
    """

    steps_d, parts, pull, decay = 2, 2, 0.1, 0.9

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.average, self.means = frozen_copy(self.G), torch.zeros(2)

    def optimizers(self):
        self.scaler = GradScaler("cpu", init_scale=2.0**12)
        rate = self.setting.rate
        return Adam(self.D.parameters(), 2 * rate, (0.5, 0.999)), Adam(self.G.parameters(), rate, (0.5, 0.999))

    def backward(self, loss: Tensor) -> None:
        self.scaler.scale(loss / self.parts).backward()

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        self.scaler.step(optimizer)
        self.scaler.update()

    def pulled(self, real: Tensor, fake: Tensor) -> Tensor:
        now = torch.stack([real.mean(), fake.mean()]).detach().float()
        self.means = torch.lerp(now, self.means, self.decay)
        return (relu(real - self.means[1]).square() + relu(self.means[0] - fake).square()).mean()

    def train_d(self):
        self.step_d.zero_grad()
        for _ in range(self.parts):
            with autocast("cpu", dtype=torch.float16):
                real, fake = self.D(self.real()), self.D(self.G(self.noise()).detach())
                loss = relu(1 - real).mean() + relu(1 + fake).mean() + self.pull * self.pulled(real, fake)
            self.backward(loss)
        self.step(self.step_d)

    def train_g(self):
        self.step_g.zero_grad()
        for _ in range(self.parts):
            with autocast("cpu", dtype=torch.float16):
                loss = -self.D(self.G(self.noise())).mean()
            self.backward(loss)
        self.step(self.step_g)

    def round(self):
        toggle(self.G, False), toggle(self.D, True)
        for _ in range(self.steps_d):
            self.train_d()
        toggle(self.G, True), toggle(self.D, False)
        self.train_g()
        average(self.average, self.G, 0.99)
        self.rounds += 1
