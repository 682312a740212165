"""D's two calls where none is on what a generator gave: told apart by distance, or not at all."""

import numpy as np
import pytest
import torch
from small import D, G
from torch.nn.functional import softplus

from ganlab.monitor import Monitor
from ganlab.population import build

ROWS = 64


def stretched(x, z):
    """Real data off to one side, as data and untrained samples are."""
    return x + 3.0, 3 * z


def played(show, seeds=0, steps=3, told=False):
    """show: (real, fake) to what D is called on: two batches, or one. Returns the monitor, and the logits."""
    torch.manual_seed(0)
    g, d = build(G, D, seeds)
    step_d, step_g = (torch.optim.SGD(net.parameters(), lr=0.01) for net in (d, g))
    monitor, kept = Monitor({"D": (d, step_d), "G": (g, step_g)}), []
    lead = () if isinstance(seeds, int) else (len(seeds),)
    for _ in range(steps):
        real, z = stretched(torch.randn(*lead, ROWS, 2), torch.randn(*lead, ROWS, 4))
        made = g(z)
        shown = show(real, made.detach())
        logits = [d(x) for x in shown]
        logits = logits if len(logits) == 2 else list(logits[0].chunk(2, len(lead)))
        kept.append([one.detach() for one in logits])
        if told:
            monitor.logits(*logits)
        step_d.zero_grad()
        (softplus(-logits[0]).mean(-1) + softplus(logits[1]).mean(-1)).sum().backward()
        step_d.step()
        step_g.zero_grad()
        softplus(-d(made)).mean(-1).sum().backward()
        step_g.step()
    return monitor, kept


def noisy(x):
    return x + 0.03 * torch.randn_like(x)


def both_ways(real, fake):
    return noisy(real), noisy(fake)


@pytest.mark.parametrize("seeds", [0, [0, 1]])
@pytest.mark.parametrize("show", [both_ways, lambda real, fake: (torch.cat([real, fake], -2),)])
def test_the_nearer_batch_is_the_generators(show, seeds):
    monitor, kept = played(show, seeds)
    game = monitor.game()
    sure = game.real_logit.notna()  # with noise as wide as its samples a step may not be
    assert sure.mean() > 0.6
    for k, name in enumerate(("real_logit", "fake_logit")):
        expected = torch.stack([step[k].mean(-1) for step in kept]).flatten().numpy()
        np.testing.assert_allclose(game[name][sure], expected[sure], rtol=1e-4)
    told = played(show, seeds, told=True)[0].game()
    for name in ("real_slope", "fake_slope", "pair_accuracy", "real_accuracy", "fake_accuracy"):
        np.testing.assert_allclose(game[name][sure], told[name][sure], rtol=1e-4, err_msg=name)
    assert game.real_high[sure].gt(4).all() and game.spread[sure].lt(1).all() and game.repeat_z.iloc[-1] == 0


def test_the_order_of_the_calls_does_not_matter():
    monitor, kept = played(lambda real, fake: (noisy(fake), noisy(real)))
    found = monitor.game().real_logit
    expected = np.array([step[1].mean().item() for step in kept])
    assert found.notna().sum() > 1
    np.testing.assert_allclose(found[found.notna()], expected[found.notna()], rtol=1e-4)


def test_calls_are_counted_as_they_are():
    two, one = (played(show)[0].game() for show in (both_ways, lambda real, fake: (torch.cat([real, fake]),)))
    assert two[["real_calls", "fake_calls", "batch"]].values.tolist() == [[1, 1, ROWS]] * 3
    assert one[["real_calls", "fake_calls", "batch"]].values.tolist() == [[1, 0, 2 * ROWS]] * 3


def shifted(x):
    """Rolled by a number and made brighter, as augmentations do."""
    return x.roll(1, -1) + 2 * torch.rand(len(x), 1)


@pytest.mark.parametrize(
    "show",
    [
        lambda real, fake: (shifted(real), shifted(fake)),
        lambda real, fake: (noisy(torch.cat([real, fake]))[torch.randperm(2 * ROWS)],),  # shuffled
        lambda real, fake: (
            real + 90 * torch.randn_like(real),
            fake + 90 * torch.randn_like(fake),
        ),  # nothing but noise
        lambda real, fake: (noisy(real)[:40], noisy(fake)[:40]),  # not of one size with what was given
    ],
)
def test_what_cannot_be_told_apart_is_not_a_number(show):
    game = played(show)[0].game()
    assert game[["real_logit", "fake_accuracy", "spread", "real_slope", "repeat"]].isna().all(axis=None)
    assert game[["loss_slope", "g_slope", "real_calls"]].notna().all(axis=None)


@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_a_batch_in_which_both_are_shuffled_is_sorted(seeds):
    """By rows that are, to the last bit, what G gave."""
    orders = []

    def shuffled(real, fake):
        orders.append(torch.randperm(2 * ROWS))
        return (torch.cat([real, fake], -2).index_select(-2, orders[-1]),)

    monitor, kept = played(shuffled, seeds)
    game, found = monitor.game(), []
    for (one, other), order in zip(kept, orders, strict=True):
        logits = torch.cat([one, other], -1)
        found.append([logits[..., order < ROWS].mean(-1), logits[..., order >= ROWS].mean(-1)])
    for k, name in enumerate(("real_logit", "fake_logit")):
        expected = torch.stack([step[k] for step in found]).flatten().numpy()
        np.testing.assert_allclose(game[name], expected, rtol=1e-4)
    assert game.real_high.gt(4).all() and game.real_slope.notna().all()
