"""Sick by what the players are told: signs, targets, sigmoids, a loss without D."""

import torch
from torch import nn
from torch.nn.functional import logsigmoid

from ganlab.clinic._games.third.well_d_twins import GeneratorFirst, OneShuffled
from ganlab.clinic._games.third.well_d_twins_more import Averages, Bounded
from ganlab.clinic.games import only, sick


@sick("sign-turned", "averages not exchanged", twin=Averages, settings=only("ring-mlp"), losses=("least_squares",))
class NotExchanged(Averages):
    """G's loss has its two arguments in D's order: generated samples should lie below real ones."""

    def train_g(self):
        with torch.no_grad():
            real = self.D(self.real())
        fake = self.D(self.G(self.noise()))
        self.step_g.zero_grad()
        self.compared(real, fake).backward()
        self.step_g.step()


class Reversed(torch.autograd.Function):
    """What comes in; the gradient with its sign turned."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, slope):
        return -slope


@sick("sign-turned", "a reversal layer too many", twin=GeneratorFirst,
      settings=only("digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class ReversedTwice(GeneratorFirst):
    """A layer reverses the gradient on its way to G, and G's loss asks for "valid" already."""

    def train_g(self, valid):
        self.step_g.zero_grad()
        gen_imgs = self.G(self.noise())
        self.adversarial_loss(self.D(Reversed.apply(gen_imgs)), valid).backward()
        self.step_g.step()
        return gen_imgs


@sick("targets-swapped", "valid and fake mixed up in D's step", twin=GeneratorFirst,
      settings=only("digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class MixedUp(GeneratorFirst):
    """D's step gets zeros for valid, and ones for fake."""

    def round(self):
        real_imgs = self.real()
        valid, fake = torch.ones(len(real_imgs), 1), torch.zeros(len(real_imgs), 1)
        gen_imgs = self.train_g(valid)
        self.train_d(real_imgs, gen_imgs, fake, valid)
        self.rounds += 1


@sick("targets-broadcast", "a column against a shuffled row", twin=OneShuffled,
      settings=only("digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class ColumnAndRow(OneShuffled):
    """A cross-entropy of logarithms of sigmoids: logits are a column, targets a row."""

    def judged(self, logits, target):
        return -(target * logsigmoid(logits) + (1 - target) * logsigmoid(-logits)).mean()


@sick("loss-without-D", "a weight of 0 for the judgement", twin=GeneratorFirst,
      settings=only("digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class WeightZero(GeneratorFirst):
    """Distance to a real sample plus 0 times what D says: the weight is a whole number, 1 // 10."""

    weight = 1 // 10

    def round(self):
        real_imgs = self.real()
        valid, fake = torch.ones(len(real_imgs), 1), torch.zeros(len(real_imgs), 1)
        self.step_g.zero_grad()
        gen_imgs = self.G(self.noise())
        loss = (gen_imgs - real_imgs).abs().mean() + self.weight * self.adversarial_loss(self.D(gen_imgs), valid)
        loss.backward()
        self.step_g.step()
        self.train_d(real_imgs, gen_imgs, valid, fake)
        self.rounds += 1


@sick("double-sigmoid", "under a bound on each number", twin=Bounded,
      settings=only("digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class SigmoidUnderBound(Bounded):
    """Somebody put a sigmoid behind D, and the loss on logits was left where it was."""

    def discriminator(self):
        return super().discriminator().append(nn.Sigmoid())
