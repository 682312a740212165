"""The first number that is not finite: put in at a known place of a loop, and found there."""

import dataclasses

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from ganlab.monitor import Monitor
from ganlab.population import Population

HOSTS = {"host": {"cpu"}, "elsewhere": set()}


class Spoiled(nn.Module):
    """Passes its input on; the value that it is set to spoils one number, forward or of the gradient."""

    def __init__(self):
        super().__init__()
        self.forward_value = self.backward_value = None

    def forward(self, h):
        if self.forward_value is not None:
            h = h + torch.tensor(self.forward_value)
        if self.backward_value is not None:
            h = h * 1.0
            h.register_hook(lambda grad: grad * self.backward_value)
        return h


def mlp(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 6), Spoiled(), nn.Tanh(), nn.Linear(6, n_out))


def play(spoil, *, nets=None, steps=3, at=2, **options):
    """A loop in which `spoil(parts)` is called in front of step `at`."""
    torch.manual_seed(0)
    g, d = nets or (mlp(3, 2), mlp(2, 1))
    players = {"D": (d, torch.optim.SGD(d.parameters(), lr=0.01)), "G": (g, torch.optim.SGD(g.parameters(), lr=0.01))}
    watch = Monitor(players, **options)
    lead = (g.size,) if isinstance(g, Population) else ()
    parts = {"D": d, "G": g, "loss": lambda loss: loss, "optimizers": {k: o for k, (_, o) in players.items()}}
    for step in range(1, steps + 1):
        real, z = torch.randn(*lead, 5, 2), torch.randn(*lead, 5, 3)
        if step == at:
            real, z = (x if x is not None else y for x, y in zip(spoil(parts) or (None, None), (real, z), strict=True))
        fake = g(z)
        parts["optimizers"]["D"].zero_grad()
        parts["loss"](softplus(-d(real)).mean() + softplus(d(fake.detach())).mean()).backward()
        parts["optimizers"]["D"].step()
        parts["optimizers"]["G"].zero_grad()
        softplus(-d(fake)).mean().backward()
        parts["optimizers"]["G"].step()
    return watch


def of(net, **values):
    def spoil(parts):
        for name, value in values.items():
            setattr(parts[net][1], name, value)

    return spoil


def in_log(parts):
    """The loss of the forums: the log of a probability that is 0, whose slope is infinite while the logits are not."""
    parts["loss"] = lambda loss: (loss * 0 + 0.0).sqrt()


def weights(parts):
    parts["optimizers"]["G"].param_groups[0]["lr"] = float("inf")


CASES = {
    "nothing": (lambda parts: None, None),
    "D forward": (of("D", forward_value=float("inf")), ("D", "D", "1", "forward")),
    "G forward": (of("G", forward_value=float("nan")), ("D", "G", "1", "forward")),
    "real": (lambda parts: (torch.full((5, 2), torch.nan), None), ("D", "D", "input", "forward")),
    "latents": (lambda parts: (None, torch.full((5, 3), torch.nan)), ("D", "G", "input", "forward")),
    "loss": (in_log, ("D", "D", "logits", "backward")),
    "D backward": (of("D", backward_value=float("nan")), ("D", "D", "0", "gradient")),
    "G backward": (of("G", backward_value=float("inf")), ("G", "G", "0", "gradient")),
    "weights": (weights, ("G", "G", "0", "weights")),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("host", HOSTS)
def test_it_is_found_where_it_was_put(host, case, monkeypatch):
    monkeypatch.setattr("ganlab._numeric.HOST", HOSTS[host])
    spoil, expected = CASES[case]
    origin = play(spoil, origin=True).origin
    if expected is None:
        assert origin is None
        return
    assert dataclasses.astuple(origin) == (2, *expected)


def test_without_the_option_a_net_elsewhere_is_seen_as_a_whole(monkeypatch):
    monkeypatch.setattr("ganlab._numeric.HOST", set())
    origin = play(of("D", forward_value=float("nan"))).origin
    assert (origin.net, origin.layer, origin.where) == ("D", "", "forward") and str(origin) == "D, forward, step 2"


@pytest.mark.parametrize("options", [{}, {"activations": True}, {"origin": True}, {"origin": False}])
@pytest.mark.parametrize("host", HOSTS)
def test_of_a_population(host, options, monkeypatch):
    monkeypatch.setattr("ganlab._numeric.HOST", HOSTS[host])
    nets = [Population([mlp(*sizes) for _ in range(2)]) for sizes in ((3, 2), (2, 1))]

    def spoil(parts):
        with torch.no_grad():
            next(parts["D"].parameters())[1, 0] = torch.inf  # of one member

    origin = play(spoil, nets=nets, **options).origin
    if options.get("origin") is False:
        assert origin is None
    else:
        assert (origin.step, origin.phase, origin.net, origin.where) == (2, "D", "D", "forward")
        assert origin.layer == ("0" if options else "")


@pytest.mark.parametrize("every", [1, 2, 3])
def test_only_measured_steps_are_looked_at(every):
    origin = play(of("D", forward_value=float("nan")), steps=6, every=every, at=2).origin
    assert origin.step == {1: 2, 2: 2, 3: 3}[every]


def test_a_sentence_and_no_hook_when_it_is_found():
    watch = play(of("D", forward_value=float("nan")))
    assert str(watch.origin) == "layer 1 of D, forward, step 2"
    assert not any(m._forward_pre_hooks for m in watch.players["D"].net.modules())
    assert [str(dataclasses.replace(watch.origin, layer=layer)) for layer in ("", "input", "logits")] == [
        "D, forward, step 2", "the input of D, forward, step 2", "the loss at the logits of D, forward, step 2"
    ]  # fmt: skip


def test_what_comes_later_does_not_change_it_and_it_is_fetched_in_time(monkeypatch):
    monkeypatch.setattr("ganlab._numeric.HOST", set())
    watch = play(of("G", forward_value=float("nan")), steps=9, origin=True, fetch_every=3)
    assert watch._origin._found is not None and not watch._origin._pending  # nobody has asked yet
    assert dataclasses.astuple(watch.origin) == (2, "D", "G", "1", "forward")


def test_an_infinity_that_tanh_hides_is_found_if_one_asks_for_every_layer():
    spoil = of("D", forward_value=float("inf"))
    assert play(spoil).origin is None
    assert str(play(spoil, origin=True).origin) == "layer 1 of D, forward, step 2"


def test_a_large_finite_number_is_no_origin():
    def spoil(parts):
        parts["D"][1].forward_value = 1e30

    assert play(spoil, steps=2).origin is None
