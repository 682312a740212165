"""Which row of a table is whose: gradients laid down by hand, other ones for each parameter, member and step."""

import math
import warnings

import pytest
import torch
from torch import nn

from ganlab.monitor import Monitor
from ganlab.population import Population

NAN, INF = math.nan, math.inf
# Of three steps: of (weight, bias) the gradients of members 0 and 1. A weight has two entries.
STEPS = [
    {"weight": [[3.0, 4.0], [0.0, 1.0]], "bias": [[2.0], [0.0]]},
    {"weight": [[NAN, 4.0], [0.0, 0.0]], "bias": [[0.0], [INF]]},
    {"weight": [[0.0, 0.0], [6.0, 8.0]], "bias": [[1.0], [-INF]]},
]
NORMS = {"weight": [[5.0, 1.0], [NAN, 0.0], [0.0, 10.0]], "bias": [[2.0, 0.0], [0.0, INF], [1.0, INF]]}
ZEROS = {"weight": [[0.0, 0.5], [0.0, 1.0], [1.0, 0.0]], "bias": [[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]}
BAD = {"weight": [[0, 0], [1, 0], [0, 0]], "bias": [[0, 0], [0, 1], [0, 1]]}


@pytest.fixture
def watch():
    members = [nn.Linear(2, 1) for _ in range(2)]
    net = Population(members)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    watch = Monitor({"G": (net, optimizer)}, discriminator=None, seeds=[40, 30])
    for gradients in STEPS:
        net.get_parameter("weight").grad = torch.tensor(gradients["weight"])[:, None]
        net.get_parameter("bias").grad = torch.tensor(gradients["bias"])
        optimizer.step()
    return watch


def test_a_row_for_each_step_parameter_and_seed(watch):
    table = watch.gradients(by="parameter")
    assert len(table) == 3 * 2 * 2
    for row in table.itertuples():
        step, k = row.step - 1, [40, 30].index(row.seed)
        found = (row.grad_norm, row.zero_share, row.nonfinite)
        expected = (NORMS[row.parameter][step][k], ZEROS[row.parameter][step][k], BAD[row.parameter][step][k])
        assert found == pytest.approx(expected, nan_ok=True), (row, expected)
        assert row.status == ("nonfinite" if expected[2] else "ok")
        assert (row.phase, row.layer, row.depth) == ("G", "", 0)


def test_the_norm_of_a_net_pools_its_parameters(watch):
    """Of 5 and 2 it is the root of 29. One that is not finite makes the whole NaN. There are three entries a member."""
    table = watch.gradients(by="net").set_index(["step", "seed"])
    norms = {(1, 40): 29**0.5, (1, 30): 1.0, (2, 40): NAN, (2, 30): NAN, (3, 40): 1.0, (3, 30): NAN}
    shares = {(1, 40): 0.0, (1, 30): 2 / 3, (2, 40): 1 / 3, (2, 30): 2 / 3, (3, 40): 2 / 3, (3, 30): 0.0}
    for place, norm in norms.items():
        assert table.grad_norm[place] == pytest.approx(norm, nan_ok=True), place
        assert table.zero_share[place] == pytest.approx(shares[place]), place
    assert table.nonfinite.to_dict() == {(1, 40): 0, (1, 30): 0, (2, 40): 1, (2, 30): 1, (3, 40): 0, (3, 30): 1}


def test_totals_count_the_steps_of_each_parameter_and_seed(watch):
    table = watch.totals()
    rows = table[["phase", "parameter", "seed", "measured", "nonfinite_steps"]].values.tolist()
    assert sorted(rows) == sorted([
        ["G", "weight", 40, 3, 1], ["G", "weight", 30, 3, 0], ["G", "bias", 40, 3, 0], ["G", "bias", 30, 3, 2]
    ])  # fmt: skip


def test_what_is_not_finite_is_read_without_a_warning():
    """Outputs of infinity and gradients of NaN are numbers of a table like others: NaN where there is no number."""
    net = nn.Sequential(nn.Linear(1, 1), nn.Tanh())
    nn.init.constant_(net[0].weight, INF)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    watch = Monitor({"G": (net, optimizer)}, activations=True, discriminator=None)
    net(torch.ones(2, 1)).sum().mul(NAN).backward()
    optimizer.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = watch.activations().set_index("layer")
        assert watch.gradients().nonfinite.tolist() == [2]
    assert math.isnan(table.rms["0"]) and table.rms["1"] == pytest.approx(1) and table.saturated_share["1"] == 1
    assert table.grad_rms.isna().all()
