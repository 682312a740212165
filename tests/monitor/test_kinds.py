"""Loops whose D sees more than one batch of each kind, or several kinds in one batch: against sums of one's own."""

import pytest
import torch
from torch import nn
from torch.nn.functional import one_hot, softplus

from ganlab.monitor import Monitor

ROUNDS, BATCH, LATENT = 5, 32, 4


def real():
    return torch.randn(BATCH, 2) * 0.3 + 2


class Loop:
    """D's step, then G's. `d_step` leaves in `wanted` the mean logits and the slopes of each kind, by hand."""

    inputs = outputs = 2
    rounds = ROUNDS

    def __init__(self):
        torch.manual_seed(0)
        self.g = nn.Sequential(nn.Linear(LATENT, 8), nn.Tanh(), nn.Linear(8, self.outputs))
        self.d = self.judge()
        self.of_g, self.of_d = (torch.optim.Adam(net.parameters(), 1e-3) for net in (self.g, self.d))
        self.wanted = []

    def judge(self):
        return nn.Sequential(nn.Linear(self.inputs, 8), nn.Tanh(), nn.Linear(8, 1))

    def made(self):
        with torch.no_grad():
            return self.g(torch.randn(BATCH, LATENT))

    def said(self, x):
        return self.d(x)

    def push(self, real, fake, weight=1.0):
        """Backward of the logistic loss of these logits; what is wanted of them."""
        (weight * (softplus(-real).mean() + softplus(fake).mean())).backward()
        slopes = -weight * torch.sigmoid(-real.detach()).mean(), weight * torch.sigmoid(fake.detach()).mean()
        return torch.stack([real.detach().mean(), fake.detach().mean(), *slopes])

    def d_step(self):
        raise NotImplementedError

    def g_loss(self):
        return softplus(-self.said(self.g(torch.randn(BATCH, LATENT)))).mean()

    def watched(self):
        with Monitor({"D": (self.d, self.of_d), "G": (self.g, self.of_g)}) as monitor:
            for _ in range(self.rounds):
                self.of_d.zero_grad()
                self.d_step()
                self.of_d.step()
                self.of_g.zero_grad()
                self.g_loss().backward()
                self.of_g.step()
        return monitor.game()


class PartsOfBoth(Loop):
    """BigGAN: gradients of two batches are added up, each of which holds both kinds."""

    def d_step(self):
        found = []
        for _ in range(2):
            fake, real_ = self.said(torch.cat([self.made(), real()])).chunk(2)
            found.append(self.push(real_, fake, 0.5))
        self.wanted.append(torch.stack(found).mean(0) * torch.tensor([1, 1, 2, 2]))


class CopiesInParts(Loop):
    """Two pieces, whose samples are copied, and real ones ask for a gradient, as a penalty's."""

    def d_step(self):
        found = []
        for _ in range(2):
            fake, x = self.made().clone(), real().requires_grad_()
            found.append(self.push(self.said(x), self.said(fake), 0.5))
        self.wanted.append(torch.stack(found).mean(0) * torch.tensor([1, 1, 2, 2]))


class NoiseInParts(Loop):
    """Two pieces with noise, generated ones first."""

    def d_step(self):
        found = []
        for _ in range(2):
            fake, x = (x + 0.1 * torch.randn_like(x) for x in (3 * self.made(), real()))
            fake = self.said(fake)
            found.append(self.push(self.said(x), fake, 0.5))
        self.wanted.append(torch.stack(found).mean(0) * torch.tensor([1, 1, 2, 2]))


class TwoFakes(Loop):
    """A VAE/GAN: real samples, and generated ones of two kinds."""

    def d_step(self):
        x, fakes = self.said(real()), [self.said(self.made()) for _ in range(2)]
        self.wanted.append(self.push(x, torch.cat(fakes)))


class WrongText(Loop):
    """Real samples with their text, with another one, which counts as generated, and generated ones."""

    inputs = 3

    def judge(self):
        net = super().judge()

        class Joined(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = net

            def forward(self, x, text):
                return self.net(torch.cat([x, text], 1))

        return Joined()

    def said(self, x, text=None):
        return self.d(x, torch.ones(len(x), 1) if text is None else text)

    def d_step(self):
        x = real()
        wrong, fake = self.said(x, -torch.ones(len(x), 1)), self.said(self.made())
        softplus(wrong).mean().backward()
        self.wanted.append(self.push(self.said(x), fake))


class Consistent(Loop):
    """One batch of real and generated samples, and of changed copies of both, on which D is to say the same."""

    def d_step(self):
        x, fake = real(), 3 * self.made()
        with torch.no_grad():
            self.g(torch.randn(BATCH, LATENT))  # another pass, that D does not see
        changed = [one + 0.02 * torch.randn_like(one) for one in (x, fake)]
        logits = self.said(torch.cat([x, changed[0], fake, changed[1]])).chunk(4)
        ((logits[0] - logits[1]) ** 2 + (logits[2] - logits[3]) ** 2).mean().backward(retain_graph=True)
        found = self.push(logits[0], logits[2])
        both = [(one + other).detach().mean() / 2 for one, other in (logits[:2], logits[2:])]
        # The slopes of the two consistency terms on a sample and its copy cancel.
        self.wanted.append(torch.cat([torch.stack(both), found[2:]]))


class Packed(Loop):
    """A critic of four rows at once, with a condition beside them."""

    inputs = 4 * (2 + 3)

    def said(self, x):
        code = one_hot(torch.randint(3, (len(x),)), 3).float()
        return self.d(torch.cat([x, code], 1).view(-1, self.inputs))

    def judge(self):
        net, inputs = super().judge(), self.inputs

        class Packs(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = net

            def forward(self, rows):
                return self.net(rows.view(-1, inputs))

        return Packs()

    def said_rows(self, x):
        return self.d(torch.cat([x, one_hot(torch.randint(3, (len(x),)), 3).float()], 1))

    def d_step(self):
        self.wanted.append(self.push(self.said_rows(real()), self.said_rows(self.made())))

    def g_loss(self):
        return softplus(-self.said_rows(self.g(torch.randn(BATCH, LATENT)))).mean()


class AsksBehindAChange(Loop):
    """Both kinds in one batch, behind an augmentation, with a leaf that asks for a gradient: as SPADE's."""

    def d_step(self):
        fake, real_ = self.said(torch.cat([self.made().requires_grad_(), real()])).chunk(2)
        self.wanted.append(self.push(real_, fake))


@pytest.mark.parametrize(
    "loop",
    [PartsOfBoth, CopiesInParts, NoiseInParts, TwoFakes, WrongText, Consistent, Packed, AsksBehindAChange],
)
def test_what_d_said_of_each_kind_is_known(loop):
    loop = loop()
    game = loop.watched()
    wanted = torch.stack(loop.wanted).numpy()
    for place, name in enumerate(["real_logit", "fake_logit", "real_slope", "fake_slope"]):
        assert game[name].tolist() == pytest.approx(wanted[:, place].tolist(), rel=1e-4, abs=1e-6), name
    assert (game.g_slope < 0).all()


class Two(Loop):
    """A CycleGAN's two D's under one optimizer, and nobody calls what holds them."""

    def judge(self):
        return nn.ModuleDict({side: Loop.judge(self) for side in "ab"})

    def said(self, x):
        return torch.cat([self.d[side](x) for side in "ab"])

    def d_step(self):
        fake = self.said(self.made())
        self.wanted.append(self.push(self.said(real()), fake) * torch.tensor([1, 1, 2, 2]))


def test_two_ds_in_one_player_are_heard_from_the_second_step_on():
    loop = Two()
    game = loop.watched()
    wanted = torch.stack(loop.wanted).numpy()
    assert game.step.tolist()[-1] == ROUNDS and len(game) >= ROUNDS - 1
    late = game[game.step > 1]
    assert late.real_logit.tolist() == pytest.approx(wanted[1:, 0].tolist(), rel=1e-4)
    assert late.fake_slope.tolist() == pytest.approx((wanted[1:, 3] / 2).tolist(), rel=1e-4)


class Features(Loop):
    """A D that is called in two parts: what the first one gives are no logits."""

    def judge(self):
        class Halves(nn.Module):
            def __init__(self):
                super().__init__()
                self.body, self.head = nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nn.Linear(2, 1)

        return Halves()

    def said(self, x):
        return self.d.head(self.d.body(x))

    def d_step(self):
        self.push(self.said(real()), self.said(self.made()))


def test_parts_of_a_d_that_give_features_are_no_ds():
    assert Features().watched().filter(like="logit").isna().all(axis=None)


def test_two_batches_of_which_none_is_known_are_not_told_apart():
    """The control: four batches that have nothing to do with what the generator gave."""

    class Strange(PartsOfBoth):
        def made(self):
            super().made()
            return torch.randn(BATCH, 2)

    assert Strange().watched().filter(like="real_").drop(columns="real_calls").isna().all(axis=None)


class Opposed(Two):
    """A D2GAN: one is fond of real samples, the other of generated ones."""

    def d_step(self):
        x, fake = real(), self.made()
        self.push(self.d["a"](x), self.d["a"](fake))
        self.push(self.d["b"](fake), self.d["b"](x))


def test_two_ds_that_want_opposite_things_are_no_one_d():
    assert Opposed().watched()[["real_logit", "real_slope", "fake_slope"]].isna().all(axis=None)


class Gray(Loop):
    """A D called in two parts, of which the first gives what looks like samples."""

    outputs = 1

    def judge(self):
        class Chain(nn.Module):
            def __init__(self):
                super().__init__()
                self.pre, self.body = nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))

        return Chain()

    def between(self, x):
        return x

    def said(self, x):
        return self.d.body(self.between(self.d.pre(x[:, :1])))

    def made(self):
        with torch.no_grad():
            return self.g(torch.randn(BATCH, LATENT))

    def d_step(self):
        self.push(self.said(real()), self.said(self.made()))


class GrayBehindAFunction(Gray):
    def between(self, x):
        return torch.relu(x)


class TwoPassesOfOneCall(Loop):
    """G's loss and D's go backward through one call, and both reach G: whose a slope is cannot be seen."""

    def d_step(self):
        x, z = real(), torch.randn(BATCH, LATENT)
        fake, said = self.d(self.g(z)), self.d(x)
        softplus(-fake).mean().backward(retain_graph=True)
        self.of_d.zero_grad()
        (softplus(-said).mean() + softplus(fake).mean()).backward()


class Reconstructed(Loop):
    """D learns to call real samples and rebuilt ones real, and drawn ones generated."""

    def d_step(self):
        rebuilt, drawn = self.said(self.made()), self.said(self.made())
        loss = softplus(-self.said(real())).mean() + softplus(-rebuilt).mean() + softplus(drawn).mean()
        loss.backward()


class RealFakeAndPool(Loop):
    """The third batch is older generated samples: no real ones with a wrong condition."""

    def d_step(self):
        made = self.made()
        older = torch.randn(BATCH, 2)
        (
            softplus(-self.said(real())) + softplus(self.said(made)) / 2 + softplus(self.said(older)) / 2
        ).mean().backward()


class ShuffledTwoToOne(Loop):
    """One batch of three parts of real samples to one of generated ones, shuffled."""

    rounds, few = 40, 8

    def d_step(self):
        with torch.no_grad():
            both = torch.cat([real()[: 3 * self.few], self.g(torch.randn(self.few, LATENT))])
        order = torch.randperm(len(both))
        said, made = self.said(both[order]), order >= 3 * self.few
        (softplus(-said[~made]).mean() + softplus(said[made]).mean()).backward()


class Labelled(WrongText):
    """Real samples go along with what G made of their labels, and a pool of older ones, with noise, does not."""

    def __init__(self):
        super().__init__()
        net = self.g

        class OfCode(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = net

            def forward(self, z, code):
                return self.net(z) + 4 * code

        self.g, self.older = OfCode(), (torch.randn(BATCH, 2), torch.ones(BATCH, 1))

    def d_step(self):
        code = torch.randint(2, (BATCH, 1)) * 2.0 - 1
        with torch.no_grad():
            made = self.g(torch.randn(BATCH, LATENT), code)
        (older, of), self.older = self.older, (made, code)
        self.push(self.said(4 * code + 0.1 * real(), code), self.said(older + 0.1 * torch.randn(BATCH, 2), of))

    def g_loss(self):
        code = torch.ones(BATCH, 1)
        return softplus(-self.said(self.g(torch.randn(BATCH, LATENT), code), code)).mean()


@pytest.mark.parametrize(
    "loop",
    [Gray, GrayBehindAFunction, TwoPassesOfOneCall, Reconstructed, RealFakeAndPool, ShuffledTwoToOne, Labelled],
)
def test_what_cannot_be_told_is_not_told(loop):
    """Each of these was told wrongly once."""
    game = loop().watched()
    assert game["fake_slope"].isna().all() if len(game) else True
