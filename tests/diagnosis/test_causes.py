"""The register of causes: whole, once each, with pages that there are and fixes that run in an ordinary loop."""

import ast
from pathlib import Path

import pytest
import torch
from torch.nn.functional import softplus

import ganlab
from ganlab import nets
from ganlab.diagnosis import CAUSES, GROUPS, RULES, Condition, Rule, cause, conditions, looks_at, words

BOOK = Path(__file__).resolve().parents[2] / "book"
PAGES = {path.stem for path in [*BOOK.glob("*.ipynb"), *BOOK.glob("*.md")]}


def loop():
    """The names of an ordinary loop on small images, in the middle of a step; `train_step` is a whole one."""
    torch.manual_seed(0)
    names = {
        "torch": torch, "ganlab": ganlab, "softplus": softplus, "latent": 64, "step": 10, "steps": 100,
        "G": nets.mlp_generator((1, 8, 8), width=16), "D": nets.mlp_discriminator((1, 8, 8), width=16),
        "noisy": lambda x, sigma: x + sigma * torch.randn_like(x),
    }  # fmt: skip
    for player in "GD":
        names[f"optimizer_{player.lower()}"] = torch.optim.Adam(names[player].parameters(), 2e-4)
    names["images"] = torch.rand(16, 1, 8, 8)
    names |= {"real": 2 * names["images"] - 1, "labels": torch.arange(16), "z": torch.randn(16, 64)}
    names["loader"], names["slope"] = [names["real"]] * 2, torch.zeros(16, 1, 8, 8)
    names["train_step"] = lambda real: train(names | {"real": real})
    forward(names)
    return names


def forward(names):
    """The samples and both losses, as they stand before any backward pass."""
    D, real, fake = names["D"], names["real"], names["G"](names["z"])
    names["fake"] = fake
    names["d_loss"] = softplus(-D(real)).mean() + softplus(D(fake.detach())).mean()
    names["g_loss"] = softplus(-D(fake)).mean()


def train(names):
    """One step of each player, with the names as they are now."""
    forward(names)
    for player in "dg":
        optimizer = names[f"optimizer_{player}"]
        optimizer.zero_grad()
        names[f"{player}_loss"].backward(retain_graph=True)
        optimizer.step()
        forward(names)


def test_an_id_is_a_name_and_names_one_cause():
    assert all(key == known.id and key == key.strip() and " " not in key for key, known in CAUSES.items())
    assert len(CAUSES) >= 47


@pytest.mark.parametrize("known", CAUSES.values(), ids=CAUSES)
def test_a_cause_says_all_that_it_has_to(known):
    assert known.group in GROUPS and known.page in PAGES
    assert known.title[0].isupper() and known.title.endswith(".") and known.sees
    assert not known.sees.endswith(".")


def test_no_two_causes_look_the_same_to_who_sees_them():
    sees = [known.sees for known in CAUSES.values()]
    assert sorted(set(sees)) == sorted(sees)


def test_an_unknown_id_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"unknown cause 'flu'.*saturation"):
        cause("flu")


@pytest.mark.parametrize("known", CAUSES.values(), ids=CAUSES)
def test_a_fix_runs_as_typed_and_training_goes_on(known):
    names = loop()
    exec(compile(ast.parse(known.fix), known.id, "exec"), names)
    train(names)
    for net in (names["G"], names["D"]):
        assert all(p.isfinite().all() for p in net.parameters())
    for loss in ("d_loss", "g_loss"):
        assert names[loss].shape == () and names[loss].isfinite()


class Leaning(torch.nn.Module):
    """D, with a number added to its logits of real samples and one to those of generated ones, which lie near 5."""

    def __init__(self, D):
        super().__init__()
        self.D, self.real, self.fake = D, *(torch.nn.Parameter(torch.zeros(())) for _ in range(2))

    def forward(self, x):
        generated = (x.detach().flatten(1).mean(1) > 2).float()
        return self.D(x) + generated * self.fake + (1 - generated) * self.real


def pulls(fix, loss):
    """The slopes of a loss that a fix sets, on real and on generated logits."""
    names = loop()
    names["D"], G = Leaning(names["D"]), names["G"]
    names["G"], names["noisy"] = (lambda z: 5 + G(z)), lambda x, sigma: x
    forward(names)
    exec(fix, names)
    found = torch.autograd.grad(names[loss], [names["D"].real, names["D"].fake], allow_unused=True)
    return [0.0 if slope is None else slope.item() for slope in found]


@pytest.mark.parametrize("known", [known for known in CAUSES.values() if "d_loss =" in known.fix], ids=lambda c: c.id)
def test_a_loss_of_d_in_a_fix_asks_for_the_right_thing(known):
    real, fake = pulls(known.fix, "d_loss")
    assert real < 0 < fake


@pytest.mark.parametrize("known", [known for known in CAUSES.values() if "g_loss =" in known.fix], ids=lambda c: c.id)
def test_a_loss_of_g_in_a_fix_asks_for_the_right_thing(known):
    assert pulls(known.fix, "g_loss")[1] < 0


def test_a_fix_with_a_turned_sign_would_be_seen():
    assert pulls("d_loss = softplus(D(real)).mean() + softplus(-D(fake)).mean()", "d_loss")[0] > 0
    assert pulls("g_loss = D(fake).mean()", "g_loss")[1] > 0


# What the doctor looks at, in words.
def test_every_feature_that_a_rule_looks_at_has_words_of_its_own():
    known = {condition.feature for rule in RULES.values() for condition in rule.when}
    told = [words(feature) for feature in known]
    assert len(set(told)) == len(told)
    with pytest.raises(ValueError, match="'G_mood'"):
        words("G_mood")


def test_a_condition_on_a_logarithm_is_told_on_the_number_itself():
    rule = Rule("x", "x", (Condition("G_update", False, -4.5), Condition("D_dead", True, 0.8)), "", "")
    assert conditions(rule) == (
        "the step of G over its weights is below 3e-05, "
        "and the largest share of dead units in a layer of D is above 0.8"
    )


def test_two_bounds_of_one_feature_are_told_as_one():
    rule = Rule("x", "x", (Condition("spread", True, 0.001), Condition("spread", False, 0.25)), "", "")
    assert conditions(rule).endswith("is between 0.001 and 0.25")


def test_rules_that_differ_by_the_player_are_told_once():
    def on(player, threshold):
        return Rule("x", f"{player}{threshold}", (Condition(f"{player}_dead", True, threshold),), "", "")

    assert looks_at("x", [on("D", 0.8), on("G", 0.8)]) == [
        "the largest share of dead units in a layer of D or G is above 0.8"
    ]
    assert len(looks_at("x", [on("D", 0.8), on("G", 0.7)])) == 2
    assert looks_at("y", [on("D", 0.8)]) == []
