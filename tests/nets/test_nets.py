"""Networks against hand counts, torch's own layers, PyTorch's DCGAN example and the member-by-member loop."""

import math

import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state

from ganlab import nets
from ganlab.nets import inits

PAIRS = list(nets.GENERATORS)
SMALL = {"mlp": {"width": 16}, "dcgan": {"width": 8}, "resnet": {"width": 8}, "resmlp": {"width": 16}}
IMAGE = (1, 8, 8)
NORMED = [(name, norm) for name in PAIRS for norm in nets.NORMS if norm != "instance" or "mlp" not in name]
UPSAMPLED = [("mlp", {})] + [(name, {"upsample": kind}) for name in ("dcgan", "resnet") for kind in nets.CONVS]


def pair(name, shape=IMAGE, **options):
    options = {**SMALL[name], "norm": "batch", **options}
    return nets.GENERATORS[name](shape, latent=6, **options), nets.DISCRIMINATORS[name](shape, **options)


def count(net):
    return sum(p.numel() for p in net.parameters())


# --- Shapes and ranges


@pytest.mark.parametrize("name, norm", NORMED)
@pytest.mark.parametrize("activation", nets.ACTIVATIONS)
def test_every_norm_and_activation_gives_the_promised_shapes(name, norm, activation):
    G, D = pair(name, (3, 16, 16), norm=norm, activation=activation)
    images = G(torch.randn(4, 6))
    assert images.shape == (4, 3, 16, 16)
    assert (G.latent, G.shape, D.shape) == (6, (3, 16, 16), (3, 16, 16))
    assert D(images).shape == (4,)
    kinds = {type(m) for net in (G, D) for m in net.modules() if isinstance(m, nn.Module)}
    assert norm.startswith("batch") == bool(kinds & {nn.BatchNorm1d, nn.BatchNorm2d})
    assert (norm == "instance") == (nn.InstanceNorm2d in kinds)
    assert (norm in ("layer", "group")) == (nn.GroupNorm in kinds)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("side", [8, 14, 16, 28, 32, 56, 64])
def test_sizes(name, side):
    G, D = pair(name, (1, side, side))
    assert D(G(torch.randn(2, 6))).shape == (2,)


@pytest.mark.parametrize("shape", [(2,), (1, 25, 25), (1, 24, 24), (3, 10, 20)])
def test_mlps_take_points_and_images_of_any_size(shape):
    G, D = pair("mlp", shape)
    samples = G(torch.randn(3, 6))
    assert samples.shape == (3, *shape)
    assert D(samples).shape == (3,)


def test_one_width_for_each_layer():
    G = nets.mlp_generator((2,), latent=6, width=(5, 7))
    assert [m.weight.shape for m in G.modules() if isinstance(m, nn.Linear)] == [(5, 6), (7, 5), (2, 7)]
    D = nets.mlp_discriminator((2,), width=5, depth=3)
    assert [m.weight.shape for m in D.modules() if isinstance(m, nn.Linear)] == [(5, 2), (5, 5), (5, 5), (1, 5)]


@pytest.mark.parametrize("name, upsample", UPSAMPLED)
def test_up_sampling_and_outputs(name, upsample):
    low_high = {"tanh": (-1, 1), "sigmoid": (0, 1), "relu": (0, math.inf), "linear": (-math.inf, math.inf)}
    assert set(low_high) == set(nets.OUTPUTS)
    for output, (low, high) in low_high.items():
        torch.manual_seed(0)
        G = nets.GENERATORS[name](IMAGE, latent=6, output=output, norm="none", init="he", **upsample, **SMALL[name])
        images = G(50 * torch.randn(64, 6))  # wide latents, so that the whole range is met
        assert images.shape == (64, *IMAGE)
        assert low <= images.min() and images.max() <= high
        near = (high if high < math.inf else 5) - 0.1
        assert images.max() > near and images.min() < max(low, -5) + 0.1


def test_an_mlp_is_bounded_for_images_and_unbounded_for_points():
    z = 1000 * torch.randn(64, 6)
    assert nets.mlp_generator(IMAGE, latent=6)(z).abs().max() <= 1
    assert nets.mlp_generator((2,), latent=6)(z).abs().max() > 10


@pytest.mark.parametrize("name", PAIRS)
def test_more_outputs_for_an_encoder(name):
    D = nets.DISCRIMINATORS[name](IMAGE, outputs=5, **SMALL[name])
    assert D(torch.randn(3, *IMAGE)).shape == (3, 5)


# --- What is where


def test_parameter_counts_of_mlps():
    latent, width, pixels = 6, 16, 64
    hidden = width * width
    assert count(pair("mlp", norm="none")[0]) == (latent * width + width) + (hidden + width) + (width * pixels + pixels)
    assert count(pair("mlp", norm="none")[1]) == (pixels * width + width) + (hidden + width) + (width + 1)
    # With a norm: two numbers a unit, no bias before it. D's first layer has none.
    assert count(pair("mlp")[0]) == (latent * width + 2 * width) + (hidden + 2 * width) + (width * pixels + pixels)
    assert count(pair("mlp")[1]) == (pixels * width + width) + (hidden + 2 * width) + (width + 1)


def test_parameter_counts_of_resnets():
    w, latent = 8, 6
    conv, skip, norm = 9 * w * w, w * w, 2 * w
    G, D = pair("resnet", (3, 16, 16))
    assert count(G) == latent * w * 16 + 2 * (2 * conv + skip + 2 * norm) + norm + (9 * w * 3 + 3)
    first = (9 * 3 * w + w) + (conv + w) + 3 * w
    assert count(D) == first + (2 * conv + skip + 2 * norm) + (w + 1)


@pytest.mark.parametrize("name", PAIRS)
def test_no_norm_reads_the_image_nor_writes_it(name):
    G, D = pair(name, (1, 16, 16))
    weighted = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    norms = (nn.BatchNorm1d, nn.BatchNorm2d)
    in_d = [m for m in D.modules() if isinstance(m, (*weighted, *norms))]
    assert isinstance(in_d[0], weighted) and not isinstance(in_d[1], norms) and isinstance(in_d[-1], weighted)
    in_g = [m for m in G.modules() if isinstance(m, (*weighted, *norms))]
    assert isinstance(in_g[-1], weighted)


@pytest.mark.parametrize("name", PAIRS)
def test_batch_norm_has_torchs_eps_and_momentum(name):
    # `BatchNorm1d(features, 0.8)` sets eps, not momentum.
    for net in pair(name, (1, 16, 16)):
        norms = [m for m in net.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
        assert norms
        assert {(m.eps, m.momentum) for m in norms} == {(1e-5, 0.1)}


@pytest.mark.parametrize("norm, axes", [("batch", (0, 2, 3)), ("instance", (2, 3)), ("layer", (1, 2, 3))])
def test_axes_of_the_norms(norm, axes):
    x = 3 + 2 * torch.randn(5, 6, 7, 7, dtype=torch.float64)
    y = nets.NORMS[norm](6, True).double()(x)
    expected = (x - x.mean(axes, keepdim=True)) / (x.var(axes, keepdim=True, correction=0) + 1e-5).sqrt()
    assert torch.allclose(y, expected, atol=1e-12)


def test_norms_of_vectors():
    x = 3 + 2 * torch.randn(5, 16, dtype=torch.float64)
    assert torch.allclose(nets.NORMS["layer"](16, False).double()(x), nn.functional.layer_norm(x, (16,)), atol=1e-12)
    assert torch.allclose(
        nets.NORMS["batch"](16, False).double()(x), (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt()
    )
    groups = nets.NORMS["group"](16, False).double()(x).reshape(5, 8, 2)
    assert torch.allclose(groups.mean(-1), torch.zeros(5, 8, dtype=torch.float64), atol=1e-12)


@pytest.mark.parametrize("features, groups", [(64, 8), (16, 8), (12, 2), (8, 4), (6, 1), (7, 1)])
def test_a_group_has_at_least_two_features(features, groups):
    assert nets.NORMS["group"](features, True).num_groups == groups


# --- PyTorch's DCGAN example, https://github.com/pytorch/examples/blob/main/dcgan/main.py, at its defaults


def example_generator(nz=100, ngf=64, nc=3):
    return nn.Sequential(
        nn.ConvTranspose2d(nz, ngf * 8, 4, 1, 0, bias=False),
        nn.BatchNorm2d(ngf * 8),
        nn.ReLU(True),
        nn.ConvTranspose2d(ngf * 8, ngf * 4, 4, 2, 1, bias=False),
        nn.BatchNorm2d(ngf * 4),
        nn.ReLU(True),
        nn.ConvTranspose2d(ngf * 4, ngf * 2, 4, 2, 1, bias=False),
        nn.BatchNorm2d(ngf * 2),
        nn.ReLU(True),
        nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1, bias=False),
        nn.BatchNorm2d(ngf),
        nn.ReLU(True),
        nn.ConvTranspose2d(ngf, nc, 4, 2, 1, bias=False),
        nn.Tanh(),
    )


def example_discriminator(ndf=64, nc=3):
    return nn.Sequential(
        nn.Conv2d(nc, ndf, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(ndf, ndf * 2, 4, 2, 1, bias=False),
        nn.BatchNorm2d(ndf * 2),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(ndf * 2, ndf * 4, 4, 2, 1, bias=False),
        nn.BatchNorm2d(ndf * 4),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(ndf * 4, ndf * 8, 4, 2, 1, bias=False),
        nn.BatchNorm2d(ndf * 8),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(ndf * 8, 1, 4, 1, 0, bias=False),
        nn.Sigmoid(),
    )


def copy_weights(example, ours):
    """Parameter by parameter; a convolution over all places at once becomes a matrix."""
    pairs = list(zip(example.parameters(), ours.parameters(), strict=True))
    for theirs, mine in pairs:
        if theirs.shape != mine.shape:
            assert mine.ndim == 2 and theirs.shape[2:] == (4, 4)
            theirs = theirs.flatten(1)
            theirs = theirs if theirs.shape == mine.shape else theirs.T
        assert theirs.shape == mine.shape
        mine.data.copy_(theirs)
    return len(pairs)


@torch.no_grad()
def test_the_dcgan_at_64_is_the_classic_example():
    torch.manual_seed(0)
    example_g, example_d = example_generator(), example_discriminator()
    G, D = nets.dcgan_generator((3, 64, 64), latent=100), nets.dcgan_discriminator((3, 64, 64))
    assert copy_weights(example_g, G) == 13
    assert copy_weights(example_d, D) == 11
    z = torch.randn(4, 100)
    images = example_g(z[:, :, None, None])
    assert torch.allclose(G(z), images, atol=1e-5)
    assert torch.allclose(D(images).sigmoid(), example_d(images).flatten(), atol=1e-5)
    running = [value for name, value in example_d.named_buffers() if "running" in name]
    ours = [value for name, value in D.named_buffers() if "running" in name]
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(running, ours, strict=True))


# --- Initialisation


def weights(net):
    return [m for m in net.modules() if isinstance(m, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d))]


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("init", ["dcgan", "xavier", "he"])
def test_standard_deviations(name, init):
    torch.manual_seed(0)
    width = 128 if name == "mlp" else 32
    expected = {
        "dcgan": lambda fan_in, fan_out: 0.02,
        "xavier": lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out)),
        "he": lambda fan_in, fan_out: math.sqrt(2 / fan_in),
    }[init]
    for norm in ("batch", "none"):
        for net in pair(name, (1, 32, 32), width=width, norm=norm, init=init):
            for layer in weights(net):
                tolerance = 5 / math.sqrt(2 * layer.weight.numel())  # five standard errors
                assert layer.weight.std().item() == pytest.approx(expected(*inits.fans(layer)), rel=tolerance)
                assert layer.bias is None or not layer.bias.any()
            scales = [m for m in net.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
            for scale in scales:
                assert scale.weight.std().item() == pytest.approx(0.02 if init == "dcgan" else 0, rel=0.6)
                assert scale.weight.mean().item() == pytest.approx(1, abs=0.02)
                assert not scale.bias.any()


@pytest.mark.parametrize(
    "layer, side, plain",
    [
        (nn.Linear(6, 10), None, True),
        (nn.Conv2d(6, 10, 3, padding=1), 12, True),
        (nn.Conv2d(6, 10, 4, stride=2, padding=1), 12, False),
        (nn.ConvTranspose2d(6, 10, 4, stride=2, padding=1), 12, False),
    ],
)
def test_fans_by_counting(layer, side, plain):
    """Weights of one, input of one: an output (or, backwards, an input's gradient) is its number of terms."""
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)
    x = torch.ones(1, 6, *([side, side] if side else []), requires_grad=True)
    y = layer(x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    centre = (0, 0, *([3, 3] if side else []))  # away from the borders
    assert inits.fans(layer) == (y[centre].item(), gradient[centre].item())
    fans_of_torch = nn.init._calculate_fan_in_and_fan_out(layer.weight)
    assert (fans_of_torch == inits.fans(layer)) == plain


def test_orthogonal_weights():
    for layer in weights(nets.mlp_generator(IMAGE, latent=6, width=16, init="orthogonal")):
        w = layer.weight if layer.weight.shape[0] <= layer.weight.shape[1] else layer.weight.T
        assert torch.allclose(w @ w.T, torch.eye(len(w)), atol=1e-5)


def test_default_init_is_torchs():
    torch.manual_seed(3)
    ours = nets.mlp_discriminator((2,), width=4)
    torch.manual_seed(3)
    theirs = [nn.Linear(2, 4), nn.Linear(4, 4), nn.Linear(4, 1)]
    assert all(torch.equal(a.weight, b.weight) for a, b in zip(weights(ours), theirs, strict=True))


# --- Gradients


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("norm", ["none", "batch", "layer", "group"])
def test_gradient_reaches_every_parameter(name, norm):
    torch.manual_seed(0)
    G, D = pair(name, (1, 16, 16), norm=norm, init="he")
    D(G(torch.randn(8, 6))).square().sum().backward()
    for net in (G, D):
        assert all(p.grad.abs().max() > 1e-6 for p in net.parameters())


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_a_gradient_penalty_can_be_differentiated(name, norm):
    torch.manual_seed(0)
    # A smooth activation, or the second derivative would have kinks that finite differences see.
    D = pair(name, norm=norm, activation="silu", init="he")[1].double()
    x = torch.randn(4, *IMAGE, dtype=torch.float64, requires_grad=True)

    def penalty():
        (gradient,) = torch.autograd.grad(D(x).square().sum(), x, create_graph=True)
        return gradient.square().sum()

    weight = weights(D)[0].weight
    (gradient,) = torch.autograd.grad(penalty(), weight)
    direction = torch.randn_like(weight)
    values = []
    for step in (1e-6, -2e-6):
        weight.data.add_(direction, alpha=step)
        values.append(penalty().item())
    assert (values[0] - values[1]) / 2e-6 == pytest.approx((gradient * direction).sum().item(), rel=1e-5)


@pytest.mark.parametrize("name, upsample", UPSAMPLED)
@pytest.mark.parametrize("norm", ["batch", "group"])
def test_stacked_members_equal_the_loop(name, norm, upsample):
    """Forward, gradients and batch-norm buffers of `vmap` over stacked parameters, in training mode."""

    def member(seed):
        torch.manual_seed(seed)
        options = {**SMALL[name], "norm": norm}
        G = nets.GENERATORS[name]((1, 16, 16), latent=6, **upsample, **options)
        return nn.Sequential(G, nets.DISCRIMINATORS[name]((1, 16, 16), **options)).double()

    members = [member(seed) for seed in range(3)]
    parameters, buffers = stack_module_state(members)
    z = torch.randn(3, 5, 6, dtype=torch.float64)
    skeleton = member(0).to("meta")

    def run(parameters, buffers, z):
        return functional_call(skeleton, (parameters, buffers), (z,))

    for _ in range(2):  # twice, so that the running statistics are read back
        stacked = torch.vmap(run)(parameters, buffers, z)
        looped = torch.stack([net(one) for net, one in zip(members, z, strict=True)])
    assert torch.allclose(stacked, looped, atol=1e-12)
    stacked.square().sum().backward()
    looped.square().sum().backward()
    for k, net in enumerate(members):
        for key, parameter in net.named_parameters():
            assert torch.allclose(parameters[key].grad[k], parameter.grad, atol=1e-10), key
        for key, value in net.named_buffers():
            assert torch.allclose(buffers[key][k], value, atol=1e-12), key
            assert "num_batches" not in key or value == 2
    assert bool(buffers) == (norm == "batch")


# --- Bad input


@pytest.mark.parametrize("name", PAIRS)
def test_wrong_inputs_name_what_was_expected(name):
    G, D = pair(name, (3, 16, 16))
    with pytest.raises(ValueError, match=r"z has shape \(4, 7\).*\(batch, 6\)"):
        G(torch.randn(4, 7))
    with pytest.raises(ValueError, match=r"z has shape \(6,\)"):
        G(torch.randn(6))
    for shape in [(4, 1, 16, 16), (4, 3, 32, 32), (3, 16, 16), (4, 768)]:
        with pytest.raises(ValueError, match=r"x has shape .*\(batch, 3, 16, 16\)"):
            D(torch.randn(shape))


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("what", ["norm", "activation", "init"])
@pytest.mark.parametrize("side", ["GENERATORS", "DISCRIMINATORS"])
def test_unknown_names_list_the_known_ones(name, what, side):
    known = {"norm": "none, batch", "activation": "relu, leaky_relu", "init": "default, dcgan"}[what]
    with pytest.raises(ValueError, match=f"unknown {what} 'bach'; known: {known}"):
        getattr(nets, side)[name](IMAGE, **{what: "bach"})


def test_unknown_output_upsample_and_a_norm_that_no_layer_uses():
    with pytest.raises(ValueError, match="unknown output 'softmax'; known: tanh"):
        nets.mlp_generator(IMAGE, output="softmax")
    with pytest.raises(ValueError, match="unknown upsample 'bicubic'; known: transposed, nearest"):
        nets.dcgan_generator(IMAGE, upsample="bicubic")
    with pytest.raises(ValueError, match="unknown norm 'bach'"):
        nets.mlp_discriminator(IMAGE, depth=1, norm="bach")


@pytest.mark.parametrize("name", ["dcgan", "resnet"])
@pytest.mark.parametrize("shape", [(1, 25, 25), (1, 128, 128), (1, 4, 4), (1, 28, 32), (2,)])
def test_sizes_that_a_convolutional_net_cannot_make(name, shape):
    for build in (nets.GENERATORS[name], nets.DISCRIMINATORS[name]):
        with pytest.raises(ValueError, match="n one of 8, 14, 16, 28, 32, 56, 64"):
            build(shape)


@pytest.mark.parametrize("shape", [(), (2, 2), (0,), (1, 8, -8), (1.0, 8, 8)])
def test_shapes_that_are_none(shape):
    with pytest.raises(ValueError, match="shape is"):
        nets.mlp_generator(shape)


def test_instance_norm_of_vectors_is_refused():
    with pytest.raises(ValueError, match="instance"):
        nets.mlp_generator(IMAGE, norm="instance")


@pytest.mark.parametrize("argument", ["latent", "width"])
@pytest.mark.parametrize("value", [0, -3, 2.5])
def test_sizes_are_positive_integers(argument, value):
    for build in (nets.dcgan_generator, nets.resnet_generator):
        with pytest.raises(ValueError, match=f"{argument} is {value}: give a positive integer"):
            build(IMAGE, **{argument: value})
    with pytest.raises(ValueError, match="depth is 0"):
        nets.mlp_generator(IMAGE, depth=0)
