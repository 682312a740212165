"""Numbers of NumPy's where Python's own belong: taken as these, so that what is trained can be saved."""

import numpy as np
import pytest
import torch
from small import D, G, TwoModes

from ganlab._check import plain
from ganlab.population import build
from ganlab.study import Study
from ganlab.train import Recipe, Rule, Trainer


def test_plain_numbers():
    for given, expected in ((np.float32(0.5), 0.5), (np.int64(3), 3), (np.bool_(True), True), (0.1, 0.1), ("a", "a")):
        assert plain(given) == expected and type(plain(given)) is type(expected)
    tensor, array = torch.ones(2), np.ones(2)
    assert plain(tensor) is tensor and plain(array) is array and plain(None) is None


def test_a_recipe_and_a_rule_of_numpys_numbers_are_those_of_pythons(tmp_path):
    """The search over a grid of rates gives such numbers. They were refused when the first checkpoint was written."""
    recipe = Recipe(
        batch=np.int64(8), lr_g=np.float64(1e-3), betas=(np.float32(0.5), np.float64(0.9)), penalty="r1",
        gamma=np.float64(0.25), critic_steps=np.int32(2),
    )  # fmt: skip
    assert recipe == Recipe(batch=8, lr_g=1e-3, betas=(0.5, 0.9), penalty="r1", gamma=0.25, critic_steps=2)
    rule = Rule("accuracy", "lr_d", np.float64(0.25), np.float32(0.5), every=np.int64(2), limits=(np.float64(0.5), 2))
    assert rule == Rule("accuracy", "lr_d", 0.25, 0.5, every=2, limits=(0.5, 2))
    for value in (*vars(recipe).values(), *recipe.betas, *vars(rule).values(), *rule.limits):
        assert not isinstance(value, np.generic)
    made = [Trainer(*build(G, D, 0), TwoModes(), recipe, rule=rule) for _ in range(2)]
    made[0].fit(3, checkpoint=tmp_path / "run.pt", progress=False)
    made[1].load(tmp_path / "run.pt")
    assert made[1].steps == 3


def test_a_number_of_numpys_out_of_range_is_refused_like_any_other():
    with pytest.raises(ValueError, match="batch=0: a whole number"):
        Recipe(batch=np.int64(0))
    with pytest.raises(ValueError, match=r"lr_d=-1\.0: a learning rate"):
        Recipe(lr_d=np.float64(-1))


def test_seeds_of_numpys(monkeypatch):
    monkeypatch.setenv("GANLAB_SCALE", "quick")
    seen = []

    def trial(seed):
        seen.append(type(seed))
        return {"steps": Trainer(*build(G, D, seed), TwoModes(), Recipe(batch=2), seeds=seed).steps + seed}

    table = Study("numpy", trial, {}, seeds=np.arange(2)).run(progress=False)
    assert table.values.tolist() == [[0, 0], [1, 1]] and set(seen) == {int}
    assert table.attrs["provenance"]["seeds"] == [0, 1]
    with pytest.raises(ValueError, match="seeds is empty"):
        Study("numpy", trial, {}, seeds=np.arange(0)).run(progress=False)
    for ours, theirs in zip(build(G, D, np.int64(3)), build(G, D, 3), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
