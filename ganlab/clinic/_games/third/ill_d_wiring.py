"""Sick by what reaches what: detached samples, players that stand still, modes, optimizers, gradients that stay."""

from itertools import chain

import torch
from torch import nn
from torch.optim import Adam

from ganlab.clinic._games.third import well_d_twins_nets as nets
from ganlab.clinic._games.third.well_d_twins import GeneratorFirst, OneSided, ShuffledPixels, moved
from ganlab.clinic._games.third.well_d_twins_more import Averages, Bounded
from ganlab.clinic.games import only, sick


@sick("detached", "augmented in numpy", twin=ShuffledPixels, settings=only("digits-mlp"), losses=("hinge",))
class ThroughNumpy(ShuffledPixels):
    """The shift is done in numpy, and no gradient comes back from there."""

    def seen(self, images):
        return torch.from_numpy(moved(images.detach()).numpy().copy())


@sick("detached", "the average makes the samples", twin=OneSided,
      settings=only("ring-mlp", "digits-mlp"), losses=("wasserstein",))  # fmt: skip
class AverageAsked(OneSided):
    """In G's step the samples are those of its average, whose weights take no gradients."""

    def train_g(self):
        self.step_g.zero_grad()
        (-self.D(self.average(self.noise())).mean()).backward()
        self.step_g.step()
        for slow, fast in zip(self.average.parameters(), self.G.parameters(), strict=True):
            slow.lerp_(fast.detach(), 0.05)


@sick("frozen-generator", "a warm-up counted in epochs", twin=OneSided,
      settings=only("ring-mlp", "digits-mlp"), losses=("wasserstein",))  # fmt: skip
class WarmUpInEpochs(OneSided):
    """G is frozen until the critic has had its warm-up, of fifty epochs where fifty rounds were meant."""

    warm_up, per_epoch = 50, 100

    def round(self):
        self.G.requires_grad_(self.rounds >= self.warm_up * self.per_epoch)
        super().round()


@sick("discriminator-frozen", "initialised anew behind its optimizer", twin=GeneratorFirst,
      settings=only("digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class OldParameters(GeneratorFirst):
    """D was built a second time, behind its optimizer, which goes on with the weights of the first."""

    def optimizers(self):
        found = super().optimizers()
        self.D = self.discriminator()
        return found


@sick("generator-eval", "pictures of the twentieth round", twin=GeneratorFirst,
      settings=only("digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class PicturesInEval(GeneratorFirst):
    """In the twentieth round pictures are made in eval mode; the statistics of that round stay for ever."""

    def round(self):
        super().round()
        if self.rounds == 20:
            self.G.eval()


@sick("gradients-not-cleared", "G's, behind a condition", twin=GeneratorFirst,
      settings=only("digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class ClearedIfLogged(GeneratorFirst):
    """The line that clears G slipped into the block that prints, every fiftieth round."""

    def train_g(self, valid):
        gen_imgs = self.G(self.noise())
        self.adversarial_loss(self.D(gen_imgs), valid).backward()
        self.step_g.step()
        if self.rounds % 50 == 0:
            self.step_g.zero_grad()
        return gen_imgs


@sick("discriminator-gradients-leak", "both cleared at the top of a round", twin=GeneratorFirst,
      settings=only("digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class ClearedAtTop(GeneratorFirst):
    """Both optimizers are cleared where the round begins; G's step, which comes first, fills D's gradients."""

    def train_d(self, real_imgs, gen_imgs, valid, fake):
        real_loss = self.adversarial_loss(self.D(real_imgs), valid)
        fake_loss = self.adversarial_loss(self.D(gen_imgs.detach()), fake)
        ((real_loss + fake_loss) / 2).backward()
        self.step_d.step()

    def round(self):
        self.step_g.zero_grad()
        self.step_d.zero_grad()
        super().round()


@sick("foreign-optimizer", "a combined model", twin=GeneratorFirst,
      settings=only("digits-mlp"), losses=("nonsaturating",))  # fmt: skip
class Combined(GeneratorFirst):
    """G's optimizer got the parameters of a combined model, G and then D, in which D was not held fast."""

    def optimizers(self):
        combined = nn.Sequential(self.G, self.D)
        rate = self.setting.rate
        return Adam(self.D.parameters(), rate, self.betas), Adam(combined.parameters(), rate, self.betas)


@sick("clip-before-backward", "bounded by number", twin=Bounded, settings=only("digits-mlp"), losses=("nonsaturating",))
class BoundedTooEarly(Bounded):
    """The numbers of the gradient are bounded between clearing and backward."""

    def update(self, step, player, loss):
        step.zero_grad(set_to_none=False)
        for parameter in player.parameters():
            if parameter.grad is not None:
                parameter.grad.clamp_(-self.bound, self.bound)
        loss.backward()
        step.step()


@sick("z-unused", "a softmax over an axis of one", twin=Averages, settings=only("ring-mlp"), losses=("least_squares",))
class WrongAxis(Averages):
    """The softmax that looks up the table runs over an axis of length one: each weight is 1, whatever z is."""

    def generator(self):
        G = nets.Lookup(self.data.shape, self.latent)
        G.axis = 2
        return G


@sick("z-unused", "shifts and scales of an empty style", twin=OneSided,
      settings=only("digits-mlp"), losses=("wasserstein",))  # fmt: skip
class EmptyStyle(OneSided):
    """The layers that turn z into shifts and scales start at 0 and were left out of the optimizer."""

    def generator(self):
        G = super().generator()
        for parameter in G.styles.parameters():
            nn.init.zeros_(parameter)
        return G

    def optimizers(self):
        own = chain(*(part.parameters() for part in (self.G.layers, self.G.last)), [self.G.start])
        return super().optimizers()[0], Adam(own, self.setting.rate / 2, (0.0, 0.9))
