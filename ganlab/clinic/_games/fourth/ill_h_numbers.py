"""Weights, units, ranges and numbers."""

import torch
from torch import nn

from ganlab.clinic._games.fourth.well_h_coders import HiFiGAN
from ganlab.clinic._games.fourth.well_h_codes import VAEGAN
from ganlab.clinic._games.fourth.well_h_labels import CTGAN, TextToImage
from ganlab.clinic._games.fourth.well_h_reversal import Reversal
from ganlab.clinic._games.fourth.well_h_series import TimeGAN
from ganlab.clinic._games.fourth.well_h_translate import StarGAN
from ganlab.clinic.games import only, sick


@sick(
    "saturated-units",
    "source in other units",
    twin=Reversal,
    settings=only("ring-mlp", "digits-mlp"),
    losses=("minimax",),
)
class OtherUnits(Reversal):
    """The source is not scaled: its numbers are a hundred times as large as the tanh layers are made for."""

    def source(self, n):
        return 100 * super().source(n)


@sick(
    "dead-units",
    "a detector's bias",
    twin=StarGAN,
    settings=only("ring-mlp", "digits-mlp"),
    losses=("wasserstein",),
)
class RarePrior(StarGAN):
    """The bias that a detector's last layer starts with, for a rare class, was given to every layer of G."""

    def generator(self):
        G = super().generator()
        for layer in G.modules():
            if isinstance(layer, nn.Linear):
                nn.init.constant_(layer.bias, -4.6)
        return G


@sick(
    "weight-decay-too-large",
    "an AdamW value in Adam",
    twin=CTGAN,
    settings=only("ring-mlp", "digits-mlp"),
    losses=("wasserstein",),
)
class Decayed(CTGAN):
    """A weight decay that AdamW bears, which multiplies it by the rate, was given to Adam, which does not."""

    decay = 0.3


@sick(
    "smoothing-on-fakes",
    "all targets of text to image",
    twin=TextToImage,
    settings=only("ring-mlp"),
    losses=("nonsaturating",),
)
class AllSmoothed(TextToImage):
    """The targets of generated and of mismatched samples are smoothed too, to 0.4."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.zeros = torch.full((self.batch,), 0.4)


@sick(
    "nonfinite-data",
    "a column that never varies",
    twin=TimeGAN,
    settings=only("digits-mlp"),
    losses=("nonsaturating",),
)
class ConstantColumn(TimeGAN):
    """The scaling to [0, 1] has lost its small number: some pixels are the same in all images, and give 0/0."""

    eps = 0.0


@sick("nonfinite-rate", "the exponent's minus", twin=HiFiGAN, settings=only("digits-mlp"), losses=("least_squares",))
class NoMinus(HiFiGAN):
    """A rate of 2e-4 was typed as 2e4."""

    def optimizers(self):
        return tuple(torch.optim.AdamW(net.parameters(), 2e4, (0.8, 0.99)) for net in (self.D, self.G))


@sick("range-mismatch", "a sigmoid in VAE/GAN", twin=VAEGAN, settings=only("digits-mlp"), losses=("nonsaturating",))
class SigmoidDecoder(VAEGAN):
    """The decoder ends in a sigmoid, as a VAE's often does, on images in [-1, 1]."""

    finish = nn.Sigmoid


@sick("range-mismatch", "tanh on unscaled columns", twin=CTGAN, settings=only("ring-mlp"), losses=("wasserstein",))
class UnscaledColumns(CTGAN):
    """The numbers go through tanh as if the columns had been scaled."""

    def squash(self, numbers):
        return torch.tanh(numbers)
