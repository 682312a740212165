"""Watching as it is on a GPU, on tensors of the CPU: few launches, no number looked at, and the same tables."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
import test_kinds
import test_monitor
import test_shown
import torch
from kernels import Launches
from torch import nn

from ganlab.monitor import Monitor, _passes
from ganlab.nets import mlp_discriminator, mlp_generator, resnet_discriminator
from ganlab.population import Population


@pytest.fixture(autouse=True, scope="module")
def elsewhere():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganlab._numeric.HOST", set())
        yield


# Every promise holds there too.
for name, found in (vars(test_monitor) | vars(test_shown) | vars(test_kinds)).items():
    if name.startswith("test_"):
        globals().setdefault(f"{name}_elsewhere", found)


def watched(net, steps, x, host=(), before=None, held=None, lr=0.01):
    """The tables of layers and of gradients after `steps` steps of one and the same net."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganlab._numeric.HOST", set(host))
        if held is not None:
            patch.setattr(_passes, "HELD", held)
        optimizer = torch.optim.SGD(net.parameters(), lr=lr)
        with Monitor({"G": (net, optimizer)}, activations=True, discriminator=None) as watch:
            for step in range(1, steps + 1):
                if before is not None:
                    before(step)
                optimizer.zero_grad()
                for part in x:  # several passes
                    net(part).square().mean((-1, -2) if isinstance(net, Population) else None).sum().backward()
                optimizer.step()
        return watch.activations(), watch.gradients("parameter")


class Residual(nn.Module):
    """Writes over the outputs of its layers, as networks one finds do; `act` is used twice."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.act = nn.Linear(5, 5), nn.Linear(5, 5), nn.ReLU()
        self.last, self.loud = nn.Linear(5, 5), False

    def forward(self, x):
        h = self.act(self.first(x))
        h = self.second(h)
        h += x
        h = self.act(h)
        h = self.last(h)
        if self.loud:
            h.mul_(1000)
        return h + 1


NETS = {
    "in place": lambda: nn.Sequential(nn.Linear(5, 6), nn.ReLU(inplace=True), nn.Linear(6, 5), nn.LeakyReLU(0.1, True)),
    "residual": Residual,
    "batch norm": lambda: nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Sigmoid(), nn.Linear(6, 5), nn.ReLU()),
    "population": lambda: Population([nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)) for _ in range(3)]),
}  # fmt: skip


def batches(net):
    lead = (3,) if isinstance(net, Population) else ()
    return [torch.randn(*lead, 7, 5), torch.randn(*lead, 4, 5)]


@pytest.mark.parametrize("held", [None, 1, 300])
@pytest.mark.parametrize("name", NETS)
def test_the_tables_are_those_of_the_host(name, held):
    torch.manual_seed(0)
    ours = NETS[name]()
    theirs = NETS[name]()
    theirs.load_state_dict(ours.state_dict())
    x = batches(ours)
    here, there = watched(theirs, 5, x, host={"cpu"}), watched(ours, 5, x, held=held)
    for mine, its in zip(there, here, strict=True):
        pd.testing.assert_frame_equal(mine, its, rtol=1e-5)
    assert here[0].rms.notna().all() and here[0].grad_rms.notna().all()


def test_a_layer_that_is_written_over_all_of_a_sudden_has_no_number_and_then_has_one_again():
    torch.manual_seed(0)
    net = Residual()

    def before(step):
        net.loud = step >= 4

    table, _ = watched(net, 6, batches(net), before=before, lr=0.0)
    last = table[table.layer == "last"].set_index("step")
    assert last.rms.notna().to_dict() == {1: True, 2: True, 3: True, 4: False, 5: True, 6: True}
    assert (last.rms.dropna() < 3).all()  # never that of what was written over it
    assert table[table.layer != "last"].rms.notna().all()


def test_images_with_their_channels_last():
    torch.manual_seed(0)
    x = [torch.randn(4, 3, 8, 8).to(memory_format=torch.channels_last)]
    tables = []
    for host in ({"cpu"}, ()):
        torch.manual_seed(1)
        net = resnet_discriminator((3, 8, 8), 4).to(memory_format=torch.channels_last)
        tables.append(watched(net, 4, [*x, x[0]], host=host))
    for mine, its in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(mine, its, rtol=1e-4)


def launches(net, x, **options):
    """What a watched step launches more than one that is not watched."""
    totals, waits = [], []
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for watch in (None, Monitor({"G": (net, optimizer)}, discriminator=None, **options)):
        for last in (False, False, True):
            with Launches() as found:
                optimizer.zero_grad()
                net(x).square().sum().backward()
                optimizer.step()
            if last:
                totals.append(found.total)
                waits.append(found.waits)
        if watch is None:
            continue
        watch.close()
    assert waits[0] == waits[1]
    return totals[1] - totals[0]


@pytest.mark.parametrize(("options", "most"), [({}, 20), ({"activations": True}, 40)])
def test_a_few_launches_for_any_number_of_tensors_and_layers(options, most):
    few, many = (
        launches(mlp_discriminator((2,), width=8, depth=depth), torch.randn(4, 2), **options) for depth in (3, 20)
    )
    assert few == many <= most


def test_a_game_is_measured_by_as_many_launches_for_any_depth_and_waits_for_nothing():
    found = {}
    for depth in (3, 12):
        g, d = mlp_generator((2,), width=8, depth=depth), mlp_discriminator((2,), width=8, depth=depth)
        steps = {"D": torch.optim.SGD(d.parameters(), lr=0.01), "G": torch.optim.SGD(g.parameters(), lr=0.01)}
        for watched in (False, True):
            with Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])}) if watched else nullcontext():
                for _ in range(3):
                    real, z = torch.randn(6, 2), torch.randn(6, g.latent)
                    with Launches() as launches:
                        fake = g(z)
                        steps["D"].zero_grad()
                        (d(fake.detach()) - d(real)).mean().backward()
                        steps["D"].step()
                        steps["G"].zero_grad()
                        (-d(fake)).mean().backward()
                        steps["G"].step()
            found[depth, watched] = launches.total, len(launches.waits)
    costs = [found[depth, True][0] - found[depth, False][0] for depth in (3, 12)]
    assert costs[0] == costs[1] <= 250
    assert all(found[depth, True][1] == found[depth, False][1] for depth in (3, 12))


def test_a_sheet_follows_its_network_to_another_type():
    net = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    watch = Monitor({"G": (net, optimizer)}, discriminator=None)
    for _ in range(2):
        net(torch.ones(1, 3, dtype=net.weight.dtype)).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        net.double()
    norms = watch.gradients("parameter").grad_norm
    np.testing.assert_allclose(norms, [6**0.5, 2**0.5] * 2)
