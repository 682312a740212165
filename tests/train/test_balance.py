"""Controllers against rates set by hand, against their solo runs, and over a save and a load."""

import math
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small import D, G, TwoModes
from torch import nn

from ganlab.population import build
from ganlab.train import KNOBS, OPTIMIZERS, RULES, SIGNALS, Controller, Recipe, Rule, Trainer

# A band that no share lies in for long, so that the knob keeps turning.
BUSY = {"low": 0.5, "high": 0.5, "factor": 1.3, "every": 2}


def weights(*nets):
    return torch.cat([p.detach().flatten() for net in nets for p in net.parameters()])


def trainer(rule=None, seeds=0, **recipe):
    recipe = Recipe(batch=16, lr_g=1e-3, lr_d=1e-3, **recipe)
    return Trainer(*build(G, D, seeds), TwoModes(), recipe, seeds=seeds, rule=rule)


def logits(share, n=100):
    """n logits, of which `share` are positive."""
    return torch.where(torch.arange(n) < round(share * n), 1.0, -1.0)


@pytest.mark.parametrize(
    ("signal", "expected"), [("false_positives", 0.3), ("accuracy", (0.9 + 0.7) / 2), ("real_sign", 0.8)]
)
def test_signals_by_hand(signal, expected):
    assert SIGNALS[signal](logits(0.9), logits(0.3)).item() == pytest.approx(expected)


def test_the_printed_rule_lowers_gs_rate_when_there_are_few_false_positives():
    for name, few, many in (("printed", 1 / 1.1, 1.1), ("reversed", 1.1, 1 / 1.1)):
        for share, expected in ((0.05, few), (0.2, 1.0), (0.6, many)):
            controller = Controller(RULES[name])
            for _ in range(RULES[name].every):
                controller.step(logits(1), logits(share))
            assert controller.value.item() == pytest.approx(expected), (name, share)


def test_too_sure_a_discriminator_raises_the_penalty():
    controller = Controller(RULES["ada"])
    for _ in range(4):
        controller.step(logits(0.9), logits(0))  # r_t = 0.8 > 0.6
    assert controller.value.item() == pytest.approx(1.1)


@settings(max_examples=50, deadline=None)
@given(
    shares=st.lists(st.integers(0, 100), min_size=1, max_size=40),
    low=st.floats(0, 0.5), width=st.floats(0, 0.5), factor=st.floats(1.01, 3), every=st.integers(1, 5),
    direction=st.sampled_from([1, -1]),
)  # fmt: skip
def test_against_a_loop_in_plain_python(shares, low, width, factor, every, direction):
    rule = Rule("false_positives", "lr_g", low, low + width, direction, factor, every, limits=(0.1, 5.0))
    controller, value, seen = Controller(rule), 1.0, []
    for share in shares:
        controller.step(logits(1), logits(share / 100))
        seen.append(share / 100)
        if len(seen) == every:
            mean, seen = sum(seen) / every, []
            if min(abs(mean - low), abs(mean - low - width)) < 1e-5:
                return  # on the edge of the band rounding decides
            if mean > low + width:
                value *= factor**direction
            elif mean < low:
                value /= factor**direction
            value = min(max(value, 0.1), 5.0)
        assert controller.value.item() == pytest.approx(value, rel=1e-4)
    assert len(controller.history) == len(shares) // every


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rmsprop", "adam", "adamw", "amsgrad"])
@pytest.mark.parametrize("value", [0.3, 2.0])
def test_a_driven_optimizer_is_one_with_another_rate(double, optimizer, value):
    recipe = Recipe(
        momentum=0.5 if optimizer in ("sgd", "rmsprop") else 0.0, optimizer_g=optimizer, optimizer_d=optimizer
    )
    driven, plain = nn.Linear(4, 3), nn.Linear(4, 3)
    plain.load_state_dict(driven.state_dict())
    controller = Controller(RULES["printed"])
    controller.value = torch.tensor(value)
    steps = [OPTIMIZERS[optimizer](driven.parameters(), 0.01, recipe)]
    steps += [OPTIMIZERS[optimizer](plain.parameters(), 0.01 * value, recipe)]
    controller.drive(steps[0])
    for _ in range(20):
        x = torch.randn(8, 4)
        for net, step in zip((driven, plain), steps, strict=True):
            step.zero_grad()
            net(x).square().mean().backward()
            step.step()
    torch.testing.assert_close(weights(driven), weights(plain), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("knob", ["lr_g", "lr_d"])
def test_a_rule_that_stays_in_its_band_changes_no_bit(knob):
    idle = Rule("false_positives", knob, 0.0, 1.0)
    ruled, plain = (trainer(rule, seeds=[0, 1]).fit(20, progress=False) for rule in (idle, None))
    assert torch.equal(weights(ruled.G, ruled.D), weights(plain.G, plain.D))


@pytest.mark.parametrize("knob", KNOBS)
def test_a_member_is_its_solo_run(double, knob):
    rule = Rule("accuracy", knob, **BUSY)
    recipe = {"penalty": "r1", "gamma": 0.5, "critic_steps": 2} if knob == "gamma" else {}
    together = trainer(rule, seeds=[3, 4, 5], **recipe).fit(40, progress=False)
    values = together.controller.value
    assert values.unique().numel() > 1, "the members' knobs must part"
    for k, seed in enumerate([3, 4, 5]):
        alone = trainer(rule, seeds=seed, **recipe).fit(40, progress=False)
        torch.testing.assert_close(alone.controller.value, values[k])
        member = weights(together.G.member(k), together.D.member(k))
        torch.testing.assert_close(weights(alone.G, alone.D), member, rtol=1e-6, atol=1e-8)
        rows = together.controller.history.query("seed == @seed").reset_index(drop=True)
        assert rows[["step", "signal"]].equals(alone.controller.history[["step", "signal"]])


def test_the_rate_is_what_the_rule_says():
    """Against a run whose rate is set by hand, from the history of the first."""
    rule = Rule("false_positives", "lr_g", **BUSY)
    ruled = trainer(rule).fit(21, progress=False)
    value = {0: 1.0, **ruled.controller.history.set_index("step").value.to_dict()}
    plain = trainer()
    for step in range(21):
        plain.optimizer_g.param_groups[0]["lr"] = 1e-3 * value[step - step % 2]
        plain.step()
    assert len(set(value.values())) > 2
    torch.testing.assert_close(weights(ruled.G), weights(plain.G), rtol=1e-4, atol=1e-6)


def test_history_is_tidy():
    assert list(trainer(RULES["printed"]).controller.history.columns) == ["step", "seed", "signal", "value"]
    table = trainer(RULES["ada"], seeds=[7, 9], penalty="r1").fit(9, progress=False).controller.history
    assert table[["step", "seed"]].values.tolist() == [[4, 7], [4, 9], [8, 7], [8, 9]]
    assert table.signal.between(-1, 1).all()


def test_a_controller_turns_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    controller = Controller(Rule(**GOOD, every=1, factor=2.0))
    controller.step(torch.zeros(4), -torch.ones(4))
    assert controller.value == 0.5
    with pytest.raises(ImportError, match="pandas is needed"):
        _ = controller.history


@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_saved_and_resumed_equals_uninterrupted(tmp_path, seeds):
    rule = Rule("false_positives", "lr_g", **{**BUSY, "every": 5})
    whole = trainer(rule, seeds).fit(40, progress=False)
    trainer(rule, seeds).fit(17, checkpoint=tmp_path / "run.pt", progress=False)  # in the midst of a look
    resumed = trainer(rule, seeds).fit(40, checkpoint=tmp_path / "run.pt", progress=False)
    assert torch.equal(weights(resumed.G, resumed.D), weights(whole.G, whole.D))
    assert resumed.controller.history.equals(whole.controller.history)


def test_a_checkpoint_of_another_rule_is_refused(tmp_path):
    trainer(RULES["printed"]).fit(3, checkpoint=tmp_path / "run.pt", progress=False)
    for other in (RULES["reversed"], None):
        with pytest.raises(ValueError, match="rule="):
            trainer(other).load(tmp_path / "run.pt")
    trainer().fit(3, checkpoint=tmp_path / "plain.pt", progress=False)
    with pytest.raises(ValueError, match="rule="):
        trainer(RULES["printed"]).load(tmp_path / "plain.pt")
    with pytest.raises(ValueError, match="build the controller"):
        Controller(RULES["printed"]).load_state_dict(Controller(RULES["ada"]).state_dict())


GOOD = {"signal": "false_positives", "knob": "lr_g", "low": 0.1, "high": 0.3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"signal": "loss"}, "known: false_positives"),
        ({"knob": "batch"}, "known: lr_g"),
        ({"low": 0.5}, "low=0.5, high=0.3"),
        ({"low": math.nan}, "low=nan"),
        ({"high": 30}, "high=30"),
        ({"direction": 0}, "direction=0"),
        ({"factor": 0.95}, "direction=-1"),
        ({"every": 0}, "every=0"),
        ({"every": 2.0}, "every=2.0"),
        ({"limits": (0.0, 10.0)}, "limits="),
        ({"limits": (2.0, 10.0)}, "limits="),
    ],
)
def test_bad_rules_are_refused(change, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        Rule(**{**GOOD, **change})


def test_bad_logits_and_idle_rules_are_refused():
    with pytest.raises(ValueError, match=r"fake_logits is \(2, 4\): it must be \(3, 'batch'\)"):
        Controller(RULES["printed"], seeds=[0, 1, 2]).step(torch.zeros(3, 4), torch.zeros(2, 4))
    with pytest.raises(ValueError, match="real_logits"):
        Controller(RULES["printed"]).step(torch.zeros(4, 1), torch.zeros(4))
    with pytest.raises(ValueError, match="no penalty to weigh"):
        trainer(RULES["ada"])
    with pytest.raises(ValueError, match="ExtraSGD looks ahead"):
        trainer(RULES["printed"], optimizer_g="extra_sgd", optimizer_d="extra_sgd")


class Point:
    """All real samples are at 1."""

    shape = (1,)

    def sample(self, n, generator=None):
        return torch.ones(n, 1)


class Origin(nn.Module):
    """All generated samples are at 0."""

    latent, shape = 1, (1,)

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, z):
        return self.weight * z


class Slope(nn.Module):
    """D(x) = w x."""

    def __init__(self, w=4.0):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w))

    def forward(self, x):
        return self.w * x[..., 0]


def on_a_line(rule, **recipe):
    recipe = Recipe(loss="wasserstein", optimizer_d="sgd", lr_d=0.1, batch=2, **recipe)
    return Trainer(Origin(), Slope(), Point(), recipe, rule=rule)


@pytest.mark.parametrize("capture", [False, True])
def test_a_turned_weight_of_the_penalty_by_hand(capture):
    """The loss is D(fake) - D(real) = -w, its slope -1; R1 is gamma/2 w^2, its slope gamma w. No false positives."""
    rule = Rule("false_positives", "gamma", 0.1, 0.3, direction=-1, factor=2.0, every=1)
    played, w = on_a_line(rule, penalty="r1", gamma=0.5), []
    played.fit(4, callback=lambda t: w.append(t.D.w.item()), callback_every=1, progress=False, capture=capture)
    assert (played.engine.replayed > 0) is capture
    expected = [4.0]
    for knob in (1, 2, 4, 8):
        expected.append(expected[-1] - 0.1 * (-1 + knob * 0.5 * expected[-1]))
    assert w == pytest.approx(expected) and expected[1:4] == pytest.approx([3.9, 3.61, 2.988])
    assert played.controller.history.value.tolist() == [2, 4, 8, 16]


@pytest.mark.parametrize(("signal", "expected"), [("real_sign", 1.0), ("false_positives", 0.0), ("accuracy", 0.5)])
def test_the_trainer_hands_its_rule_real_and_fake_logits_in_this_order(signal, expected):
    """D(1) = 4 for what is real, D(0) = 0 for what is not. Exchanged, they would give 0, 1 and 0."""
    played = on_a_line(Rule(signal, "lr_d", 0.0, 1.0, every=1)).fit(3, progress=False)
    assert played.controller.history.signal.tolist() == [expected] * 3
