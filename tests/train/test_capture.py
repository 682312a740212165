"""A recorded step is the step: every option, played and replayed, ends in the same bits."""

import dataclasses
import gc

import pytest
import torch
from small import D, G, TwoModes
from torch import nn

from ganlab import losses, nets
from ganlab.clipping import CLIPS
from ganlab.data import Dataset
from ganlab.monitor import Monitor
from ganlab.penalties import PENALTIES
from ganlab.population import Population, build
from ganlab.train import OPTIMIZERS, RULES, Recipe, Rule, Schedule, Trainer, WeightAverage
from ganlab.train._program import record
from ganlab.train.recipe import PRECISIONS

RAMP = Schedule([(0, 1e-3), (12, 5e-3)])
RECIPES = {
    **{f"loss {name}": {"loss": name} for name in losses.LOSSES},
    **{f"penalty {name}": {"penalty": name, "gamma": 0.3} for name in PENALTIES},
    **{f"optimizer {name}": {"optimizer_g": name, "optimizer_d": name} for name in OPTIMIZERS},
    **{f"clip {name}": {"clip": name, "clip_at": 30.0 if name == "percentile" else 0.01} for name in CLIPS},
    "lazy penalty": {"penalty": "wgan_gp", "penalty_every": 3},
    "three critic steps": {"critic_steps": 3, "penalty": "r1", "penalty_every": 2},
    "unrolled": {"unroll": 2, "unroll_lr": 0.3},
    "noise that ends": {"noise": "linear", "noise_sigma": 0.5, "noise_steps": 9},
    "average": {"ema": 0.9},
    "weight clip": {"loss": "wasserstein", "weight_clip": 0.05},
    "weight decay": {"weight_decay_d": 1.0, "l2_g": 0.1},
    "scheduled": {"lr_g": RAMP, "penalty": "r1", "gamma": RAMP, "ema": Schedule([(0, 0.0), (9, 0.9)])},
    "scheduled, our optimizer": {"lr_g": RAMP, "optimizer_g": "adamw", "optimizer_d": "nesterov"},
    "latent": {"latent": "uniform"},
    **{f"amp {amp}": {"amp": amp, "penalty": "r1", "clip": "norm", "clip_at": 0.05} for amp in PRECISIONS},
}  # fmt: skip
UNRECORDED = ("optimizer extra_sgd", "optimizer extra_adam")


def trainer(recipe, seeds=0, rule=None, make_g=G, make_d=D, data=None):
    recipe = Recipe(**{"batch": 16, "lr_g": 1e-3, "lr_d": 1e-3, **recipe})
    return Trainer(*build(make_g, make_d, seeds), data or TwoModes(), recipe, seeds=seeds, rule=rule)


def state(t):
    """Everything that training changes, as plain values."""
    tensors = [*t.G.state_dict().values(), *t.D.state_dict().values()]
    tensors += [] if t.average is None else list(t.average.state_dict().values())
    for optimizer in (t.optimizer_g, t.optimizer_d):
        for one in optimizer.state_dict()["state"].values():
            tensors += [torch.as_tensor(value) for _, value in sorted(one.items()) if value is not None]
    tensors += [torch.as_tensor(t.steps), *t.stream.state_dict()["states"], *t.cures.draws.state_dict()["states"]]
    tensors += [
        value for clip in t.cures.state_dict()["clips"].values() for value in map(torch.as_tensor, clip.values())
    ]
    return [*tensors, torch.tensor(t.history.drop(columns=["step", "seed"]).to_numpy())]


def assert_same(ours, theirs):
    for a, b in zip(state(ours), state(theirs), strict=True):
        assert a.dtype == b.dtype and torch.equal(a.nan_to_num(7.0), b.nan_to_num(7.0))


def both(steps=14, capture=True, **options):
    """The same run, replayed and played."""
    runs = [trainer(**options) for _ in range(2)]
    for run, wanted in zip(runs, (capture, False), strict=True):
        torch.manual_seed(0)  # dropout draws from here
        run.fit(steps, log_every=3, progress=False, capture=wanted)
    return runs


@pytest.mark.parametrize("seeds", [0, [3, 1]])
@pytest.mark.parametrize("name", RECIPES)
def test_a_replay_is_the_step_to_the_last_bit(name, seeds):
    if "amp" in RECIPES[name] and seeds:
        pytest.skip("a population is in float32")
    replayed, played = both(recipe=RECIPES[name], seeds=seeds)
    assert_same(replayed, played)
    recorded = replayed.engine.recorded
    assert recorded == 0 if name in UNRECORDED else recorded >= 1, replayed.engine.reason
    for report, other in zip(replayed.cures.clipped.values(), played.cures.clipped.values(), strict=True):
        assert report.calls == other.calls == 14 and report.mean.equals(other.mean)


IMAGES = Dataset.from_images(torch.rand(64, 1, 8, 8) * 2 - 1, (-1.0, 1.0))
NETS = {
    "batch norm": (lambda: G(norm=True), D, None),
    "dropout": (lambda: nets.mlp_generator((2,), 4, 8, dropout=0.3), lambda: nets.mlp_discriminator((2,), 8), None),
    "dcgan": (lambda: nets.dcgan_generator((1, 8, 8), 4, 4), lambda: nets.dcgan_discriminator((1, 8, 8), 4), IMAGES),
    "resnet": (lambda: nets.resnet_generator((1, 8, 8), 4, 4), lambda: nets.resnet_discriminator((1, 8, 8), 4), IMAGES),
    "spectral norm": (G, lambda: nets.spectrally_normalised(nets.mlp_discriminator((2,), 8)), None),
    "packed": (G, lambda: nets.Packed(nets.mlp_discriminator((4,), 8), 2), None),
}  # fmt: skip


@pytest.mark.parametrize("seeds", [0, [3, 1]])
@pytest.mark.parametrize("name", NETS)
def test_every_kind_of_network(name, seeds):
    make_g, make_d, data = NETS[name]
    replayed, played = both(8, recipe={}, seeds=seeds, make_g=make_g, make_d=make_d, data=data)
    assert_same(replayed, played)
    assert replayed.engine.recorded == 1, replayed.engine.reason


@pytest.mark.parametrize("seeds", [0, [3, 1]])
@pytest.mark.parametrize("name", RULES)
def test_a_rule_turns_its_knob_in_a_replay_too(name, seeds):
    rule = dataclasses.replace(RULES[name], every=3, low=0.0, high=0.0, factor=1.5)
    replayed, played = both(20, recipe={"penalty": "r1"}, seeds=seeds, rule=rule)
    assert_same(replayed, played)
    assert replayed.controller.history.equals(played.controller.history)
    assert (replayed.controller.history.value != 1).any()


def test_a_rule_that_turns_gamma_weighs_the_penalty():
    """Against a run whose gamma is the one that the rule arrives at: 2 after the first look."""
    rule = Rule("real_sign", "gamma", -1.0, -1.0, factor=2.0, every=1, limits=(1.0, 2.0))
    turned = trainer({"penalty": "r1", "gamma": 0.5}, rule=rule).fit(2, progress=False, capture=True)
    first = trainer({"penalty": "r1", "gamma": 0.5}).fit(1, progress=False)
    by_hand = trainer({"penalty": "r1", "gamma": 1.0})
    for mine, other in ((by_hand.G, first.G), (by_hand.D, first.D)):
        mine.load_state_dict(other.state_dict())
    for mine, other in ((by_hand.optimizer_g, first.optimizer_g), (by_hand.optimizer_d, first.optimizer_d)):
        state_of_other = other.state_dict()
        mine.load_state_dict(state_of_other)
    by_hand.stream.load_state_dict(first.stream.state_dict())
    by_hand.step()
    assert all(torch.equal(p, q) for p, q in zip(turned.D.parameters(), by_hand.D.parameters(), strict=True))


@pytest.mark.parametrize("every", [1, 4])
@pytest.mark.parametrize("activations", [False, True])
def test_watched_steps_are_played_and_counted(every, activations):
    """`small.D` is not of a known package, so its capture is asked for."""
    runs = [trainer({"penalty": "r1"}) for _ in range(2)]
    monitors = [Monitor.watch(run, every=every, activations=activations) for run in runs]
    for run, capture in zip(runs, (True, False), strict=True):
        run.fit(13, progress=False, capture=capture)
    assert_same(*runs)
    for table in ("gradients", "game", "totals", *(["activations"] if activations else [])):
        ours, theirs = (getattr(monitor, table)() for monitor in monitors)
        assert ours.equals(theirs), table
    assert runs[0].engine.recorded == (every > 1)


@pytest.mark.parametrize("seeds", [0, [3, 1]])
def test_stopped_and_resumed_in_the_middle_of_recordings(tmp_path, seeds):
    recipe = {"penalty": "wgan_gp", "penalty_every": 2, "clip": "percentile", "clip_at": 20.0, "ema": 0.9}
    whole = trainer(recipe, seeds).fit(20, progress=False, capture=True)
    trainer(recipe, seeds).fit(9, checkpoint=tmp_path / "run.pt", progress=False, capture=True)
    resumed = trainer(recipe, seeds).fit(20, checkpoint=tmp_path / "run.pt", progress=False, capture=True)
    assert all(torch.equal(p, q) for p, q in zip(whole.D.parameters(), resumed.D.parameters(), strict=True))
    assert all(torch.equal(p, q) for p, q in zip(whole.average.parameters(), resumed.average.parameters(), strict=True))


def test_what_a_callback_changes_takes_effect():
    def meddle(t):
        if t.steps == 4:
            for group in t.optimizer_g.param_groups:
                group["lr"] = 0.05
        if t.steps == 8:
            next(t.D.parameters()).requires_grad_(False)
        if t.steps == 12:
            t.optimizer_d.load_state_dict(t.optimizer_d.state_dict())  # equal numbers in other tensors

    runs = [trainer({}) for _ in range(2)]
    for run, capture in zip(runs, (True, False), strict=True):
        run.fit(17, callback=meddle, callback_every=4, progress=False, capture=capture)
    assert_same(*runs)


def test_a_callback_and_the_caller_see_the_gradients():
    seen = []
    runs = [trainer({}) for _ in range(2)]
    for run, capture in zip(runs, (True, False), strict=True):
        look = lambda t: seen.append([p.grad.clone() for p in t.D.parameters()] if t.steps else [])  # noqa: E731
        run.fit(9, callback=look, callback_every=3, progress=False, capture=capture)
    assert all(
        torch.equal(a, b)
        for one, other in zip(seen[:4], seen[4:], strict=True)
        for a, b in zip(one, other, strict=True)
    )
    assert all(torch.equal(p.grad, q.grad) for p, q in zip(runs[0].G.parameters(), runs[1].G.parameters(), strict=True))


class Counts(D):
    """Does something else in its seventh pass."""

    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x) * (2.0 if self.calls == 7 else 1.0)


class Reads(D):
    def forward(self, x):
        logits = super().forward(x)
        return logits * 2 if logits.mean().item() > 0 else logits


def test_networks_of_unknown_classes_are_played_unless_asked_for():
    replayed, played = both(10, capture=None, recipe={}, make_d=Counts)
    assert_same(replayed, played)
    assert "G has a G, whose code is not known here" in replayed.engine.reason
    assert "capture=True" in replayed.engine.reason


def test_a_step_that_reads_a_number_is_played():
    replayed, played = both(10, recipe={}, make_d=Reads)
    assert_same(replayed, played)
    assert "reads a number off a tensor" in replayed.engine.reason


def hooked_net(t):
    t.D.register_forward_hook(lambda *_: None)


def hooked_optimizer(t):
    t.optimizer_d.register_step_post_hook(lambda *_: None)


def other_optimizer(t):
    t.optimizer_g = torch.optim.Adamax(t.G.parameters())


def own_step(t):
    t.step = lambda: None


@pytest.mark.parametrize(
    ("change", "message"),
    [(hooked_net, "D has a hook"), (hooked_optimizer, "optimizer_d has a hook"), (other_optimizer, "is a Adamax"),
     (own_step, "the trainer has a `step` of its own")],
)  # fmt: skip
def test_what_cannot_be_recorded_says_why(change, message):
    t = trainer({})
    change(t)
    t.engine.begin(True)
    assert message in t.engine.reason and t.engine.reason.endswith(".")
    t.engine.begin(False)
    assert "capture=False" in t.engine.reason


def test_a_program_keeps_no_step_alive():
    """The memory of a recorded step goes when the step is over: what is left is a row for each step."""

    def alive():
        gc.collect()
        return sum(type(x) is torch.Tensor for x in gc.get_objects())

    t = trainer({}).fit(6, progress=False, capture=True)
    t.fit(10, progress=False, log_every=100, capture=True)
    before = alive()
    t.fit(30, progress=False, log_every=100, capture=True)
    assert alive() - before <= 22


def test_the_program_of_a_few_lines():
    """By hand: what is written in place is seen by the next replay, constants stay, random numbers are new."""
    weight, total = nn.Parameter(torch.tensor([1.0, 2.0])), torch.zeros(())

    def play(x):
        y = (weight * x).sum()
        weight.grad = None
        y.backward()
        with torch.no_grad():
            weight.sub_(weight.grad.detach())
            total.add_(y.detach())
        return [y, torch.rand(1), weight.grad]

    (first, noise, _), program = record(play, [torch.tensor([1.0, 1.0])])
    assert first.item() == 3.0 and weight.tolist() == [0.0, 1.0]
    second, other_noise, gradient = program(torch.tensor([5.0, 10.0]))
    assert second.item() == 10.0 and weight.tolist() == [-5.0, -9.0] and total.item() == 13.0
    assert gradient.tolist() == [5.0, 10.0] and noise != other_noise


def test_ones_that_are_written_over_are_made_anew():
    """1 + x in each replay. What is the same in each step is kept, but not ones that the step itself writes over."""

    def play(x):
        ones, more = torch.ones_like(x), torch.ones_like(x)
        ones.add_(x)
        more[0] = x[1]
        return [ones, more, torch.ones_like(x).mul(3).t()]

    _, program = record(play, [torch.tensor([5.0, 6.0])])
    for x in (torch.tensor([1.0, 2.0]), torch.tensor([7.0, 9.0]), torch.tensor([7.0, 9.0])):
        found = [one.tolist() for one in program(x)]
        assert found == [(1 + x).tolist(), [x[1].item(), 1.0], [3.0, 3.0]]


def test_members_of_a_population_equal_their_solo_runs_when_replayed(double):
    population = trainer({"penalty": "r1"}, [3, 1]).fit(15, progress=False, capture=True)
    for k, seed in enumerate([3, 1]):
        solo = trainer({"penalty": "r1"}, seed).fit(15, progress=False, capture=True)
        for name, value in population.D.member(k).state_dict().items():
            torch.testing.assert_close(value, solo.D.state_dict()[name], rtol=0, atol=1e-9)
    assert isinstance(population.D, Population)


# --- What a user may do between two steps, or hide in a step. Each was seen to give other numbers in a replay once.


def chunks(real, fake):
    both = torch.cat([real, fake], -1)
    a, b = both.chunk(2, -1)
    return (torch.relu(1 - a) + torch.relu(1 + b)).mean(-1) + (both + 0.5).square().mean(-1) * 0.1


class Views(nn.Module):
    """A correct network whose activations are looked at through views of every kind."""

    def __init__(self, look):
        super().__init__()
        self.first, self.last, self.look, self.shape = nn.Linear(2, 8), nn.Linear(8, 1), look, (2,)

    def forward(self, x):
        return self.look(self.last(torch.tanh(self.first(x))))


LOOKS = {
    "squeeze": lambda y: torch.tanh(y).squeeze() * 3 + 1,
    "split": lambda y: sum(part.squeeze(-1) for part in (torch.tanh(y) * 2).split(1, -1)) + (y * 0).squeeze(-1),
    "unbind": lambda y: torch.tanh(y).unbind(-1)[0] * 3 + 1,
    "as_strided": lambda y: torch.relu(y + 1).as_strided((16,), (1,)) * 2 + torch.relu(y + 1).sum(-1) * 0.1,
}


@pytest.mark.parametrize("look", LOOKS)
def test_views_of_every_kind(look):
    replayed, played = both(12, recipe={}, make_d=lambda: Views(LOOKS[look]))
    assert_same(replayed, played)
    assert replayed.engine.recorded == 1


def test_a_loss_that_looks_at_its_logits_through_views(monkeypatch):
    monkeypatch.setitem(losses.LOSSES, "chunks", losses.Loss("chunks", chunks, losses.wasserstein_g))
    replayed, played = both(12, recipe={"loss": "chunks"})
    assert_same(replayed, played)
    assert replayed.engine.recorded == 1


def other_rate_of_d(t):
    t.optimizer_d.param_groups[0]["lr"] = 0.05


def other_slope(t):
    t.D.net[1].negative_slope = 0.9


def other_storage(t):
    for p in t.D.parameters():
        p.data = p.data.clamp(-0.2, 0.2)


def fresh_state(t):
    t.optimizer_g.state.clear(), t.optimizer_d.state.clear()


def fresh_optimizers(t):
    t.optimizer_g = torch.optim.Adam(t.G.parameters(), 1e-2, fused=True)
    t.optimizer_d = torch.optim.Adam(t.D.parameters(), 1e-2, fused=True)


def other_loss(t):
    t.loss = losses.get("hinge")


def fresh_average(t):
    t.average = WeightAverage(t.G)


def other_betas(t):
    t.optimizer_d.param_groups[0]["betas"] = (0.9, 0.99)


CHANGES = [
    other_rate_of_d, other_betas, other_slope, other_storage, fresh_state, fresh_optimizers, other_loss, fresh_average,
]  # fmt: skip


@pytest.mark.parametrize("inside", [True, False], ids=["in a callback", "between two fits"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_takes_effect(change, inside):
    runs = [trainer({"ema": 0.9, "lr_g": RAMP}) for _ in range(2)]
    for run, capture in zip(runs, (True, False), strict=True):
        if inside:  # in the midst of a fit, so that only a look at what is another now can tell
            callback = lambda t: change(t) if t.steps == 15 else None  # noqa: E731
            run.fit(30, progress=False, capture=capture, callback=callback, callback_every=15)
        else:
            run.fit(15, progress=False, capture=capture)
            change(run)
            run.fit(30, progress=False, capture=capture)
    assert_same(*runs)
    assert runs[0].engine.replayed > 10


def test_a_callback_that_only_looks_costs_no_recording():
    t = trainer({}).fit(40, progress=False, capture=True, callback=lambda t: t.sample(2), callback_every=4)
    assert (t.engine.recorded, t.engine.replayed, t.engine.reason) == (1, 37, None)


def test_a_callback_that_changes_something_all_the_time_ends_the_recording():
    def restless(t):
        t.optimizer_d.param_groups[0]["lr"] = 1e-3 + 1e-5 * t.steps

    runs = [trainer({}) for _ in range(2)]
    for run, capture in zip(runs, (True, False), strict=True):
        run.fit(30, progress=False, capture=capture, callback=restless, callback_every=3)
    assert_same(*runs)
    assert "a callback changes something every few steps" in runs[0].engine.reason and runs[0].engine.recorded == 3


class Forgetful:
    """A loss that does something else in its twentieth call."""

    calls = 0

    def __call__(self, real, fake):
        self.calls += 1
        return losses.hinge_d(real, fake) * (3.0 if self.calls == 20 else 1.0)


def own_trainer():
    class Own(Trainer):
        def _descend(self, loss, player):
            super()._descend(2 * loss, player)

    nets_ = nets.mlp_generator((2,), 4, 8), nets.mlp_discriminator((2,), 8)
    return Own(*nets_, TwoModes(), Recipe(batch=16))


def known(recipe=None):
    return Trainer(
        nets.mlp_generator((2,), 4, 8), nets.mlp_discriminator((2,), 8), TwoModes(), recipe or Recipe(batch=16)
    )


def with_parameter_hook():
    t = known()
    next(t.D.parameters()).register_hook(lambda grad: grad)
    return t


def with_backward_hook():
    t = known()
    t.D.body[2].register_full_backward_pre_hook(lambda *_: None)
    return t


def with_own_forward():
    t = known()
    t.D.body[2].forward = lambda x: x
    return t


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (own_trainer, "Own has a `_descend` of its own"),
        (with_parameter_hook, "a parameter of D has a hook"),
        (with_backward_hook, "D has a hook"),
        (with_own_forward, "a module of D has a `forward` of its own"),
    ],
)
def test_what_a_replay_would_not_call_is_found_by_itself(make, message):
    t = make()
    t.fit(6, progress=False)
    assert message in t.engine.reason and t.engine.recorded == 0


def test_a_loss_of_ones_own_is_played_unless_asked_for(monkeypatch):
    monkeypatch.setitem(losses.LOSSES, "own", losses.Loss("own", Forgetful(), losses.wasserstein_g))
    t = known(Recipe(batch=16, loss="own")).fit(6, progress=False)
    assert "the loss calls Forgetful, whose code is not known here" in t.engine.reason
    assert t.fit(12, progress=False, capture=True).engine.recorded == 1


def masked(real, fake):
    return losses.wasserstein_d(real, fake) + real[real < real.mean()].sum() * 0.01


def compared(real, fake):
    return losses.wasserstein_d(real, fake) * (2.0 if torch.equal(real.sign(), fake.sign()) else 1.0)


@pytest.mark.parametrize("loss", [masked, compared])
def test_a_path_or_a_size_that_depends_on_numbers_is_played(loss, monkeypatch):
    monkeypatch.setitem(losses.LOSSES, "own", losses.Loss("own", loss, losses.wasserstein_g))
    replayed, played = both(12, recipe={"loss": "own"})
    assert_same(replayed, played)
    assert replayed.engine.recorded == 0 and "reads a number off a tensor" in replayed.engine.reason


def test_an_interrupted_fit_leaves_nothing_behind():
    t = trainer({})
    with pytest.raises(KeyboardInterrupt):
        t.fit(20, progress=False, capture=True, callback=interrupt, callback_every=9)
    next(t.D.parameters()).requires_grad_(False)
    t.fit(20, progress=False, capture=True)
    assert t.steps == 20


def interrupt(t):
    if t.steps:
        raise KeyboardInterrupt


def test_a_layer_may_be_set_free_under_a_rule_that_counts():
    runs = [trainer({"optimizer_d": "adamw"}) for _ in range(2)]
    for run, capture in zip(runs, (True, False), strict=True):
        next(run.D.parameters()).requires_grad_(False)
        run.fit(8, progress=False, capture=capture)
        next(run.D.parameters()).requires_grad_(True)
        run.fit(16, progress=False, capture=capture)
    assert_same(*runs)
    assert "have made different numbers of steps" in runs[0].engine.reason


@pytest.mark.parametrize("clip", ["norm", "layerwise", "percentile"])
def test_a_norm_that_float32_cannot_hold_is_clipped_in_a_replay_too(clip):
    """The recorded step saw small gradients; a replay meets one of 2e38, whose norm is beyond float32."""
    p = nn.Parameter(torch.zeros(4))
    cut = CLIPS[clip](50.0 if clip == "percentile" else 1.0)

    def play(size):
        p.grad = torch.ones(4) * size
        cut(p)
        return [p.grad]

    play(torch.tensor(0.1))
    _, program = record(play, [torch.tensor(0.1)])
    (replayed,) = program(torch.tensor(2e38))
    again, p.grad = CLIPS[clip](50.0 if clip == "percentile" else 1.0), None
    for size in (0.1, 0.1, 2e38):
        p.grad = torch.ones(4) * size
        again(p)
    assert torch.equal(replayed, p.grad) and 0.05 < replayed[0] < 0.6
