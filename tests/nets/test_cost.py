"""Parameters and multiply-adds against torch's flop counter, hand counts and the formula of separable convolutions."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ganlab import nets
from ganlab.nets import CONVS, DOWN_CONVS, separable
from ganlab.nets.cost import counts, parameters
from ganlab.population import build


def flops(net, x):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(x)
    return counter.get_total_flops()


@pytest.mark.parametrize("upsample", CONVS)
@pytest.mark.parametrize("name", ["dcgan", "resnet"])
def test_generators_against_torchs_flop_counter(name, upsample):
    G = nets.GENERATORS[name]((3, 16, 16), latent=6, width=8, upsample=upsample)
    table = counts(G, torch.randn(5, 6))
    assert 2 * table.multiply_adds.sum() == flops(G, torch.randn(5, 6))
    assert table.parameters.sum() == parameters(G) == sum(p.numel() for p in G.parameters())


@pytest.mark.parametrize("downsample", DOWN_CONVS)
def test_discriminators_against_torchs_flop_counter(downsample):
    D = nets.dcgan_discriminator((3, 16, 16), width=8, downsample=downsample)
    x = torch.randn(5, 3, 16, 16)
    assert 2 * counts(D, x).multiply_adds.sum() == flops(D, x)


@given(inputs=st.integers(1, 20), outputs=st.integers(1, 20), kernel=st.sampled_from([1, 3, 5]))
def test_separable_over_full_is_one_over_outputs_plus_one_over_kernel_squared(inputs, outputs, kernel):
    x = torch.randn(2, inputs, 8, 8)
    pairs = [(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False), {"kernel": kernel})]
    pairs += [(DOWN_CONVS["strided"](inputs, outputs, False), {"kernel": 4, "stride": 2})]
    for full, options in pairs:
        parts = separable(inputs, outputs, False, **options)
        assert parts(x).shape == full(x).shape
        expected = 1 / outputs + 1 / options["kernel"] ** 2
        assert parameters(parts) / parameters(full) == pytest.approx(expected)
        work = [counts(net, x).multiply_adds.sum() for net in (parts, full)]
        assert work[0] / work[1] == pytest.approx(expected)


def test_a_transposed_separable_has_the_same_share_of_parameters_and_not_of_work():
    full, parts = (CONVS[name](16, 32, False) for name in ("transposed", "separable"))
    assert parameters(parts) / parameters(full) == pytest.approx(1 / 32 + 1 / 16)
    x = torch.randn(1, 16, 7, 7)
    work = [counts(net, x).multiply_adds.sum() for net in (parts, full)]
    # Its pointwise part works at the doubled side: four times the places.
    assert work[0] / work[1] == pytest.approx(1 / 32 + 4 / 16)


def test_by_hand():
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(128, 2))
    table = counts(net, torch.randn(2, 3, 4, 4))
    assert table.layer.tolist() == ["0", "1", "4"]
    assert table.kind.tolist() == ["Conv2d", "BatchNorm2d", "Linear"]
    assert table.parameters.tolist() == [3 * 8 * 9 + 8, 16, 258]
    assert table.multiply_adds.tolist() == [2 * 8 * 16 * 27, 0, 2 * 256]
    assert net.training and net[1].num_batches_tracked == 0


def test_populations_frozen_weights_and_layers_called_twice():
    G, _ = build(lambda: nets.mlp_generator((2,)), lambda: nets.mlp_discriminator((2,)), range(3))
    assert parameters(G) == parameters(G.member(0))
    with pytest.raises(ValueError, match=r"population of 3: count one member, counts\(net.member\(0\), x\)"):
        counts(G, torch.randn(3, 4, 64))
    layer = nn.Linear(4, 4)
    table = counts(nn.Sequential(layer, nn.ReLU(), layer), torch.randn(1, 4))
    assert (table.parameters.tolist(), table.multiply_adds.tolist()) == ([20], [32])
    assert parameters(layer.requires_grad_(False)) == 0
