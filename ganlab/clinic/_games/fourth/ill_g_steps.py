"""Faults of switches, modes, optimizers and clips."""

from itertools import chain

import torch
from torch import nn
from torch.optim import Adam, RMSprop

from ganlab.clinic._games.fourth.well_g_half import Buffered
from ganlab.clinic._games.fourth.well_g_shots import Consistent, Reversed
from ganlab.clinic._games.fourth.well_g_slopes import Descent, Stable
from ganlab.clinic.games import only, sick


@sick(
    "foreign-optimizer", "both networks in one list", twin=Consistent, settings=only("ring-mlp", "digits-dcgan"),
    losses=("nonsaturating",),
)  # fmt: skip
class OneList(Consistent):
    """G's optimizer was given the parameters of both networks."""

    def optimizers(self):
        rate, both = self.setting.rate, chain(self.G.parameters(), self.D.parameters())
        return Adam(self.D.parameters(), rate, (0.0, 0.9)), Adam(both, rate, (0.0, 0.9))


@sick(
    "frozen-generator", "the average is G itself", twin=Reversed, settings=only("ring-mlp", "digits-mlp"),
    losses=("hinge",),
)  # fmt: skip
class SharedAverage(Reversed):
    """The average was set up without a copy, and its gradients switched off."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.average = self.G
        self.average.requires_grad_(False)

    def train_g(self):
        self.D.requires_grad_(True)
        super().train_g()


@sick("generator-eval", "after a preview", twin=Consistent, settings=only("digits-dcgan"), losses=("nonsaturating",))
class AfterPreview(Consistent):
    """Every hundred rounds G is put into eval mode for a preview, and nothing puts it back."""

    def preview(self):
        self.G.eval()
        with torch.no_grad():
            self.shown = self.G(self.noise())

    def round(self):
        if self.rounds % 100 == 0:
            self.preview()
        super().round()


@sick(
    "clip-before-backward", "in the helper", twin=Descent, settings=only("ring-mlp", "grid-resmlp"),
    losses=("nonsaturating",),
)  # fmt: skip
class ClippedFirst(Descent):
    """The helper clips, and then goes backward."""

    def held(self, net, loss):
        norm = nn.utils.clip_grad_norm_(net.parameters(), self.most)
        loss.backward()
        return norm.item()


@sick(
    "clip-always-on", "a norm too small", twin=Descent, settings=only("ring-mlp", "grid-resmlp"),
    losses=("nonsaturating",),
)  # fmt: skip
class ClippedTight(Descent):
    """A norm of 0.001, as one writes it for a value."""

    most = 0.001


@sick("momentum-too-high", "in RMSprop", twin=Stable, settings=only("digits-mlp"), losses=("nonsaturating",))
class Heavy(Stable):
    """RMSprop with the momentum that one knows from classifiers."""

    def optimizers(self):
        rate = self.setting.rate * self.pace
        return tuple(RMSprop(net.parameters(), lr=rate, alpha=0.99, momentum=0.9) for net in (self.D, self.G))


@sick(
    "batch-statistics",
    "five kinds in one call",
    twin=Consistent,
    settings=only("digits-dcgan"),
    losses=("nonsaturating",),
)
class FiveKinds(Consistent):
    """D was exchanged for one with batch norm, and still gets real, generated and changed images in one call."""

    def discriminator(self):
        return self.build_d(norm="batch")


@sick("discriminator-too-strong", "a high rate", twin=Buffered, settings=only("grid-resmlp"), losses=("nonsaturating",))
class HighRate(Buffered):
    """The rate of D is five times that of G."""

    rate_d = 5.0
