"""Sick by the balance of the players: rates, steps, strength, momentum, decay, noise."""

import torch
from torch import nn
from torch.optim import SGD, Adam

from ganlab.clinic.games import STANDARD, sick
from ganlab.clinic.plain import Plain

NOT_WASSERSTEIN = ("nonsaturating", "hinge")  # a better critic is a better distance


@sick("discriminator-too-strong", losses=("nonsaturating", "minimax"))
class TenStepsOfD(Plain):
    """Ten steps of D at three times the rate for one of G."""

    critic_steps, rate_d, rate_g = 10, 3.0, 0.3


@sick("discriminator-too-strong", "rates", losses=NOT_WASSERSTEIN)
class RatesApart(Plain):
    """D's rate is three hundred times G's."""

    rate_d, rate_g = 10.0, 1 / 30


@sick("discriminator-too-weak", losses=STANDARD)
class SeldomD(Plain):
    """D steps in one round of twenty."""

    def round(self):
        if self.rounds % 20 == 0:
            self.train_d()
        self.train_g()
        self.rounds += 1


@sick("discriminator-too-weak", "two units", settings=lambda setting: not setting.convolutional)
class TwoUnits(Plain):
    """D has two units a layer."""

    def discriminator(self):
        return self.build_d(width=2)


@sick("discriminator-too-weak", "one channel", settings=lambda setting: setting.convolutional)
class OneChannel(Plain):
    """D has one channel behind its first layer."""

    def discriminator(self):
        return self.build_d(width=1)


@sick("collapse", losses=NOT_WASSERSTEIN)
class ManyStepsOfG(Plain):
    """Five steps of G at three times the rate for one of D: G runs to where D is highest now."""

    generator_steps, rate_g = 5, 3.0


@sick("collapse", "a reward for sameness")
class PulledTogether(Plain):
    """A term that was to keep samples small pulls them to the batch's mean."""

    def train_g(self):
        fake = self.G(self.noise())
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(fake)) + 10 * (fake - fake.mean(0)).square().mean()
        loss.backward()
        self.step_g.step()


@sick("rotation", settings=lambda setting: not setting.images, losses=("nonsaturating", "wasserstein"))
class LinearGame(Plain):
    """A linear D without a penalty: the players circle, as in the Dirac-GAN."""

    def discriminator(self):
        return nn.Sequential(nn.Linear(self.data.shape[0], 1), nn.Flatten(0))

    def optimizers(self):
        return SGD(self.D.parameters(), lr=0.3), SGD(self.G.parameters(), lr=0.1)

    def penalty(self, real, fake):
        return 0.0


@sick("momentum-too-high")
class HeavyBall(Plain):
    """Adam with beta1 = 0.99 for both."""

    betas = (0.99, 0.999)


@sick("momentum-too-high", "SGD", losses=("nonsaturating",))
class HeavySGD(Plain):
    """SGD with a momentum of 0.99."""

    def optimizers(self):
        return SGD(self.D.parameters(), lr=0.05, momentum=0.99), SGD(self.G.parameters(), lr=0.05, momentum=0.99)


@sick("rate-too-small", "generator")
class SlowGenerator(Plain):
    """G's rate is a hundredth of what it should be."""

    rate_g = 0.01


@sick("rate-too-small", "discriminator")
class SlowDiscriminator(Plain):
    """D's rate is a hundredth of what it should be."""

    rate_d = 0.01


@sick("rate-too-small", "both")
class SlowBoth(Plain):
    """Both rates are a hundredth of what they should be."""

    rate_d = rate_g = 0.01


@sick("rate-too-small", "SGD with Adam's rate", losses=("nonsaturating",))
class AdamsRateForSGD(Plain):
    """SGD with a rate that is Adam's."""

    def optimizers(self):
        return SGD(self.D.parameters(), lr=1e-4), SGD(self.G.parameters(), lr=1e-4)


@sick("rate-too-large", "generator")
class FastGenerator(Plain):
    """G's rate is thirty times what it should be."""

    rate_g = 30.0


@sick("rate-too-large", "discriminator")
class FastDiscriminator(Plain):
    """D's rate is thirty times what it should be."""

    rate_d = 30.0


@sick("rate-too-large", "both")
class FastBoth(Plain):
    """Both rates are thirty times what they should be."""

    rate_d = rate_g = 30.0


@sick("weight-decay-too-large")
class Decayed(Plain):
    """A penalty on the weights with the weight 1, in both players."""

    def optimizers(self):
        rate = self.setting.rate
        return (
            Adam(self.D.parameters(), rate, betas=(0.5, 0.999), weight_decay=1.0),
            Adam(self.G.parameters(), rate, betas=(0.5, 0.999), weight_decay=1.0),
        )


@sick("noise-too-large")
class Drowned(Plain):
    """Noise of three on all that D sees, and it is never taken back."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        real, fake = real + 3 * torch.randn_like(real), fake + 3 * torch.randn_like(fake)
        self.step_d.zero_grad()
        loss = self.d_loss(self.D(real), self.D(fake)) + self.penalty(real, fake)
        loss.backward()
        self.step_d.step()

    def train_g(self):
        fake = self.G(self.noise())
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(fake + 3 * torch.randn_like(fake)))
        loss.backward()
        self.step_g.step()


@sick("discriminator-too-weak", "dropout")
class Deaf(Plain):
    """D drops 95 of 100 of its units."""

    def discriminator(self):
        return self.build_d(dropout=0.95)
