"""Healthy, with rounds, helpers and wrappers of one's own."""

import io

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from torch.optim import Adam
from torch.optim.swa_utils import AveragedModel

from ganlab.clinic._games.third.well_c_parts import across, judge, maker, slope_norms
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class Both(nn.Module):
    """One module that holds both networks and knows their losses, as Lightning people write it."""

    def __init__(self, generator, discriminator):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator

    def forward(self, z):
        return self.generator(z)

    def loss_of(self, player, real, z):
        fake = self(z)
        if player == "generator":
            return softplus(-self.discriminator(fake)).mean()
        return softplus(self.discriminator(fake.detach())).mean() + softplus(-self.discriminator(real)).mean()


@healthy("one module for both, players toggled", settings=only("ring-mlp", "digits-mlp"),
         losses=("nonsaturating",))  # fmt: skip
class Toggled(Plain):
    """A wrapper's training_step: the other player's requires_grad is off in each step; G first."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.model = Both(self.G, self.D)

    def training_step(self, player, optimizer, real):
        for p in self.model.parameters():
            p.requires_grad_(False)
        for p in getattr(self.model, player).parameters():
            p.requires_grad_(True)
        loss = self.model.loss_of(player, real, torch.randn(len(real), self.latent))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for p in self.model.parameters():
            p.requires_grad_(True)
        return loss.item()

    def round(self):
        batch = self.real()
        self.log = {
            "g_loss": self.training_step("generator", self.step_g, batch),
            "d_loss": self.training_step("discriminator", self.step_d, batch),
        }
        self.rounds += 1


@healthy("a big batch cut up, D's steps first", settings=only("ring-mlp"),
         losses=("hinge",))  # fmt: skip
class CutUp(Plain):
    """BigGAN's train function: one big batch is split for two steps of D, each of two pieces; G adds up two."""

    num_d_steps = num_accumulations = 2

    def train_g_and_d(self, x):
        pieces, counter = torch.split(x, self.batch // 2), 0
        for _ in range(self.num_d_steps):
            self.step_d.zero_grad()
            for _ in range(self.num_accumulations):
                with torch.no_grad():
                    fake = self.G(torch.randn(len(pieces[counter]), self.latent))
                loss = self.d_loss(self.D(pieces[counter]), self.D(fake)) / self.num_accumulations
                loss.backward()
                counter += 1
            self.step_d.step()
        self.step_g.zero_grad()
        for _ in range(self.num_accumulations):
            (self.g_loss(self.D(self.G(self.noise()))) / self.num_accumulations).backward()
        self.step_g.step()

    def round(self):
        self.train_g_and_d(self.data.sample(self.batch // 2 * self.num_d_steps * self.num_accumulations))
        self.rounds += 1


@healthy("resumed from checkpoints", settings=only("ring-mlp"),
         losses=("nonsaturating",))  # fmt: skip
class Resumed(Plain):
    """Every forty rounds all four state dicts go through a file in memory, and the run goes on from what was read."""

    def round(self):
        super().round()
        if self.rounds % 40 == 0:
            file = io.BytesIO()
            parts = {"G": self.G, "D": self.D, "step_g": self.step_g, "step_d": self.step_d}
            torch.save({name: part.state_dict() for name, part in parts.items()}, file)
            file.seek(0)
            for name, state in torch.load(file).items():
                parts[name].load_state_dict(state)


@healthy("D sees the average's samples too", settings=only("ring-mlp", "digits-mlp"), losses=("hinge",))
class AverageToo(Plain):
    """A third of D's generated samples comes from an AveragedModel of G, and so do those that are shown."""

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        ema = lambda old, new, count: old.lerp(new, 0.03) if old.is_floating_point() else new  # noqa: E731
        self.mean = AveragedModel(self.G, avg_fn=ema, use_buffers=True)

    def round(self):
        real, fake = self.real(), self.G(self.noise())
        with torch.no_grad():
            shown = torch.cat([fake[self.batch // 3 :], self.mean(torch.randn(self.batch // 3, self.latent))])
        self.step_d.zero_grad()
        self.d_loss(self.D(real), self.D(shown)).backward()
        self.step_d.step()
        self.step_g.zero_grad()
        self.g_loss(self.D(fake)).backward()
        self.step_g.step()
        self.mean.update_parameters(self.G)
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.mean(torch.randn(n, self.latent))


@healthy("bfloat16 critic, penalty in float32", settings=only("ring-mlp"),
         losses=("wasserstein",))  # fmt: skip
class HalfCritic(Plain):
    """Both players under autocast; the penalty is computed outside of it."""

    def discriminator(self):
        return judge(self.data.shape, (96, 96), nn.SiLU)

    def run_step(self, optimizer, closure):
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = closure()
        loss.float().backward()
        optimizer.step()

    def train_d(self):
        real = self.real()
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            fake = self.G(self.noise())
        fake = fake.float()
        penalty = self.setting.gamma * (slope_norms(self.D, across(real, fake)) - 1).square().mean()
        self.run_step(self.step_d, lambda: self.D(fake).float().mean() - self.D(real).float().mean() + penalty)

    def train_g(self):
        self.run_step(self.step_g, lambda: -self.D(self.G(self.noise())).float().mean())


@healthy("D steps on real, then on generated samples", settings=only("ring-mlp"),
         losses=("nonsaturating",))  # fmt: skip
class TwoHalves(Plain):
    """Two optimizer steps of D in a round, at half the rate, one for each kind of samples."""

    rate_d = 0.5

    def discriminator(self):
        return self.build_d(norm="none")

    def fit(self, x, y):
        self.step_d.zero_grad()
        logits = self.D(x)
        binary_cross_entropy_with_logits(logits, torch.full_like(logits, y)).backward()
        self.step_d.step()

    def train_d(self):
        self.fit(self.real(), 1.0)
        self.fit(self.G(self.noise()).detach(), 0.0)


@healthy("noise as much as D is sure", settings=only("ring-mlp"), losses=("nonsaturating",))
class Adaptive(Plain):
    """As in ADA: how often a sample gets noise and a shift before D goes up while most real logits are positive."""

    p, target = 0.0, 0.6

    def augment(self, x):
        chosen = (torch.rand(len(x), *[1] * (x.ndim - 1)) < self.p).float()
        moved = x + 0.1 * torch.randn(len(x), *[1] * (x.ndim - 1)) + 0.15 * torch.randn_like(x)
        return chosen * moved + (1 - chosen) * x

    def train_d(self):
        real, fake = self.real(), self.G(self.noise()).detach()
        self.step_d.zero_grad()
        logits = self.D(self.augment(real))
        self.d_loss(logits, self.D(self.augment(fake))).backward()
        self.step_d.step()
        sure = logits.detach().sign().mean().item()
        self.p = min(0.8, max(0.0, self.p + (0.005 if sure > self.target else -0.005)))

    def train_g(self):
        self.step_g.zero_grad()
        self.g_loss(self.D(self.augment(self.G(self.noise())))).backward()
        self.step_g.step()


@healthy("consensus", settings=only("ring-mlp"), losses=("nonsaturating",))
class Consensus(Plain):
    """Both players also pay for the squared length of both gradients, and step at once."""

    def generator(self):
        return maker(self.latent, self.data.shape, (64, 64, 64), nn.Tanh)

    def discriminator(self):
        return judge(self.data.shape, (64, 64, 64), nn.Tanh)

    def optimizers(self):
        both = {"lr": 2 * self.setting.rate, "betas": (0.5, 0.99)}
        return Adam(self.D.parameters(), **both), Adam(self.G.parameters(), **both)

    def round(self):
        of_d, of_g = list(self.D.parameters()), list(self.G.parameters())
        fake = self.D(self.G(self.noise()))
        loss_d = softplus(-self.D(self.real())).mean() + softplus(fake).mean()
        loss_g = softplus(-fake).mean()
        grads_d = torch.autograd.grad(loss_d, of_d, create_graph=True)
        grads_g = torch.autograd.grad(loss_g, of_g, create_graph=True)
        length = 0.5 * sum(g.square().sum() for g in (*grads_d, *grads_g))
        extra = torch.autograd.grad(length, of_d + of_g, allow_unused=True)
        for p, g, e in zip(of_d + of_g, (*grads_d, *grads_g), extra, strict=True):
            p.grad = g.detach() + (0.0 if e is None else 0.5 * e)
        self.step_d.step()
        self.step_g.step()
        self.rounds += 1
