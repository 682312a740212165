"""Where a trainer meets its stream, checkpoint, average, latents and progress bar: numbers counted or drawn by hand."""

import copy
import threading

import pytest
import torch
import tqdm
from small import D, G, TwoModes
from torch import nn

from ganlab import data, metrics, nets, study
from ganlab.clipping import PercentileClip
from ganlab.latent import LATENTS
from ganlab.penalties import Draws
from ganlab.population import build
from ganlab.train import RULES, Controller, LoaderStream, Recipe, Rule, Schedule, Stream, Trainer, vae


def trainer(recipe=None, seeds=0, rule=None, make_g=G):
    return Trainer(*build(make_g, D, seeds), TwoModes(), recipe or Recipe(batch=16), seeds=seeds, rule=rule)


def state(t):
    """Everything that a checkpoint holds, as plain values."""
    flat, todo = [], [t.G.state_dict(), t.D.state_dict(), t.optimizer_g.state_dict(), t.optimizer_d.state_dict()]
    todo += [t.stream.state_dict(), t.cures.state_dict(), t.controller.state_dict(), t.average.state_dict(), t._log]
    todo += [t._running, t.steps]
    while todo:
        one = todo.pop()
        if isinstance(one, dict | list | tuple):
            todo += one.values() if isinstance(one, dict) else one
        else:
            flat.append(one)
    return flat


@pytest.mark.parametrize(("seeds", "capture"), [(0, True), ([3, 1], False)], ids=["alone, replayed", "members, played"])
def test_a_run_that_went_on_and_is_set_back_takes_the_same_way_again(tmp_path, seeds, capture):
    """Nothing of the first way is left over: no window of norms, no half-counted look, no row of the log."""
    recipe = Recipe(
        batch=16, ema=0.9, penalty="wgan_gp", penalty_every=2, clip="percentile", clip_at=50.0, lr_g=1e-3,
        lr_d=Schedule([(0, 1e-3), (9, 4e-3)]), noise="linear", noise_steps=12,
    )  # fmt: skip
    t = trainer(recipe, seeds, Rule("accuracy", "gamma", 0.5, 0.5, factor=1.3, every=3))
    t.fit(7, log_every=5, progress=False, capture=capture)
    t.save(tmp_path / "run.pt")
    t.fit(17, log_every=5, progress=False, capture=capture)
    first, history, looks = state(t), t.history, t.controller.history
    t.load(tmp_path / "run.pt")
    assert t.steps == 7 and t.history.step.max() == 7 and t.controller.history.step.max() == 6
    t.fit(17, log_every=5, progress=False, capture=capture)
    assert t.history.equals(history) and t.controller.history.equals(looks)
    for again, before in zip(state(t), first, strict=True):
        same = torch.equal(again.nan_to_num(7), before.nan_to_num(7)) if torch.is_tensor(again) else again == before
        assert same


@pytest.mark.parametrize(
    ("shape", "latent", "batch", "critic_steps", "block"),
    [
        ((2,), 4, 16, 1, 64),  # 2^19 numbers would be 5,461 steps: 64 at most
        ((1000,), 24, 16, 1, 32),  # 16 x 1,024 numbers a step
        ((1000,), 24, 16, 2, 16),
        ((10, 10, 10), 24, 32, 1, 16),
        ((3, 64, 64), 64, 64, 1, 1),  # one step is more than 2^19: a step at a time
    ],
)
def test_how_many_steps_are_drawn_at_once(shape, latent, batch, critic_steps, block):
    """It decides which numbers a seed gives: another block, and every recorded run is another."""

    class Flat:
        def sample(self, n, generator=None):
            return torch.rand(n, 1, generator=generator).expand(n, shape[0]).reshape(n, -1)

    law = Flat()
    law.shape = shape
    assert Stream(law, latent, batch, 0, critic_steps=critic_steps).block == block
    assert Stream(law, latent, batch, [0, 1, 2], critic_steps=critic_steps).block == block  # as alone


class Echo(nn.Module):
    """The sample is z itself."""

    latent, shape = 2, (2,)

    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))

    def forward(self, z):
        return self.one * z


@pytest.mark.parametrize("law", LATENTS)
def test_samples_and_batches_have_the_law_of_the_recipe(law):
    t = trainer(Recipe(batch=16, latent=law), make_g=Echo)
    expected = LATENTS[law](9, 2, torch.Generator().manual_seed(5))
    assert torch.equal(t.sample(9, seed=5), expected) and not torch.equal(t.sample(9), expected)
    numbers = torch.Generator().manual_seed(2**32)
    TwoModes().sample(64 * 16, numbers)
    ((_, z),) = t.stream.next()
    assert torch.equal(z, LATENTS[law](64 * 16, 2, numbers)[:16])


def test_members_share_the_latents_of_a_sample():
    t = trainer(seeds=[0, 1], make_g=Echo)
    z = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(t.sample(5), torch.stack([z, z]))


def test_an_averaged_sample_is_the_averages_own():
    """G(z) = w z, and w goes from 1 to what the first step makes of it, which the average copies."""
    t = trainer(Recipe(batch=16, ema=0.75, optimizer_g="sgd", lr_g=1.0), make_g=Echo)
    t.step()
    first = t.G.one.item()
    t.step()
    slow = 0.75 * first + 0.25 * t.G.one.item()
    z = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    assert abs(t.G.one.item() - slow) > 1e-3
    torch.testing.assert_close(t.sample(5, averaged=True), slow * z)
    torch.testing.assert_close(t.sample(5), t.G.one.detach() * z)


@pytest.mark.parametrize("seeds", [0, [3, 1]])
def test_what_is_kept_of_a_step_holds_no_graph(seeds):
    """Four rows of numbers: with a graph behind them, a long log would keep every step's tensors."""
    t = trainer(Recipe(batch=16, penalty="r1"), seeds)
    t.step()
    (row,) = t._running
    assert not row.requires_grad and row.shape == ((4,) if seeds == 0 else (4, 2))


def images():
    return data.Dataset.from_images(torch.rand(40, 1, 8, 8) * 2 - 1, labels=torch.arange(40) % 2)


def coder():
    return vae.VAE(nets.mlp_generator((1, 8, 8), 2, 4), nets.mlp_discriminator((1, 8, 8), 4, outputs=4))


BARS = {
    "fit": lambda **options: trainer().fit(3, **options),
    "vae": lambda **options: vae.fit(coder(), images(), 3, batch=4, **options),
    "classifier": lambda **options: metrics.features.train(images(), steps=3, batch=4, **options),
    "study": lambda **options: study.Study("one", lambda seed: {"value": seed}, {}).run(**options),
}


@pytest.mark.parametrize("call", BARS.values(), ids=BARS)
def test_a_bar_is_shown_unless_it_is_switched_off(call, monkeypatch):
    asked = []

    class Bar(tqdm.tqdm):
        def __init__(self, *args, **options):
            asked.append(options.get("disable"))
            super().__init__(*args, **options)

    monkeypatch.setattr("tqdm.tqdm", Bar)
    call(progress=False)
    assert asked and all(asked)
    asked.clear()
    call()
    assert asked and asked == [None] * len(asked)  # the environment decides


def test_images_lie_with_their_channels_last_but_for_populations():
    """2-D convolutions run faster so; the stacked weights of a population have no such layout."""

    def made(seeds):
        nets_ = build(
            lambda: nets.dcgan_generator((1, 16, 16), 4, 4), lambda: nets.dcgan_discriminator((1, 16, 16), 4), seeds
        )
        return Trainer(*nets_, images(), Recipe(batch=4), seeds=seeds)

    weights = [p for p in made(0).D.parameters() if p.ndim == 4 and min(p.shape[1:]) > 1]
    assert weights and all(p.is_contiguous(memory_format=torch.channels_last) for p in weights)
    assert all(p.is_contiguous() for p in made([0, 1]).D.parameters())


def clipped(clip):
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.randn(2)
    clip(weight)


KEPT = {
    "controller": (lambda: Controller(RULES["ada"]), lambda one: one.step(torch.randn(8), torch.randn(8))),
    "percentile clip": (lambda: PercentileClip(50, window=7), clipped),
    "stream": (lambda: Stream(TwoModes(), 4, 16, [0, 1]), lambda one: one.next()),
    "loader": (lambda: LoaderStream([torch.ones(4, 2)] * 3, 4, 4, 0), lambda one: one.next()),
    "draws": (lambda: Draws([0, 1]), lambda one: one.normal(3)),
}


def same(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return torch.equal(one.nan_to_num(7), other.nan_to_num(7)) if torch.is_tensor(one) else one == other


@pytest.mark.parametrize(("make", "go_on"), KEPT.values(), ids=KEPT)
def test_a_state_that_is_kept_in_memory_is_not_moved_by_what_goes_on(make, go_on):
    """A state is a copy: it can be gone back to, and what goes on from it leaves it as it was."""
    one = make()
    for _ in range(9):
        go_on(one)
    state = one.state_dict()
    then = copy.deepcopy(state)
    for _ in range(9):
        go_on(one)
    assert same(state, then) and not same(one.state_dict(), then)
    one.load_state_dict(state)
    assert same(one.state_dict(), then)
    go_on(one)
    assert same(state, then)


def test_ahead_the_next_block_is_drawn_while_this_one_is_used():
    """And otherwise when it is asked for: one block after the first batch, two after the sixty-fifth."""
    drawn, second = [], threading.Event()

    class Noting(TwoModes):
        def sample(self, n, generator=None):
            drawn.append(n)
            if len(drawn) == 2:
                second.set()
            return super().sample(n, generator)

    waiting = Stream(Noting(), 4, 8, 0, ahead=False)
    for _ in range(waiting.block):
        waiting.next()
    assert drawn == [64 * 8]
    waiting.next()
    assert drawn == [64 * 8] * 2
    drawn.clear(), second.clear()
    Stream(Noting(), 4, 8, 0, ahead=True).next()
    assert second.wait(60) and drawn == [64 * 8] * 2
