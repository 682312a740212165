"""What D was shown and which way the losses push: against plain autograd and torch.pdist in a loop of one's own."""

import copy

import numpy as np
import pytest
import torch
from small import D, G, TwoModes
from torch import nn
from torch.nn.functional import softplus

from ganlab.monitor import Monitor
from ganlab.population import build
from ganlab.train import Recipe, Trainer

SIGNS = ["real_slope", "fake_slope", "g_slope"]
ENDS = ["real_low", "real_high", "fake_low", "fake_high"]


def nets(seeds=0, lr=0.05):
    g, d = build(G, D, seeds)
    steps = {"D": torch.optim.SGD(d.parameters(), lr=lr), "G": torch.optim.SGD(g.parameters(), lr=lr)}
    return g, d, steps


def batch(seed, lead=(), n=6):
    dice = torch.Generator().manual_seed(seed)
    return torch.randn(*lead, n, 2, generator=dice), torch.randn(*lead, n, 4, generator=dice)


def play(steps_of, g, d, steps, *, lead=(), pieces=1, d_loss=None, g_loss=None, data=batch, tell=None, no_grad=False):
    """A loop that keeps, by plain torch, dL/dlogit at each call of D and the batches that D was shown."""
    d_loss = d_loss or (lambda real, fake: softplus(-real).mean(-1) + softplus(fake).mean(-1))
    g_loss = g_loss or (lambda fake: softplus(-fake).mean(-1))
    seen = []
    for step in range(steps_of):
        steps["D"].zero_grad()
        kept = {"real": [], "fake": [], "x": [], "made": []}
        for piece in range(pieces):
            real, z = data(10 * step + piece, lead)
            with torch.set_grad_enabled(not no_grad):
                made = g(z)
            logits = [d(real), d(made.detach())]
            for one in logits:
                one.retain_grad()
            if tell:
                tell(*logits)
            d_loss(*logits).sum().backward()
            for name, value in zip(kept, (logits[0].grad, logits[1].grad, real, made.detach()), strict=True):
                kept[name].append(value)
        steps["D"].step()
        steps["G"].zero_grad()
        pushed = d(g(z) if no_grad else made)
        pushed.retain_grad()
        g_loss(pushed).sum().backward()
        steps["G"].step()
        axis = len(lead)
        seen.append({name: torch.cat(value, axis) for name, value in kept.items()} | {"g": pushed.grad, "z": z})
    return seen


def energy(x, y):
    """By its definition, over all pairs of different samples."""
    return 1 - (torch.pdist(x).mean() + torch.pdist(y).mean()) / (2 * (x[:, None] - y).norm(dim=-1).mean())


def check(row, seen):
    """A row of the table against what a loop of one GAN has kept."""
    x, y = seen["x"], seen["made"]
    np.testing.assert_allclose(row[SIGNS].astype(float), [seen[k].sum() for k in ("real", "fake", "g")], rtol=1e-5)
    np.testing.assert_allclose(row.loss_slope, seen["g"].abs().sum(), rtol=1e-5)
    np.testing.assert_allclose(row.spread, torch.pdist(y).mean() / torch.pdist(x).mean(), rtol=1e-4)
    np.testing.assert_allclose(row.energy, energy(x, y).clamp(min=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(row[ENDS].astype(float), [x.min(), x.max(), y.min(), y.max()], rtol=1e-6)


@pytest.mark.parametrize("options", [
    {}, {"pieces": 2}, {"no_grad": True}, {"d_loss": lambda real, fake: fake.mean(-1) - real.mean(-1)},
], ids=["plain", "accumulated", "fakes without a graph", "wasserstein"])  # fmt: skip
def test_each_number_is_that_of_plain_torch(options):
    g, d, steps = nets()
    watch = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
    seen = play(3, g, d, steps, **options)
    game = watch.game()
    for (_, row), one in zip(game.iterrows(), seen, strict=True):
        check(row, one)
    if not options:
        assert game.real_slope.between(-1, 0).all() and game.fake_slope.between(0, 1).all() and (game.g_slope < 0).all()
    if "d_loss" in options:
        np.testing.assert_allclose(game[["real_slope", "fake_slope"]], [[-1, 1]] * 3, rtol=1e-5)


def test_of_a_population_each_member_has_its_own():
    g, d, steps = nets([3, 1, 4])
    watch = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])}, seeds=[3, 1, 4])
    seen = play(2, g, d, steps, lead=(3,))
    game = watch.game().set_index(["step", "seed"])
    for step, one in enumerate(seen, 1):
        for k, seed in enumerate([3, 1, 4]):
            check(game.loc[(step, seed)], {name: value[k] for name, value in one.items()})


def test_a_sign_that_is_turned_and_targets_that_are_swapped_show():
    """The negative controls of the slopes: each bug turns the sign that it is about, and no other."""
    for options, bad in (
        ({"d_loss": lambda real, fake: softplus(real).mean(-1) + softplus(-fake).mean(-1)}, [1, -1, -1]),
        ({"d_loss": lambda real, fake: softplus(-real).mean(-1) + softplus(-fake).mean(-1)}, [-1, -1, -1]),
        ({"g_loss": lambda fake: softplus(fake).mean(-1)}, [-1, 1, 1]),
    ):
        g, d, steps = nets()
        watch = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
        play(2, g, d, steps, **options)
        assert np.sign(watch.game()[SIGNS]).values.tolist() == [bad] * 2


def test_told_logits_give_the_same_numbers():
    tables = []
    for told in (False, True):
        g, d, steps = nets()
        watch = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
        play(2, g, d, steps, tell=watch.logits if told else None)
        tables.append(watch.game())
    np.testing.assert_allclose(tables[0], tables[1], rtol=1e-6)


def test_told_logits_of_calls_that_were_not_seen_have_slopes_and_no_samples():
    g, d, steps = nets()
    watch = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
    unheard = copy.deepcopy(d)
    own = lambda x: torch.func.functional_call(unheard, dict(d.named_parameters()), x)  # noqa: E731
    seen = play(2, g, own, steps, tell=watch.logits)
    game = watch.game()
    assert game[["spread", "energy", *ENDS, "repeat", "repeat_z", "g_slope"]].isna().all(axis=None)
    np.testing.assert_allclose(game.real_slope, [one["real"].sum() for one in seen], rtol=1e-5)


def test_a_batch_that_holds_both_is_not_taken_for_samples():
    g, d, steps = nets()
    watch = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
    real, z = batch(0)
    logits = d(torch.cat([real, g(z).detach()]))
    watch.logits(logits[:6], logits[6:])
    (softplus(-logits[:6]).mean() + softplus(logits[6:]).mean()).backward()
    steps["D"].step()
    steps["G"].step()
    row = watch.game().iloc[0]
    assert np.isnan(row.spread) and np.isnan(row.real_low) and row.real_logit == pytest.approx(logits[:6].mean().item())


def test_a_trainer_with_noise_on_the_samples_shows_what_d_sees():
    trainer = Trainer(*build(G, D, 0), TwoModes(), Recipe(batch=16, noise="constant", noise_sigma=0.5))
    watch = Monitor.watch(trainer)
    trainer.fit(2, progress=False)
    game = watch.game()
    of_others = ["repeat", "repeat_z", "alike_z", "seen_before", "remembered", "label_gap", "between"]
    assert game.drop(columns=of_others).notna().all(axis=None)
    assert (game.loudness > 1).all()  # both are louder than what G gave
    assert (game.real_high > 1).all() and game.repeat.tolist()[1] == 0  # the noise is new each time


def test_the_gradient_of_a_penalty_is_not_a_slope():
    """Of the logits that a penalty differentiates no slope is taken, on samples of its own or of G's."""
    slopes = []
    for weight in (0.0, 10.0):
        g, d, steps = nets(lr=0.0)
        watch = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
        real, z = batch(0)
        fake = g(z)
        logits = d(real), d(fake.detach())
        mixed = real.clone().requires_grad_()
        (pull,) = torch.autograd.grad(d(mixed).sum(), mixed, create_graph=True)
        again = d(fake)  # a penalty on samples that hang on G
        (push,) = torch.autograd.grad(again.sum(), fake, create_graph=True)
        (softplus(-logits[0]).mean() + softplus(logits[1]).mean() + weight * (pull.norm() + push.norm())).backward()
        steps["D"].step()
        softplus(-d(g(z))).mean().backward()
        steps["G"].step()
        slopes.append(watch.game()[SIGNS].values)
    np.testing.assert_allclose(*slopes, rtol=1e-6)


@pytest.mark.parametrize("both", [False, True])
def test_r1_on_the_very_calls_that_the_loss_is_made_of(both):
    """As many write it: D is called once on each, and the samples are asked for their gradient."""
    g, d, steps = nets()
    watch = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
    real, z = batch(0)
    fake = g(z)
    shown = fake.detach().requires_grad_(both)
    logits = d(real.requires_grad_()), d(shown)
    for one in logits:
        one.retain_grad()
    (pull,) = torch.autograd.grad(logits[0].sum(), real, create_graph=True)
    (softplus(-logits[0]).mean() + softplus(logits[1]).mean() + 5 * pull.square().sum(-1).mean()).backward()
    steps["D"].step()
    steps["G"].zero_grad()
    pushed = d(fake)
    pushed.retain_grad()
    softplus(-pushed).mean().backward()
    steps["G"].step()
    row, slopes = watch.game().iloc[0], [torch.sigmoid(-logits[0]).mean(), torch.sigmoid(logits[1]).mean()]
    np.testing.assert_allclose([-row.real_slope, row.fake_slope], [x.item() for x in slopes], rtol=1e-5)
    assert row.real_logit == pytest.approx(logits[0].mean().item(), rel=1e-5)
    assert row.real_high == pytest.approx(real.max().item()) and row.g_slope == pytest.approx(pushed.grad.sum().item())


class Conditional(nn.Module):
    def __init__(self, order):
        super().__init__()
        self.order, self.net = order, nn.Linear(2 + 3, 1)

    def forward(self, *given, **named):
        x, y = (named["x"], named["y"]) if named else given if self.order == "x first" else given[::-1]
        if isinstance(x, dict):
            x = x["x"]
        return self.net(torch.cat([x, y], -1)).flatten()


CALLS = {
    "x first": lambda d, x, y: d(x, y), "y first": lambda d, x, y: d(y, x), "by name": lambda d, x, y: d(y=y, x=x),
    "dict": lambda d, x, y: d({"x": x}, y) if d.order == "x first" else None,
}  # fmt: skip


@pytest.mark.parametrize("way", CALLS)
def test_samples_are_told_from_labels(way):
    """Labels as vectors: by shape nobody could say which is which; what a generator made stands at one place."""
    d, g = Conditional("y first" if way == "y first" else "x first"), nn.Linear(4, 2)
    steps = {name: torch.optim.SGD(net.parameters(), lr=0.1) for name, net in (("D", d), ("G", g))}
    watch = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
    (real, z), labels = batch(0), torch.eye(3).repeat(2, 1)
    fake = g(z)
    (CALLS[way](d, fake.detach(), labels) - CALLS[way](d, real, labels)).mean().backward()
    steps["D"].step()
    CALLS[way](d, fake, labels).mean().backward()
    steps["G"].step()
    found = watch.game().iloc[0][ENDS].astype(float)
    np.testing.assert_allclose(found, [x.item() for y in (real, fake) for x in (y.min(), y.max())], rtol=1e-6)


# What was there before.
def test_one_batch_over_and_over_and_latents_that_never_change():
    for same, expected in ((False, [0, 0]), (True, [1, 1])):
        g, d, steps = nets()
        watch = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
        play(3, g, d, steps, data=(lambda seed, lead: batch(0, lead)) if same else batch)
        game = watch.game()
        assert game.iloc[0][["repeat", "repeat_z"]].isna().all()
        assert game.iloc[1:][["repeat", "repeat_z"]].values.tolist() == [expected] * 2


def test_samples_that_are_drawn_in_between_are_not_kept():
    g, d, steps = nets()
    watch = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
    play(1, g, d, steps)
    with torch.no_grad():
        for _ in range(100):
            g(torch.randn(6, 4))
    assert len(watch._game.made.known) == 8
    (seen,) = play(1, g, d, steps)
    check(watch.game().iloc[1], seen)
