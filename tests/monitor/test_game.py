"""What D was shown and which way the losses push: against plain autograd and torch.pdist in a loop of one's own."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small import D, G, TwoModes
from torch import nn
from torch.nn.functional import softplus

from ganlab.monitor import Monitor
from ganlab.monitor._samples import Repeats, compared
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
    seen = play(2, g, lambda x: d.forward(x), steps, tell=watch.logits)
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
    assert game.drop(columns=["repeat", "repeat_z"]).notna().all(axis=None)
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


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("lead", [1, 2])
def test_repeats_are_counted_in_any_order(dtype, lead):
    repeats = Repeats(lead)
    x = torch.randn(2, 8, 3, 5).to(dtype)[: lead if lead == 2 else 1]
    given = x if lead == 2 else x[0]
    assert repeats.share(given).isnan().all()
    mixed = given.flip(lead - 1).clone()
    mixed.select(lead - 1, 2).neg_()  # one sample of eight is another
    assert repeats.share(mixed).flatten().tolist() == [7 / 8] * lead
    assert repeats.share(mixed.abs() + 1).flatten().tolist() == [0] * lead


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 9), m=st.integers(2, 9), d=st.sampled_from([1, 3, 100]), shift=st.floats(0, 1e3),
       scale=st.sampled_from([1e-30, 1.0, 1e30]), seed=st.integers(0, 99))  # fmt: skip
def test_distances_hold_for_any_size_place_and_scale(n, m, d, shift, scale, seed):
    dice = torch.Generator().manual_seed(seed)
    x, y = torch.randn(n, d, generator=dice), torch.randn(m, d, generator=dice) + shift
    found = compared((x * scale)[..., None], (y * scale)[..., None], 1)
    expected = torch.pdist(y.double()).mean() / torch.pdist(x.double()).mean(), energy(x.double(), y.double())
    np.testing.assert_allclose(found[:2], [expected[0], expected[1].clamp(min=0)], rtol=1e-2, atol=2e-3)
    assert 0 <= found[1] <= 1


def test_samples_that_are_all_alike_and_batches_that_nothing_can_be_said_of():
    x, far = torch.randn(80, 3, 8, 8), torch.full((80, 3, 8, 8), 1000.0)
    spread, energy_far = compared(x, far, 1)[:2]
    assert spread < 1e-6 and energy_far > 0.99
    assert compared(x, x.flip(0), 1)[1] < 0.02
    for real, fake in ((far, x), (x[:1], x), (x, x[..., 0]), (x, torch.full_like(x, torch.nan))):
        assert compared(real, fake, 1)[0].isnan()
    row = compared(torch.tensor([1.0, torch.inf]), torch.tensor([0.0, 1.0]), 1)  # samples of one number, no axis
    assert row[:2].isnan().all() and row[2:].tolist() == [1, torch.inf, 0, 1]
