"""Faults in the loops with a critic."""

from torch import nn

from ganlab.clinic._games.fourth.well_f_critics import (
    ClampedCritic,
    CriticLoss,
    EveryThird,
    GeneratorLoss,
    LossObjects,
    ToyPenalty,
)
from ganlab.clinic._games.fourth.well_f_parts import between, slope_penalty
from ganlab.clinic.games import only, sick

LOSSES = ("wasserstein",)
RING, DIGITS, BOTH = only("ring-mlp"), only("digits-mlp"), only("ring-mlp", "digits-mlp")


@sick(
    "weights-at-clip-bound",
    "WassersteinGAN, the paper's 0.01",
    twin=ClampedCritic,
    settings=only("digits-dcgan"),
    losses=LOSSES,
)
class PaperBound(ClampedCritic):
    """The bound of the paper's networks, on these."""

    clamp = 0.01


@sick("critic-unbounded", "torchgan, penalty not in the list", twin=LossObjects, settings=DIGITS, losses=LOSSES)
class NotListed(LossObjects):
    """The list of losses was made without the penalty."""

    criteria = (CriticLoss(), GeneratorLoss())


@sick("wasserstein-on-sigmoid", "torchgan, DCGAN's discriminator", twin=LossObjects, settings=BOTH, losses=LOSSES)
class OldDiscriminator(LossObjects):
    """The discriminator of a DCGAN, with its last sigmoid, plays the critic."""

    def discriminator(self):
        return nn.Sequential(self.build_d(), nn.Sigmoid())


@sick("wasserstein-on-sigmoid", "WassersteinGAN, sigmoid kept", twin=ClampedCritic, settings=RING, losses=LOSSES)
class KeptSigmoid(ClampedCritic):
    """The sigmoid at the end of D was not taken out."""

    def discriminator(self):
        return nn.Sequential(self.build_d(), nn.Sigmoid())


@sick(
    "sign-turned", "wgan-gp toy, one for mone", twin=ToyPenalty, settings=only("ring-mlp", "grid-resmlp"), losses=LOSSES
)  # fmt: skip
class OneForMone(ToyPenalty):
    """backward(one) in G's step, where mone belongs."""

    def generator_step(self):
        self.G.zero_grad()
        self.D(self.G(self.noise())).mean().backward(self.one)
        self.step_g.step()


@sick("fixed-latents", "PyTorch-GAN wgan_gp, z made once", twin=EveryThird, settings=BOTH, losses=LOSSES)
class MadeOnce(EveryThird):
    """z is made before the loop."""

    def noise(self):
        if self.rounds == 0:
            self.z = super().noise()
        return self.z


class ClearedBehind:
    """A loss of D with zero_grad moved behind the step."""

    def __init__(self, loss):
        self.loss = loss

    def train_ops(self, game):
        loss = self.loss(game, game.G(game.noise()).detach())
        loss.backward()
        game.step_d.step()
        game.step_d.zero_grad()
        return loss.item()


def critic_mean(game, fake):
    return game.D(fake).mean() - game.D(game.batch_of_real).mean()


def penalty(game, fake):
    return game.setting.gamma * slope_penalty(game.D, between(game.batch_of_real, fake))


@sick(
    "discriminator-gradients-leak", "torchgan, cleared behind the step", twin=LossObjects, settings=BOTH, losses=LOSSES
)  # fmt: skip
class Behind(LossObjects):
    """D's losses clear behind their step, and G's loss leaves its gradients in D for the next of them."""

    criteria = (ClearedBehind(critic_mean), ClearedBehind(penalty), GeneratorLoss())
