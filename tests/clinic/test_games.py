"""The list of games: each can be played, and each differs from its twin, unless that is the point of it."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import nn

from ganlab.clinic import GAMES, SETTINGS, Case, Plain, cases, examine, games, listing
from ganlab.clinic.playing import start
from ganlab.diagnosis import CAUSES

BOOK = Path(__file__).resolve().parents[2] / "book"
ROUNDS = 2
# Written otherwise than the plain game, and the same to the last bit over the first rounds.
SAME = {
    "plain", "average of weights", "no graph of G in D's step", "D frozen in G's step", "closures", "least squares",
    "a batch of its own for pictures", "clipped at norm 10", "a written penalty", "resumed from checkpoints",
    "D's optimizer maximises",
}  # fmt: skip
SEED = 3
# Rounds until a gradient is large enough, or whatever else it waits for comes.
LATER = {
    "clipped at norm 0.1, Adam": 60, "clipped values": 60, "nonfinite-half: a scale that doubles": 12,
    "discriminator-eval: spectral norm alone": 12, "discriminator-too-weak: begun anew": 12, "lookahead": 12,
    "penalty-wrong: one-sided, the wrong way": 6, "hinge with a lower bar for real": 6, "D rests while it leads": 30,
    "G steps until D doubts": 120, "nonfinite-data: blank pictures divided by 0": 12,
    "generator-eval: pictures of the twentieth round": 25, "gradients-not-cleared: G's, behind a condition": 6,
    "collapse: up to ten steps until D is fooled": 40,
}  # fmt: skip
LAST = ("D rests while it leads", "G steps until D doubts")  # on points D never leads by so much


def played(game: Plain, rounds: int = ROUNDS) -> list[torch.Tensor]:
    """All weights behind so many rounds."""
    for _ in range(rounds):
        game.round()
    return [parameter.detach() for net in (game.G, game.D) for parameter in net.parameters()]


def twin(name: str, case: Case, rounds: int) -> list[torch.Tensor]:
    torch.manual_seed(SEED)
    loss = "nonsaturating" if case.loss == "relativistic" else case.loss  # the plain round has no real logits for G
    return played(GAMES[name].twin(SETTINGS[case.setting], loss), rounds)


@pytest.mark.parametrize("name", GAMES)
def test_it_is_played_in_every_setting(name):
    """A loss a setting, in turn: all of a game's losses come up."""
    at = 0
    for setting in SETTINGS.values():
        if losses := GAMES[name].under(setting):
            game = start(Case(name, setting.name, losses[at % len(losses)]), seed=0)
            assert len(played(game, rounds=1)) > 2
            assert game.sample(4).shape == (4, *game.data.shape)  # an even number: one game makes them in twos
            at += 1
    assert at, "it is played nowhere"


@pytest.mark.parametrize("name", GAMES)
def test_it_differs_from_its_twin(name):
    case = list(cases(name))[-1 if name in LAST else 0]
    if name == "clip-before-backward":
        return  # an outlier has to come first: see below
    game, rounds = start(case, SEED), LATER.get(name, ROUNDS)
    mine, theirs = played(game, rounds), twin(name, case, rounds)
    shapes = [a.shape for a in mine] == [b.shape for b in theirs]
    same = shapes and all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))
    if name.startswith("average"):
        assert not torch.equal(next(game.mean.parameters()), next(game.G.parameters()))
    assert same == (name in SAME)


def test_a_clip_before_the_backward_pass_clips_no_outlier():
    """With an outlier in the batch, the step of SGD is as long as the gradient says, and with the clip in its place
    not."""
    setting, moved = SETTINGS["ring-mlp"], {}
    for name in ("clip-before-backward", "broken samples, clipped"):
        torch.manual_seed(0)
        game = GAMES[name].play(setting, "nonsaturating")
        before = [parameter.detach().clone() for parameter in game.D.parameters()]
        game.real = lambda game=game: 1000 * game.data.sample(game.batch)
        game.train_d()
        steps = [a.detach() - b for a, b in zip(game.D.parameters(), before, strict=True)]
        moved[name] = torch.cat([step.flatten() for step in steps]).norm().item()
    assert moved["broken samples, clipped"] <= 0.02 * 5 + 1e-4 < moved["clip-before-backward"]


def test_there_are_enough_of_each():
    ill = [game for game in GAMES.values() if game.sick]
    assert len({game.cause for game in ill}) >= 40
    assert len(GAMES) - len(ill) >= 60
    for setting in SETTINGS:
        here = [case for case in cases() if case.setting == setting]
        assert len({GAMES[case.game].cause for case in here}) > 30
        assert sum(not GAMES[case.game].sick for case in here) > 60


def test_every_cause_of_the_register_has_a_game_and_a_page():
    assert {game.cause for game in GAMES.values() if game.sick} <= set(CAUSES)
    for game in GAMES.values():
        if game.sick:
            assert (BOOK / f"{CAUSES[game.cause].page}.ipynb").exists(), game.name


def test_every_twin_is_a_healthy_game_of_the_list():
    healthy = {game.play for game in GAMES.values() if not game.sick}
    for game in GAMES.values():
        assert game.twin in healthy, game.name


def test_the_plain_round_is_right():
    """Adam's first step is its rate against the sign of the gradient: that of the losses as one writes them down."""
    torch.manual_seed(0)
    game = Plain(SETTINGS["ring-mlp"], "nonsaturating")
    torch.manual_seed(1)
    real, z = game.real(), game.noise()
    before = {net: [p.detach().clone() for p in net.parameters()] for net in (game.D, game.G)}
    loss = -torch.log(torch.sigmoid(game.D(real))).mean() - torch.log(1 - torch.sigmoid(game.D(game.G(z)))).mean()
    wanted = torch.autograd.grad(loss, list(game.D.parameters()))
    torch.manual_seed(1)
    game.train_d()
    check(game.D, before[game.D], wanted)
    assert all(torch.equal(p, q) for p, q in zip(game.G.parameters(), before[game.G], strict=True))
    before = {net: [p.detach().clone() for p in net.parameters()] for net in (game.D, game.G)}
    torch.manual_seed(2)
    z = game.noise()
    wanted = torch.autograd.grad(-torch.log(torch.sigmoid(game.D(game.G(z)))).mean(), list(game.G.parameters()))
    torch.manual_seed(2)
    game.train_g()
    check(game.G, before[game.G], wanted)
    assert all(torch.equal(p, q) for p, q in zip(game.D.parameters(), before[game.D], strict=True))


def check(net: nn.Module, before: list[torch.Tensor], gradients: tuple[torch.Tensor, ...]) -> None:
    for now, then, gradient in zip(net.parameters(), before, gradients, strict=True):
        clear = gradient.abs() > 1e-6
        torch.testing.assert_close((now - then)[clear], -1e-3 * gradient.sign()[clear], rtol=0.02, atol=1e-6)


@pytest.mark.parametrize(("loss", "steps"), [("nonsaturating", 1), ("wasserstein", 2)])
def test_a_round_has_the_critic_steps_of_the_setting(loss, steps):
    game, seen = Plain(SETTINGS["ring-mlp"], loss), []
    game.train_d, game.train_g = lambda: seen.append("D"), lambda: seen.append("G")
    game.round()
    assert seen == ["D"] * steps + ["G"]


def test_listings_are_the_lines_that_differ():
    texts = {name: listing(name) for name in GAMES}
    assert texts["one-batch"].startswith("def __init__(self, setting, loss):\n    super()")
    assert "zero_grad" not in texts["gradients-not-cleared"]
    for name, text in texts.items():
        if name not in ("plain", "least squares", "conditional", "projection"):
            most = 40 if GAMES[name].listed == "first" else 60  # those of the later lists are no listings of the book
            assert text and '"""' not in text and len(text.splitlines()) < most, name


def test_a_listing_is_what_is_played():
    """A cause that is one line: without the line it is the plain game again."""
    assert listing("targets-swapped").splitlines()[-1].strip() == "return self.loss.d_loss(fake, real)"
    assert listing("rate-too-large: both") == "rate_d = rate_g = 30.0"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("plain / ring-mlp", "game / setting / loss"),
        ("no such / ring-mlp / hinge", "unknown game 'no such'"),
        ("plain / no such / hinge", "unknown setting 'no such'"),
        ("plain / ring-mlp / no such", "is not played there"),
        ("generator-eval / grid-resmlp / hinge", "is not played there"),
        ("plain / garments-dcgan / hinge", "is not played there"),
    ],
)
def test_a_wrong_case_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        examine(text, steps=1)


def test_a_game_is_entered_once_and_with_a_known_cause():
    with pytest.raises(ValueError, match="is there already"):
        games.healthy("plain")
    with pytest.raises(ValueError, match="unknown cause 'hubris'"):
        games.sick("hubris")
    with pytest.raises(ValueError, match="unknown game"):
        listing("no such")
    with pytest.raises(ValueError, match="unknown game"):
        list(cases("no such"))


def test_cases_are_all_and_each_once():
    listed = list(cases())
    assert len(set(listed)) == len(listed) > 1500
    assert all(Case.read(str(case)) == case for case in listed)
    pairs = itertools.product(GAMES.values(), SETTINGS.values())
    assert len(listed) == sum(len(game.under(setting)) for game, setting in pairs)
