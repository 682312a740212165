"""The loop against a loop written out by hand, resumption, and what a recipe refuses."""

import contextlib
import copy
import dataclasses
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small import D, G, TwoModes
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from ganlab import losses
from ganlab.population import build
from ganlab.train import OPTIMIZERS, Recipe, Stream, Trainer
from ganlab.train.optimizers import WITHOUT_BETAS


def weights(*nets):
    return torch.cat([p.detach().flatten() for net in nets for p in net.parameters()])


def trainer(recipe=None, seeds=0, norm=False):
    return Trainer(*build(lambda: G(norm), D, seeds), TwoModes(), recipe or Recipe(batch=16), seeds=seeds)


def by_hand(steps, critic_steps, norm):
    """The loop as a tutorial would write it: torch's own losses and optimizers, a fresh graph for each use."""
    generator, discriminator = build(lambda: G(norm), D, 0)
    stream = Stream(TwoModes(), 4, 16, 0, critic_steps=critic_steps)
    g_step = torch.optim.Adam(generator.parameters(), 1e-3, (0.5, 0.999))
    d_step = torch.optim.Adam(discriminator.parameters(), 1e-3, (0.5, 0.999))
    one, zero = torch.ones(16), torch.zeros(16)
    for _ in range(steps):
        for real, z in stream.next():
            fake = generator(z)
            d_step.zero_grad()
            (bce(discriminator(real), one) + bce(discriminator(fake.detach()), zero)).backward()
            d_step.step()
        g_step.zero_grad()
        bce(discriminator(fake), one).backward()
        g_step.step()
    return weights(generator, discriminator)


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("critic_steps", [1, 3])
def test_the_loop_equals_one_written_by_hand(double, critic_steps, norm):
    recipe = Recipe(batch=16, lr_g=1e-3, lr_d=1e-3, critic_steps=critic_steps)
    ours = trainer(recipe, norm=norm).fit(30, progress=False)
    torch.testing.assert_close(weights(ours.G, ours.D), by_hand(30, critic_steps, norm), rtol=0, atol=1e-8)


def test_a_phase_leaves_no_gradient_with_the_other_player():
    t = trainer()
    t.step()
    d_gradients = [p.grad.clone() for p in t.D.parameters()]
    fake = t.G(torch.randn(16, 4))
    t._descend(t.loss.g_loss(t.D(fake)), "G")
    assert all(torch.equal(p.grad, before) for p, before in zip(t.D.parameters(), d_gradients, strict=True))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", losses.LOSSES)
def test_every_loss_trains_with_every_optimizer(loss, optimizer):
    t = trainer(Recipe(loss=loss, optimizer_g=optimizer, optimizer_d=optimizer, batch=16))
    before = weights(t.G), weights(t.D)
    t.fit(5, progress=False)
    assert not torch.equal(weights(t.G), before[0])
    assert not torch.equal(weights(t.D), before[1])
    assert t.history[["d_loss", "g_loss"]].notna().all(axis=None)


def test_history_is_tidy_and_averages_over_the_steps_between_rows():
    fine, coarse = (trainer(seeds=[0, 1]).fit(25, log_every=n, progress=False).history for n in (1, 10))
    assert list(coarse.columns) == ["step", "seed", "d_loss", "g_loss", "real_logit", "fake_logit"]
    assert coarse.step.unique().tolist() == [10, 20, 25]
    for (step, seed), row in coarse.set_index(["step", "seed"]).iterrows():
        inside = fine[(fine.seed == seed) & (fine.step <= step) & (fine.step > (step - 1) // 10 * 10)]
        assert row.d_loss == pytest.approx(inside.d_loss.mean(), rel=1e-5)
    assert trainer().history.empty


def test_the_average_is_the_running_mean_of_the_weights():
    t = trainer(Recipe(batch=16, ema=0.9))
    expected = None
    for _ in range(5):
        t.step()
        now = weights(t.G)
        expected = now if expected is None else 0.9 * expected + 0.1 * now
    torch.testing.assert_close(weights(t.average.module), expected)
    assert not torch.equal(t.sample(4, averaged=True), t.sample(4))


def test_samples_are_repeatable_and_leave_the_mode_alone():
    t = trainer(seeds=[0, 1], norm=True)
    t.fit(3, progress=False)
    assert t.sample(5).shape == (2, 5, 2)
    assert torch.equal(t.sample(5), t.sample(5))
    assert t.G.training
    assert not torch.equal(t.sample(5, seed=1), t.sample(5))


def test_callbacks_come_before_the_first_step_and_then_regularly():
    seen = []
    trainer().fit(20, callback=lambda t: seen.append(t.steps), callback_every=10, progress=False)
    assert seen == [0, 10, 20]


@settings(max_examples=20, deadline=None)
@given(
    stop=st.integers(1, 150), seeds=st.sampled_from([0, [0, 1]]), critic_steps=st.integers(1, 2),
    ahead=st.tuples(st.booleans(), st.booleans()),
)  # fmt: skip
def test_a_stream_goes_on_where_it_stopped(stop, seeds, critic_steps, ahead):
    """Whether it draws ahead, in the background, or when it is asked."""
    whole, second = (Stream(TwoModes(), 4, 8, seeds, critic_steps=critic_steps, ahead=one) for one in ahead)
    for _ in range(stop):
        whole.next()
    second.next()  # and has perhaps drawn what is not to come
    second.load_state_dict(whole.state_dict())
    for _ in range(70):
        for (real, z), (real_2, z_2) in zip(whole.next(), second.next(), strict=True):
            assert torch.equal(real, real_2)
            assert torch.equal(z, z_2)


def test_a_stream_spends_each_number_once_and_none_for_nothing():
    """Against the generator itself: block after block, in the order in which it gives its numbers."""
    stream, generator = Stream(TwoModes(), 4, 8, 5), torch.Generator().manual_seed(2**32 + 5)
    for _ in range(3):
        n = stream.block * 8
        real, z = TwoModes().sample(n, generator), torch.randn(n, 4, generator=generator)
        for i in range(stream.block):
            ((now, latents),) = stream.next()
            assert torch.equal(now, real[8 * i : 8 * i + 8]) and torch.equal(latents, z[8 * i : 8 * i + 8])


@pytest.mark.parametrize("seeds", [0, [0, 1, 2]])
def test_saved_and_resumed_equals_uninterrupted(tmp_path, seeds):
    recipe = Recipe(batch=16, ema=0.99, critic_steps=2)
    whole = trainer(recipe, seeds, norm=True).fit(40, progress=False)
    trainer(recipe, seeds, norm=True).fit(17, checkpoint=tmp_path / "run.pt", progress=False)
    resumed = trainer(recipe, seeds, norm=True).fit(40, checkpoint=tmp_path / "run.pt", progress=False)
    assert torch.equal(weights(resumed.G, resumed.D, resumed.average), weights(whole.G, whole.D, whole.average))
    # A row of the log ends where the first run ended; after that, all is the same.
    late = [t.history.query("step > 20").reset_index(drop=True) for t in (whole, resumed)]
    assert late[0].equals(late[1])


SCRIPT = """
import sys, time, torch
sys.path.insert(0, {tests!r})
from small import D, G, TwoModes
from ganlab.population import build
from ganlab.train import Recipe, Trainer
slow = lambda t: time.sleep(float(sys.argv[2]))
t = Trainer(*build(lambda: G(True), D, 0), TwoModes(), Recipe(batch=16))
t.fit(300, checkpoint=sys.argv[1], checkpoint_every=20, callback=slow, callback_every=10, progress=False)
torch.save([p.detach() for p in t.G.parameters()], sys.argv[1] + ".end")
"""


def test_a_killed_run_ends_bit_equal(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parents[1])))

    def start(name, pause):
        return subprocess.Popen([sys.executable, script, tmp_path / name, str(pause)])

    killed = start("killed.pt", 0.05)
    deadline = time.monotonic() + 60
    while not (tmp_path / "killed.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed.pt.end").exists()
    assert start("killed.pt", 0).wait() == 0
    assert start("whole.pt", 0).wait() == 0
    ends = [torch.load(tmp_path / f"{name}.pt.end", weights_only=True) for name in ("killed", "whole")]
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_a_checkpoint_of_another_run_is_refused_and_changes_nothing(tmp_path):
    trainer(Recipe(batch=16)).fit(3, checkpoint=tmp_path / "run.pt", progress=False)
    other = trainer(Recipe(batch=32, loss="hinge"))
    before = weights(other.G, other.D)
    with pytest.raises(ValueError, match=r"another run: batch=16 there and 32 here, loss="):
        other.load(tmp_path / "run.pt")
    with pytest.raises(ValueError, match="seeds=0 there and 1 here"):
        trainer(Recipe(batch=16), seeds=1).load(tmp_path / "run.pt")
    assert torch.equal(weights(other.G, other.D), before)


def test_a_recipe_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().lr_g = 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": "bce"}, "unknown loss 'bce'; known: minimax"),
        ({"optimizer_g": "lion"}, "unknown optimizer 'lion'; known: adam"),
        ({"latent": "cauchy"}, "unknown latent distribution 'cauchy'; known: normal"),
        ({"lr_d": -1.0}, "lr_d=-1.0"),
        ({"lr_g": float("nan")}, "lr_g=nan"),
        ({"betas": (0.5, 1.0)}, "betas"),
        ({"betas": (0.0, 0.9), "optimizer_g": "sgd", "optimizer_d": "sgd"}, "sgd has no betas; Adam and its kin have"),
        ({"betas": (0.0, 0.9), "optimizer_g": "sgd", "optimizer_d": "adagrad"}, "adagrad and sgd has no betas"),
        ({"momentum": 0.9}, "Adam does not use it"),
        ({"momentum": 0.9, "optimizer_d": "adagrad"}, "Adam and adagrad does not use it"),
        ({"optimizer_d": "extra_adam"}, "set both optimizers to it"),
        ({"optimizer_g": "extra_sgd", "optimizer_d": "extra_sgd", "critic_steps": 2}, "it is 2"),
        ({"batch": 0}, "batch=0"),
        ({"critic_steps": 1.5}, "critic_steps=1.5"),
        ({"ema": 1.0}, "ema=1.0"),
        ({"clip": "hard"}, "unknown clip 'hard'; known: value"),
        ({"clip": "norm", "clip_at": -1.0}, "clip_at=-1.0"),
        ({"clip": "norm", "clip_players": "E"}, "unknown clip_players 'E'; known: both"),
        ({"clip": "percentile", "clip_at": 101.0}, "clip_at=101.0: a percentile"),
        ({"clip_at": 2.0, "clip_players": "D"}, "clip_at=2.0, clip_players=D: there is no clip"),
        ({"weight_clip": -0.1}, "weight_clip=-0.1"),
        ({"noise": "pink"}, "unknown noise 'pink'; known: constant"),
        ({"noise": "linear", "noise_sigma": -1.0}, "noise_sigma=-1.0"),
        ({"noise": "linear", "noise_steps": 0}, "noise_steps=0"),
        ({"noise_sigma": 1.0}, "noise_sigma=1.0: there is no noise"),
    ],
)
def test_a_recipe_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**arguments)


@pytest.mark.parametrize("other", OPTIMIZERS)
def test_betas_are_taken_where_one_player_reads_them(other):
    if not other.startswith("extra_"):
        assert Recipe(betas=(0.0, 0.9), optimizer_g=other).betas == (0.0, 0.9)  # D has Adam
    refused = other in WITHOUT_BETAS
    with pytest.raises(ValueError, match="has no betas") if refused else contextlib.nullcontext():
        Recipe(betas=(0.0, 0.9), optimizer_g=other, optimizer_d=other)
    made = OPTIMIZERS[other]([nn.Parameter(torch.zeros(1))], 0.1, Recipe(betas=(0.25, 0.75)))
    assert ("betas" in made.defaults) is not refused
    assert made.defaults.get("betas", (0.25, 0.75)) == (0.25, 0.75)


def test_an_optimizer_of_ones_own_may_read_betas(monkeypatch):
    monkeypatch.setitem(OPTIMIZERS, "mine", OPTIMIZERS["adam"])
    assert Recipe(betas=(0.0, 0.9), optimizer_g="mine", optimizer_d="mine").betas == (0.0, 0.9)


class WithSigmoid(D):
    def forward(self, x):
        return super().forward(x).sigmoid()


def test_bad_networks():
    with pytest.raises(ValueError, match=r"set G\.latent"):
        Trainer(nn.Linear(4, 2), D(), TwoModes())
    with pytest.raises(ValueError, match="one seed a member"):
        Trainer(*build(G, D, [0, 1]), TwoModes(), seeds=[0])
    with pytest.raises(ValueError, match="one seed a member"):
        Trainer(G(), D(), TwoModes(), seeds=[0])
    with pytest.raises(ValueError, match="ema"):
        trainer().sample(4, averaged=True)


@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_a_sigmoid_at_the_end_is_refused(seeds):
    with pytest.raises(ValueError, match="remove the sigmoid"):
        Trainer(*build(G, WithSigmoid, seeds), TwoModes(), seeds=seeds).step()


def test_a_stream_that_fails_once_goes_on():
    class Flaky(TwoModes):
        calls = 0

        def sample(self, n, generator=None):
            self.calls += 1
            if self.calls == 2:
                raise OSError("disk")
            return super().sample(n, generator)

    stream = Stream(Flaky(), 4, 4096, 0, ahead=True)
    failed = 0
    for _ in range(3 * stream.block):
        try:
            stream.next()
        except OSError:
            failed += 1
    assert failed == 1


class Counting:
    """Samples 0, 1, 2, ... in the order in which they are asked for."""

    shape = (1,)

    def __init__(self):
        self.next = 0

    def sample(self, n, generator=None):
        first, self.next = self.next, self.next + n
        return torch.arange(first, first + n, dtype=torch.float32)[:, None]


@pytest.mark.parametrize("critic_steps", [1, 3])
@pytest.mark.parametrize("ahead", [True, False])
def test_a_stream_gives_every_sample_that_it_draws_once_and_in_order(ahead, critic_steps):
    """Batches of 4 over three blocks: 0 to 3, 4 to 7, and so on; for three critic steps 0 to 11 in the first step."""
    stream = Stream(Counting(), 2, 4, 0, critic_steps=critic_steps, ahead=ahead)
    steps = [stream.next() for _ in range(3 * stream.block)]
    assert [len(step) for step in steps] == [critic_steps] * len(steps)
    seen = torch.cat([real.flatten() for step in steps for real, _ in step])
    assert seen.tolist() == list(range(3 * stream.block * critic_steps * 4))
    latents = torch.cat([z for step in steps for _, z in step])
    assert len(latents.unique(dim=0)) == len(latents) == len(seen)


@pytest.mark.parametrize("ahead", [True, False])
def test_a_copy_of_a_stream_goes_on_alike(ahead):
    stream = Stream(TwoModes(), 4, 8, [0, 1], ahead=ahead)
    stream.next()
    twin = copy.deepcopy(stream)
    for _ in range(150):
        for (real, z), (real_2, z_2) in zip(stream.next(), twin.next(), strict=True):
            assert torch.equal(real, real_2) and torch.equal(z, z_2)


def test_sampling_leaves_frozen_statistics_frozen():
    t = trainer(norm=True)
    t.G.net[1].eval()
    t.sample(3)
    assert not t.G.net[1].training and t.G.net[0].training


def test_a_frozen_player_stands_still():
    t = trainer()
    t.G.requires_grad_(False)
    before = weights(t.G), weights(t.D)
    t.fit(3, progress=False)
    assert torch.equal(weights(t.G), before[0]) and not torch.equal(weights(t.D), before[1])


def test_volumes_train_too():
    class Volumes:
        shape = (1, 4, 4, 4)

        def sample(self, n, generator=None):
            return torch.randn(n, *self.shape, generator=generator)

    class Up(nn.Module):
        latent, shape = 4, (1, 4, 4, 4)

        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(4, 64), nn.Unflatten(1, (1, 4, 4, 4)), nn.Conv3d(1, 1, 3, padding=1))

        def forward(self, z):
            return self.net(z)

    down = nn.Sequential(nn.Conv3d(1, 2, 3), nn.Flatten(), nn.Linear(16, 1), nn.Flatten(0))
    assert Trainer(Up(), down, Volumes(), Recipe(batch=4)).fit(2, progress=False).steps == 2
