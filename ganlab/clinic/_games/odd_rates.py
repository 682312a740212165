"""Healthy, with other rates, momenta, batches, numbers of steps and optimizers than the plain game."""

import torch
from torch.optim import SGD, Adam, AdamW, RMSprop

from ganlab.clinic.games import STANDARD, healthy
from ganlab.clinic.plain import Plain

healthy("plain", losses=(*STANDARD, "minimax"))(Plain)


@healthy("rates x 1/3")
class Slower(Plain):
    """A third of both rates: it takes three times as long."""

    rate_d = rate_g = 1 / 3


@healthy("rates x 2")
class Faster(Plain):
    """Twice both rates."""

    rate_d = rate_g = 2.0


@healthy("G's rate x 1/3")
class SlowerG(Plain):
    """Two time scales."""

    rate_g = 1 / 3


@healthy("D's rate x 3")
class FasterD(Plain):
    """Two time scales, the other way."""

    rate_d = 3.0


@healthy("D's rate x 1/2")
class SlowerD(Plain):
    """A slower D."""

    rate_d = 0.5


@healthy("beta1 0")
class NoMomentum(Plain):
    """Adam without a first moment."""

    betas = (0.0, 0.99)


@healthy("betas 0.5 and 0.9")
class ShortMemory(Plain):
    """A short memory of the squares."""

    betas = (0.5, 0.9)


@healthy("beta1 0.9, rates x 1/3", losses=("nonsaturating", "hinge"))
class TorchsBetas(Plain):
    """Adam's own betas, and smaller rates for them."""

    rate_d = rate_g = 1 / 3
    betas = (0.9, 0.999)


@healthy("batch 16")
class SmallBatch(Plain):
    """Few samples a step."""

    batch = 16


@healthy("batch 128", settings=lambda setting: not setting.convolutional)
class LargeBatch(Plain):
    """Many samples a step."""

    batch = 128


@healthy("two steps of D")
class TwoStepsOfD(Plain):
    """Two steps of D for one of G."""

    critic_steps = 2


@healthy("five steps of the critic", losses=("wasserstein",))
class FiveSteps(Plain):
    """As in the papers on Wasserstein GANs."""

    critic_steps = 5


@healthy("two steps of G", losses=("nonsaturating", "hinge"))
class TwoStepsOfG(Plain):
    """Two steps of G for one of D."""

    generator_steps = 2


@healthy("D in every third round", losses=("nonsaturating", "hinge"))
class EveryThird(Plain):
    """D waits for G in two rounds of three."""

    def round(self):
        if self.rounds % 3 == 0:
            self.train_d()
        self.train_g()
        self.rounds += 1


@healthy("RMSprop")
class Squares(Plain):
    """RMSprop in place of Adam."""

    def optimizers(self):
        rate = self.setting.rate / 2
        return RMSprop(self.D.parameters(), lr=rate), RMSprop(self.G.parameters(), lr=rate)


@healthy("SGD", settings=lambda setting: setting.images, losses=("nonsaturating",))
class PlainSGD(Plain):
    """SGD with momentum, where it learns."""

    def optimizers(self):
        return SGD(self.D.parameters(), lr=0.02, momentum=0.5), SGD(self.G.parameters(), lr=0.1, momentum=0.5)


@healthy("AdamW")
class Decoupled(Plain):
    """A decay of 0.01 beside Adam."""

    def optimizers(self):
        rate = self.setting.rate
        return (
            AdamW(self.D.parameters(), lr=rate, betas=(0.5, 0.999), weight_decay=0.01),
            AdamW(self.G.parameters(), lr=rate, betas=(0.5, 0.999), weight_decay=0.01),
        )


@healthy("weight decay 1e-4")
class SmallDecay(Plain):
    """A small penalty on D's weights."""

    def optimizers(self):
        rate = self.setting.rate
        return (
            Adam(self.D.parameters(), lr=rate, betas=(0.5, 0.999), weight_decay=1e-4),
            Adam(self.G.parameters(), lr=rate, betas=(0.5, 0.999)),
        )


@healthy("a schedule", losses=("nonsaturating", "hinge"))
class Warming(Plain):
    """Both rates grow over the first hundred rounds."""

    def round(self):
        share = min(1.0, (self.rounds + 1) / 100)
        for optimizer in (self.step_d, self.step_g):
            optimizer.param_groups[0]["lr"] = share * self.setting.rate
        super().round()


@healthy("two groups of parameters", losses=("nonsaturating",))
class TwoGroups(Plain):
    """Half a rate for the biases."""

    def optimizers(self):
        def adam(net):
            weights = [parameter for parameter in net.parameters() if parameter.ndim > 1]
            others = [parameter for parameter in net.parameters() if parameter.ndim < 2]
            rate = self.setting.rate
            groups = [{"params": weights}, {"params": others, "lr": rate / 2}]
            return torch.optim.Adam([group for group in groups if group["params"]], lr=rate, betas=(0.5, 0.999))

        return adam(self.D), adam(self.G)
