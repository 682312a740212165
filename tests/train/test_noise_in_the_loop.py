"""Instance noise in the loop, and the random numbers of a step."""

import pytest
import torch
from small import D, G, TwoModes

from ganlab.penalties import Draws
from ganlab.population import build
from ganlab.train import NOISES, Recipe, Trainer


def trainer(recipe, seeds=0):
    return Trainer(*build(G, D, seeds), TwoModes(), recipe, seeds=seeds)


def test_schedules():
    assert [NOISES["constant"](4)(step) for step in (0, 2, 4, 9)] == [1, 1, 1, 1]
    assert [NOISES["linear"](4)(step) for step in (0, 2, 4, 9)] == [1, 0.5, 0, 0]


def test_the_discriminator_sees_noise_on_everything_and_less_and_less():
    t = trainer(Recipe(batch=2000, noise="linear", noise_sigma=2.0, noise_steps=4))
    x = torch.zeros(2000, 2)
    for step, sigma in enumerate([2.0, 1.5, 1.0, 0.5, 0.0]):
        t.numbers.set(step)
        assert t.cures.noisy(x).std().item() == pytest.approx(sigma, rel=0.05)
    seen = []
    t.D.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    t.step()
    assert len(seen) == 3  # real, generated for D, generated for G
    assert all(x[:, 1].std() > 1.5 for x in seen)
    assert not torch.equal(seen[1], seen[2])


def test_without_noise_nothing_is_drawn():
    runs = [trainer(recipe).fit(5, progress=False) for recipe in (Recipe(), Recipe(noise="constant", noise_sigma=0.0))]
    assert all(torch.equal(a, b) for a, b in zip(*(run.D.parameters() for run in runs), strict=True))
    untouched = Draws(0).state_dict()["states"][0]
    assert all(torch.equal(run.cures.draws.state_dict()["states"][0], untouched) for run in runs)


RECIPE = Recipe(noise="linear", noise_sigma=1.0, noise_steps=30, penalty="wgan_gp", batch=16, lr_d=1e-3, critic_steps=2)


def test_member_equals_its_solo_run(double):
    population = trainer(RECIPE, [3, 1]).fit(20, progress=False)
    for k, seed in enumerate([3, 1]):
        solo = trainer(RECIPE, seed).fit(20, progress=False)
        for name, value in population.D.member(k).state_dict().items():
            torch.testing.assert_close(value, solo.D.state_dict()[name], rtol=0, atol=1e-9)


@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_saved_and_resumed_equals_uninterrupted(tmp_path, seeds):
    whole = trainer(RECIPE, seeds).fit(20, progress=False)
    trainer(RECIPE, seeds).fit(7, checkpoint=tmp_path / "run.pt", progress=False)
    resumed = trainer(RECIPE, seeds).fit(20, checkpoint=tmp_path / "run.pt", progress=False)
    assert all(torch.equal(a, b) for a, b in zip(whole.D.parameters(), resumed.D.parameters(), strict=True))


def test_draws_of_a_seed_do_not_depend_on_the_others():
    together, alone = Draws([5, 6]), Draws(6)
    for shape in ((3,), (2, 4)):
        assert torch.equal(together.uniform(*shape)[1], alone.uniform(*shape))
        assert torch.equal(together.normal(*shape)[1], alone.normal(*shape))
    assert together.uniform(3).shape == (2, 3)
    numbers = Draws(0).uniform(1000)
    assert 0 <= numbers.min() < numbers.max() <= 1
