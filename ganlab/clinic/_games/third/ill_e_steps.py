"""Sick by rates, momenta, clips and decays, in loops of modulated, shuffled and rolling networks."""

import torch
from torch.nn.functional import softplus
from torch.optim import Adadelta, Adam, NAdam, RMSprop

from ganlab.clinic._games.third.well_e_twins import HINGE, NONSATURATING, WASSERSTEIN, Modulated, Shuffled
from ganlab.clinic._games.third.well_e_twins_joined import JoinedCritic, Rolling
from ganlab.clinic._games.third.well_e_twins_more import Even
from ganlab.clinic.games import only, sick

DIGITS, BOTH = only("digits-mlp"), only("grid-resmlp", "digits-mlp")


@sick("rate-too-small", "Adadelta with Adam's rate", twin=Modulated, settings=DIGITS, losses=NONSATURATING)
class AdadeltaForBoth(Modulated):
    """Adadelta, whose rate is 1 as it is known, with 0.001."""

    def optimizers(self):
        return Adadelta(self.D.parameters(), lr=1e-3), Adadelta(self.G.parameters(), lr=1e-3)


@sick("rate-too-large", "a critic's RMSprop at 0.05", twin=JoinedCritic, settings=only("digits-mlp"),
      losses=WASSERSTEIN)  # fmt: skip
class FastCritic(JoinedCritic):
    """The critic's rate is 0.05 in place of 0.001."""

    pace = 50.0


@sick(
    "rate-too-large",
    "Adam at 0.03 for G's shuffles",
    twin=Shuffled,
    settings=only("garments-resnet"),
    losses=NONSATURATING,
)
class FastShuffles(Shuffled):
    """G's rate is thirty times D's."""

    def optimizers(self):
        return super().optimizers()[0], Adam(self.G.parameters(), 3e-2, (0.5, 0.9))


@sick("momentum-too-high", "SGD's, 0.98, under hinge", twin=Rolling, settings=BOTH, losses=HINGE)
class RollingOn(Rolling):
    """Both players keep 98 parts in a hundred of their last step."""

    momentum = 0.98


@sick("momentum-too-high", "NAdam's beta1, 0.98", twin=Modulated, settings=DIGITS, losses=NONSATURATING)
class HeavyNAdam(Modulated):
    """NAdam for both, with 0.98 for beta1."""

    def optimizers(self):
        rate, betas = self.setting.rate, (0.98, 0.99)
        return NAdam(self.D.parameters(), rate, betas), NAdam(self.G.parameters(), rate, betas)


@sick("clip-always-on", "0.002 from another script", twin=Rolling, settings=BOTH, losses=HINGE)
class TinyClip(Rolling):
    """The norm of every gradient is held to 0.002, before SGD."""

    most = 0.002


@sick("clip-always-on", "layer by layer", twin=Rolling, settings=BOTH, losses=HINGE)
class LayerByLayer(Rolling):
    """Each parameter's gradient of G is held to a norm of 0.0005."""

    def stepped(self, player, optimizer):
        if player is self.G:
            for one in player.parameters():
                torch.nn.utils.clip_grad_norm_([one], 5e-4)
        optimizer.step()


@sick("weight-decay-too-large", "half of the squares in both losses", twin=Modulated, settings=DIGITS,
      losses=NONSATURATING)  # fmt: skip
class SquaresInLosses(Modulated):
    """All weights' squares are added to either loss, times a half."""

    def squares(self, player):
        return 0.5 * sum(one.square().sum() for one in player.parameters())

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        self.step_d.zero_grad()
        loss = softplus(-self.D(real)).mean() + softplus(self.D(fake.detach())).mean()
        (loss + self.squares(self.D)).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        (softplus(-self.D(fake)).mean() + self.squares(self.G)).backward()
        self.step_g.step()
        self.rounds += 1


@sick(
    "weight-decay-too-large",
    "G's weights times 0.97",
    twin=Shuffled,
    settings=only("garments-resnet"),
    losses=NONSATURATING,
)
class Shrunk(Shuffled):
    """Behind each round all of G's weights are multiplied by 0.97."""

    def round(self):
        super().round()
        with torch.no_grad():
            for one in self.G.parameters():
                one.mul_(0.97)


@sick("nonfinite-rate", "1e3 for 1e-3, RMSprop", twin=Even, settings=only("grid-resmlp"), losses=HINGE)
class MinusForgotten(Even):
    """The minus of an exponent was forgotten: rates of 1e3."""

    def optimizers(self):
        return RMSprop(self.D.parameters(), lr=1e3), RMSprop(self.G.parameters(), lr=1e3)
