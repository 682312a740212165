"""Critics: clamped weights, penalties in their own backward call, losses that step by themselves."""

import torch
from torch.optim import Adam, RMSprop

from ganlab.clinic._games.fourth.well_f_parts import between, slope_penalty, switch
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


@healthy(
    "WassersteinGAN, backward(one) and backward(mone)",
    settings=only("ring-mlp", "digits-dcgan"), losses=("wasserstein",),
)  # fmt: skip
class ClampedCritic(Plain):
    """martinarjovsky/WassersteinGAN: weights clamped before each step, many steps at first, D low on real."""

    clamp = 0.1
    one = torch.ones(1)
    mone = -one

    def optimizers(self):
        rate = self.setting.rate
        return RMSprop(self.D.parameters(), lr=rate), RMSprop(self.G.parameters(), lr=rate)

    def clamp_weights(self):
        for p in self.D.parameters():
            p.data.clamp_(-self.clamp, self.clamp)

    def critic_step(self):
        self.clamp_weights()
        self.D.zero_grad()
        self.D(self.real()).mean(0).view(1).backward(self.one)
        with torch.no_grad():
            fake = self.G(self.noise())
        self.D(fake).mean(0).view(1).backward(self.mone)
        self.step_d.step()

    def round(self):
        switch(self.D, True)
        for _ in range(25 if self.rounds < 10 or self.rounds % 250 == 0 else 5):
            self.critic_step()
        switch(self.D, False)
        self.G.zero_grad()
        self.D(self.G(self.noise())).mean(0).view(1).backward(self.one)
        self.step_g.step()
        self.rounds += 1


@healthy(
    "wgan-gp toy, three backward calls in a critic step",
    settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("wasserstein",),
)  # fmt: skip
class ToyPenalty(Plain):
    """caogang/wgan-gp: real, fake and penalty each with its own backward, D frozen by requires_grad for G's step."""

    betas = (0.5, 0.9)
    weight = 0.1
    one, mone = torch.tensor(1.0), torch.tensor(-1.0)

    def critic_iterations(self):
        return 5 if not self.setting.images else 3

    def critic_step(self, real):
        self.D.zero_grad()
        self.D(real).mean().backward(self.mone)
        with torch.no_grad():
            fake = self.G(self.noise())
        self.D(fake).mean().backward(self.one)
        (self.weight * slope_penalty(self.D, between(real, fake))).backward(self.one)
        self.step_d.step()

    def generator_step(self):
        self.G.zero_grad()
        self.D(self.G(self.noise())).mean().backward(self.mone)
        self.step_g.step()

    def round(self):
        switch(self.D, True)
        for _ in range(self.critic_iterations()):
            self.critic_step(self.real())
        switch(self.D, False)
        self.generator_step()
        self.rounds += 1


@healthy(
    "PyTorch-GAN wgan_gp, G only each third batch",
    settings=only("ring-mlp", "digits-mlp"), losses=("wasserstein",),
)  # fmt: skip
class EveryThird(Plain):
    """eriklindernoren/PyTorch-GAN, wgan_gp: fakes not detached for D, G steps each n-th batch with the same z."""

    n_critic = 3
    betas = (0.5, 0.999)

    def optimizers(self):
        rate = 2 * self.setting.rate
        return Adam(self.D.parameters(), rate, self.betas), Adam(self.G.parameters(), rate, self.betas)

    def round(self):
        real, z = self.real(), self.noise()
        self.step_d.zero_grad()
        fake = self.G(z)
        penalty = self.setting.gamma / 2 * slope_penalty(self.D, between(real.data, fake.data))
        d_loss = -self.D(real).mean() + self.D(fake).mean() + penalty
        d_loss.backward()
        self.step_d.step()

        self.step_g.zero_grad()
        if self.rounds % self.n_critic == 0:
            (-self.D(self.G(z)).mean()).backward()
            self.step_g.step()
        self.rounds += 1


class CriticLoss:
    """The critic's two means, as an object that steps."""

    def train_ops(self, game):
        game.step_d.zero_grad()
        fake = game.G(game.noise()).detach()
        loss = game.D(fake).mean() - game.D(game.batch_of_real).mean()
        loss.backward()
        game.step_d.step()
        return loss.item()


class PenaltyLoss:
    """The gradient penalty, as an object that steps."""

    def train_ops(self, game):
        game.step_d.zero_grad()
        fake = game.G(game.noise()).detach()
        loss = game.setting.gamma * slope_penalty(game.D, between(game.batch_of_real, fake))
        loss.backward()
        game.step_d.step()
        return loss.item()


class GeneratorLoss:
    """The generator's mean, as an object that steps."""

    def train_ops(self, game):
        game.step_g.zero_grad()
        loss = -game.D(game.G(game.noise())).mean()
        loss.backward()
        game.step_g.step()
        return loss.item()


@healthy(
    "torchgan, each loss object steps by itself",
    settings=only("ring-mlp", "digits-mlp", "garments-dcgan"), losses=("wasserstein",),
)  # fmt: skip
class LossObjects(Plain):
    """torchgan's trainer: a list of loss objects, each with its own zero_grad, backward and step, the penalty's too."""

    criteria = (CriticLoss(), PenaltyLoss(), GeneratorLoss())

    def round(self):
        self.batch_of_real = self.real()
        self.log = {type(each).__name__: each.train_ops(self) for each in self.criteria}
        self.rounds += 1
