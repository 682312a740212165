"""Healthy, with rounds that are written in quite another way."""

import copy

import torch
from torch import autograd
from torch.nn.functional import softplus
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader, TensorDataset

from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


@healthy("autograd.grad, assigned by hand", settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"),
         losses=("nonsaturating",))  # fmt: skip
class Assigned(Plain):
    """Both gradients come of autograd.grad at the same weights and are put into p.grad; there is no zero_grad."""

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        judged = self.D(fake)
        players_d, players_g = list(self.D.parameters()), list(self.G.parameters())
        grads_d = autograd.grad(self.d_loss(self.D(real), self.D(fake.detach())), players_d)
        grads_g = autograd.grad(self.g_loss(judged), players_g)
        for p, grad in zip(players_d + players_g, grads_d + grads_g, strict=True):
            p.grad = grad
        self.step_d.step()
        self.step_g.step()
        self.rounds += 1


@healthy("inputs= in backward", settings=only("ring-mlp", "digits-dcgan", "garments-resnet"), losses=("hinge",))
class InputsOnly(Plain):
    """One clearing for both, two backward passes that each name the weights they are for, then both steps."""

    def round(self):
        self.step_d.zero_grad()
        self.step_g.zero_grad()
        real, fake = self.real(), self.G(self.noise())
        logits = self.D(fake)
        self.g_loss(logits).backward(inputs=list(self.G.parameters()), retain_graph=True)
        self.d_loss(self.D(real), logits).backward(inputs=list(self.D.parameters()))
        self.step_d.step()
        self.step_g.step()
        self.rounds += 1


class Reversal(autograd.Function):
    """The identity, whose gradient has the other sign."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -grad


@healthy("a reversed gradient", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("wasserstein",))
class Reversed(Plain):
    """One loss, one backward pass: a layer between the players turns the gradient round for G."""

    def round(self):
        for _ in range(self.critic_steps - 1):
            self.train_d()
        real, fake = self.real(), self.G(self.noise())
        loss = self.D(Reversal.apply(fake)).mean() - self.D(real).mean() + self.penalty(real, fake.detach())
        self.step_d.zero_grad()
        self.step_g.zero_grad()
        loss.backward()
        self.step_d.step()
        self.step_g.step()
        self.rounds += 1


@healthy("a buffer of old samples", settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"),
         losses=("nonsaturating",))  # fmt: skip
class Replayed(Plain):
    """A quarter of what D sees as generated was made up to twenty rounds ago."""

    def train_d(self):
        fresh = self.G(self.noise()).detach()
        old = getattr(self, "old", fresh)
        take = self.batch // 4
        fake = torch.cat([fresh[take:], old[torch.randint(len(old), (take,))]])
        self.old = torch.cat([old, fresh[:take]])[-20 * take :]
        self.step_d.zero_grad()
        loss = self.d_loss(self.D(self.real()), self.D(fake))
        loss.backward()
        self.step_d.step()


@healthy("a loader, small batches added up", settings=only("digits-mlp", "digits-dcgan"), losses=("hinge",))
class Loader(Plain):
    """Epochs of a shuffled DataLoader, and gradients of two small batches added up before either player steps."""

    parts = 2

    def batches(self):
        loader = DataLoader(TensorDataset(self.data.samples), self.batch // 2, shuffle=True, drop_last=True)
        while True:
            for (images,) in loader:
                yield images

    def round(self):
        if self.rounds == 0:
            self.iterator = self.batches()
        self.step_d.zero_grad(set_to_none=True)
        for _ in range(self.parts):
            images = next(self.iterator)
            with torch.no_grad():
                fake = self.G(torch.randn(len(images), self.latent))
            (self.d_loss(self.D(images), self.D(fake)) / self.parts).backward()
        self.step_d.step()
        self.step_g.zero_grad(set_to_none=True)
        for _ in range(self.parts):
            (self.g_loss(self.D(self.G(torch.randn(len(images), self.latent)))) / self.parts).backward()
        self.step_g.step()
        self.rounds += 1


@healthy("lookahead", settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"), losses=("nonsaturating",))
class Lookahead(Plain):
    """Every ten rounds both players go half the way back to where they were ten rounds ago."""

    def round(self):
        if self.rounds == 0:
            self.slow = [p.detach().clone() for p in [*self.D.parameters(), *self.G.parameters()]]
        super().round()
        if self.rounds % 10 == 0:
            with torch.no_grad():
                for slow, p in zip(self.slow, [*self.D.parameters(), *self.G.parameters()], strict=True):
                    slow.lerp_(p, 0.5)
                    p.copy_(slow)


@healthy("optimism", settings=only("ring-mlp", "grid-resmlp", "digits-mlp"), losses=("hinge",))
class Optimistic(Plain):
    """Twice the gradient less the one before, for both players, ahead of Adam."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.before = {}

    def guess(self, net):
        for p in net.parameters():
            if p.grad is not None:
                last = self.before.get(p, p.grad)
                self.before[p] = p.grad.clone()
                p.grad = 2 * p.grad - last

    def round(self):
        self.step_d.zero_grad()
        real, fake = self.real(), self.G(self.noise())
        self.d_loss(self.D(real), self.D(fake.detach())).backward()
        self.guess(self.D)
        self.step_d.step()
        self.step_g.zero_grad()
        self.g_loss(self.D(fake)).backward()
        self.guess(self.G)
        self.step_g.step()
        self.rounds += 1


@healthy("unrolled", settings=only("ring-mlp", "grid-resmlp"), losses=("nonsaturating",))
class Unrolled(Plain):
    """G's loss is that of a D three steps ahead, which is then put back."""

    def round(self):
        self.train_d()
        backup = copy.deepcopy(self.D.state_dict()), copy.deepcopy(self.step_d.state_dict())
        for _ in range(3):
            self.train_d()
        self.train_g()
        self.D.load_state_dict(backup[0])
        self.step_d.load_state_dict(backup[1])
        self.rounds += 1


@healthy("D rests while it leads", settings=only("ring-mlp", "digits-mlp", "digits-dcgan"), losses=("hinge",))
class Resting(Plain):
    """D's step is left out where more than nine logits in ten of the last batch had the right sign."""

    def train_d(self):
        real, fake = self.D(self.real()), self.D(self.G(self.noise()).detach())
        right = torch.cat([real > 0, fake < 0]).float().mean()
        self.step_d.zero_grad()
        if right < 0.9:
            self.d_loss(real, fake).backward()
            self.step_d.step()


@healthy("G steps until D doubts", settings=only("ring-mlp", "grid-resmlp", "digits-dcgan"),
         losses=("nonsaturating",))  # fmt: skip
class UntilDoubt(Plain):
    """One step of G, and up to two more while its loss is above 1."""

    def round(self):
        self.train_d()
        for _ in range(3):
            self.step_g.zero_grad()
            loss = softplus(-self.D(self.G(self.noise()))).mean()
            loss.backward()
            self.step_g.step()
            if loss.item() < 1.0:
                break
        self.rounds += 1


@healthy("the best two thirds", settings=only("ring-mlp", "digits-mlp"), losses=("wasserstein",))
class TopK(Plain):
    """G learns of the two thirds of its batch that the critic likes best, clipped at norm 1."""

    def train_g(self):
        self.step_g.zero_grad()
        logits = self.D(self.G(self.noise()))
        loss = -logits.topk(2 * len(logits) // 3).values.mean()
        loss.backward()
        clip_grad_norm_(self.G.parameters(), 1.0)
        self.step_g.step()
