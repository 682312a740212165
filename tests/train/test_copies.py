"""A copy of a trainer, and one that was pickled, goes on as the original does, hooks and all."""

import copy
import dataclasses
import pickle

import pytest
import torch
from small import D, G, TwoModes

from ganlab.monitor import Monitor
from ganlab.population import build
from ganlab.train import OPTIMIZERS, RULES, Recipe, Trainer

WAYS = {"copied": copy.deepcopy, "pickled": lambda trainer: pickle.loads(pickle.dumps(trainer))}
EVERYTHING = {
    "batch": 8, "lr_g": 1e-2, "lr_d": 1e-2, "weight_decay_g": 3.0, "weight_decay_d": 2.0, "ema": 0.9,
    "clip": "percentile", "clip_at": 50.0, "noise": "linear", "penalty": "wgan_gp", "penalty_every": 2,
}  # fmt: skip
BUSY = dataclasses.replace(RULES["reversed"], every=2, low=0.0, high=0.0, factor=1.5)


def trainer(seeds=0, rule=None, **recipe):
    return Trainer(*build(G, D, seeds), TwoModes(), Recipe(**recipe), seeds=seeds, rule=rule)


def weights(one):
    nets = [net for net in (one.G, one.D, one.average) if net is not None]
    return torch.cat([p.detach().flatten() for net in nets for p in net.parameters()])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seeds", [0, [1, 2]], ids=["alone", "population"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_copy_goes_on_as_the_original_does(name, seeds, way):
    rule = None if name.startswith("extra_") else BUSY
    first = trainer(seeds, rule, **EVERYTHING, optimizer_g=name, optimizer_d=name).fit(5, progress=False)
    twin, before = WAYS[way](first), weights(first)
    first.fit(11, progress=False)
    assert torch.equal(weights(twin), before), "the original goes on alone"
    twin.fit(11, progress=False)
    assert torch.equal(weights(twin), weights(first))
    assert twin.history.equals(first.history)
    if rule is not None:
        assert twin.controller is not first.controller and twin.controller.history.equals(first.controller.history)
        assert twin.controller.value.unique().tolist() != [1.0]


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_decays_by_hand(way):
    """A rate of 0.1 and a decay of 2 leave 0.8 of a weight in each step, where its gradient is 0."""
    twin = WAYS[way](trainer(lr_g=0.1, optimizer_g="sgd", weight_decay_g=2.0))
    p = next(twin.G.parameters())
    p.data.fill_(1.0)
    for left in (0.8, 0.64):
        for q in twin.G.parameters():
            q.grad = torch.zeros_like(q)
        twin.optimizer_g.step()
        assert p.unique().item() == pytest.approx(left)


@pytest.mark.parametrize("way", WAYS)
def test_a_copys_rule_turns_the_copys_rate(way):
    """A knob at 0.5 makes a step of 0.1 x 2 one of 0.1."""
    first = trainer(rule=RULES["printed"], lr_g=0.1, optimizer_g="sgd")
    twin = WAYS[way](first)
    twin.controller.value.fill_(0.5)
    for one, moved in ((first, -0.2), (twin, -0.1)):
        p = next(one.G.parameters())
        p.data.zero_()
        p.grad = torch.full_like(p, 2.0)
        one.optimizer_g.step()
        assert p.unique().item() == pytest.approx(moved)


def test_a_copy_from_a_callback_while_steps_are_replayed():
    taken = []
    recipe = {**EVERYTHING, "noise": None}
    first = trainer(rule=BUSY, **recipe)
    first.fit(120, callback=lambda t: taken.append(copy.deepcopy(t)), callback_every=60, progress=False)
    assert [twin.steps for twin in taken] == [0, 60, 120]
    assert torch.equal(weights(taken[1].fit(120, progress=False)), weights(first))


def test_a_watched_trainer_is_copied_once_the_monitor_is_closed():
    first = trainer(batch=8)
    monitor = Monitor.watch(first)
    first.fit(3, progress=False)
    for way in WAYS.values():
        with pytest.raises(TypeError, match=r"optimizer_g has a hook, .*: take it off first \(monitor\.close\(\)"):
            way(first)
    monitor.close()
    twin = copy.deepcopy(first).fit(6, progress=False)
    assert twin.monitor is None and len(monitor.game()) == 3
    assert torch.equal(weights(twin), weights(first.fit(6, progress=False)))


def test_a_shallow_copy_shares_the_optimizers_and_their_hooks():
    first = trainer(rule=RULES["printed"], weight_decay_g=1.0)
    hooks = len(first.optimizer_g._optimizer_step_pre_hooks)
    assert copy.copy(first).optimizer_g is first.optimizer_g
    assert len(first.optimizer_g._optimizer_step_pre_hooks) == hooks == 2
