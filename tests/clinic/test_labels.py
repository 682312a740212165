"""The rule by which a long run bears a label out, on numbers made up for it, and the distance that it reads."""

import pandas as pd
import pytest
import scipy.stats
import torch

from ganlab.clinic import labels
from ganlab.clinic._energy import energy_distance
from ganlab.clinic.labels import BORNE_OUT, FAILED, HARMLESS, UNKNOWN, long_run, verdicts


def verdict(game: str, untrained: float, distance: float, plain: float = 0.01, twin: str = "plain") -> str:
    rows = [
        (f"{twin} / ring-mlp / nonsaturating", 0.3, plain),
        (f"{game} / ring-mlp / nonsaturating", untrained, distance),
    ]
    return verdicts(pd.DataFrame(rows, columns=["case", "untrained", "distance"]))[rows[1][0]]


@pytest.mark.parametrize(
    ("distance", "expected"),
    # 0.02 is added on both sides: the plain game is worth 0.03.
    [(0.01, HARMLESS), (0.024, HARMLESS), (0.026, BORNE_OUT), (1.0, BORNE_OUT)],
)
def test_a_sick_game_is_half_as_bad_again_as_its_twin(distance, expected):
    assert verdict("one-batch", 0.3, distance) == expected


@pytest.mark.parametrize(
    ("untrained", "distance", "expected"),
    [
        (0.3, 0.01, BORNE_OUT),
        (0.3, 0.069, BORNE_OUT),
        (0.3, 0.071, FAILED),
        (0.06, 0.03, FAILED),
        (0.06, 0.019, BORNE_OUT),
    ],
)
def test_a_healthy_game_learns_and_is_not_far_behind_the_plain_one(untrained, distance, expected):
    assert verdict("batch 16", untrained, distance) == expected


def test_where_the_twin_does_not_learn_nothing_is_known():
    assert verdict("one-batch", 0.3, 1.0, plain=0.2) == UNKNOWN
    assert verdict("labels-shuffled", 0.3, 1.0) == UNKNOWN  # its twin, the conditional game, was not played
    assert verdict("labels-shuffled", 0.3, 0.2, twin="conditional") == BORNE_OUT


def test_seeds_are_averaged_on_the_log():
    rows = [("plain", 0.3, 0.01), ("one-batch", 0.3, 0.005), ("one-batch", 0.3, 0.08)]
    table = pd.DataFrame(rows, columns=["case", "untrained", "distance"])
    table["case"] += " / ring-mlp / hinge"
    # sqrt(0.025 * 0.1) = 0.05, more than 1.5 times 0.03
    assert verdicts(table)["one-batch / ring-mlp / hinge"] == BORNE_OUT
    table.loc[2, "distance"] = 0.01  # sqrt(0.025 * 0.03) = 0.027
    assert verdicts(table)["one-batch / ring-mlp / hinge"] == HARMLESS


def test_a_loss_without_a_plain_game_is_held_against_another():
    rows = [("plain / ring-mlp / nonsaturating", 0.3, 0.01), ("least squares / ring-mlp / least_squares", 0.3, 0.02)]
    found = verdicts(pd.DataFrame(rows, columns=["case", "untrained", "distance"]))
    assert list(found.values()) == [BORNE_OUT, BORNE_OUT]


def test_the_energy_distance_is_scipys_but_for_the_pairs_with_itself():
    a, b = torch.randn(60, 1, generator=torch.Generator().manual_seed(0)), 1 + torch.rand(40, 1)
    n, m = len(a), len(b)
    within = {x: (x - x.T).abs().sum() / (len(x) * (len(x) - 1)) for x in (a, b)}
    across = (a - b.T).abs().mean()
    biased = 2 * across - within[a] * (n - 1) / n - within[b] * (m - 1) / m
    assert scipy.stats.energy_distance(a.flatten(), b.flatten()) ** 2 == pytest.approx(biased.item(), rel=1e-5)
    assert energy_distance(a, b) == pytest.approx(
        ((2 * across - within[a] - within[b]) / (2 * across)).item(), rel=1e-5
    )


def test_the_energy_distance_knows_its_ends():
    dice = torch.Generator().manual_seed(0)
    one, other = torch.randn(400, 2, generator=dice), torch.randn(400, 2, generator=dice)
    assert abs(energy_distance(one, other)) < 0.01 < energy_distance(one, other + 1)
    assert energy_distance(one, torch.full((400, 2), float("nan"))) == 1.0
    assert energy_distance(one.reshape(400, 1, 2, 1), other.reshape(400, 1, 2, 1)) == energy_distance(one, other)


def test_a_long_run_looks_late_and_takes_the_middle(monkeypatch):
    looks = iter([0.9, 0.5, 0.1, 0.3, 0.2, 0.4])
    monkeypatch.setattr(labels, "_distance", lambda game, held_out: next(looks))
    assert long_run("plain / ring-mlp / hinge", 0, steps=25) == {"untrained": 0.9, "distance": 0.3}


def test_a_conditional_run_is_judged_with_its_labels():
    found = long_run("conditional / ring-mlp / hinge", 0, steps=5)
    assert 0 < found["distance"] <= 1
