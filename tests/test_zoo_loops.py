"""The monitor in every loop of `zoo_loops.py`: what it shows is so, and what it cannot see it says."""

import copy
import io

import numpy as np
import pytest
import torch
from torch import nn
from zoo_loops import LOOPS, STEPS, Critic, Truth, generator, usual

from ganlab.monitor import Monitor

ALL = {loop.name: loop for loop in LOOPS}
TOGETHER = {"one for both", "shared by G and D"}  # one player's step moves the other
every_loop = pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.name)


def played(loop):
    torch.manual_seed(0)
    truth, made = Truth(), []

    def watch(players, **options):
        made.append(Monitor(players, **options))
        return made[-1]

    loop.play(truth, watch)
    return truth, made[0]


@every_loop
def test_what_it_shows_is_so_and_what_it_cannot_see_it_says(loop):
    if loop.refused:
        with pytest.raises((ValueError, TypeError), match=loop.refused):
            played(loop)
        return
    truth, monitor = played(loop)
    said = " ".join(monitor.gaps)
    assert (loop.gap in said) if loop.gap else said == ""
    assert all(sentence in monitor.line() for sentence in monitor.gaps)
    if not loop.steps:
        return
    table = monitor.gradients(by="net")
    assert monitor.step == STEPS
    for phase in monitor.players:
        norms = truth.norms[{"critic": "D", "maker": "G"}.get(phase, phase)]
        each = len(norms) // STEPS  # of several steps of D in one of G the last counts
        norms = norms[each - 1 :: each]
        rough = 1e-2 if loop.name in ("bf16", "autocast") else 1e-5
        np.testing.assert_allclose(table[table.phase == phase].grad_norm, norms, rtol=rough)
    if loop.game:
        game = monitor.game()
        for (_, row), (real, fake) in zip(game.iterrows(), truth.logits, strict=True):
            order = (real[:, None] > fake).double() + 0.5 * (real[:, None] == fake).double()
            expected = [(real > 0).double().mean(), (fake < 0).double().mean(), order.mean(), real.mean(), fake.mean()]
            names = ["real_accuracy", "fake_accuracy", "pair_accuracy", "real_logit", "fake_logit"]
            np.testing.assert_allclose(row[names].astype(float), expected, rtol=2e-2)
        assert game.loss_slope.notna().all() and game.input_slope.notna().all()
        assert (game.real_slope < 0).all() and (game.fake_slope > 0).all() and (game.g_slope < 0).all()
        assert (game.real_low < game.real_high).all() and (game.fake_low < game.fake_high).all()
        assert (game.spread > 0).all() and game["repeat"].iloc[1:].eq(0).all()
    moves = monitor.moves()
    assert moves[moves.phase == moves.net].carried.eq(0).all()
    moved = moves[moves.phase != moves.net].moved
    assert (moved > 0).all() if loop.name in TOGETHER else moved.eq(0).all()
    assert monitor.origin is None


def test_a_critic_whose_zero_means_nothing_is_judged_by_pairs():
    """Real 7, 8 and fake 5, 6: no accuracy at 0 says it, and all four pairs are in order. With real 5, 7: 2.5."""
    D = nn.Linear(3, 1)
    monitor = Monitor({"D": (D, torch.optim.SGD(D.parameters(), lr=0.1))})
    shown = []
    for real in ([7.0, 8.0], [5.0, 7.0]):
        monitor.logits(torch.tensor(real), torch.tensor([5.0, 6.0]))
        D(torch.ones(2, 3)).sum().backward()
        monitor.players["D"].optimizer.step()
        shown.append(monitor.game().iloc[-1][["real_accuracy", "fake_accuracy", "pair_accuracy"]].tolist())
    assert shown == [[1, 0, 1], [1, 0, 2.5 / 4]]
    assert "on pairs 0.62" in monitor.line()


@pytest.mark.parametrize("activations", [False, True])
def test_a_copy_of_a_watched_network_writes_nowhere_and_a_watched_network_can_be_saved(activations):
    torch.manual_seed(0)
    G, D = generator(), Critic()
    steps = {name: torch.optim.SGD(net.parameters(), lr=0.1) for name, net in (("D", D), ("G", G))}
    monitors = Monitor({"D": (D, steps["D"]), "G": (G, steps["G"])}, activations=activations)
    tables = []
    for unrolled in (False, True):
        for name, net in (("D", D), ("G", G)):
            steps[name].zero_grad()
            loss = D(G(torch.ones(4, 2))).square().mean()
            if unrolled:
                twin = copy.deepcopy(D)
                twin(100 * G(torch.ones(4, 2))).sum().backward()
                net.zero_grad()
            loss.backward()
            for group in steps[name].param_groups:
                group["lr"] = 0.0  # both rounds are of the same weights
            steps[name].step()
        game = monitors.game().iloc[-1]
        tables.append((game.loss_slope, game.input_slope))
        if activations:
            tables[-1] += (monitors.activations().query("step == @monitors.step").rms.sum(),)
    np.testing.assert_allclose(*tables, rtol=1e-6)
    saved = io.BytesIO()
    torch.save(D, saved)
    saved.seek(0)
    again = torch.load(saved, weights_only=False)
    assert torch.equal(again(torch.ones(4, 3)), D(torch.ones(4, 3)))
    assert {type(hook).__name__ for hook in again._forward_hooks.values()} == {"function"}


def test_a_lie_in_a_loop_is_found():
    """A loop that notes the norm of another gradient than it steps with."""

    def forged(truth, watch):
        usual(truth, watch)
        truth.norms["D"][1] *= 1.01

    with pytest.raises(AssertionError):
        test_what_it_shows_is_so_and_what_it_cannot_see_it_says(ALL["plain"].__class__("forged", forged))
