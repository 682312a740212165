"""Dropout in the networks: where it stands, what it does to the mean and to the gradient, that 0 is no change."""

import math

import pytest
import torch
from torch import nn

from ganlab import nets
from ganlab.monitor import snapshot
from ganlab.nets import ResidualBlock, norm_activation
from ganlab.penalties import slopes
from ganlab.population import Population, build

IMAGE = (1, 16, 16)
SIDES = [(side, name) for side in ("GENERATORS", "DISCRIMINATORS") for name in nets.GENERATORS]


def make(side, name, **options):
    torch.manual_seed(0)
    return getattr(nets, side)[name](IMAGE, width=8, **options)


def inputs(net, n=4):
    torch.manual_seed(1)
    return torch.randn(n, net.latent) if hasattr(net, "latent") else torch.randn(n, *IMAGE)


@pytest.mark.parametrize("side, name", SIDES)
def test_a_rate_of_0_leaves_modules_and_weights_as_they_were(side, name):
    plain, zero, some = make(side, name), make(side, name, dropout=0.0), make(side, name, dropout=0.5)
    assert str(zero) == str(plain)
    for key, value in plain.state_dict().items():
        assert torch.equal(value, zero.state_dict()[key])
    # With a rate the weights are still those of the seed, in the same order.
    assert all(torch.equal(p, q) for p, q in zip(plain.parameters(), some.parameters(), strict=True))


@pytest.mark.parametrize("side, name", SIDES)
def test_it_stands_behind_activations_and_drops_in_train_mode_only(side, name):
    net = make(side, name, dropout=0.5, norm="none")
    parts = [list(m) for m in net.modules() if isinstance(m, nn.Sequential)]
    drops = [(layers[i - 1], i) for layers in parts for i, m in enumerate(layers) if isinstance(m, nn.Dropout)]
    assert len(drops) == {"mlp": 2, "dcgan": 2, "resnet": 2, "resmlp": 2}[name]
    assert all(isinstance(before, nn.ReLU | nn.LeakyReLU) and i for before, i in drops)
    x = inputs(net)
    assert not torch.equal(net(x), net(x))
    plain = make(side, name, norm="none")
    assert torch.equal(net.eval()(x), plain.eval()(x))


def test_a_residual_block_keeps_its_shortcut_whole():
    block = next(m for m in make("GENERATORS", "resnet", dropout=0.5).modules() if isinstance(m, ResidualBlock))
    assert not [m for m in block.shortcut.modules() if isinstance(m, nn.Dropout)]


def test_the_mean_stays_and_the_mean_square_grows_by_one_over_the_share_kept():
    torch.manual_seed(0)
    *_, drop = norm_activation(1, "none", "linear", image=False, dropout=0.75)
    y = drop(torch.full((200_000,), 2.0, dtype=torch.float64))
    assert set(y.unique().tolist()) == {0.0, 8.0}
    assert y.mean().item() == pytest.approx(2, rel=0.02)
    assert y.square().mean().item() == pytest.approx(4 / 0.25, rel=0.02)


def test_the_gradient_changes_by_the_factor_of_the_rate_in_each_layer():
    """Mean square of dL/dh per ReLU layer back: half the variance of the weights, over the share kept."""
    growth = {}
    for rate in (0.0, 0.5):
        torch.manual_seed(0)
        net = nets.mlp_generator((1,), 256, 256, 12, init="he", dropout=rate).double()
        table = snapshot(net, torch.randn(64, 256, dtype=torch.float64))
        logs = 2 * torch.tensor(table[table.kind == "ReLU"].grad_rms.to_numpy()).log()
        growth[rate] = math.exp((logs[0] - logs[-1]).item() / 11)
    assert growth[0.0] == pytest.approx(1, rel=0.05)
    assert growth[0.5] / growth[0.0] == pytest.approx(2, rel=0.05)


def test_members_of_a_population_get_masks_of_their_own():
    member = make("DISCRIMINATORS", "mlp", dropout=0.5)
    both = Population([member, member])
    x = torch.randn(1, 64, *IMAGE).expand(2, -1, -1, -1, -1)
    one, other = both(x)
    assert not torch.allclose(one, other)
    assert torch.equal(*both.eval()(x))
    torch.testing.assert_close(both(x)[0], member.eval()(x[0]))


def test_a_slope_goes_through_it():
    _, D = build(lambda: make("GENERATORS", "mlp"), lambda: nets.mlp_discriminator((2,), width=8, dropout=0.5), [0, 1])
    slope, _ = slopes(D, torch.randn(2, 5, 2))
    slope.square().sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in D.parameters())


@pytest.mark.parametrize("rate", [-0.1, 1, 1.0, 2.0, float("nan")])
@pytest.mark.parametrize("side, name", SIDES)
def test_a_rate_is_in_the_unit_interval(side, name, rate):
    with pytest.raises(ValueError, match=r"dropout=.*: a rate is in \[0, 1\); 0 for none"):
        make(side, name, dropout=rate)
