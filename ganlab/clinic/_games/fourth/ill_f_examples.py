"""Faults in the loops of official examples."""

import torch
from torch import nn

from ganlab.clinic._games.fourth.well_f_examples import (
    CombinedModel,
    DcganExample,
    Hacks,
    KerasTrainStep,
    QuickerD,
    TapeTutorial,
)
from ganlab.clinic.games import only, sick

RING, DIGITS, BOTH = only("ring-mlp"), only("digits-dcgan"), only("ring-mlp", "digits-dcgan")
LOSSES = ("nonsaturating",)


@sick("detached", "DCGAN example, a line copied from D's step", twin=DcganExample, settings=BOTH, losses=LOSSES)
class CopiedLine(DcganExample):
    """The line of D's step was copied into G's, with its detach."""

    def round(self):
        self.D.zero_grad()
        label = torch.full((self.batch,), 1.0)
        self.criterion(self.D(self.real()).view(-1), label).backward()
        fake = self.G(self.noise())
        label.fill_(0.0)
        self.criterion(self.D(fake.detach()).view(-1), label).backward()
        self.step_d.step()

        self.G.zero_grad()
        label.fill_(1.0)
        self.criterion(self.D(fake.detach()).view(-1), label).backward()
        self.step_g.step()
        self.rounds += 1


@sick("gradients-not-cleared", "DCGAN example, both zero_grad lost", twin=DcganExample, settings=BOTH, losses=LOSSES)
class NotCleared(DcganExample):
    """Both calls of zero_grad went when the loop was tidied."""

    def round(self):
        label = torch.full((self.batch,), 1.0)
        self.criterion(self.D(self.real()).view(-1), label).backward()
        fake = self.G(self.noise())
        label.fill_(0.0)
        self.criterion(self.D(fake.detach()).view(-1), label).backward()
        self.step_d.step()

        label.fill_(1.0)
        self.criterion(self.D(fake).view(-1), label).backward()
        self.step_g.step()
        self.rounds += 1


@sick("double-sigmoid", "DCGAN example, the stabler loss", twin=DcganExample, settings=DIGITS, losses=LOSSES)
class StablerLoss(DcganExample):
    """BCEWithLogitsLoss was put in for its stability, and the sigmoid in D stayed."""

    criterion = nn.BCEWithLogitsLoss()


@sick("rate-too-large", "DCGAN example, a zero lost", twin=DcganExample, settings=BOTH, losses=LOSSES)
class ZeroLost(DcganExample):
    """0.02 for 0.0002, in both optimizers."""

    rate_d = rate_g = 100.0


@sick("range-mismatch", "TF tutorial, sigmoid at G's end", twin=TapeTutorial, settings=DIGITS, losses=LOSSES)
class SigmoidEnd(TapeTutorial):
    """G ends in a sigmoid, as in another example, on images in [-1, 1]."""

    output = "sigmoid"


@sick(
    "range-mismatch", "Keras train_step, pixels not divided", twin=KerasTrainStep, settings=DIGITS, losses=LOSSES
)  # fmt: skip
class Pixels(KerasTrainStep):
    """The images come as they lie in the file, 0 to 255, and G ends in a tanh."""

    def real(self):
        return (super().real() + 1) * 127.5


@sick(
    "targets-broadcast", "Keras train_step, labels of one axis", twin=KerasTrainStep,
    settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"), losses=LOSSES,
)  # fmt: skip
class OneAxis(KerasTrainStep):
    """Labels (2B,) against logits (2B, 1)."""

    def labels(self):
        return torch.cat([torch.ones(self.batch), torch.zeros(self.batch)])


@sick("discriminator-frozen", "combined model, D loaded late", twin=CombinedModel, settings=DIGITS, losses=LOSSES)
class LoadedLate(CombinedModel):
    """D is made anew after its optimizer, which goes on holding the old one's weights."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.D = self.discriminator()


@sick("rate-too-small", "ganhacks, SGD at Adam's rate", twin=Hacks, settings=RING, losses=LOSSES)
class AdamsRate(Hacks):
    """Adam was replaced by SGD for D, and its rate of 0.0002 stayed."""

    def optimizers(self):
        step_d, step_g = super().optimizers()
        step_d.param_groups[0]["lr"] = 2e-4
        return step_d, step_g


@sick(
    "one-batch", "combined model, indices drawn once", twin=CombinedModel,
    settings=DIGITS, losses=LOSSES,
)  # fmt: skip
class DrawnOnce(CombinedModel):
    """The random indices of the real half are drawn before the loop."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.drawn = super().real()

    def real(self):
        return self.drawn


@sick(
    "nonfinite-log-sigmoid", "DCGAN example, logs by hand", twin=QuickerD, settings=only("digits-mlp"), losses=LOSSES,
)  # fmt: skip
class LogsByHand(QuickerD):
    """BCELoss was written out, without its bound on the logarithms."""

    @staticmethod
    def criterion(output, label):
        return -(label * torch.log(output) + (1 - label) * torch.log(1 - output)).mean()
