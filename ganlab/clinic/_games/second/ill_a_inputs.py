"""Sick by what goes in or how it is grouped: batches, latents, ranges, labels, clips too early."""

import torch
from torch import nn
from torch.nn.functional import one_hot
from torch.nn.utils import clip_grad_norm_

from ganlab.clinic._games.second import well_a_nets as nets
from ganlab.clinic._games.second.well_a_twins import Attentive, Gated, Remembering, Sines, Sixteens, Tutorial
from ganlab.clinic._games.second.well_a_twins_more import Brisk, Nesterov, Normalised, Projection, Standardised
from ganlab.clinic.games import only, sick

POINTS_AND_DIGITS = only("ring-mlp", "grid-resmlp", "digits-mlp")


@sick("one-batch", "a seed set in the loop", twin=Gated, settings=only("grid-resmlp"), losses=("nonsaturating",))
class SeedInLoop(Gated):
    """The loader's seed is set again in each step, so that it draws the same samples."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.seed = torch.randint(10_000, ()).item()

    def real(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return self.data.sample(self.batch)


@sick("one-batch", "in another order each time", twin=Attentive, settings=only("digits-dcgan"),
      losses=("hinge",))  # fmt: skip
class OtherOrder(Attentive):
    """One batch was kept in a variable; it is shuffled, and dithered a little."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.kept = self.data.sample(self.batch)

    def real(self):
        return self.kept[torch.randperm(self.batch)] + 0.01 * torch.randn_like(self.kept)


@sick("one-batch", "sixteen points", twin=Sixteens, settings=POINTS_AND_DIGITS, losses=("least_squares",))
class Sixteen(Sixteens):
    """An iterator that is made anew in each step, over batches of sixteen in a fixed order."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.epoch = [self.data.sample(self.batch)]

    def real(self):
        return next(iter(self.epoch))


@sick("fixed-latents", "a bank in random order", twin=Remembering, settings=only("ring-mlp", "grid-resmlp"),
      losses=("least_squares",))  # fmt: skip
class Bank(Remembering):
    """Latents were drawn before the loop, one for each place of a batch, and only their order changes."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.bank = torch.randn(self.batch, self.latent)

    def noise(self):
        return self.bank[torch.randperm(self.batch)]


@sick("fixed-latents", "eight, repeated", twin=Gated, settings=POINTS_AND_DIGITS, losses=("nonsaturating",))
class Eight(Gated):
    """Eight latents that were meant for a row of pictures fill each batch."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.row = torch.randn(8, self.latent)

    def noise(self):
        return self.row.repeat(self.batch // 8, 1)


@sick(
    "fixed-latents",
    "a seed set before each draw",
    twin=Sines,
    settings=only("ring-mlp", "digits-mlp"),
    losses=("wasserstein",),
)
class SeedBeforeDraw(Sines):
    """A seed is set for the latents, in the loop."""

    def noise(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(42)
            return torch.randn(self.batch, self.latent)


@sick("range-mismatch", "tanh for standardised points", twin=Standardised, settings=only("grid-resmlp"),
      losses=("nonsaturating",))  # fmt: skip
class TanhForStandardised(Standardised):
    """Points with a deviation of 1 reach to 1.4; G's tanh does not."""

    def generator(self):
        return nn.Sequential(super().generator(), nn.Tanh())


@sick("range-mismatch", "tanh for normalised pixels", twin=Normalised, settings=only("digits-mlp", "digits-dcgan"),
      losses=("nonsaturating",))  # fmt: skip
class TanhForNormalised(Normalised):
    """Pixels in [-0.4, 2.8], numbers of G in [-1, 1]."""

    def generator(self):
        return nets.bn_generator(self.data.shape, self.latent)


@sick("range-mismatch", "relu at the end", twin=Attentive, settings=only("digits-mlp", "digits-dcgan"),
      losses=("hinge",))  # fmt: skip
class ReluAtEnd(Attentive):
    """G ends in a ReLU: it can make no pixel darker than grey."""

    def generator(self):
        return nn.Sequential(*list(nets.upsampling(self.data.shape, self.latent))[:-1], nn.ReLU())


@sick(
    "labels-shuffled",
    "off by one",
    twin=Projection,
    settings=only("ring-mlp", "grid-resmlp"),
    losses=("nonsaturating",),
)
class OffByOne(Projection):
    """The file of labels has a header line: each sample gets the label of the one before."""

    def real(self):
        real, label = super().real()
        return real, label.roll(1, dims=0)


@sick("labels-shuffled", "three of four", twin=Projection, settings=POINTS_AND_DIGITS, losses=("nonsaturating",))
class ThreeOfFour(Projection):
    """Three samples of four have the label of a sample drawn apart."""

    def real(self):
        real, label = super().real()
        other, kept = super().real()[1], len(label) // 4
        return real, torch.cat([label[:kept], other[kept:]])


@sick("labels-shuffled", "unknown to G's samples", twin=Projection, settings=POINTS_AND_DIGITS,
      losses=("nonsaturating",))  # fmt: skip
class FreshLabels(Projection):
    """Labels are drawn anew for D, of real and of generated samples alike."""

    def real(self):
        real, _ = super().real()
        return real, one_hot(torch.randint(self.count, (self.batch,)), self.count).float()


@sick("batch-statistics", "three samples", twin=Tutorial, settings=only("ring-mlp"), losses=("nonsaturating",))
class Three(Tutorial):
    """Batches of three, for want of memory, and batch norm in both players."""

    batch = 3


@sick(
    "batch-statistics",
    "both batches at once",
    twin=Tutorial,
    settings=only("ring-mlp", "digits-mlp"),
    losses=("nonsaturating",),
)
class AtOnce(Tutorial):
    """One call of D for real and generated samples, through its batch norm."""

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        label = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
        self.step_d.zero_grad()
        (2 * self.criterion(self.D(torch.cat([real, fake.detach()])).view(-1), label)).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        self.criterion(self.D(fake).view(-1), torch.ones(len(fake))).backward()
        self.step_g.step()
        self.rounds += 1


@sick("batch-statistics", "pieces of two", twin=Tutorial, settings=only("ring-mlp"), losses=("nonsaturating",))
class PiecesOfTwo(Tutorial):
    """G makes its batch in pieces of two samples, each with statistics of its own."""

    def generator(self):
        return InPieces(super().generator())


class InPieces(nn.Module):
    """A network that is called on two samples at a time."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, z):
        return torch.cat([self.inner(piece) for piece in z.split(2)])


@sick(
    "clip-before-backward",
    "Nesterov",
    twin=Nesterov,
    settings=only("ring-mlp", "grid-resmlp"),
    losses=("nonsaturating",),
)
class ClipFirst(Nesterov):
    """The clip comes right behind zero_grad."""

    def step(self, optimizer, player, loss):
        optimizer.zero_grad(set_to_none=False)
        clip_grad_norm_(player.parameters(), self.limit)
        loss.backward()
        optimizer.step()


@sick("clip-before-backward", "on the last step's gradients", twin=Brisk, settings=POINTS_AND_DIGITS,
      losses=("nonsaturating",))  # fmt: skip
class ClipOfLast(Brisk):
    """The clip is the first line of a step, on gradients that are cleared next."""

    def step(self, optimizer, player, loss):
        clip_grad_norm_(player.parameters(), self.limit)
        player.zero_grad()
        loss.backward()
        optimizer.step()
