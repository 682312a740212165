"""Convolutions that double and halve: sides, terms by counting, sub-pixel and separable against a loop."""

import pytest
import torch
from torch import nn

from ganlab import nets
from ganlab.metrics import inner, overlap_map
from ganlab.nets import CONVS, DOWN_CONVS, inits, separable


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("side", [4, 7])
def test_sides_channels_and_biases(side, bias):
    x = torch.randn(2, 6, side, side)
    for name, builder in CONVS.items():
        assert builder(6, 10, bias)(x).shape == (2, 10, 2 * side, 2 * side), name
    for name, builder in DOWN_CONVS.items():
        assert builder(6, 10, bias)(x.repeat(1, 1, 2, 2)).shape == (2, 10, side, side), name
    for builder in (*CONVS.values(), *DOWN_CONVS.values()):
        # One bias vector or none: that of the last layer with weights.
        biases = [layer.bias is not None for layer in builder(6, 10, bias).modules() if hasattr(layer, "bias")]
        assert biases[-1] == bias and not any(biases[:-1])


@pytest.mark.parametrize("name, kernel", [("transposed", 4), *((f"transposed_{k}", k) for k in (3, 5, 6))])
def test_a_transposed_convolution_of_ones_is_the_overlap_map(name, kernel):
    layer = CONVS[name](1, 1, False)
    nn.init.ones_(layer.weight)
    terms = layer(torch.ones(1, 1, 12, 12))[0, 0].round().long()
    middle = slice(kernel, 24 - kernel)
    assert set(terms[middle, middle].flatten().tolist()) == set(
        inner(overlap_map(kernel, 2, 12), kernel).flatten().tolist()
    )


@pytest.mark.parametrize("name", ["nearest", "bilinear"])
def test_resizing_first_leaves_no_trace_on_a_constant(name):
    """On a constant input every inner pixel of a resize-convolution is the same, whatever the weights."""
    out = CONVS[name](2, 3, True)(torch.ones(1, 2, 8, 8))[..., 2:-2, 2:-2]
    assert torch.allclose(out, out[..., :1, :1].expand_as(out), atol=1e-6)
    out = CONVS["transposed"](2, 3, True)(torch.ones(1, 2, 8, 8))[..., 2:-2, 2:-2]
    assert out.std() > 1e-2  # the negative control: equal counts of unequal weights


def test_subpixel_deals_out_four_channels():
    layer = CONVS["subpixel"](3, 2, True)
    x = torch.randn(1, 3, 5, 5)
    four, out = layer[0](x), layer(x)
    for channel in range(2):
        for row in range(2):
            for column in range(2):
                expected = four[:, 4 * channel + 2 * row + column]
                assert torch.equal(out[:, channel, row::2, column::2], expected)


def test_separable_is_a_full_convolution_of_rank_one_filters():
    parts = separable(3, 5, True)
    depthwise, pointwise = parts
    full = nn.Conv2d(3, 5, 3, padding=1)
    full.weight.data = pointwise.weight.data * depthwise.weight.data.transpose(0, 1)
    full.bias.data = pointwise.bias.data
    x = torch.randn(2, 3, 6, 6)
    assert torch.allclose(parts(x), full(x), atol=1e-5)


@pytest.mark.parametrize("transposed", [False, True])
def test_fans_of_depthwise_layers(transposed):
    """Counted as in `test_nets`: weights of one, input of one."""
    layer = separable(6, 6, False, kernel=4, stride=2, transposed=transposed)[0]
    nn.init.ones_(layer.weight)
    x = torch.ones(1, 6, 12, 12, requires_grad=True)
    y = layer(x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert inits.fans(layer) == (y[0, 0, 3, 3].item(), gradient[0, 0, 3, 3].item())


def test_downsample_is_a_choice_of_the_discriminator():
    x = torch.randn(3, 1, 16, 16)
    sizes = [nets.dcgan_discriminator((1, 16, 16), width=8, downsample=name) for name in DOWN_CONVS]
    assert [D(x).shape for D in sizes] == [(3,), (3,)]
    assert sum(p.numel() for p in sizes[1].parameters()) < sum(p.numel() for p in sizes[0].parameters())
    with pytest.raises(ValueError, match="unknown downsample 'pool'; known: strided, separable"):
        nets.dcgan_discriminator((1, 16, 16), downsample="pool")
