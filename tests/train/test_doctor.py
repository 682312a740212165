"""A trainer with a doctor: it trains as without, and says a line when what it thinks changes."""

import copy

import pytest
import torch

from ganlab import data, nets
from ganlab.population import build
from ganlab.train import Recipe, Trainer

RING = data.load("ring")
SICK = Recipe(batch=32, lr_g=1e-7)


def trainer(recipe=SICK, seeds=0, **options) -> Trainer:
    G, D = build(lambda: nets.mlp_generator((2,)), lambda: nets.mlp_discriminator((2,)), seeds=seeds)
    return Trainer(G, D, RING, recipe, seeds=seeds, **options)


def test_it_says_a_change_once(capsys):
    one = trainer(diagnose=True)
    one.fit(40, progress=False)
    assert capsys.readouterr().out == ""  # it is asked every 50 steps
    one.fit(150, progress=False)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert said[0].startswith("step 50: rate-too-small")
    assert one.monitor.diagnose().cause == "rate-too-small"


def test_without_it_nothing_is_watched_and_nothing_said(capsys):
    one = trainer()
    one.fit(100, progress=False)
    assert one.monitor is None and one.doctor is None
    assert capsys.readouterr().out == ""


def test_it_changes_no_number():
    watched, alone = trainer(Recipe(batch=32), diagnose=True).fit(60, progress=False), trainer(Recipe(batch=32))
    alone.fit(60, progress=False)
    torch.testing.assert_close(watched.sample(10), alone.sample(10), rtol=0, atol=0)


def test_of_a_population_it_counts(capsys):
    several = trainer(seeds=[0, 1, 2], diagnose=True)
    several.fit(50, progress=False)
    assert capsys.readouterr().out == "step 50: rate-too-small in 3 of 3\n"
    found = several.monitor.diagnose()
    assert [one.seed for one in found] == [0, 1, 2]
    assert {one.cause for one in found} == {"rate-too-small"}


def test_a_copy_has_none():
    one = trainer(diagnose=True)
    one.fit(10, progress=False)
    one.monitor.close()
    assert copy.deepcopy(one).doctor is None


def test_a_monitor_says_it_as_it_was_then():
    one = trainer(diagnose=True)
    one.fit(60, progress=False)
    assert one.monitor.diagnose(upto=20).step == 20
    with pytest.raises(ValueError, match="nothing was measured up to step 0"):
        one.monitor.diagnose(upto=0)
