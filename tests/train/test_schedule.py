"""Numbers that change over the steps: what a schedule is, and that the loop uses, logs and keeps it."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small import D, G, TwoModes

from ganlab.population import build
from ganlab.train import Recipe, Schedule, Trainer
from ganlab.train.schedule import SHAPES, at


def trainer(recipe, seeds=0):
    return Trainer(*build(G, D, seeds), TwoModes(), recipe, seeds=seeds)


def weights(*nets):
    return torch.cat([p.detach().flatten() for net in nets for p in net.parameters()])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("linear", [4, 4, 3.25, 2.5, 1, 1]),
        ("cosine", [4, 4, 1 + 3 * (1 + math.cos(math.pi / 4)) / 2, 2.5, 1, 1]),
        ("exponential", [4, 4, 4 ** (3 / 4), 2, 1, 1]),
        ("steps", [4, 4, 4, 4, 1, 1]),
    ],
)
def test_values_by_hand(shape, expected):
    schedule = Schedule([(10, 4.0), (18, 1.0)], shape)
    assert [schedule(step) for step in (0, 10, 12, 14, 18, 99)] == pytest.approx(expected)


@given(
    points=st.dictionaries(st.integers(0, 1000), st.floats(1e-6, 1e6), min_size=1, max_size=6),
    shape=st.sampled_from(list(SHAPES)), step=st.integers(0, 1200),
)  # fmt: skip
def test_between_its_points_and_through_them(points, shape, step):
    schedule = Schedule(sorted(points.items()), shape)
    assert all(schedule(at) == pytest.approx(value, rel=1e-12) for at, value in points.items())
    assert min(points.values()) * (1 - 1e-9) <= schedule(step) <= max(points.values()) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("points", "shape", "message"),
    [
        ([], "linear", "whose steps are at least 0 and rise"),
        ([(5, 1.0), (5, 2.0)], "linear", "rise"),
        ([(-1, 1.0)], "linear", "at least 0"),
        ([(0, math.nan)], "linear", "finite"),
        ([(0, 1.0), (9, 0.0)], "exponential", "no 0"),
        ([0, 1], "linear", "give pairs"),
        (0.1, "linear", "give pairs"),
        ({0: 1.0}, "linear", "give pairs"),
        ([(10.7, 1.0)], "linear", "whole steps"),
        ([(0, 1.0)], "square", "unknown shape 'square'; known: linear, cosine"),
    ],
)
def test_what_a_schedule_refuses(points, shape, message):
    with pytest.raises(ValueError, match=message):
        Schedule(points, shape)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr_g": Schedule([(0, 1e-3), (9, -1e-9)])}, "lr_g=.*a learning rate is positive"),
        ({"betas": (0.5, Schedule([(0, 1.0)]))}, "two numbers in"),
        ({"ema": Schedule([(0, 1.5)])}, "a decay in"),
        ({"gamma": Schedule([(0, 1.0)])}, "there is no penalty"),
        ({"penalty": "r1", "gamma": Schedule([(0, -1.0)])}, "finite and not negative"),
        ({"clip": "norm", "clip_at": Schedule([(0, 1.0)])}, "clip_at=.*follows no schedule"),
        ({"lr_d": Schedule([(0, 0.0)])}, "lr_d=.*a learning rate is positive"),
        ({"lr_g": None}, "lr_g=None"),
        ({"gamma": None}, "gamma=None"),
        ({"betas": 0.5}, "betas=0.5: two numbers"),
        ({"betas": Schedule([(0, 0.5)])}, "betas=Schedule.*two numbers"),
        ({"momentum": Schedule([(0, 0.5)]), "optimizer_g": "sgd"}, "momentum=.*follows no schedule"),
        (
            {"betas": (Schedule([(0, 0.5)]), 0.9), "optimizer_g": "sgd", "optimizer_d": "rmsprop"},
            "rmsprop and sgd has no",
        ),
        ({"batch": Schedule([(0, 1.0)])}, "batch=.*follows no schedule"),
        ({"weight_decay_d": 900.0, "lr_d": Schedule([(0, 1e-4), (9, 2e-3)])}, "weight_decay_d=900.0"),
    ],
)
def test_what_a_recipe_refuses(settings, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**settings)


RAMP = Schedule([(0, 1e-3), (10, 1e-2)])


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "adamw", "normalised_sgd"])
def test_a_scheduled_rate_is_the_rate_of_each_step(optimizer):
    """The same run with the rate set by hand in each step, and another number at the end than without."""
    options = {"batch": 16, "optimizer_g": optimizer, "optimizer_d": optimizer}
    ours, by_hand, fixed = (trainer(Recipe(**options, lr_g=lr)) for lr in (RAMP, 1e-3, 1e-3))
    for step in range(12):
        for group in by_hand.optimizer_g.param_groups:
            group["lr"] = 1e-3 + 9e-3 * min(step, 10) / 10
        by_hand.step()
    ours.fit(12, progress=False), fixed.fit(12, progress=False)
    torch.testing.assert_close(weights(ours.G), weights(by_hand.G), rtol=1e-6, atol=1e-8)
    assert (weights(ours.G) - weights(fixed.G)).abs().max() > 1e-3


def test_every_number_that_may_follow_one_reaches_its_place():
    recipe = Recipe(
        batch=16, betas=(Schedule([(0, 0.0), (4, 0.5)]), Schedule([(0, 0.9), (4, 0.99)])), penalty="r1",
        gamma=Schedule([(0, 2.0), (4, 0.0)]), ema=Schedule([(0, 0.0), (4, 0.8)]), noise="linear", noise_steps=4,
        noise_sigma=Schedule([(0, 1.0), (4, 2.0)]),
    )  # fmt: skip
    t = trainer(recipe)
    for _ in range(3):
        t.step()  # the last was step 2, half way
    assert t.optimizer_g.param_groups[0]["betas"] == (0.25, pytest.approx(0.945))
    assert (t.numbers["gamma"], t.numbers["ema"], t.numbers["sigma"]) == (1.0, pytest.approx(0.4), 1.5 * 0.5)
    history = t.fit(5, progress=False).history
    assert list(history.columns[6:]) == ["ema", "gamma", "noise_sigma", "beta1", "beta2"]
    assert history.iloc[-1][["gamma", "beta1"]].tolist() == [at(recipe.gamma, 4), 0.5]


def test_a_constant_schedule_changes_nothing():
    numbers = {"lr_g": 1e-3, "gamma": 0.3, "ema": 0.9}
    recipes = [
        Recipe(batch=16, penalty="r1", **{name: make(value) for name, value in numbers.items()})
        for make in (float, lambda value: Schedule([(0, value)]))
    ]
    runs = [trainer(recipe).fit(8, progress=False) for recipe in recipes]
    assert torch.equal(*(weights(run.G, run.D, run.average) for run in runs))


@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_saved_and_resumed_equals_uninterrupted(tmp_path, seeds):
    recipe = Recipe(batch=16, lr_d=RAMP, penalty="r1", gamma=RAMP, ema=Schedule([(0, 0.0), (9, 0.9)], "cosine"))
    whole = trainer(recipe, seeds).fit(12, progress=False)
    trainer(recipe, seeds).fit(5, checkpoint=tmp_path / "run.pt", progress=False)
    resumed = trainer(recipe, seeds).fit(12, checkpoint=tmp_path / "run.pt", progress=False)
    assert torch.equal(weights(whole.G, whole.D, whole.average), weights(resumed.G, resumed.D, resumed.average))
    other = dataclasses.replace(recipe, lr_d=Schedule([(0, 1e-3), (11, 1e-2)]))
    with pytest.raises(ValueError, match="of another run: lr_d="):
        trainer(other, seeds).load(tmp_path / "run.pt")


def test_a_rate_may_rise_from_0_and_fall_to_0():
    warm = Schedule([(0, 0.0), (4, 1e-2), (8, 0.0)])
    t = trainer(Recipe(batch=16, lr_g=warm, optimizer_g="sgd"))
    before = weights(t.G)
    t.step()
    assert torch.equal(weights(t.G), before)
    t.fit(8, progress=False)
    assert not torch.equal(weights(t.G), before)
    still = weights(t.G)
    t.fit(12, progress=False)
    assert torch.equal(weights(t.G), still)


def test_a_list_of_betas_is_a_tuple():
    assert Recipe(betas=[0.5, 0.9]) == Recipe(betas=(0.5, 0.9))
