"""Loops in which G steps first and hands its samples on to D, as many repositories have it."""

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from ganlab.monitor import Monitor

ROUNDS, BATCH = 5, 16


def players():
    torch.manual_seed(0)
    g, d = (
        nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)),
        nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)),
    )
    return g, d, torch.optim.Adam(g.parameters(), 1e-3), torch.optim.Adam(d.parameters(), 1e-3)


class Loop:
    """Keeps by hand what the monitor should find at each step of D."""

    def __init__(self, shown=lambda fake: fake):
        self.g, self.d, self.of_g, self.of_d = players()
        self.shown, self.margins, self.targets = shown, [], []

    def g_loss(self):
        self.fake = self.g(torch.randn(BATCH, 4))
        return softplus(-self.d(self.fake)).mean()

    def d_loss(self):
        real, fake = self.d(torch.randn(BATCH, 2) + 2), self.d(self.shown(self.fake.detach()))
        self.margins.append((real.mean() - fake.mean()).item())
        return softplus(-real).mean() + softplus(fake).mean()

    def in_turn(self):
        loss = self.g_loss()
        self.of_g.zero_grad()
        loss.backward()
        self.of_g.step()
        loss = self.d_loss()
        self.of_d.zero_grad()
        loss.backward()
        self.of_d.step()

    def at_once(self):
        """Both losses go backward before either player steps."""
        loss = self.g_loss()
        self.of_g.zero_grad()
        loss.backward()
        loss = self.d_loss()
        self.of_d.zero_grad()
        loss.backward()
        self.of_g.step()
        self.of_d.step()

    def losses_first(self):
        """Both are made before either goes backward."""
        of_g, of_d = self.g_loss(), self.d_loss()
        self.of_g.zero_grad()
        of_g.backward(inputs=list(self.g.parameters()))
        self.of_g.step()
        self.of_d.zero_grad()
        of_d.backward()
        self.of_d.step()

    def watched(self, way, every=1, rounds=ROUNDS):
        with Monitor({"D": (self.d, self.of_d), "G": (self.g, self.of_g)}, every=every) as monitor:
            for _ in range(rounds):
                getattr(self, way)()
        return monitor.game()


@pytest.mark.parametrize("way", ["in_turn", "at_once", "losses_first"])
def test_what_d_said_is_known(way):
    """The monitor's step ends with G's, so D's step of a round of the loop is in the monitor's next one."""
    loop = Loop()
    game = loop.watched(way)
    own = game[game.step > 1]
    assert (own.real_logit - own.fake_logit).tolist() == pytest.approx(loop.margins[:-1], rel=1e-5)
    assert (own.real_slope < 0).all() and (own.fake_slope > 0).all() and (game.g_slope < 0).all()
    assert (own.real_calls == 1).all() and (own.fake_calls == 1).all()
    assert (own.repeat_z.dropna() == 0).all() and own.repeat_z.notna().any()


@pytest.mark.parametrize("way", ["in_turn", "at_once", "losses_first"])
@pytest.mark.parametrize("every", [1, 3])
def test_gradients_that_are_cleared_are_not_carried(way, every):
    loop = Loop()
    with Monitor({"D": (loop.d, loop.of_d), "G": (loop.g, loop.of_g)}, every=every) as monitor:
        for _ in range(7):
            getattr(loop, way)()
    carried = monitor.moves().query("phase == net").carried
    assert (carried.dropna() == 0).all() and (carried.notna().all() or every > 1)
    assert not monitor.game().leaked.eq(1).any()


@pytest.mark.parametrize("every", [2, 3, 4])
def test_no_number_is_of_an_earlier_round_where_few_are_measured(every):
    loop = Loop()
    game = loop.watched("at_once", every=every, rounds=12)
    assert game[game.step > 2].real_logit.isna().all()  # the first is measured, and the second may be


@pytest.mark.parametrize("d_is_relative", [False, True])
def test_one_call_for_both_losses_has_the_slopes_of_each(d_is_relative):
    """G steps first, and what G's loss leaves at real logits, as a relativistic one does, is not D's."""
    loop, wanted = Loop(), []
    with Monitor({"D": (loop.d, loop.of_d), "G": (loop.g, loop.of_g)}) as monitor:
        for _ in range(4):
            loop.of_g.zero_grad()
            loop.of_d.zero_grad()
            fake, real = loop.d(loop.g(torch.randn(BATCH, 4))), loop.d(torch.randn(BATCH, 2))
            shift = real.mean() if d_is_relative else 0
            of_g, of_d = softplus(-fake + shift).mean(), softplus(-real).mean() + 3 * softplus(fake).mean()
            slopes = -torch.sigmoid(-real), 3 * torch.sigmoid(fake), -torch.sigmoid(shift - fake)
            wanted.append([slope.mean().item() for slope in slopes])
            of_g.backward(retain_graph=True)
            of_d.backward(inputs=list(loop.d.parameters()))
            loop.of_g.step()
            loop.of_d.step()
    game = monitor.game()
    assert game.g_slope[1:].tolist() == pytest.approx([of_g for *_, of_g in wanted[1:]], rel=1e-5)
    assert game.real_slope[1:].tolist() == pytest.approx([real for real, *_ in wanted[:-1]], rel=1e-5)
    assert game.fake_slope[1:].tolist() == pytest.approx([fake for _, fake, _ in wanted[:-1]], rel=1e-5)


def test_it_is_known_too_where_few_steps_are_measured():
    loop = Loop()
    game = loop.watched("in_turn", every=3, rounds=9)
    own = game[game.step > 1]
    assert own.step.tolist() == [3, 6, 9]
    assert (own.real_logit - own.fake_logit).tolist() == pytest.approx([loop.margins[i] for i in (1, 4, 7)], rel=1e-5)


class Pool:
    """Every other sample is one that G gave in the round before."""

    def __init__(self):
        self.old = None

    def __call__(self, fake):
        old, self.old = self.old, fake
        if old is None:
            return fake
        return torch.where(torch.arange(len(fake))[:, None] % 2 == 0, fake, old)


def test_a_pool_of_older_samples_is_known_by_those_that_are_new():
    loop = Loop(Pool())
    game = loop.watched("in_turn")
    own = game[game.step > 1]
    assert (own.real_logit - own.fake_logit).tolist() == pytest.approx(loop.margins[:-1], rel=1e-5)


def test_a_pool_of_old_samples_alone_is_not():
    """The control: nothing that D is shown comes from G's last pass."""
    older = [torch.zeros(BATCH, 2)] * 3

    def shown(fake):
        older.append(fake)
        return older.pop(0).clone()

    game = Loop(shown).watched("in_turn")
    assert game.fake_logit.isna().all()


def test_what_g_gave_is_forgotten_after_a_round():
    loop = Loop()
    monitor = Monitor({"D": (loop.d, loop.of_d), "G": (loop.g, loop.of_g)})
    for _ in range(4):
        loop.in_turn()
    assert len(monitor._game.made.known) == 1


class Moved(nn.Module):
    """A generator that makes samples of others."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))

    def forward(self, x):
        return x + self.net(x)


@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize("again", ["real", "back", "nothing"])
def test_a_generator_that_leaves_real_samples_as_they_are_makes_none_of_them(again, pooled):
    """As a CycleGAN, whose generator is called on D's real batch too, and on what comes back; D sees a pool."""
    loop, pool, back = Loop(Pool() if pooled else torch.clone), [], Moved()
    loop.g = Moved()
    loop.of_g = torch.optim.Adam(loop.g.parameters(), 1e-3)
    with Monitor({"D": (loop.d, loop.of_d), "G": (loop.g, loop.of_g)}) as monitor:
        for _ in range(ROUNDS):
            a, b = torch.randn(BATCH, 2), torch.randn(BATCH, 2) + 2
            fake = loop.g(a)
            other = fake if again == "nothing" else loop.g(b if again == "real" else back(b))
            loop.of_g.zero_grad()
            (softplus(-loop.d(fake)).mean() + (other - b).abs().mean()).backward()
            loop.of_g.step()
            real, of_fake = loop.d(b), loop.d(loop.shown(fake.detach()))
            pool.append((real.mean() - of_fake.mean()).item())
            loop.of_d.zero_grad()
            (softplus(-real).mean() + softplus(of_fake).mean()).backward()
            loop.of_d.step()
    own = monitor.game().query("step > 1")
    assert (own.real_logit - own.fake_logit).tolist() == pytest.approx(pool[:-1], rel=1e-4)


@pytest.mark.parametrize("front", [True, False])
@pytest.mark.parametrize("batch", [1, 8])
def test_a_condition_may_stand_beside_the_samples(front, batch):
    """D takes both in one tensor, side by side along their channels."""
    torch.manual_seed(0)
    g, d = nn.Conv2d(2, 3, 3, padding=1), nn.Sequential(nn.Conv2d(5, 4, 3), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 3))
    of_g, of_d = (torch.optim.SGD(net.parameters(), 0.01) for net in (g, d))
    margins, highest = [], []
    with Monitor({"D": (d, of_d), "G": (g, of_g)}) as monitor:
        for _ in range(4):
            given, real = torch.randn(batch, 2, 6, 6), torch.rand(batch, 3, 6, 6)
            fake = g(given)

            def shown(x, given=given):
                return torch.cat([given, x] if front else [x, given], 1)

            of_d.zero_grad()
            logits = d(shown(real)), d(shown(fake.detach()))
            margins.append((logits[0].mean() - logits[1].mean()).item())
            highest.append(real.max().item())
            (softplus(-logits[0]).mean() + softplus(logits[1]).mean()).backward()
            of_d.step()
            of_g.zero_grad()
            softplus(-d(shown(fake))).mean().backward()
            of_g.step()
    game = monitor.game()
    assert (game.real_logit - game.fake_logit).tolist() == pytest.approx(margins, rel=1e-4)
    assert game.real_high.tolist() == pytest.approx(highest) and (game.g_slope < 0).all()
