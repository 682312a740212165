"""Sick by what reaches what: detached samples, frozen players, modes."""

import torch
from torch import nn
from torch.nn.functional import relu, softplus
from torch.optim.lr_scheduler import ExponentialLR, LambdaLR

from ganlab.clinic._games.second import well_a_nets as nets
from ganlab.clinic._games.second.well_a_twins import Attentive, Gated, Remembering, Sines, Tutorial
from ganlab.clinic._games.second.well_a_twins_last import SmallStart, Spectral
from ganlab.clinic.games import only, sick


@sick("detached", "a helper under no_grad", twin=Sines, settings=only("ring-mlp", "grid-resmlp", "digits-mlp"),
      losses=("wasserstein",))  # fmt: skip
class Helper(Sines):
    """One helper makes samples for both steps, and it has the decorator that only D's step could bear."""

    @torch.no_grad()
    def make(self, n):
        return self.G(torch.randn(n, self.latent))

    def round(self):
        for _ in range(self.critic_steps):
            real = self.real()
            fake = self.make(len(real))
            self.step_d.zero_grad()
            (self.D(fake).mean() - self.D(real).mean() + self.weight * self.slope_term(real, fake)).backward()
            self.step_d.step()
        self.step_g.zero_grad()
        (-self.D(self.make(self.batch)).mean()).backward()
        self.step_g.step()
        self.rounds += 1


@sick("detached", "rounded to bytes", twin=Attentive, settings=only("digits-mlp", "digits-dcgan"), losses=("hinge",))
class Rounded(Attentive):
    """G's images are rounded to whole levels before D sees them, and the slope of rounding is 0."""

    def round(self):
        real, fake = self.real(), (self.G(self.noise()) * 127.5).round() / 127.5
        self.step_d.zero_grad()
        (relu(1 - self.D(real)).mean() + relu(1 + self.D(fake.detach())).mean()).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        (-self.D(fake).mean()).backward()
        self.step_g.step()
        self.follow()
        self.rounds += 1


@sick("frozen-generator", "off for D's step, and never on", twin=Remembering,
      settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("least_squares",))  # fmt: skip
class OffForD(Remembering):
    """Gradients of G are turned off while D learns, to save time, and nobody turns them on again."""

    def train_d(self):
        for parameter in self.G.parameters():
            parameter.requires_grad_(False)
        super().train_d()


@sick("frozen-generator", "a schedule that ends after thirty rounds", twin=Tutorial,
      settings=only("ring-mlp", "digits-mlp", "digits-dcgan"), losses=("nonsaturating",))  # fmt: skip
class ScheduleEnds(Tutorial):
    """The linear decay of G's rate counts epochs, and is stepped in every round."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.schedule = LambdaLR(self.step_g, lambda epoch: max(0.0, 1.0 - epoch / 30))

    def round(self):
        super().round()
        self.schedule.step()


@sick("discriminator-frozen", "off for G's step, and never on", twin=Gated,
      settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class NeverOn(Gated):
    """D's gradients are turned off before G's step and nobody turns them on again."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise())
        loss = softplus(-self.D(real)).mean() + softplus(self.D(fake)).mean()
        self.step_d.zero_grad()
        loss.backward()
        self.step_d.step()

    def train_g(self):
        for parameter in self.D.parameters():
            parameter.requires_grad = False
        super().train_g()


@sick("discriminator-frozen", "a rate that fades", twin=Tutorial,
      settings=only("ring-mlp", "digits-mlp", "digits-dcgan"), losses=("nonsaturating",))  # fmt: skip
class Fades(Tutorial):
    """D's rate is multiplied by 0.9 in every round in place of every epoch."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.schedule = ExponentialLR(self.step_d, gamma=0.9)

    def round(self):
        super().round()
        self.schedule.step()


@sick("discriminator-eval", "spectral norm alone", twin=Spectral,
      settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("wasserstein",))  # fmt: skip
class SpectralEval(Spectral):
    """The critic is in eval mode behind the first evaluation, where its spectral norm follows the weights no more."""

    def round(self):
        super().round()
        if self.rounds == 10:
            self.D.eval()


@sick("generator-eval", "a start of 0.02", twin=SmallStart, settings=only("digits-mlp"),
      losses=("nonsaturating",))  # fmt: skip
class SmallStartEval(SmallStart):
    """G is put into eval mode where it is made: nothing makes up for its small weights."""

    def generator(self):
        return super().generator().eval()


@sick("generator-eval", "after the first picture", twin=SmallStart,
      settings=only("ring-mlp", "digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class EvalAfterPicture(SmallStart):
    """A picture is made after the first round, and G stays in eval mode."""

    def round(self):
        super().round()
        self.G.eval()


@sick("z-unused", "an input that does not reach the gain", twin=Gated,
      settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class NoGain(Gated):
    """G starts from a learned constant; the map from z to its gains is computed, and multiplied by a buffer of 0."""

    def generator(self):
        return FromConstant(self.data.shape, self.latent)


@sick("z-unused", "normalised over a width of one", twin=Remembering,
      settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("least_squares",))  # fmt: skip
class WidthOne(Remembering):
    """Each number of z is normalised by itself, minus its own mean, before it enters G."""

    def generator(self):
        heads = nets.Heads(self.data.shape, self.latent)
        return nn.Sequential(nn.Unflatten(1, (self.latent, 1)), nn.LayerNorm(1), nn.Flatten(), heads)


class FromConstant(nn.Module):
    """A generator from a constant with gains of z."""

    def __init__(self, shape, latent, width=64):
        super().__init__()
        self.start, self.gains = nn.Parameter(torch.randn(1, width)), nn.Linear(latent, width)
        self.register_buffer("strength", torch.zeros(()))
        self.body = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.last, self.shaped = nn.Linear(width, nets.size_of(shape)), nets.Shaped(shape)

    def forward(self, z):
        return self.shaped(self.last(self.body(self.start * (1 + self.strength * self.gains(z)))))
