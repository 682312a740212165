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

    def watched(self, way, every=1, rounds=ROUNDS):
        with Monitor({"D": (self.d, self.of_d), "G": (self.g, self.of_g)}, every=every) as monitor:
            for _ in range(rounds):
                getattr(self, way)()
        return monitor.game()


@pytest.mark.parametrize("way", ["in_turn", "at_once"])
def test_what_d_said_is_known(way):
    """The monitor's step ends with G's, so D's step of a round of the loop is in the monitor's next one."""
    loop = Loop()
    game = loop.watched(way)
    own = game[game.step > 1]
    assert (own.real_logit - own.fake_logit).tolist() == pytest.approx(loop.margins[:-1], rel=1e-5)
    assert (own.real_slope < 0).all() and (own.fake_slope > 0).all() and (game.g_slope < 0).all()
    assert (own.real_calls == 1).all() and (own.fake_calls == 1).all()
    assert (own.repeat_z.dropna() == 0).all() and own.repeat_z.notna().any()


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
