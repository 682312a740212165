"""Dead, stuck and one-sided units against nets whose units are known, and against the member-by-member loop."""

import copy

import pandas as pd
import pytest
import torch
from torch import nn

from ganlab import nets
from ganlab.monitor import units
from ganlab.nets import ACTIVATIONS
from ganlab.population import Population, build

X = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))


def one_layer(activation, biases):
    layer = nn.Linear(3, len(biases))
    nn.init.constant_(layer.weight, 0.01)
    layer.bias.data = torch.tensor(biases)
    return nn.Sequential(layer, ACTIVATIONS[activation]())


@pytest.mark.parametrize(
    "activation, dead, stuck, one_sided",
    [
        ("relu", 0.25, 0.25, 0.75),  # biases -9, 0, 1, 9: off for good, bends, on for good twice
        ("leaky_relu", 0.0, 0.0, 0.75),
        ("tanh", 0.0, 0.5, 0.75),
        ("elu", 0.0, 0.25, 0.75),
        ("silu", 0.0, 0.25, 0.75),
        ("linear", None, None, None),
    ],
)
def test_known_units(activation, dead, stuck, one_sided):
    net = one_layer(activation, [-9.0, 0.0, 1.0, 9.0])
    if dead is None:
        with pytest.raises(ValueError, match=r"no module of ReLU, .*go into `kinds`"):
            units(net, X)
        return
    row = units(net, X).iloc[0]
    assert (row.dead, row.stuck, row.one_sided) == (dead, stuck, one_sided)
    assert (row.layer, row.depth, row.seed) == ("1", 0, 0)


def test_dead_is_what_gets_no_gradient():
    """The rows of a ReLU layer's weight whose gradient is 0 for any loss are those of its dead units."""
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(3, 40), nn.ReLU(), nn.Linear(40, 1))
    net[0].bias.data -= 1.2
    net(X).square().sum().backward()
    silent = (net[0].weight.grad == 0).all(1).float().mean()
    assert 0.1 < silent < 0.9
    assert units(net, X).dead.item() == pytest.approx(silent.item())


def test_slope_is_the_factor_of_the_chain_rule():
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh()).double()
    x = X.double()
    expected = (1 - net(x).square()).square().mean().sqrt()
    assert units(net, x).slope.item() == pytest.approx(expected.item())


def test_a_channel_is_a_unit():
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU())
    net[0].weight.data, net[0].bias.data = torch.ones(2, 1, 1, 1), torch.tensor([-9.0, 0.0])
    x = torch.zeros(4, 1, 5, 5)
    x[0, 0, 2, 3] = 1.0
    assert units(net, x).dead.item() == 0.5


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "linear"])
def test_a_population_is_its_members(activation):
    options = {"width": 7, "activation": activation}
    G, D = build(lambda: nets.mlp_generator((3,), **options), lambda: nets.mlp_discriminator((3,), **options), range(3))
    together = units(D, X.expand(3, -1, -1), seeds=[5, 6, 7])
    apart = pd.concat([units(D.member(k), X, seeds=[5 + k]) for k in range(3)])
    keys = ["layer", "seed"]
    pd.testing.assert_frame_equal(
        together.sort_values(keys, ignore_index=True), apart.sort_values(keys, ignore_index=True), rtol=1e-5
    )
    assert units(G, torch.randn(3, 9, 64)).groupby("layer").size().tolist() == [3, 3]


@pytest.mark.parametrize("mode", [True, False])
def test_nothing_changes(mode):
    net = nets.dcgan_generator((1, 8, 8), latent=4, width=4).train(mode)
    before = copy.deepcopy(net.state_dict())
    table = units(net, torch.randn(6, 4))
    assert table.kind.tolist() == ["ReLU", "Tanh"]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert net.training == mode and not any(module._forward_hooks for module in net.modules())


def test_batch_norm_in_a_population_is_left_as_it_was():
    members = [nets.mlp_generator((2,), latent=4, width=4, norm="batch") for _ in range(2)]
    net = Population(members)
    before = [buffer.clone() for buffer in net.buffers()]
    units(net, torch.randn(2, 8, 4))
    assert all(torch.equal(a, b) for a, b in zip(net.buffers(), before, strict=True))


def test_pooling_and_norms_are_no_activations():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AvgPool2d(2), nn.InstanceNorm2d(4), nn.Softmax(1), nn.Sigmoid())
    assert units(net, torch.randn(2, 1, 8, 8)).kind.tolist() == ["Sigmoid"]


def test_an_activation_of_your_own():
    class Square(nn.Module):
        def forward(self, x):
            return x.square()

    net = nn.Sequential(nn.Linear(3, 4), Square())
    assert units(net, X, [Square]).dead.item() == 0
