"""Healthy, with other optimizers, schedules and numbers of steps."""

import copy
import math

import torch
from torch.optim import SGD, Adagrad, Adam, Adamax, AdamW, NAdam, RAdam, RMSprop
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, OneCycleLR

from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


@healthy("Adagrad", settings=only("ring-mlp", "digits-mlp", "digits-dcgan"), losses=("hinge",))
class Adagrads(Plain):
    """Adagrad, whose steps shrink by themselves."""

    def optimizers(self):
        return Adagrad(self.D.parameters(), lr=0.01), Adagrad(self.G.parameters(), lr=0.01)


@healthy("NAdam and RAdam", settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"), losses=("nonsaturating",))
class Cousins(Plain):
    """RAdam for D, NAdam for G."""

    def optimizers(self):
        rate = self.setting.rate
        return (
            RAdam(self.D.parameters(), lr=rate, betas=(0.5, 0.999)),
            NAdam(self.G.parameters(), lr=rate, betas=(0.5, 0.999)),
        )


@healthy("Adamax and amsgrad", settings=only("ring-mlp", "grid-resmlp"), losses=("wasserstein",))
class Variants(Plain):
    """Adamax for the critic, Adam with amsgrad for G."""

    def optimizers(self):
        rate = self.setting.rate
        return (
            Adamax(self.D.parameters(), lr=2 * rate, betas=(0.5, 0.999)),
            Adam(self.G.parameters(), lr=rate, betas=(0.5, 0.999), amsgrad=True),
        )


@healthy("SGD on gradients of length 1", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("hinge",))
class UnitLength(Plain):
    """Each tensor's gradient is brought to its weights' length before a step of SGD with a small rate."""

    def optimizers(self):
        return SGD(self.D.parameters(), lr=0.01), SGD(self.G.parameters(), lr=0.01)

    def even(self, net):
        for p in net.parameters():
            p.grad.mul_((p.norm() + 0.1) / (p.grad.norm() + 1e-8))

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        self.d_loss(self.D(real), self.D(fake)).backward()
        self.even(self.D)
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        self.g_loss(self.D(self.G(self.noise()))).backward()
        self.even(self.G)
        self.step_g.step()


@healthy("rates x 1/6", settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"), losses=("nonsaturating",))
class Patient(Plain):
    """It gets there, in six times the rounds."""

    rate_d = rate_g = 1 / 6


@healthy("rates x 4, beta2 0.9", settings=only("ring-mlp", "digits-dcgan", "garments-dcgan"), losses=("wasserstein",))
class Hasty(Plain):
    """Four times the usual rate."""

    rate_d = rate_g = 4.0
    betas = (0.0, 0.9)


class Scheduled(Plain):
    """Two schedulers that step at each round's end."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.schedules = [self.schedule(optimizer) for optimizer in (self.step_d, self.step_g)]

    def round(self):
        super().round()
        for schedule in self.schedules:
            schedule.step()


@healthy("cosine", settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"), losses=("nonsaturating",))
class Cosine(Scheduled):
    """CosineAnnealingLR over the whole run, down to a twentieth."""

    def schedule(self, optimizer):
        return CosineAnnealingLR(optimizer, self.setting.steps, eta_min=self.setting.rate / 20)


@healthy("one cycle", settings=only("ring-mlp", "digits-mlp", "digits-dcgan"), losses=("hinge",))
class OneCycle(Scheduled):
    """OneCycleLR up to three times the rate, with its cycle of momentum turned off."""

    def schedule(self, optimizer):
        steps = self.setting.steps + 1
        return OneCycleLR(optimizer, 3 * self.setting.rate, total_steps=steps, cycle_momentum=False)


@healthy("restarts", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("wasserstein",))
class Restarts(Scheduled):
    """Saw teeth: each hundred rounds the rate falls to a tenth, and starts anew."""

    def schedule(self, optimizer):
        return LambdaLR(optimizer, lambda k: 0.1 + 0.9 * (1 + math.cos(math.pi * (k % 100) / 100)))


@healthy("turns of three", settings=only("ring-mlp", "grid-resmlp"), losses=("nonsaturating",))
class TurnsOfThree(Plain):
    """Three steps of D, then three of G: long turns for both."""

    def round(self):
        for train in (self.train_d, self.train_g):
            for _ in range(3):
                train()
        self.rounds += 1


@healthy("batches that grow", settings=only("ring-mlp", "digits-mlp"), losses=("wasserstein",))
class Growing(Plain):
    """From 12 samples a step up to 76."""

    def round(self):
        self.batch = min(76, 12 + 4 * (self.rounds // 30))
        super().round()


@healthy("many steps of D at first", settings=only("ring-mlp", "digits-mlp", "digits-dcgan"), losses=("wasserstein",))
class ManyAtFirst(Plain):
    """Ten critic steps in the first ten rounds and in every fiftieth, else two."""

    def round(self):
        self.critic_steps = 10 if self.rounds < 10 or self.rounds % 50 == 0 else 2
        super().round()


@healthy("decay, and half an average", settings=only("grid-resmlp", "digits-mlp"), losses=("hinge",))
class DecayAndAverage(Plain):
    """AdamW with 0.05 on D, RMSprop with momentum on G, and samples of an average whose share warms up."""

    def optimizers(self):
        rate = self.setting.rate
        return (
            AdamW(self.D.parameters(), lr=rate, betas=(0.5, 0.99), weight_decay=0.05),
            RMSprop(self.G.parameters(), lr=rate / 5, alpha=0.99, momentum=0.5),
        )

    def round(self):
        if self.rounds == 0:
            self.mean = copy.deepcopy(self.G)
        super().round()
        keep = min(0.98, (1 + self.rounds) / (10 + self.rounds))
        with torch.no_grad():
            for mean, now in zip(self.mean.parameters(), self.G.parameters(), strict=True):
                mean.mul_(keep).add_(now, alpha=1 - keep)

    @torch.no_grad()
    def sample(self, n):
        return (self.G if self.rounds == 0 else self.mean)(torch.randn(n, self.latent))
