"""Healthy, with clips where they belong."""

from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from ganlab.clinic.games import healthy
from ganlab.clinic.plain import Plain
from ganlab.clipping import clip_grad_adaptive_


@healthy("clipped at norm 10")
class GentleClip(Plain):
    """A threshold that few steps reach."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        loss = self.d_loss(self.D(real), self.D(fake)) + self.penalty(real, fake)
        loss.backward()
        clip_grad_norm_(self.D.parameters(), 10.0)
        self.step_d.step()

    def train_g(self):
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(self.G(self.noise())))
        loss.backward()
        clip_grad_norm_(self.G.parameters(), 10.0)
        self.step_g.step()


@healthy("clipped at norm 0.1, Adam")
class AdamClip(Plain):
    """Every step is clipped, and Adam does not mind."""

    def train_g(self):
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(self.G(self.noise())))
        loss.backward()
        clip_grad_norm_(self.G.parameters(), 0.1)
        self.step_g.step()


@healthy("clipped values", losses=("nonsaturating", "hinge"))
class ValueClip(Plain):
    """Each number of a gradient within 0.01."""

    def train_g(self):
        self.step_g.zero_grad()
        loss = self.g_loss(self.D(self.G(self.noise())))
        loss.backward()
        clip_grad_value_(self.G.parameters(), 0.01)
        self.step_g.step()


@healthy("clipped adaptively", losses=("nonsaturating",))
class AdaptiveClip(Plain):
    """Unit by unit, at a tenth of the weights."""

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        loss = self.d_loss(self.D(real), self.D(fake)) + self.penalty(real, fake)
        loss.backward()
        clip_grad_adaptive_(self.D, 0.1)
        self.step_d.step()
