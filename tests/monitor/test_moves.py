"""Whom a step moved, what its gradients held before, and in which mode: against what a loop saw by itself."""

import numpy as np
import pytest
import torch
from small import D, G
from torch import nn
from torch.nn.functional import softplus

from ganlab.monitor import Monitor
from ganlab.population import build


def flat(tensors, lead=()):
    return torch.cat([t.detach().double().reshape(*lead, -1) for t in tensors], -1)


def play(seeds=0, *, clear="both", steps=3, foreign=0, make=None, d_steps=1, pieces=1, between=None, every=1):
    """A loop that notes who moved by how much, and what its own gradients are beside those in `.grad`."""
    lead = () if isinstance(seeds, int) else (len(seeds),)
    g, d = build(G, D, seeds)
    make = make or (lambda p: torch.optim.SGD(p, lr=0.1))
    owned = [*g.parameters(), *list(d.parameters())[:foreign]]
    players = {"D": (d, make(list(d.parameters()))), "G": (g, make(owned))}
    watch = Monitor(players, every=every)
    moved, carried = [], []

    def phase(name, loss):
        net, optimizer = players[name]
        if clear in (name, "both"):
            optimizer.zero_grad()
        held = flat([torch.zeros_like(p) if p.grad is None else p.grad for p in net.parameters()], lead)
        for _ in range(pieces):
            loss().sum().backward()
        used = flat([p.grad for p in net.parameters()], lead)
        before = {k: flat(n.parameters(), lead) for k, (n, _) in players.items()}
        optimizer.step()
        for k, (n, _) in players.items():
            step = (flat(n.parameters(), lead) - before[k]).norm(dim=-1) / before[k].norm(dim=-1)
            moved.append(step)
            carried.append(held.norm(dim=-1) / used.norm(dim=-1) if k == name else torch.full_like(step, torch.nan))

    def d_loss():
        return (softplus(-d(torch.randn(*lead, 6, 2))) + softplus(d(g(torch.randn(*lead, 6, 4)).detach()))).mean(-1)

    torch.manual_seed(1)
    for step in range(steps):
        for _ in range(d_steps):
            del moved[4 * step :], carried[4 * step :]  # of several critic steps the last counts
            phase("D", d_loss)
        if between:
            between(d)
        phase("G", lambda: softplus(-d(g(torch.randn(*lead, 6, 4)))).mean(-1))
        d.train()
    return watch, torch.stack(moved).flatten().numpy(), torch.stack(carried).flatten().numpy()


LOOPS = {
    "plain": {}, "population": {"seeds": [2, 0, 1]}, "nothing cleared": {"clear": "none"},
    "D never cleared": {"clear": "G"}, "population, nothing cleared": {"clear": "none", "seeds": [2, 0]},
    "G owns of D": {"foreign": 2}, "population, G owns of D": {"foreign": 3, "seeds": [2, 0]},
    "accumulated": {"pieces": 3}, "accumulated, nothing cleared": {"pieces": 2, "clear": "none"},
    "critic steps": {"d_steps": 3}, "critic steps, nothing cleared": {"d_steps": 2, "clear": "none"},
    "Adam": {"make": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1)},
}  # fmt: skip


@pytest.mark.parametrize("loop", LOOPS)
def test_moves_and_remainders_are_those_that_the_loop_saw(loop):
    watch, moved, carried = play(**LOOPS[loop])
    table = watch.moves()
    assert table[["phase", "net"]].drop_duplicates().values.tolist() == [["D", "D"], ["D", "G"], ["G", "D"], ["G", "G"]]
    np.testing.assert_allclose(table.moved, moved, rtol=2e-4, atol=1e-12)
    np.testing.assert_allclose(table.carried, carried, rtol=1e-4)
    assert (table.query("phase == 'G' and net == 'D'").moved > 0).all() == ("owns" in loop)
    cleared = table.query("phase == net and step > 1").carried
    assert (cleared == 0).all() if LOOPS[loop].get("clear", "both") == "both" else (cleared > 0.1).any()


def test_what_the_other_player_left_is_carried_and_what_is_cleared_later_is_not():
    """D's loss and G's from one pass, D cleared behind G's backward pass: nothing is carried. Without that: all is."""
    for cleared in (True, False):
        g, d = build(G, D, 0)
        steps = {"D": torch.optim.SGD(d.parameters(), lr=0.0), "G": torch.optim.SGD(g.parameters(), lr=0.0)}
        watch = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
        for _ in range(2):
            steps["G"].zero_grad()
            fake, real = g(torch.ones(5, 4)), torch.ones(5, 2)
            softplus(-d(fake)).mean().backward()
            if cleared:
                steps["D"].zero_grad()
            (softplus(-d(real)) + softplus(d(fake.detach()))).mean().backward()
            steps["D"].step()
            steps["G"].step()
        own = watch.moves().query("phase == net").carried
        assert own.iloc[[0, 1, 3]].tolist() == [0, 0, 0]  # G's is cleared, and its pass was in D's window
        assert own.iloc[2] == 0 if cleared else own.iloc[2] > 0.3


def test_a_player_that_steps_with_nothing_of_its_own_carried_all_or_is_unknown():
    g, d = build(G, D, 0)
    steps = {"D": torch.optim.SGD(d.parameters(), lr=0.1), "G": torch.optim.SGD(g.parameters(), lr=0.1)}
    watch = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
    for step in range(3):
        if step == 0:
            softplus(d(torch.ones(5, 2))).mean().backward()
        steps["D"].step()  # afterwards: with what G's backward pass left there, and in the end with the same again
        if step < 2:
            steps["G"].zero_grad()
            softplus(-d(g(torch.ones(5, 4)))).mean().backward()
        steps["G"].step()
    own = watch.moves().query("phase == net").set_index(["phase", "step"]).carried
    assert own["D"].tolist() == [0, 1, 1]
    assert own["G"].tolist()[:2] == [0, 0] and np.isnan(own["G", 3])


def test_one_optimizer_for_both_moves_both():
    g, d = build(G, D, 0)
    optimizer = torch.optim.SGD([*d.parameters(), *g.parameters()], lr=0.1)
    watch = Monitor({"D": (d, optimizer), "G": (g, optimizer)})
    both = {"D": d, "G": g}
    before = {name: flat(net.parameters()) for name, net in both.items()}
    (softplus(-d(torch.ones(5, 2))) + softplus(d(g(torch.ones(5, 4))))).mean().backward()
    optimizer.step()
    expected = {n: ((flat(p.parameters()) - before[n]).norm() / before[n].norm()).item() for n, p in both.items()}
    for row in watch.moves().itertuples():
        assert row.moved == pytest.approx(expected[row.net], rel=1e-4)
    assert set(watch.game().columns) >= {"g_slope"} and watch.game().g_slope.notna().all()


def test_a_closure_is_measured_at_its_first_evaluation():
    g, d = build(G, D, 0)
    steps = {"D": torch.optim.LBFGS(d.parameters(), max_iter=3), "G": torch.optim.LBFGS(g.parameters(), max_iter=3)}
    watch = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
    (fake,), signs = [g(torch.randn(5, 4))], []
    for name, net, loss in (("D", d, lambda: softplus(d(fake.detach())) + softplus(-d(torch.ones(5, 2)))),
                            ("G", g, lambda: softplus(-d(g(torch.ones(5, 4)))))):  # fmt: skip
        before = flat(net.parameters())

        def closure(name=name, loss=loss):
            steps[name].zero_grad()
            value = loss().mean()
            value.backward()
            signs.append(value.item())
            return value

        steps[name].step(closure)
        row = watch.moves().query("phase == @name and net == @name").iloc[0] if name == "G" else None
        moved = ((flat(net.parameters()) - before).norm() / before.norm()).item()
        if row is not None:
            assert row.moved == pytest.approx(moved, rel=1e-4) and row.carried == 0
    assert len(signs) > 4  # the closures were called several times


def test_gradients_without_a_sum_are_not_used_and_not_carried():
    """What the optimizer does not hold piles up in `.grad` for ever, and no step uses it."""
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    optimizer = torch.optim.SGD(net[1].parameters(), lr=0.1)
    watch = Monitor({"G": (net, optimizer)}, discriminator=None)
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.ones(3, 2)).sum().backward()
        optimizer.step()
    assert watch.moves().carried.tolist() == [0, 0, 0]


def test_carried_under_a_scaler_is_zero_where_it_was_cleared():
    for clear in (True, False):
        net = nn.Linear(2, 1)
        optimizer, scaler = torch.optim.SGD(net.parameters(), lr=0.1), torch.amp.GradScaler("cpu", init_scale=8.0)
        watch = Monitor({"G": (net, optimizer)}, discriminator=None)
        for _ in range(2):
            if clear:
                optimizer.zero_grad()
            scaler.scale(net(torch.ones(3, 2)).sum()).backward()
            scaler.step(optimizer)
            scaler.update()
        assert watch.moves().carried.tolist()[0] == 0
        assert (watch.moves().carried.tolist()[1] == 0) == clear


@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_modes(seeds):
    watch, _, _ = play(seeds, between=lambda d: d.eval(), steps=2)
    modes = watch.moves().drop_duplicates(["step", "phase", "net"]).set_index(["phase", "net"])["mode"]
    assert {key: set(modes.loc[[key]]) for key in set(modes.index)} == {
        ("D", "D"): {"train"}, ("D", "G"): {"train"}, ("G", "D"): {"eval"}, ("G", "G"): {"train"}
    }  # fmt: skip


def test_a_part_in_eval_mode_is_mixed_and_a_pass_without_a_graph_is_none():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    watch = Monitor({"G": (net, optimizer)}, discriminator=None)
    for change in (net.train, net[1].eval, net.eval):
        change()
        net(torch.ones(3, 2)).sum().backward()
        optimizer.step()
    with torch.no_grad():
        net(torch.ones(3, 2))
    optimizer.step()
    assert watch.moves()["mode"].tolist() == ["train", "mixed", "eval", ""]


def test_only_measured_steps_have_rows_and_no_row_is_a_table_too():
    watch, *_ = play(steps=4, every=2)
    assert watch.moves().step.unique().tolist() == [1, 2, 4]
    net = nn.Linear(2, 1)
    empty = Monitor({"G": (net, torch.optim.SGD(net.parameters(), lr=0.1))}, discriminator=None).moves()
    columns = ["step", "phase", "net", "seed", "moved", "carried", "weights", "evenness", "mode"]
    assert empty.empty and list(empty.columns) == columns


def test_the_size_of_the_weights_and_how_even_they_are():
    net = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Linear(3, 1))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[0.5, -0.5], [0.5, 0.5], [-0.5, -0.5]]))
        net[1].weight.copy_(torch.tensor([[3.0, 0.0, 0.0]]))
        net[1].bias.fill_(7.0)  # alone in its parameter: it says nothing of evenness
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    watch = Monitor({"G": (net, optimizer)}, discriminator=None)
    net(torch.ones(4, 2)).sum().backward()
    optimizer.step()
    row = watch.moves().iloc[0]
    assert row.weights == pytest.approx(((6 * 0.25 + 9 + 49) / 10) ** 0.5)
    assert row.evenness == pytest.approx((6 * 1.0 + 3 * (1 / 3**0.5)) / 9)


def test_the_mode_is_that_of_the_modules_of_today():
    """One that was put in another's place is asked, and the one that is gone is not."""
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1), nn.Linear(2, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    watch = Monitor({"G": (net, optimizer)}, discriminator=None)
    net[1] = nn.Dropout(0.2)
    net.eval()
    for _ in range(2):
        net(torch.ones(3, 2)).sum().backward()
        optimizer.step()
    assert watch.moves()["mode"].tolist() == ["eval", "eval"]
