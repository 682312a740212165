"""`ganlab.check`: each sentence on a game that has the fault, none on one that has not, and nothing changed."""

import copy
import re
from pathlib import Path

import pytest
import torch
from preflight_games import (
    FAULTS,
    a_column,
    a_weight_too_large,
    behind,
    g_holds_d,
    labels_missing,
    one_at_a_time,
    pictures,
    plane,
    scaled_to_0_and_1,
    two_at_a_time,
)
from preflight_setups import (
    CASES,
    NEAR,
    a_dcgan,
    checkpointed_in_the_older_way,
    conditional,
    constrained,
    on_probabilities,
    patches,
    the_plainest,
    wasserstein,
)
from torch import nn

import ganlab
from ganlab import losses, preflight
from ganlab.population import Population

RULES = Path(preflight.__file__).parent


@pytest.mark.parametrize(("cause", "make"), CASES, ids=[make.__name__ for _, make in CASES])
def test_a_fault_is_named(cause, make):
    assert cause in make().check().causes


@pytest.mark.parametrize("make", NEAR, ids=lambda make: make.__name__)
def test_a_healthy_game_gets_no_error_and_no_warning(make):
    report = make().check()
    assert not [str(finding) for finding in report if finding.level != "note"]
    assert not set(report.causes) & set(NEAR[make])


@pytest.mark.parametrize("make", [the_plainest, a_dcgan, conditional, patches, constrained, wasserstein])
def test_a_game_without_a_fault_gets_no_sentence(make):
    assert str(make().check()) == "nothing found"


@pytest.mark.parametrize("loss", losses.LOSSES)
def test_none_of_our_losses_is_the_wrong_way_round(loss):
    game, pair = plane(), losses.get(loss)
    game.more = {"losses": pair}
    assert str(game.check()) == "nothing found"
    turned = losses.Loss(loss, pair.d_loss, lambda fake, real=None: -pair.g_loss(fake, real), pair.needs_real)
    game.more = {"losses": turned}
    assert game.check().causes == ["wrong sign"]


def test_every_cause_has_a_game_that_has_it():
    text = "".join(path.read_text() for path in RULES.glob("_*.py"))
    levels = r'(?:"(?:error|warning|note)"(?: if [^,]*)?)'
    causes = re.findall(rf'Finding\(\s*{levels}(?: else "\w+")?,\s*"([^"]+)"', text)
    assert len(causes) >= len(FAULTS) > 45
    assert set(causes) == set(FAULTS)


def test_every_cause_has_a_healthy_game_that_comes_near():
    assert set().union(*NEAR.values()) - set(FAULTS) == set()
    assert set(FAULTS) - set().union(*NEAR.values()) == set()


def test_probabilities_with_their_loss_are_no_error():
    report = on_probabilities().check()
    assert (report.ok, report.causes) == (True, ["log of a sigmoid"])


@pytest.mark.parametrize("make", [plane, pictures, constrained, g_holds_d, labels_missing], ids=lambda m: m.__name__)
def test_nothing_changes(make):
    game = make()
    for p in game.D.parameters():
        p.grad = torch.ones_like(p)
    game.D.train(False)
    before = copy.deepcopy(
        [game.G.state_dict(), game.D.state_dict(), *(o.state_dict() for o in game.optimizers.values())]
    )
    grads, state = [p.grad for p in game.D.parameters()], torch.get_rng_state()
    game.check()
    after = [game.G.state_dict(), game.D.state_dict(), *(o.state_dict() for o in game.optimizers.values())]
    torch.testing.assert_close(after, before, rtol=0, atol=0, equal_nan=True)
    assert all(p.grad is grad and bool((grad == 1).all()) for p, grad in zip(game.D.parameters(), grads, strict=True))
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(part._forward_hooks for net in (game.G, game.D) for part in net.modules())
    assert (game.G.training, game.D.training) == (True, False)


def test_the_first_layer_that_is_not_finite_is_named():
    assert "body.4" in str(a_weight_too_large().check())


def test_what_g_makes_is_not_laid_at_d_s_door():
    game = plane()
    with torch.no_grad():
        next(game.G.parameters())[0] = torch.nan
    said = [finding.sentence for finding in game.check() if finding.cause == "not finite"]
    assert said == ["In G, the first layer whose output is not finite is body.0."]


def no_targets_for_a_column():
    game, row, bce = a_column(), torch.ones(64), nn.BCEWithLogitsLoss()
    game.more = {"losses": (lambda real, fake: bce(real, row) + bce(fake, 1 - row), lambda fake: bce(fake, row))}
    return game


def losses_in_the_wrong_order():
    game = plane()
    game.more = {"losses": (lambda fake: -fake.mean(), lambda real, fake: (fake - real).mean())}
    return game


def probabilities_expected():
    game, bce = plane(), nn.BCELoss()
    game.more = {"losses": (lambda real, fake: bce(real, torch.ones(64)) + bce(fake, torch.zeros(64)),
                            lambda fake: bce(fake, torch.ones(64)))}  # fmt: skip
    return game


def overwritten():
    return behind(plane(), "D", before=lambda x: x.mul_(2) if x.requires_grad else x)


@pytest.mark.parametrize(
    ("make", "fix"),
    [
        (labels_missing, "judge=lambda x: D(x, labels)"),
        (no_targets_for_a_column, "torch.ones_like(logits)"),
        (losses_in_the_wrong_order, "losses=(d_loss(real, fake), g_loss(fake))"),
        (probabilities_expected, "BCEWithLogitsLoss on what D gives"),
        (lambda: behind(plane(), "G", lambda x: x.detach().numpy()), "a NumPy array has no gradient"),
        (lambda: behind(plane(), "G", lambda x: (x, x)), "generate=lambda: G(z)[0]"),
        (lambda: behind(plane(), "D", lambda x: x > 0), "call D(batch) by itself"),
        (checkpointed_in_the_older_way, "use_reentrant=False"),
        (one_at_a_time, "a larger batch, or group norm"),
    ],
)
def test_a_failure_comes_with_what_to_do(make, fix):
    assert any(fix in finding.fix for finding in make().check() if finding.cause == "failed")


def test_findings_come_worst_first():
    levels = [finding.level for finding in scaled_to_0_and_1().check()]
    game = two_at_a_time()
    game.G.eval()
    game.G.mean = torch.zeros(1)
    levels = [finding.level for finding in game.check()]
    assert levels == sorted(levels, key=preflight.findings.LEVELS.index)
    assert len(set(levels)) > 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda game: game.optimizers.pop("G"), r"optimizers has \['D'\]"),
        (lambda game: setattr(game, "G", nn.Linear(2, 2)), "G has no attribute latent: give generate"),
        (lambda game: setattr(game, "D", Population([game.D])), "D is a population of 1: check one network"),
        (lambda game: setattr(game.G, "latent", (4,)), r"G.latent is \(4,\): an int"),
    ],
)
def test_bad_arguments_are_named(change, said):
    game = plane()
    change(game)
    with pytest.raises(ValueError, match=said):
        game.check()
    with pytest.raises(ValueError, match=r"batch has shape \(0, 2\): give at least one"):
        ganlab.check(plane().G, plane().D, plane().optimizers, torch.zeros(0, 2))
    with pytest.raises(TypeError, match=r"optimizers\['D'\] is a Discriminator: give a torch.optim.Optimizer"):
        ganlab.check(plane().G, plane().D, {**plane().optimizers, "D": plane().D}, plane().batch)
    with pytest.raises(TypeError, match="G is a function: give the module"):
        ganlab.check(lambda z: z, plane().D, plane().optimizers, plane().batch)
    with pytest.raises(TypeError, match="losses is a str: give two functions"):
        ganlab.check(plane().G, plane().D, plane().optimizers, plane().batch, losses="hinge")
    with pytest.raises(TypeError, match="batch is a list"):
        ganlab.check(game.G, game.D, plane().optimizers, [1, 2])
