"""The line says what is out of order, and nothing of a loop that is in order."""

import pytest
import torch
from small import D, G, TwoModes
from torch.nn.functional import softplus

from ganlab.monitor import Monitor
from ganlab.population import build
from ganlab.train import Recipe, Trainer

SAID = ("eval mode", "not cleared", "step moves", "alike", "pushes logits", "not finite")


def line(seeds=0, *, clear=("D", "G"), foreign=False, before=lambda g, d: None, turned=False, steps=2):
    g, d = build(lambda: G(norm=isinstance(seeds, int)), D, seeds)
    optimizers = {"D": torch.optim.SGD([*d.parameters(), *(g.parameters() if foreign else [])], lr=0.1),
                  "G": torch.optim.SGD(g.parameters(), lr=0.1)}  # fmt: skip
    watch = Monitor({"D": (d, optimizers["D"]), "G": (g, optimizers["G"])})
    lead = () if isinstance(seeds, int) else (len(seeds),)
    torch.manual_seed(0)
    before(g, d)
    for _ in range(steps):
        real, fake = torch.randn(*lead, 6, 2), g(torch.randn(*lead, 6, 4))
        if "D" in clear:
            optimizers["D"].zero_grad()
        (softplus(-d(real)) + softplus(d(fake if foreign else fake.detach()))).mean(-1).sum().backward(
            retain_graph=foreign
        )
        optimizers["D"].step()
        fake = g(torch.randn(*lead, 6, 4)) if foreign else fake
        if "G" in clear:
            optimizers["G"].zero_grad()
        softplus(d(fake) if turned else -d(fake)).mean(-1).sum().backward()
        optimizers["G"].step()
    return watch.line()


def same(g, d):
    with torch.no_grad():
        for p in g.parameters():
            p.zero_()


def spoil(g, d):
    with torch.no_grad():
        next(g.parameters()).fill_(torch.nan)


CASES = {
    "D in eval mode": {"before": lambda g, d: d.eval()},
    "| G in eval mode": {"before": lambda g, d: g.eval()},
    "gradients of D not cleared (carried ": {"clear": ("G",)},
    "gradients of G not cleared (carried ": {"clear": "D"},
    "D's step moves G": {"foreign": True}, "all samples alike (spread 0": {"before": same, "steps": 1},
    "G's loss pushes logits down": {"turned": True},
    "first not finite: layer net.0 of G, forward, step 1": {"before": spoil},
}  # fmt: skip


@pytest.mark.parametrize("seeds", [0, [0, 1]], ids=["one", "population"])
@pytest.mark.parametrize("words", CASES)
def test_each_disorder_is_said_alone(words, seeds):
    said = line(seeds, **CASES[words])
    if seeds and "first" in words:
        words = "first not finite: G, forward, step 1"
    assert words in said
    if words != "first not finite: G, forward, step 1":
        assert sum(one in said for one in SAID) == 1, said


def test_a_part_in_eval_mode_is_called_a_part():
    assert "part of G in eval mode" in line(before=lambda g, d: g.net[1].eval())


@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_nothing_is_said_of_a_loop_in_order(seeds):
    assert not any(one in line(seeds, steps=4) for one in SAID)
    trainer = Trainer(*build(G, D, seeds), TwoModes(), Recipe(batch=16, penalty="r1_r2"), seeds=seeds)
    watch = Monitor.watch(trainer)
    trainer.fit(12, progress=False)
    assert not any(one in watch.line() for one in SAID), watch.line()
