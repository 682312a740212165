"""From one domain to another: CycleGAN, MUNIT, StarGAN, and adaptation by gradient reversal."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import Adam

from ganlab.clinic._games.fourth.well_h_parts import (
    Map,
    Pool,
    Targets,
    count,
    end,
    labelled,
    one_hot,
    other_domain,
    requires_grad,
    size,
    unit_slope,
)
from ganlab.clinic.games import healthy, only
from ganlab.clinic.plain import Plain


class TwoWays(nn.Module):
    """A pair of translators, and the four images of one forward pass."""

    def __init__(self, there: nn.Module, back: nn.Module):
        super().__init__()
        self.there, self.back = there, back

    def forward(self, a, b):
        fake_b, fake_a = self.there(a), self.back(b)
        return fake_b, self.back(fake_b), fake_a, self.there(fake_a)


@healthy("CycleGAN", settings=only("ring-mlp", "digits-mlp"), losses=("least_squares",))
class CycleGAN(Plain):
    """pytorch-CycleGAN-and-pix2pix: one forward pass, both translators first with both D's frozen, then both D's on
    samples from a pool, each with a backward of its own. Cycle and identity losses."""

    weight_cycle, weight_identity = 1.0, 0.5

    def __init__(self, setting, loss):
        super().__init__(setting, loss)
        self.pools = {"a": Pool(), "b": Pool()}
        self.criterion = Targets(nn.MSELoss())

    def generator(self):
        return TwoWays(*(Map(size(self.data), self.data.shape, 128, end=end(self.data)) for _ in range(2)))

    def discriminator(self):
        return nn.ModuleDict({side: self.build_d() for side in "ab"})

    def pair(self):
        return other_domain(self.real()), self.real()

    def generator_loss(self, a, b, fake_b, again_a, fake_a, again_b):
        restored = self.restored(a, b, again_a, again_b)
        return restored + self.criterion(self.D["b"](fake_b), True) + self.criterion(self.D["a"](fake_a), True)

    def restored(self, a, b, again_a, again_b):
        identity = F.l1_loss(self.G.there(b), b) + F.l1_loss(self.G.back(a), a)
        return self.weight_cycle * (F.l1_loss(again_a, a) + F.l1_loss(again_b, b) + self.weight_identity * identity)

    def backward_d(self, side, real, fake):
        D = self.D[side]
        loss = 0.5 * (self.criterion(D(real), True) + self.criterion(D(self.pools[side].query(fake)), False))
        loss.backward()

    def round(self):
        a, b = self.pair()
        fake_b, again_a, fake_a, again_b = self.G(a, b)
        requires_grad(self.D, False)
        self.step_g.zero_grad()
        self.generator_loss(a, b, fake_b, again_a, fake_a, again_b).backward()
        self.step_g.step()
        requires_grad(self.D, True)
        self.step_d.zero_grad()
        self.backward_d("b", b, fake_b)
        self.backward_d("a", a, fake_a)
        self.step_d.step()
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        return self.G.there(other_domain(self.data.sample(n)))


class Disentangled(nn.Module):
    """An autoencoder of content and style."""

    def __init__(self, data, content=16, style=4):
        super().__init__()
        self.content, self.style = Map(size(data), (content,), 64), Map(size(data), (style,), 32)
        self.decode = Map(content + style, data.shape, 96, end=end(data))

    def forward(self, x):
        return self.content(x), self.style(x)


@healthy("MUNIT", settings=only("ring-mlp", "digits-mlp"), losses=("least_squares",))
class MUNIT(Plain):
    """MUNIT: `dis_update`, then `gen_update`, with each its own passes. Images, contents and styles are rebuilt; a
    drawn style makes the translation. Weight decay in both optimizers."""

    styles = 4

    def generator(self):
        return nn.ModuleDict({side: Disentangled(self.data, style=self.styles) for side in "ab"})

    def discriminator(self):
        return nn.ModuleDict({side: self.build_d() for side in "ab"})

    def optimizers(self):
        return tuple(
            Adam(net.parameters(), self.setting.rate, self.betas, weight_decay=1e-4) for net in (self.D, self.G)
        )

    def style(self):
        return torch.randn(self.batch, self.styles)

    def dis_update(self, x_a, x_b):
        self.step_d.zero_grad()
        (content_a, _), (content_b, _) = self.G["a"](x_a), self.G["b"](x_b)
        x_ba, x_ab = self.G["a"].decode(content_b, self.style()), self.G["b"].decode(content_a, self.style())
        loss = 0.0
        for D, fake, real in ((self.D["a"], x_ba, x_a), (self.D["b"], x_ab, x_b)):
            loss = loss + D(fake.detach()).square().mean() + (D(real) - 1).square().mean()
        loss.backward()
        self.step_d.step()

    def gen_adversarial(self, side, fake):
        return (self.D[side](fake) - 1).square().mean()

    def gen_update(self, x_a, x_b):
        self.step_g.zero_grad()
        loss = 0.0
        for here, there, x in (("a", "b", x_a), ("b", "a", x_b)):
            drawn, (content, own) = self.style(), self.G[here](x)
            rebuilt, moved = self.G[here].decode(content, own), self.G[there].decode(content, drawn)
            content_again, style_again = self.G[there](moved)
            loss = loss + self.gen_adversarial(there, moved) + 5 * F.l1_loss(rebuilt, x)
            loss = loss + 0.5 * (F.l1_loss(content_again, content) + F.l1_loss(style_again, drawn))
        loss.backward()
        self.step_g.step()

    def round(self):
        x_a, x_b = other_domain(self.real()), self.real()
        self.dis_update(x_a, x_b)
        self.gen_update(x_a, x_b)
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        content, _ = self.G["a"](other_domain(self.data.sample(n)))
        return self.G["b"].decode(content, torch.randn(n, self.styles))


class TwoHeads(nn.Module):
    """A critic and a classifier on one trunk."""

    def __init__(self, data, width=64):
        super().__init__()
        self.trunk = Map(size(data), (width,), width, act=nn.LeakyReLU, end=nn.LeakyReLU)
        self.source, self.classes = nn.Linear(width, 1), nn.Linear(width, count(data))

    def forward(self, x):
        h = self.trunk(x)
        return self.source(h), self.classes(h)


@healthy("StarGAN", settings=only("ring-mlp", "digits-mlp"), losses=("wasserstein",))
class StarGAN(Plain):
    """StarGAN: G takes a sample and the class it is to have, D says how real and of which class. Three steps of D with
    a penalty, one of G with the class and the way back; both optimizers are cleared before either step."""

    def generator(self):
        return Map(size(self.data) + count(self.data), self.data.shape, 128, end=end(self.data))

    def discriminator(self):
        return TwoHeads(self.data)

    def batch_with_target(self):
        x, y = labelled(self.data, self.batch)
        return x, y, y[torch.randperm(self.batch)]

    def code(self, y):
        return one_hot(y, count(self.data))

    def step(self, loss, optimizer):
        self.step_g.zero_grad()
        self.step_d.zero_grad()
        loss.backward()
        optimizer.step()

    def update_d(self, x, y, target):
        source, classes = self.D(x)
        loss = -source.mean() + F.cross_entropy(classes, y)
        fake = self.G(x, self.code(target))
        source, _ = self.D(fake.detach())
        slope = unit_slope(lambda between: self.D(between)[0], x, fake.detach())
        self.step(loss + source.mean() + self.setting.gamma * slope, self.step_d)

    def adversarial(self, source):
        return -source.mean()

    def update_g(self, x, y, target):
        fake = self.G(x, self.code(target))
        source, classes = self.D(fake)
        again = self.G(fake, self.code(y))
        self.step(self.adversarial(source) + F.cross_entropy(classes, target) + F.l1_loss(again, x), self.step_g)

    def round(self):
        for i in range(3):
            batch = self.batch_with_target()
            self.update_d(*batch)
            if (i + 1) % 3 == 0:
                self.update_g(*batch)
        self.rounds += 1

    @torch.no_grad()
    def sample(self, n):
        x, y = labelled(self.data, n)
        return self.G(x, self.code(y[torch.randperm(n)]))
