"""The monitor tells what autograd tells, in a loop that knows nothing of it, and why where it has nothing to tell."""

import numpy as np
import pandas as pd
import pytest
import torch
from small import D, G, TwoModes
from torch import nn
from torch.nn.functional import softplus

from ganlab.monitor import Monitor, snapshot
from ganlab.nets import SpectralNorm
from ganlab.population import Population, build
from ganlab.train import Recipe, Trainer

RECIPE = Recipe(batch=16, lr_g=1e-3, lr_d=1e-3)


def pair(seed=0):
    g, d = build(G, D, seed)
    return g, d, torch.optim.Adam(g.parameters(), lr=1e-2), torch.optim.Adam(d.parameters(), lr=1e-2)


def batch(seed, n=16):
    dice = torch.Generator().manual_seed(seed)
    return TwoModes().sample(n, dice), torch.randn(n, 4, generator=dice)


def play(g, d, opt_g, opt_d, steps, after=None):
    """A loop as one finds it anywhere: G's backward also leaves gradients in D, which the next zero_grad removes."""
    for step in range(steps):
        real, z = batch(step)
        fake = g(z)
        opt_d.zero_grad()
        (softplus(-d(real)) + softplus(d(fake.detach()))).mean().backward()
        opt_d.step()
        opt_g.zero_grad()
        softplus(-d(fake)).mean().backward()
        opt_g.step()
        if after:
            after(step)


def test_norms_and_updates_by_phase_agree_with_autograd_in_float64(double):
    g, d, opt_g, opt_d = pair()
    watch = Monitor({"D": (d, opt_d), "G": (g, opt_g)})
    twin_g, twin_d, twin_opt_g, twin_opt_d = pair()
    expected = []

    def record(phase, net, grads, before):
        for (name, p), grad, old in zip(net.named_parameters(), grads, before, strict=True):
            expected.append((phase, name, grad.norm().item(), ((p.detach() - old).norm() / old.norm()).item()))

    for step in range(3):
        real, z = batch(step)
        fake = twin_g(z)
        for phase, net, opt in (("D", twin_d, twin_opt_d), ("G", twin_g, twin_opt_g)):
            if phase == "D":
                loss = (softplus(-twin_d(real)) + softplus(twin_d(fake.detach()))).mean()
            else:
                loss = softplus(-twin_d(fake)).mean()
            grads = torch.autograd.grad(loss, list(net.parameters()))
            before = [p.detach().clone() for p in net.parameters()]
            for p, grad in zip(net.parameters(), grads, strict=True):
                p.grad = grad
            opt.step()
            record(phase, net, grads, before)
    play(g, d, opt_g, opt_d, 3)
    table = watch.gradients("parameter")
    found = list(table[["phase", "parameter", "grad_norm", "update_ratio"]].itertuples(index=False, name=None))
    for mine, theirs in zip(found, expected, strict=True):
        assert mine[:2] == theirs[:2]
        np.testing.assert_allclose(mine[2:], theirs[2:], rtol=1e-10)
    assert set(table.status) == {"ok"} and table.nonfinite.eq(0).all()


def test_a_layer_has_the_norm_of_its_parameters():
    g, d, opt_g, opt_d = pair()
    watch = Monitor({"D": (d, opt_d), "G": (g, opt_g)})
    play(g, d, opt_g, opt_d, 2)
    by_parameter = watch.gradients("parameter")
    whole = (by_parameter.grad_norm**2).groupby(
        [by_parameter.step, by_parameter.phase, by_parameter.layer]
    ).sum() ** 0.5
    table = watch.gradients().set_index(["step", "phase", "layer"])
    pd.testing.assert_series_equal(table.grad_norm.sort_index(), whole, check_names=False)
    assert table.loc[(1, "G")].depth.to_dict() == {"net.0": 0, "net.2": 1}


def test_a_net_has_the_norm_of_all_its_parameters(double):
    seeds = [5, 2, 9]
    trainer = Trainer(*build(G, D, seeds), TwoModes(), RECIPE, seeds=seeds)
    watch, used = Monitor.watch(trainer), []
    for phase, net, optimizer in (("D", trainer.D, trainer.optimizer_d), ("G", trainer.G, trainer.optimizer_g)):

        def note(*_, phase=phase, net=net):
            grads = torch.cat([p.grad.flatten(1) for p in net.parameters()], dim=1)
            used.extend((phase, seed, grad.norm().item(), (grad == 0).double().mean().item())
                        for seed, grad in zip(seeds, grads, strict=True))  # fmt: skip

        optimizer.register_step_pre_hook(note)
    trainer.fit(3, progress=False)
    table = watch.gradients("net")
    assert list(table.columns) == [
        "step", "phase", "seed", "grad_norm", "zero_share", "nonfinite", "update_ratio", "status"
    ]  # fmt: skip
    assert table.step.tolist() == [1] * 6 + [2] * 6 + [3] * 6 and set(table.status) == {"ok"}
    for row, (phase, seed, norm, zeros) in zip(table.itertuples(), used, strict=True):
        assert (row.phase, row.seed) == (phase, seed)
        np.testing.assert_allclose((row.grad_norm, row.zero_share), (norm, zeros), rtol=1e-10)


def test_a_nets_norm_is_nan_where_an_entry_is_and_nothing_where_nothing_came():
    g, d, opt_g, opt_d = pair()
    watch = Monitor({"D": (d, opt_d), "G": (g, opt_g)})
    softplus(d(g(batch(0)[1]).detach())).mean().backward()
    d.net[0].bias.grad[0] = torch.nan
    opt_d.step()
    opt_g.step()
    table = watch.gradients("net").set_index("phase")
    assert table.status.to_dict() == {"D": "nonfinite", "G": "detached"}
    assert table.grad_norm.isna().all() and table.nonfinite.D == 1 and np.isnan(table.nonfinite.G)


def test_watching_changes_nothing():
    nets = [build(G, D, 3) for _ in range(2)]
    trainers = [Trainer(*pair, TwoModes(), RECIPE, seeds=3) for pair in nets]
    Monitor.watch(trainers[1], activations=True)
    for trainer in trainers:
        trainer.fit(20, progress=False)
    for a, b in zip(trainers[0].G.parameters(), trainers[1].G.parameters(), strict=True):
        assert torch.equal(a, b)
    pd.testing.assert_frame_equal(trainers[0].history, trainers[1].history)


def test_a_member_is_measured_as_its_solo_run(double):
    seeds = [5, 2, 9]
    together = Trainer(*build(G, D, seeds), TwoModes(), RECIPE, seeds=seeds)
    watch = Monitor.watch(together, activations=True)
    together.fit(5, progress=False)
    for seed in seeds:
        alone = Trainer(*build(G, D, seed), TwoModes(), RECIPE, seeds=seed)
        solo = Monitor.watch(alone, activations=True)
        alone.fit(5, progress=False)
        for name in ("gradients", "activations", "game"):
            mine, its = getattr(watch, name)().query("seed == @seed"), getattr(solo, name)().assign(seed=seed)
            pd.testing.assert_frame_equal(mine.reset_index(drop=True), its, rtol=1e-8)


# Why there is no number.
def status(watch, step=1, phase="G"):
    table = watch.gradients("parameter").query("step == @step and phase == @phase").set_index("parameter")
    return table.status.to_dict(), table


def test_a_detached_generator_is_reported():
    g, d, opt_g, opt_d = pair()
    watch = Monitor({"D": (d, opt_d), "G": (g, opt_g)})
    softplus(-d(g(batch(0)[1]).detach())).mean().backward()  # the bug: G's loss from detached samples
    opt_d.step()
    opt_g.step()
    statuses, table = status(watch)
    assert set(statuses.values()) == {"detached"}
    assert table[["grad_norm", "zero_share", "nonfinite", "update_ratio"]].isna().all(axis=None)
    assert set(watch.gradients().query("phase == 'G'").status) == {"detached"}
    assert "G: no gradient (detached)" in watch.line()


def test_frozen_missing_and_foreign_parameters_are_reported():
    net = nn.ModuleDict({"used": nn.Linear(2, 1), "unused": nn.Linear(2, 1), "ice": nn.Linear(2, 2)})
    net["ice"].requires_grad_(False)
    optimizer = torch.optim.SGD([*net["unused"].parameters(), net["used"].weight, *net["ice"].parameters()], lr=0.1)
    watch = Monitor({"G": (net, optimizer)}, discriminator=None)
    net["used"](net["ice"](torch.randn(4, 2))).sum().backward()
    optimizer.step()
    statuses, table = status(watch)
    assert statuses == {
        "used.weight": "ok", "used.bias": "not in optimizer", "unused.weight": "missing", "unused.bias": "missing",
        "ice.weight": "frozen", "ice.bias": "frozen",
    }  # fmt: skip
    assert table.grad_norm.notna().to_dict() == {name: name.startswith("used") for name in statuses}
    assert table.loc["used.bias", "update_ratio"] == 0
    layers = watch.gradients().set_index("layer")
    assert layers.status.to_dict() == {"used": "mixed", "unused": "missing", "ice": "frozen"}
    assert layers.grad_norm.notna().to_dict() == {"used": True, "unused": False, "ice": False}


def test_a_gradient_left_over_from_before_is_stale():
    net = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    watch = Monitor({"G": (net, optimizer)}, discriminator=None)
    for backward in (True, False, True):
        if backward:
            net(torch.ones(1, 2)).sum().backward()
        optimizer.step()
    assert [status(watch, step)[0]["weight"] for step in (1, 2, 3)] == ["ok", "stale", "ok"]


def test_zeroed_in_place_and_never_reached_is_stale_not_zero():
    g, d, opt_g, opt_d = pair()
    watch = Monitor({"D": (d, opt_d), "G": (g, opt_g)})
    play(g, d, opt_g, opt_d, 1)
    opt_g.zero_grad(set_to_none=False)
    opt_g.step()
    assert set(status(watch, 2)[0].values()) == {"stale"}


def test_assigned_gradients_are_no_leftovers():
    net = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    watch = Monitor({"G": (net, optimizer)}, discriminator=None)
    for _ in range(2):
        for p in net.parameters():
            p.grad = torch.ones_like(p)
        optimizer.step()
    assert set(watch.gradients().status) == {"ok"}


def test_sparse_gradients_are_reported_and_measured():
    net = nn.Sequential(nn.Embedding(6, 3, sparse=True))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    watch = Monitor({"G": (net, optimizer)}, discriminator=None)
    net(torch.tensor([1, 1, 4])).sum().backward()
    optimizer.step()
    row = watch.gradients().iloc[0]
    assert row.status == "sparse"
    np.testing.assert_allclose([row.grad_norm, row.zero_share], [15**0.5, 4 / 6])


def test_gradients_that_are_not_finite_are_counted_also_after_they_are_dropped():
    net = nn.Linear(2, 1, bias=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    watch = Monitor({"G": (net, optimizer)}, discriminator=None, capacity=2, fetch_every=1)
    for step in range(9):
        net.weight.grad = torch.tensor([[1.0, float("nan") if step == 1 else 2.0]])
        optimizer.step()
    assert watch.totals()[["measured", "nonfinite_steps"]].to_numpy().tolist() == [[9, 1]]
    assert len(watch.gradients()) <= 2
    net.weight.grad = torch.tensor([[float("inf"), float("nan")]])
    watch = Monitor({"G": (net, optimizer)}, discriminator=None)
    optimizer.step()
    row = watch.gradients().iloc[0]
    assert (row.status, row.nonfinite) == ("nonfinite", 2) and np.isnan(row.grad_norm)


# When it measures.
def test_every_and_critic_steps():
    g, d, opt_g, opt_d = pair()
    watch = Monitor({"D": (d, opt_d), "G": (g, opt_g)}, every=4)
    trainer = Trainer(*build(G, D, 0), TwoModes(), Recipe(batch=8, critic_steps=3))
    other = Monitor.watch(trainer, every=5)
    play(g, d, opt_g, opt_d, 9)
    trainer.fit(10, progress=False)
    assert sorted(set(watch.gradients().step)) == [1, 4, 8]
    assert sorted(set(other.gradients().step)) == [1, 5, 10] == sorted(set(other.game().step))
    assert not other.gradients().duplicated(["step", "phase", "layer"]).any()


def test_critic_steps_are_not_added_up_where_somebody_reads_between_them():
    net, g = nn.Linear(2, 1), nn.Linear(2, 1)
    opt_d, opt_g = (torch.optim.SGD(part.parameters(), lr=0.1) for part in (net, g))
    watch = Monitor({"D": (net, opt_d), "G": (g, opt_g)}, discriminator=None)
    for size in (1.0, 2.0, 3.0):
        net.weight.grad = torch.tensor([[size, 0.0]])
        opt_d.step()
        watch.line()
    opt_g.step()
    assert watch.gradients().query("phase == 'D'").grad_norm.tolist() == [3.0]


def test_nothing_comes_to_the_host_before_the_interval_is_over(monkeypatch):
    def refuse(*_):
        raise AssertionError("a synchronisation")

    monkeypatch.setattr("ganlab._numeric.HOST", set())  # on a CPU nothing has to come: there it is looked at
    trainer = Trainer(*build(G, D, [0, 1]), TwoModes(), RECIPE, seeds=[0, 1])
    watch = Monitor.watch(trainer, activations=True, fetch_every=20)
    trainer.step()
    for name in ("item", "cpu", "tolist", "numpy", "__bool__", "__float__"):
        monkeypatch.setattr(torch.Tensor, name, refuse)
    for _ in range(10):
        trainer.step()
    monkeypatch.undo()
    assert watch.gradients().step.max() == 11


def test_close_takes_every_hook_off():
    g, d, opt_g, opt_d = pair()
    with Monitor({"D": (d, opt_d), "G": (g, opt_g)}, activations=True) as watch:
        play(g, d, opt_g, opt_d, 2)
    before = len(watch.gradients())
    play(g, d, opt_g, opt_d, 2)
    assert len(watch.gradients()) == before > 0
    assert not any(part._forward_hooks for net in (g, d) for part in net.modules())
    assert not opt_g._optimizer_step_pre_hooks and not opt_g._optimizer_step_post_hooks


@pytest.mark.parametrize("fused", [True, False])
def test_under_a_grad_scaler_the_gradients_are_the_unscaled(fused):
    tables = []
    for scale in (1.0, 1024.0):
        g, _, _, _ = pair()
        optimizer = torch.optim.Adam(g.parameters(), fused=fused)
        watch = Monitor({"G": (g, optimizer)}, discriminator=None)
        scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        for step in range(3):
            optimizer.zero_grad()
            scaler.scale(g(batch(step)[1]).square().mean()).backward()
            scaler.step(optimizer)
            scaler.update()
        tables.append(watch.gradients())
    assert len(tables[0]) > 0
    pd.testing.assert_frame_equal(*tables, rtol=1e-5)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("unscaled", [True, False])
def test_a_step_that_a_grad_scaler_skips_is_no_measured_one(fused, unscaled):
    """A fused optimizer is called all the same, with gradients that are not finite."""
    g, _, _, _ = pair()
    optimizer = torch.optim.Adam(g.parameters(), fused=fused)
    watch = Monitor({"G": (g, optimizer)}, discriminator=None)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    for step in range(4):
        optimizer.zero_grad()
        loss = scaler.scale(g(batch(step)[1]).square().mean())
        (loss * (torch.inf if step == 1 else 1.0)).backward()
        if unscaled:
            scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
    assert watch.origin is None and watch.gradients().nonfinite.sum() == 0
    assert watch.gradients().step.nunique() == 3 and watch.totals().nonfinite_steps.sum() == 0


# Layers.
def test_layers_agree_with_autograd_on_what_flows_through(double):
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 1))
    with torch.no_grad():
        net[2].bias[0] = -100  # a dead unit
        net[0].bias[1] = 100  # a saturated one
    x = torch.randn(7, 3)
    outputs = []
    h = x
    for layer in net:
        h = layer(h)
        h.retain_grad()
        outputs.append(h)
    h.square().mean().backward()
    table = snapshot(net, x, lambda y: y.square().mean())
    assert table.kind.tolist() == ["Linear", "Tanh", "Linear", "ReLU", "Linear"]
    for row, h in zip(table.itertuples(), outputs, strict=True):
        np.testing.assert_allclose(row.rms, h.square().mean().sqrt().item(), rtol=1e-12)
        np.testing.assert_allclose(row.grad_rms, h.grad.square().mean().sqrt().item(), rtol=1e-12)
    norms = [net[i].weight.grad.norm().item() for i in (0, 2, 4)]
    np.testing.assert_allclose(table.weight_grad_norm, [norms[0], np.nan, norms[1], np.nan, norms[2]], rtol=1e-12)
    assert table.dead_share[3] == (outputs[3] == 0).all(0).double().mean().item() >= 0.25
    assert table.saturated_share[1] == (outputs[1].abs() > 0.99).double().mean().item() >= 0.2
    assert table.saturated_share.notna().tolist() == [False, True, False, False, False]


def test_a_gradient_whose_square_underflows_is_still_seen():
    net = nn.Sequential(*[nn.Linear(4, 4) for _ in range(3)])
    table = snapshot(net, torch.randn(2, 4), lambda y: 1e-30 * y.sum())
    assert (table.grad_rms > 1e-33).all() and (table.grad_rms < 1e-29).all()


def test_the_channels_of_an_image_are_its_units():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    with torch.no_grad():
        net[0].bias[:] = torch.tensor([-100.0, 100, 100, 100])
    assert snapshot(net, torch.randn(2, 1, 8, 8)).dead_share.tolist()[1] == 0.25


def test_a_snapshot_of_a_population_is_that_of_its_members(double):
    members = [nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)) for _ in range(3)]
    x = torch.randn(3, 5, 2)
    together = snapshot(Population(members), x, lambda y: y.square().mean((1, 2)), seeds=[7, 8, 9])
    for k, member in enumerate(members):
        alone = snapshot(member, x[k], lambda y: y.square().mean(), seeds=[7 + k])
        mine = together[together.seed == 7 + k].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, alone)


def test_a_snapshot_leaves_no_trace():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    net.requires_grad_(False)
    net[0].weight.requires_grad_(True)
    snapshot(net, torch.randn(4, 2))
    assert all(p.grad is None for p in net.parameters()) and not net[0]._forward_hooks
    with pytest.raises(ValueError, match="eval mode"):
        snapshot(net.eval(), torch.randn(4, 2))


class Refuses(nn.Module):
    def forward(self, x):
        raise RuntimeError("no")


def layers(*more):
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), SpectralNorm(nn.Linear(3, 2)), nn.Dropout(0.5), *more)


@pytest.mark.parametrize("make", [layers, lambda: Population([layers(), layers()])], ids=["alone", "population"])
def test_a_snapshot_moves_no_running_statistic(make):
    net = make()
    shape = (2, 6, 2) if isinstance(net, Population) else (6, 2)
    net(5 + torch.randn(shape))
    before, stored = {name: x.clone() for name, x in net.state_dict().items()}, dict(net.named_buffers())
    snapshot(net, 5 + torch.randn(shape))
    for name, x in net.state_dict().items():
        assert torch.equal(x, before[name]), name
    assert all(x is stored[name] for name, x in net.named_buffers())
    net(5 + torch.randn(shape))
    assert not all(torch.equal(x, before[name]) for name, x in net.named_buffers()), "the control: training does"


def overwritten(y):
    """exp needs its result in the backward pass, and here that is another by then."""
    grown = y.exp()
    value = grown.sum()
    grown.mul_(2)
    return value


@pytest.mark.parametrize("where", ["forward", "loss", "detached", "backward"])
def test_a_snapshot_that_fails_leaves_no_trace_either(where):
    net = layers(*[Refuses()] * (where == "forward"))
    before = {name: x.clone() for name, x in net.state_dict().items()}
    losses = {"loss": lambda y: Refuses()(y), "detached": lambda y: y.detach().sum(), "backward": overwritten}
    with pytest.raises(ValueError if where == "detached" else RuntimeError):
        snapshot(net, 5 + torch.randn(6, 2), losses.get(where))
    assert not any(part._forward_hooks for part in net.modules())
    assert all(torch.equal(x, before[name]) for name, x in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize(("every", "steps"), [(1, [1, 2, 3, 4, 5]), (2, [1, 2, 4]), (5, [1, 5])])
def test_every_table_counts_steps_from_one(every, steps):
    g, d, opt_g, opt_d = pair()
    watch = Monitor({"D": (d, opt_d), "G": (g, opt_g)}, every=every, activations=True)
    play(g, d, opt_g, opt_d, 5)
    for table in (watch.activations(), watch.gradients(), watch.game()):
        assert table.step.unique().tolist() == steps
    assert watch.activations().query("phase == 'D'").step.unique().tolist() == steps


def test_activations_of_both_nets_by_phase(double):
    g, d, opt_g, opt_d = pair()
    watch = Monitor({"D": (d, opt_d), "G": (g, opt_g)}, activations=[nn.Linear, nn.ReLU])
    hidden = []
    hook = g.net[0].register_forward_hook(lambda *call: hidden.append(call[2]))
    play(g, d, opt_g, opt_d, 1)
    hook.remove()
    table = watch.activations().set_index(["phase", "net", "layer"]).sort_index()
    assert set(table.kind) == {"Linear", "ReLU"}
    assert np.isnan(table.grad_rms["D", "G", "net.0"])  # nothing flows back into G while D learns
    assert (table.grad_rms["D", "D"] > 0).all() and (table.grad_rms["G"] > 0).all()
    np.testing.assert_allclose(table.rms["G", "G", "net.0"], hidden[0].square().mean().sqrt().item())


def test_passes_that_are_not_training_are_not_counted():
    g, d, opt_g, opt_d = pair()
    watch = Monitor({"D": (d, opt_d), "G": (g, opt_g)}, activations=True)
    other_g, other_d, other_opt_g, other_opt_d = pair()
    other = Monitor({"D": (other_d, other_opt_d), "G": (other_g, other_opt_g)}, activations=True)

    def look(step):
        with torch.no_grad():
            g(1e6 * torch.ones(3, 4))
        g.eval()
        d(g(1e6 * torch.ones(3, 4)))
        g.train()
        x = torch.randn(3, 2)
        torch.func.grad(lambda x: d(x).sum())(x)  # a gradient penalty's pass

    play(g, d, opt_g, opt_d, 3, after=look)
    play(other_g, other_d, other_opt_g, other_opt_d, 3)
    g_rows = [w.activations().query("net == 'G'").reset_index(drop=True) for w in (watch, other)]
    pd.testing.assert_frame_equal(*g_rows)


# The game.
def test_slopes_of_the_loss_and_of_a_linear_critic():
    critic = nn.Linear(3, 1)
    g = nn.Linear(2, 3)
    opt_d, opt_g = (torch.optim.SGD(net.parameters(), lr=0.0) for net in (critic, g))
    watch = Monitor({"D": (critic, opt_d), "G": (g, opt_g)})
    logits = critic(g(torch.randn(6, 2)))
    opt_d.step()
    softplus(-logits).mean().backward()
    opt_g.step()
    row = watch.game().iloc[0]
    np.testing.assert_allclose(row.input_slope, critic.weight.norm().item(), rtol=1e-5)
    np.testing.assert_allclose(row.loss_slope, torch.sigmoid(-logits).mean().item(), rtol=1e-5)
    assert np.isnan(row.real_accuracy)


def test_accuracy_and_logits():
    trainer = Trainer(*build(G, D, 0), TwoModes(), RECIPE)
    watch = Monitor.watch(trainer)
    trainer.fit(3, log_every=1, progress=False)
    table = watch.game()
    np.testing.assert_allclose(table[["real_logit", "fake_logit"]], trainer.history[["real_logit", "fake_logit"]])
    assert table.real_accuracy.between(0, 1).all() and (table.real_accuracy * 16 % 1 == 0).all()
    watch.logits(torch.tensor([1.0, 2, -1, 3]), torch.tensor([-1.0, 1, 1, 1]))
    watch._game.close_step(99)
    assert watch.game().iloc[-1][["real_accuracy", "fake_accuracy"]].tolist() == [0.75, 0.25]


def test_a_saturated_discriminator_shows_in_the_loss_slope():
    trainer = Trainer(*build(G, D, 0), TwoModes(), Recipe(loss="minimax", batch=16))
    watch = Monitor.watch(trainer)
    trainer.step()
    with torch.no_grad():
        trainer.D.net[2].bias -= 20
    trainer.step()
    first, second = watch.game().loss_slope
    assert second < 1e-6 < first
    np.testing.assert_allclose(*watch.game().input_slope, rtol=0.2)  # D itself is as steep as before


def test_line_says_the_last_step():
    trainer = Trainer(*build(G, D, range(3)), TwoModes(), RECIPE, seeds=range(3))
    watch = Monitor.watch(trainer)
    assert watch.line() == "no step measured yet"
    trainer.fit(4, progress=False)
    line = watch.line()
    assert line.startswith("step 4 | D: |grad| ") and "G: |grad| " in line and "loss slope" in line


# Bad input.
def test_bad_input():
    g, d, opt_g, opt_d = pair()
    population = Population([G(), G()])
    stacked = torch.optim.SGD(population.parameters(), lr=0.1)
    for arguments, options, message in (
        (({},), {}, "players is empty"),
        (({"G": (g, opt_d)},), {}, "holds none of the network's parameters"),
        (({"G": (g, opt_g)},), {"every": 0}, "every=0"),
        (({"G": (g, opt_g)},), {"seeds": [1, 2]}, "2 names for 1"),
        (({"G": (population, stacked), "D": (d, opt_d)},), {}, "members"),
        (({"G": (g, opt_g)},), {"capacity": 1}, "capacity=1"),
    ):
        with pytest.raises(ValueError, match=message):
            Monitor(*arguments, **options)
    watch = Monitor({"G": (g, opt_g)})
    with pytest.raises(ValueError, match="activations=True"):
        watch.activations()
    with pytest.raises(ValueError, match="by='nets': one of net, layer, parameter"):
        watch.gradients("nets")


def test_empty_tables_have_their_columns():
    trainer = Trainer(*build(G, D, 0), TwoModes(), RECIPE)
    watch = Monitor.watch(trainer, activations=True)
    assert list(watch.gradients().columns[:3]) == ["step", "phase", "layer"] and watch.gradients().empty
    assert watch.activations().empty and watch.game().empty and watch.moves().empty and watch.origin is None


@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_the_passes_of_a_penalty_are_not_counted(seeds):
    """A penalty differentiates D on samples of its own accord: the layers' numbers are those of the loss alone."""
    tables = []
    for penalty in ({}, {"penalty": "r1_r2", "gamma": 0.0}):
        trainer = Trainer(*build(G, D, seeds), TwoModes(), Recipe(batch=16, **penalty), seeds=seeds)
        watch = Monitor.watch(trainer, activations=True)
        trainer.fit(3, progress=False)
        game = watch.game()
        assert (
            game.pop("penalised") == bool(penalty)
        ).all()  # that alone, and what is of the penalty, tells the two apart
        game.drop(columns=["severed", "reach"], inplace=True)
        tables.append((watch.activations(), game, watch.gradients()))
    for plain, penalised in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(plain, penalised, rtol=1e-4)


def test_a_penalty_of_ones_own_is_seen_in_the_steps_that_have_it():
    torch.manual_seed(0)
    generator, critic = G(), D()
    step_d, step_g = (torch.optim.SGD(net.parameters(), lr=0.01) for net in (critic, generator))
    watch = Monitor({"D": (critic, step_d), "G": (generator, step_g)})
    for step in range(4):
        real, fake = torch.randn(8, 2), generator(torch.randn(8, generator.latent))
        loss = critic(fake.detach()).mean() - critic(real).mean()
        if step % 2:
            point = real.clone().requires_grad_()
            slope = torch.autograd.grad(critic(point).sum(), point, create_graph=True)[0]
            loss = loss + slope.square().sum(1).mean()
        step_d.zero_grad()
        loss.backward()
        step_d.step()
        step_g.zero_grad()
        (-critic(fake)).mean().backward()
        step_g.step()
    assert watch.game().penalised.tolist() == [0, 1, 0, 1]


def test_a_monitor_that_comes_late_counts_on_from_the_trainers_step():
    late, early = (Trainer(*build(G, D, 0), TwoModes(), RECIPE) for _ in range(2))
    watch = Monitor.watch(early, every=5, activations=True)
    late.fit(7, progress=False)
    other = Monitor.watch(late, every=5, activations=True)
    for trainer in (early, late):
        trainer.fit(10, progress=False)
    for name in ("activations", "game", "gradients"):
        mine, theirs = (getattr(w, name)().query("step == 10").reset_index(drop=True) for w in (other, watch))
        if name == "game":  # the late one has no batch before this one
            of_before = ["repeat", "repeat_z", "seen_before", "remembered"]
            assert mine[of_before].isna().all(axis=None) and theirs.repeat.notna().all()
            assert mine.mean_turn.item() == pytest.approx(1.0)
            mine, theirs = (one.drop(columns=[*of_before, "mean_turn"]) for one in (mine, theirs))
        pd.testing.assert_frame_equal(mine, theirs)


def test_stale_is_seen_also_where_the_steps_between_are_not_measured():
    net = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    watch = Monitor({"G": (net, optimizer)}, every=4, discriminator=None)
    for step in range(1, 9):
        if step != 4:
            net(torch.ones(1, 2)).sum().backward()
        optimizer.step()
    assert [status(watch, step)[0]["weight"] for step in (1, 4, 8)] == ["ok", "stale", "ok"]
