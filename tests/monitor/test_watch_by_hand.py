"""A watched trainer on a game of two numbers, where every entry of every table can be worked out with a pencil.

D(x) = w x, real samples are at 1, G makes theta whatever z is. Under the Wasserstein loss D descends w (theta - 1) with
the slope theta - 1, and G descends -w theta with the slope -w. All steps are plain gradient descent.
"""

import numpy as np
import pytest
import torch
from torch import nn

from ganlab.monitor import Monitor
from ganlab.population import Population
from ganlab.train import Recipe, Rule, Trainer

LR_D, LR_G = 0.1, 0.3


class One:
    """All real samples are at 1."""

    shape = (1,)

    def sample(self, n, generator=None):
        return torch.ones(n, 1)


class Theta(nn.Module):
    latent, shape = 1, (1,)

    def __init__(self, theta=0.27):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta))

    def forward(self, z):
        return self.theta.expand_as(z) + 0 * z


class Slope(nn.Module):
    def __init__(self, w=2.0):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w))

    def forward(self, x):
        return (self.w * x)[..., 0]


STARTS = {"alone": [(0.27, 2.0)], "members": [(0.27, 2.0), (-0.5, -1.0)]}


# In one dimension: the norm of a gradient, its weight and the norms so far, this one the last -> the largest norm.
CLIPS = {
    "value": (0.55, lambda norm, weight, past: 0.55),
    "norm": (0.55, lambda norm, weight, past: 0.55),
    "layerwise": (0.55, lambda norm, weight, past: 0.55),
    "adaptive": (0.4, lambda norm, weight, past: 0.4 * abs(weight)),
    "percentile": (60.0, lambda norm, weight, past: np.percentile(past, 60)),
}


def by_hand(theta, w, steps, critic_steps=1, clip=lambda norm, *_: norm, decay=0.0, value=lambda step: 1.0):
    """A row a step: D's numbers, G's numbers, the game's; of several critic steps the last counts."""
    rows, past = [], {"D": [], "G": []}
    for step in range(steps):
        for _ in range(critic_steps):
            logits, slope = (w, w * theta), theta - 1
            past["D"].append(abs(slope))
            slope *= min(1, clip(abs(slope), w, past["D"]) / abs(slope))
            w *= 1 - LR_D * decay
            moved = LR_D * value(step) * slope
            d = (abs(slope), abs(moved) / abs(w))
            w -= moved
        past["G"].append(abs(w))
        g = min(abs(w), clip(abs(w), theta, past["G"]))
        rows.append({
            "before": (past["D"][-1], past["G"][-1]), "D": d, "G": (g, LR_G * g / abs(theta)), "loss_slope": 1.0,
            "input_slope": abs(w),
            "real_logit": logits[0], "fake_logit": logits[1], "real_accuracy": float(logits[0] > 0),
            "fake_accuracy": float(logits[1] < 0), "pair_accuracy": float(logits[0] > logits[1]),
        })  # fmt: skip
        theta += LR_G * np.sign(w) * g
    return rows


def _trainer(starts, rule, **recipe):
    pairs = [(Theta(theta), Slope(w)) for theta, w in starts]
    nets = pairs[0] if len(starts) == 1 else [Population(side) for side in zip(*pairs, strict=True)]
    recipe = Recipe(**{
        "loss": "wasserstein", "optimizer_g": "sgd", "optimizer_d": "sgd", "lr_g": LR_G, "lr_d": LR_D, "batch": 4,
        **recipe,
    })  # fmt: skip
    return Trainer(*nets, One(), recipe, seeds=7 if len(starts) == 1 else [7, 5], rule=rule)


def watched(starts, rule=None, every=1, before=0, capture=False, steps=9, **recipe):
    t = _trainer(starts, rule, **recipe)
    t.fit(before, progress=False) if before else None
    watch = Monitor.watch(t, every=every)
    t.fit(steps, progress=False, capture=capture)
    assert not capture or t.engine.replayed > 0
    return watch, t


def check(played, starts, steps, **options):
    """Every table against the rows by hand, at the given steps, counted from 1."""
    watch, _ = played
    gradients, game = watch.gradients(by="net"), watch.game()
    assert watch.seeds == ([0] if len(starts) == 1 else [7, 5])
    for name, (theta, w) in zip(watch.seeds, starts, strict=True):
        rows = by_hand(theta, w, max(steps), **options)
        for player in "DG":
            mine = gradients[(gradients.phase == player) & (gradients.seed == name)]
            assert mine.step.tolist() == steps
            expected = [rows[step - 1][player] for step in steps]
            np.testing.assert_allclose(mine[["grad_norm", "update_ratio"]], expected, rtol=2e-5)
            assert (mine.status == "ok").all() and (mine.nonfinite == 0).all()
        mine = game[game.seed == name]
        assert mine.step.tolist() == steps
        for column in set(rows[0]) - {"D", "G", "before"}:
            expected = [rows[step - 1][column] for step in steps]
            np.testing.assert_allclose(mine[column], expected, rtol=2e-5, err_msg=column)


every_start = pytest.mark.parametrize("starts", STARTS.values(), ids=STARTS)


@every_start
@pytest.mark.parametrize("critic_steps", [1, 3])
def test_every_number_of_every_step(starts, critic_steps):
    check(watched(starts, critic_steps=critic_steps), starts, list(range(1, 10)), critic_steps=critic_steps)


@every_start
@pytest.mark.parametrize(("every", "before", "steps"), [(4, 0, [1, 4, 8]), (3, 4, [6, 9]), (2, 1, [2, 4, 6, 8])])
def test_steps_that_are_skipped_replayed_or_long_past_are_counted(starts, every, before, steps):
    """The first step of a run is measured, and those that `every` divides; replayed steps are none of them."""
    check(watched(starts, every=every, before=before, capture=True), starts, steps)


@every_start
@pytest.mark.parametrize("name", CLIPS)
def test_a_clipped_gradient_is_seen_as_the_optimizer_gets_it(starts, name):
    """And the reports have the norm before, and how often it was too large."""
    at, largest = CLIPS[name]
    _, t = played = watched(starts, clip=name, clip_at=at)
    check(played, starts, list(range(1, 10)), clip=largest)
    for k, (theta, w) in enumerate(starts):
        rows = by_hand(theta, w, 9, clip=largest)
        for i, player in enumerate("DG"):
            report = t.cures.clipped[player]
            before, after = np.array([[row["before"][i], row[player][0]] for row in rows]).T
            cut = after < before * (1 - 1e-5)
            expected = [before.mean(), (after / before).mean(), cut.mean(), cut.mean(), 0]
            np.testing.assert_allclose(report.mean.iloc[k], expected, rtol=1e-4)
            assert report.calls == 9 and (name != "percentile" or 0 < cut.mean() < 1)


@every_start
def test_weight_decay_is_no_part_of_the_step(starts):
    check(watched(starts, weight_decay_d=2.0), starts, list(range(1, 10)), decay=2.0)


@every_start
def test_a_rule_that_halves_the_rate_halves_the_step(starts):
    """D's accuracy lies above the band in each step, and every second step halves its rate."""
    rule = Rule("real_sign", "lr_d", -1.0, -1.0, direction=-1, factor=2.0, every=2, limits=(1e-3, 1.0))
    starts = [starts[0]] * len(starts)  # a w below 0 lies in the band
    check(watched(starts, rule), starts, list(range(1, 10)), value=lambda step: 0.5 ** (step // 2))


@pytest.mark.parametrize("capture", [False, True], ids=["played", "replayed"])
def test_a_watched_run_that_is_resumed_counts_its_own_steps(tmp_path, capture):
    """Watched, then read from a file of step 4, as a script does that is started again: 6 and 9 are measured."""
    trainers = [_trainer(STARTS["alone"], None) for _ in range(2)]
    trainers[0].fit(4, checkpoint=tmp_path / "run.pt", progress=False)
    watch = Monitor.watch(trainers[1], every=3)
    trainers[1].fit(9, checkpoint=tmp_path / "run.pt", progress=False, capture=capture)
    check((watch, trainers[1]), STARTS["alone"], [6, 9])


def test_a_watched_run_that_another_file_does_not_move_counts_on(tmp_path):
    first, second = (_trainer(STARTS["alone"], None, batch=batch) for batch in (4, 5))
    first.fit(4, checkpoint=tmp_path / "run.pt", progress=False)
    watch = Monitor.watch(second.fit(1, progress=False), every=2)
    with pytest.raises(ValueError, match="of another run: batch=4 there and 5 here"):
        second.load(tmp_path / "run.pt")
    assert watch.step == 1
