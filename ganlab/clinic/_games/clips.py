"""Sick by where and how a gradient is clipped."""

import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import SGD, RMSprop

from ganlab.clinic.games import healthy, sick
from ganlab.clinic.plain import Plain


@healthy("SGD, no threshold", losses=("nonsaturating",))
class Momentum(Plain):
    """SGD with momentum, and a clip whose threshold does nothing. The twin of those with a threshold that does."""

    norm = float("inf")

    def optimizers(self):
        return SGD(self.D.parameters(), lr=0.02, momentum=0.5), SGD(self.G.parameters(), lr=0.02, momentum=0.5)

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        loss = self.d_loss(self.D(real), self.D(fake)) + self.penalty(real, fake)
        loss.backward()
        clip_grad_norm_(self.D.parameters(), self.norm)
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(self.G(self.noise())))
        loss.backward()
        clip_grad_norm_(self.G.parameters(), self.norm)
        self.step_g.step()


@sick("clip-always-on", twin=Momentum, losses=("nonsaturating",))
class ClippedToNothing(Momentum):
    """SGD with a threshold of 0.001, where the norms are about 1."""

    norm = 1e-3


@sick("clip-always-on", "RMSprop")
class ClippedValues(Plain):
    """Each number of the gradient within 1e-6, and RMSprop's epsilon above that."""

    def optimizers(self):
        rate = self.setting.rate
        return RMSprop(self.D.parameters(), rate, eps=1e-4), RMSprop(self.G.parameters(), rate, eps=1e-4)

    def train_g(self):
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(self.G(self.noise())))
        loss.backward()
        clip_grad_value_(self.G.parameters(), 1e-6)
        self.step_g.step()


@healthy("broken samples, clipped", losses=("nonsaturating",))
class Outliers(Momentum):
    """One sample in a thousand is broken, a thousand times too large; the clip is where it should be."""

    norm = 5.0

    def real(self):
        real = self.data.sample(self.batch).clone()
        real[torch.rand(len(real)) < 1e-3] *= 1000
        return real


@sick("clip-before-backward", twin=Outliers, losses=("nonsaturating",))
class ClippedTooEarly(Outliers):
    """The clip stands between zero_grad and backward, so it clips nothing."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        loss = self.d_loss(self.D(real), self.D(fake))
        clip_grad_norm_(self.D.parameters(), self.norm)
        loss.backward()
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(self.G(self.noise())))
        clip_grad_norm_(self.G.parameters(), self.norm)
        loss.backward()
        self.step_g.step()
