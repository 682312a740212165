"""Clipping inside the loop: where it happens, whom it reaches, members, resumption."""

import pytest
import torch
from small import D, G, TwoModes

from ganlab.clipping import CLIPS
from ganlab.population import build
from ganlab.train import PLAYERS, Recipe, Trainer

# Thresholds that clip most steps of the small GAN.
AT = {"value": 1e-3, "norm": 0.01, "layerwise": 0.01, "adaptive": 0.01, "percentile": 30.0}


def trainer(recipe, seeds=0):
    return Trainer(*build(G, D, seeds), TwoModes(), recipe, seeds=seeds)


def test_every_clip_has_a_threshold_here():
    assert list(AT) == list(CLIPS)


@pytest.mark.parametrize("players", PLAYERS)
def test_a_step_is_no_longer_than_the_clip_allows(players):
    recipe = Recipe(batch=16, optimizer_g="sgd", optimizer_d="sgd", lr_g=1.0, lr_d=1.0, clip="norm", clip_at=0.01)
    t = trainer(Recipe(**{**vars(recipe), "clip_players": players}))
    before = {player: [p.detach().clone() for p in getattr(t, player).parameters()] for player in "GD"}
    t.step()
    for player, old in before.items():
        new = getattr(t, player).parameters()
        length = torch.cat([(p.detach() - q).flatten() for p, q in zip(new, old, strict=True)]).norm().item()
        if player in PLAYERS[players]:
            assert length == pytest.approx(0.01, rel=1e-3)
        else:
            assert length > 0.02
    assert set(t.cures.clipped) == set(PLAYERS[players])
    assert all(report.mean.clipped.item() == 1 for report in t.cures.clipped.values())


@pytest.mark.parametrize("clip", CLIPS)
def test_member_equals_its_solo_run(double, clip):
    recipe = Recipe(batch=16, clip=clip, clip_at=AT[clip], lr_g=1e-3, lr_d=1e-3, weight_clip=0.2)
    population = trainer(recipe, [3, 1]).fit(15, progress=False)
    for k, seed in enumerate([3, 1]):
        solo = trainer(recipe, seed).fit(15, progress=False)
        for name, value in population.D.member(k).state_dict().items():
            torch.testing.assert_close(value, solo.D.state_dict()[name], rtol=0, atol=1e-9)
        for player in "GD":
            together, alone = (run.cures.clipped[player].mean for run in (population, solo))
            assert together.iloc[k].to_numpy() == pytest.approx(alone.iloc[0].to_numpy(), rel=1e-6)
            assert alone.clipped.item() > 0.5 or clip == "percentile"


def test_a_threshold_that_is_never_reached_changes_nothing():
    runs = [
        trainer(Recipe(batch=16, **more)).fit(10, progress=False) for more in ({}, {"clip": "norm", "clip_at": 1e6})
    ]
    assert all(torch.equal(p, q) for p, q in zip(*(run.D.parameters() for run in runs), strict=True))
    assert runs[1].cures.clipped["D"].mean.clipped.item() == 0


def test_weights_of_the_critic_stay_within_the_bound():
    t = trainer(Recipe(loss="wasserstein", batch=16, weight_clip=0.01, lr_d=0.1)).fit(5, progress=False)
    assert max(p.abs().max() for p in t.D.parameters()) <= 0.01
    assert max(p.abs().max() for p in t.G.parameters()) > 0.01


@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_saved_and_resumed_equals_uninterrupted(tmp_path, seeds):
    recipe = Recipe(batch=16, clip="percentile", clip_at=20.0, lr_d=1e-2)
    whole = trainer(recipe, seeds).fit(20, progress=False)
    trainer(recipe, seeds).fit(9, checkpoint=tmp_path / "run.pt", progress=False)
    resumed = trainer(recipe, seeds).fit(20, checkpoint=tmp_path / "run.pt", progress=False)
    assert all(torch.equal(p, q) for p, q in zip(whole.D.parameters(), resumed.D.parameters(), strict=True))
