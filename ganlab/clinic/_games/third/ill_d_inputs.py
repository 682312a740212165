"""Sick by what goes in, or by numbers that are none."""

from functools import cached_property

import torch
from torch import nn

from ganlab.clinic._games.third import well_d_twins_nets as nets
from ganlab.clinic._games.third.well_d_twins import GeneratorFirst, OneSided
from ganlab.clinic._games.third.well_d_twins_more import Blank, BoxMuller, Brain, Embedded, LearnedTemperature
from ganlab.clinic.games import only, sick


@sick("one-batch", "a cached property", twin=OneSided, settings=only("digits-mlp"), losses=("wasserstein",))
class CachedProperty(OneSided):
    """The next batch is a property, and somebody made it a cached one."""

    @cached_property
    def next_batch(self):
        return self.data.sample(self.batch)

    def real(self):
        return self.next_batch


@sick("fixed-latents", "sixteen, with their mirror images", twin=GeneratorFirst,
      settings=only("digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class MirrorImages(GeneratorFirst):
    """Half of the latents of a batch are minus the other half, and the first half was drawn before the loop."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.half = torch.randn(self.batch // 2, self.latent)

    def noise(self):
        return torch.cat([self.half, -self.half])


class Sine(nn.Module):
    """The sine of each number."""

    def forward(self, x):
        return torch.sin(x)


@sick("range-mismatch", "images of length one", twin=GeneratorFirst,
      settings=only("digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class LengthOne(GeneratorFirst):
    """G's images are divided by their length; those of the data are six and more long."""

    def generator(self):
        return nn.Sequential(super().generator(), nets.Unit())


@sick("labels-shuffled", "sorted within a batch", twin=Embedded, settings=only("ring-mlp"), losses=("hinge",))
class SortedLabels(Embedded):
    """The labels of each batch come sorted, and its samples do not."""

    def real(self):
        real, label = super().real()
        return real, label[label.argmax(1).argsort()]


@sick("batch-statistics", "parts of two, added up", twin=GeneratorFirst,
      settings=only("ring-mlp", "digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class PartsOfTwo(GeneratorFirst):
    """Batches of eight come in four parts of two whose gradients are added up, each with statistics of its own."""

    batch, parts = 2, 4

    def round(self):
        valid, fake = torch.ones(self.batch, 1), torch.zeros(self.batch, 1)
        self.step_g.zero_grad()
        for _ in range(self.parts):
            (self.adversarial_loss(self.D(self.G(self.noise())), valid) / self.parts).backward()
        self.step_g.step()
        self.step_d.zero_grad()
        for _ in range(self.parts):
            real_loss = self.adversarial_loss(self.D(self.real()), valid)
            fake_loss = self.adversarial_loss(self.D(self.G(self.noise()).detach()), fake)
            ((real_loss + fake_loss) / 2 / self.parts).backward()
        self.step_d.step()
        self.rounds += 1


@sick("batch-statistics", "one call for both, G first", twin=GeneratorFirst,
      settings=only("ring-mlp", "digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class OneCall(GeneratorFirst):
    """D's step is one call over real and generated samples together; G's step has generated ones alone."""

    def train_d(self, real_imgs, gen_imgs, valid, fake):
        self.step_d.zero_grad()
        said = self.D(torch.cat([real_imgs, gen_imgs.detach()]))
        self.adversarial_loss(said, torch.cat([valid, fake])).backward()
        self.step_d.step()


def by_hand(logits, target):
    """The cross-entropy of the textbook."""
    p = torch.sigmoid(logits)
    return -(target * torch.log(p) + (1 - target) * torch.log(1 - p)).mean()


@sick("nonfinite-log-sigmoid", "a temperature", twin=LearnedTemperature,
      settings=only("ring-mlp", "digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class LogarithmsByHand(LearnedTemperature):
    """Logits are sharpened by a temperature, and the cross-entropy is written with sigmoid and log."""

    adversarial_loss = staticmethod(by_hand)


@sick("nonfinite-half", "an exponential by hand", twin=Brain, settings=only("digits-mlp"), losses=("nonsaturating",))
class Sixteen(Brain):
    """float16 in place of bfloat16: from a logit of 11.1 on its exponential is infinite."""

    kind = torch.float16


@sick("nonfinite-data", "the logarithm of a coarse number", twin=BoxMuller,
      settings=only("ring-mlp", "digits-mlp"), losses=("wasserstein",))  # fmt: skip
class LogarithmOfZero(BoxMuller):
    """One uniform number in 256 is exactly 0, and its logarithm is infinite."""

    def radius(self, u):
        return (-2 * torch.log(u)).sqrt()


@sick("nonfinite-data", "blank pictures divided by 0", twin=Blank,
      settings=only("digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class DividedByZero(Blank):
    """Each picture is divided by its largest number, which is 0 for blank ones."""

    def largest(self, pixels):
        return pixels.amax((1, 2, 3), keepdim=True)
