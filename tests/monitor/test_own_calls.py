"""Which calls of D are those of its loss, where it steps on one kind alone, or is called more often on one."""

import pytest
import torch
from small import D, G
from torch.nn.functional import softplus

from ganlab.monitor import Monitor

BATCH = 6


class Kept:
    """A game that keeps the mean logits that D's loss is made of."""

    def __init__(self):
        torch.manual_seed(0)
        self.g, self.d = G(), D()
        self.of_d, self.of_g = (torch.optim.SGD(net.parameters(), lr=0.01) for net in (self.d, self.g))
        self.logits = {"real": [], "fake": []}

    def part(self, kind, x):
        logits = self.d(x)
        self.logits[kind].append(logits.mean().item())
        return softplus(-logits if kind == "real" else logits).mean()

    def step_d(self, *losses):
        self.of_d.zero_grad()
        sum(losses).backward()
        self.of_d.step()

    def step_g(self):
        self.of_g.zero_grad()
        softplus(-self.d(self.g(torch.randn(BATCH, 4)))).mean().backward()
        self.of_g.step()

    def batches(self):
        return torch.randn(BATCH, 2), self.g(torch.randn(BATCH, 4)).detach()


def real_then_fake(game):
    real, fake = game.batches()
    game.step_d(game.part("real", real))
    game.step_d(game.part("fake", fake))
    game.step_g()


def fake_then_real(game):
    real, fake = game.batches()
    game.step_d(game.part("fake", fake))
    game.step_d(game.part("real", real))
    game.step_g()


def with_a_count_first(game):
    """Logits of other samples, of which nothing goes back."""
    real, fake = game.batches()
    game.d(real - 4)
    game.step_d(game.part("real", real), game.part("fake", fake))
    game.step_g()


def with_a_term_in_a_step_of_its_own(game):
    real, fake = game.batches()
    game.step_d(game.part("real", real), game.part("fake", fake))
    game.step_d(0.01 * game.d(real).square().mean())
    game.step_g()


def played(make_round, rounds=4):
    game = Kept()
    with Monitor({"D": (game.d, game.of_d), "G": (game.g, game.of_g)}) as monitor:
        for _ in range(rounds):
            make_round(game)
    return monitor.game(), game.logits


@pytest.mark.parametrize(
    "make_round", [real_then_fake, fake_then_real, with_a_count_first, with_a_term_in_a_step_of_its_own]
)
def test_the_logits_are_those_of_the_loss(make_round):
    table, logits = played(make_round)
    for kind in ("real", "fake"):
        assert table[f"{kind}_logit"].tolist() == pytest.approx(logits[kind], rel=1e-5, abs=1e-7)
    assert (table.real_slope < 0).all() and (table.fake_slope > 0).all() and (table.g_slope < 0).all()
    assert (table.real_calls == 1).all() and (table.fake_calls == 1).all()


def test_steps_on_real_samples_alone_are_no_pair():
    """The control: one kind never comes."""

    def make_round(game):
        real, _ = game.batches()
        game.step_d(game.part("real", real))
        game.step_d(game.part("real", real + 1))
        game.step_g()

    table, _ = played(make_round)
    assert table.real_logit.isna().all() and (table.fake_calls == 0).all()


def twice_on_real(game):
    """D's logits should not change where its samples are moved a little."""
    real, fake = game.batches()
    loss = game.part("real", real)
    game.step_d(loss, game.part("fake", fake), (game.d(real + 0.01) - game.d(real)).square().mean())
    game.step_g()


def test_which_of_several_is_on_real_samples_cannot_be_seen():
    assert played(twice_on_real)[0].real_logit.isna().all()


def test_a_step_on_one_kind_waits_for_no_other_round():
    def make_round(game):
        real, fake = game.batches()
        game.step_d(
            game.part("real", real) if len(game.logits["real"]) == len(game.logits["fake"]) else game.part("fake", fake)
        )
        game.step_g()

    table, _ = played(make_round)
    assert table.real_logit.isna().all()
