"""Sick by how the steps are written: gradients that stay, optimizers that hold too much."""

import torch
from torch import nn
from torch.nn.functional import mse_loss, relu, softplus
from torch.optim import Adam, AdamW

from ganlab.clinic._games.second.well_a_twins import Attentive, Gated, Remembering, Sines, Tutorial
from ganlab.clinic.games import only, sick


@sick("gradients-not-cleared", "once in eight rounds", twin=Gated,
      settings=only("digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class OnceInEight(Gated):
    """Meant to add up eight batches: gradients are cleared in every eighth round, but the steps are taken in each."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        if self.rounds % 8 == 0:
            self.step_d.zero_grad()
        (softplus(-self.D(real)).mean() + softplus(self.D(fake)).mean() + 0.05 * self.real_slope(real)).backward()
        self.step_d.step()

    def train_g(self):
        if self.rounds % 8 == 0:
            self.step_g.zero_grad()
        softplus(-self.D(self.G(self.noise()))).mean().backward()
        self.step_g.step()


@sick("gradients-not-cleared", "the wrong name twice", twin=Remembering,
      settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("least_squares",))  # fmt: skip
class WrongName(Remembering):
    """G's step clears D's gradients again, not G's."""

    def train_g(self):
        fake = self.D(self.G(self.noise()))
        self.step_d.zero_grad()
        mse_loss(fake, torch.ones_like(fake)).backward()
        self.step_g.step()


@sick("gradients-not-cleared", "in the critic's inner loop", twin=Sines,
      settings=only("digits-mlp"), losses=("wasserstein",))  # fmt: skip
class InnerLoop(Sines):
    """The critic is cleared when the run starts; its inner loop has no line for it."""

    def round(self):
        for _ in range(self.critic_steps):
            real, fake = self.real(), self.G(self.noise()).detach()
            (self.D(fake).mean() - self.D(real).mean() + self.weight * self.slope_term(real, fake)).backward()
            self.step_d.step()
        self.step_g.zero_grad()
        critic = self.D.requires_grad_(False)
        (-critic(self.G(self.noise())).mean()).backward()
        self.step_g.step()
        self.D.requires_grad_(True)
        self.rounds += 1


@sick("discriminator-gradients-leak", "both backward, then both steps", twin=Attentive,
      settings=only("digits-mlp", "digits-dcgan"), losses=("hinge",))  # fmt: skip
class BothBackward(Attentive):
    """Two backward passes before two steps: what G's loss left in D is added to D's own."""

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        self.step_d.zero_grad()
        self.step_g.zero_grad()
        d_loss = relu(1 - self.D(real)).mean() + relu(1 + self.D(fake.detach())).mean()
        d_loss.backward()
        g_loss = -self.D(fake).mean()
        g_loss.backward()
        self.step_d.step()
        self.step_g.step()
        self.follow()
        self.rounds += 1


@sick("discriminator-gradients-leak", "cleared by G's optimizer", twin=Remembering,
      settings=only("digits-mlp"), losses=("least_squares",))  # fmt: skip
class ClearedByOther(Remembering):
    """D's step calls zero_grad of G's optimizer, and D is cleared only when its step is over."""

    def train_d(self):
        real, fake = self.D(self.real()), self.D(self.remembered(self.G(self.noise()).detach()))
        self.step_g.zero_grad()
        (mse_loss(real, torch.ones_like(real)) + mse_loss(fake, torch.zeros_like(fake))).div(2).backward()
        self.step_d.step()
        self.D.zero_grad()


@sick("foreign-optimizer", "one list of modules", twin=Remembering,
      settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("least_squares",))  # fmt: skip
class OneList(Remembering):
    """G's Adam was built from the list of both networks."""

    def optimizers(self):
        rate, both = self.setting.rate, nn.ModuleList([self.G, self.D])
        return (
            Adam(self.D.parameters(), lr=rate, betas=self.betas),
            Adam(both.parameters(), lr=rate, betas=self.betas),
        )


@sick("foreign-optimizer", "D as a second group", twin=Gated,
      settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class SecondGroup(Gated):
    """G's AdamW has two groups, and the second is D."""

    def optimizers(self):
        rate = self.setting.rate
        groups = [{"params": self.G.parameters()}, {"params": self.D.parameters(), "lr": 2 * rate}]
        return (
            AdamW(self.D.parameters(), lr=2 * rate, betas=(0.0, 0.99), weight_decay=1e-3),
            AdamW(groups, lr=rate, betas=(0.0, 0.99), weight_decay=1e-3),
        )


@sick("foreign-optimizer", "everything in both", twin=Tutorial,
      settings=only("ring-mlp"), losses=("nonsaturating",))  # fmt: skip
class EverythingInBoth(Tutorial):
    """Both optimizers hold both players, and generated samples are not detached for D."""

    def optimizers(self):
        everything = [*self.D.parameters(), *self.G.parameters()]
        rate = self.setting.rate
        return Adam(everything, lr=rate, betas=(0.5, 0.999)), Adam(everything, lr=rate, betas=(0.5, 0.999))

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        ones, zeros = torch.ones(len(real)), torch.zeros(len(fake))
        self.step_d.zero_grad()
        (self.criterion(self.D(real).view(-1), ones) + self.criterion(self.D(fake).view(-1), zeros)).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        self.criterion(self.D(self.G(self.noise())).view(-1), ones).backward()
        self.step_g.step()
        self.rounds += 1
