"""Residual blocks against sums written by hand, their plain twins, float64 autograd and the member-by-member loop."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small import TwoModes
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from ganlab import nets
from ganlab.nets import ResidualBlock
from ganlab.nets._blocks import Blocks, start_at_zero
from ganlab.population import Population, build
from ganlab.train import Recipe, Trainer

BLOCKS = {
    "up": (lambda blocks: blocks.up("nearest"), (3, 6, 4, 4)),
    "down": (lambda blocks: blocks.down(6, first=False), (3, 6, 4, 4)),
    "first": (lambda blocks: blocks.down(2, first=True), (3, 2, 4, 4)),
    "same": (lambda blocks: blocks.same(image=True), (3, 6, 4, 4)),
    "dense": (lambda blocks: blocks.same(image=False), (3, 6)),
}
each_block = pytest.mark.parametrize("name", BLOCKS)
CONVOLUTIONAL = {"G": nets.resnet_generator, "D": nets.resnet_discriminator}
DENSE = {"G": nets.resmlp_generator, "D": nets.resmlp_discriminator}


def made(name, *rest, seed=0):
    make, shape = BLOCKS[name]
    torch.manual_seed(seed)
    return make(Blocks(6, "none", "relu", *rest)).double(), torch.randn(shape, dtype=torch.float64)


def count(net):
    return sum(p.numel() for p in net.parameters())


def blocks_of(net):
    return [m for m in net.modules() if isinstance(m, ResidualBlock)]


# --- Against sums written by hand


def test_a_dense_block_by_hand():
    net, x = made("dense", 0.3)
    first, second = (m for m in net.branch if isinstance(m, nn.Linear))
    expected = x + 0.3 * (F.relu(F.relu(x) @ first.weight.T + first.bias) @ second.weight.T + second.bias)
    assert torch.allclose(net(x), expected, atol=1e-12)


def test_convolutional_blocks_by_hand():
    """With torch's functions alone; the 1x1 convolution of the shortcut where the literature has it."""
    net, x = made("up", 0.5)
    a, b = (m for m in net.branch.modules() if isinstance(m, nn.Conv2d))
    big = F.interpolate(x, scale_factor=2)
    branch = F.conv2d(F.relu(x).repeat_interleave(2, 2).repeat_interleave(2, 3), a.weight, a.bias, padding=1)
    branch = F.conv2d(F.relu(branch), b.weight, b.bias, padding=1)
    assert torch.allclose(net(x), F.conv2d(big, net.shortcut[0].weight) + 0.5 * branch, atol=1e-12)
    for name in ("down", "first"):
        net, x = made(name, 0.5)
        a, b = (m for m in net.branch.modules() if isinstance(m, nn.Conv2d))
        h = F.conv2d(x if name == "first" else F.relu(x), a.weight, a.bias, padding=1)
        branch = F.avg_pool2d(F.conv2d(F.relu(h), b.weight, b.bias, padding=1), 2)
        shortcut = F.avg_pool2d(F.conv2d(x, net.shortcut[1].weight), 2)
        assert torch.allclose(net(x), shortcut + 0.5 * branch, atol=1e-12)
    net, x = made("same", 0.5)
    a, b = (m for m in net.branch if isinstance(m, nn.Conv2d))
    h = F.conv2d(F.relu(x), a.weight, a.bias, padding=1)
    assert torch.allclose(net(x), x + 0.5 * F.conv2d(F.relu(h), b.weight, b.bias, padding=1), atol=1e-12)


@each_block
@settings(max_examples=20, deadline=None)
@given(scale=st.floats(-3, 3))
def test_a_block_is_linear_in_its_scale(name, scale):
    whole, x = made(name, 1.0)
    part, _ = made(name, scale)
    part.load_state_dict(whole.state_dict())
    expected = whole.shortcut(x) + scale * (whole(x) - whole.shortcut(x))
    assert torch.allclose(part(x), expected, atol=1e-10)


@each_block
@pytest.mark.parametrize("scale", [0.0, "learned", "zero"])
def test_at_scale_zero_a_block_is_its_shortcut(name, scale):
    net, x = made(name, scale)
    start_at_zero(net)
    assert torch.equal(net(x), net.shortcut(x))
    if name in ("same", "dense"):
        assert torch.equal(net(x), x)
    if scale != 0.0:  # and it can leave: something in the branch has a gradient
        net(x).square().sum().backward()
        assert any(p.grad.abs().max() > 0 for p in [*net.branch.parameters(), *net.parameters(recurse=False)])


@each_block
def test_the_plain_twin_is_the_branch(name):
    whole, x = made(name)
    twin, _ = made(name, 1.0, True)
    assert not blocks_of(twin)
    assert [p.shape for p in twin.parameters()] == [p.shape for p in whole.branch.parameters()]
    assert torch.equal(twin(x), whole.branch(x))  # the branch is built first, so one seed gives both the same weights


@each_block
def test_gradients(name):
    net, x = made(name, "learned")
    net.scale.data += 0.7
    smooth = {type(m): m for m in net.modules()}
    assert nn.ReLU in smooth
    for parent in [m for m in net.modules() if isinstance(m, nn.Sequential)]:
        for key, child in parent.named_children():
            if isinstance(child, nn.ReLU):
                setattr(parent, key, nn.SiLU())  # differences of ReLUs are wrong where they straddle the kink
    names, values = zip(*net.named_parameters(), strict=True)
    values = [v.detach().clone().requires_grad_() for v in values]

    def value(x, *values):
        return torch.func.functional_call(net, dict(zip(names, values, strict=True)), (x,)).square().mean()

    inputs = (x[:1].clone().requires_grad_(), *values)
    assert torch.autograd.gradcheck(value, inputs, fast_mode=True)
    assert torch.autograd.gradgradcheck(value, inputs, fast_mode=True)


# --- The networks


@pytest.mark.parametrize("blocks", [1, 3])
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_parameters_of_the_twins(blocks, norm):
    """Fully connected twins have the same; convolutional ones lack the 1x1 convolutions of the shortcuts alone."""
    options = {"width": 8, "blocks": blocks, "norm": norm}
    for make, args in ((DENSE["G"], ((2,), 5)), (DENSE["D"], ((2,),))):
        assert count(make(*args, **options)) == count(make(*args, **options, plain=True))
        assert count(make(*args, **options, branch_scale="learned")) == count(make(*args, **options)) + blocks
    image = (3, 16, 16)
    for make, args, lacking in ((CONVOLUTIONAL["G"], (image, 5), 2 * 64), (CONVOLUTIONAL["D"], (image,), 64 + 24)):
        assert count(make(*args, **options)) == count(make(*args, **options, plain=True)) + lacking


@pytest.mark.parametrize("blocks", [1, 2, 4])
def test_depth(blocks):
    G, D = (
        nets.resnet_generator((1, 16, 16), 5, 8, blocks=blocks),
        nets.resnet_discriminator((1, 16, 16), 8, blocks=blocks),
    )
    weighted = (nn.Linear, nn.Conv2d)
    for net in (G, D):
        assert len(blocks_of(net)) == 2 * blocks
        in_branches = [m for b in blocks_of(net) for m in b.branch.modules() if isinstance(m, weighted)]
        assert len(in_branches) == 4 * blocks
    images = G(torch.randn(3, 5))
    assert images.shape == (3, 1, 16, 16) and D(images).shape == (3,)
    dense = nets.resmlp_generator((2,), 5, 8, blocks=blocks)
    assert len([m for m in dense.modules() if isinstance(m, nn.Linear)]) == 2 + 2 * blocks


def flops(net, x):
    with FlopCounterMode(display=False) as counter:
        net(x)
    return counter.get_total_flops()


def test_a_shortcut_of_its_own_costs_nothing():
    z = torch.randn(4, 5)
    options = {"width": 8, "blocks": 3}
    assert flops(nets.resmlp_generator((2,), 5, **options), z) == flops(
        nets.resmlp_generator((2,), 5, **options, plain=True), z
    )
    whole, twin = (nets.resnet_generator((1, 16, 16), 5, 8, plain=plain) for plain in (False, True))
    assert flops(whole, z) - flops(twin, z) == 2 * 4 * 64 * (16 + 64)  # 1x1 convolutions at 4x4 and at 8x8


@pytest.mark.parametrize("kind", [CONVOLUTIONAL, DENSE])
@pytest.mark.parametrize("scale", ["learned", "zero"])
@pytest.mark.parametrize("init", nets.INITS)
def test_no_initialisation_undoes_the_zero(kind, scale, init):
    for player, args in (("G", ((1, 8, 8), 5)), ("D", ((1, 8, 8),))):
        net = kind[player](*args, width=8, blocks=2, norm="batch", init=init, branch_scale=scale)
        found, x = blocks_of(net), torch.randn(3, 8)
        assert found
        for each in found:
            if scale == "learned":
                assert each.scale.item() == 0
            else:
                last = [m for m in each.branch.modules() if isinstance(m, nn.Linear | nn.Conv2d)][-1]
                assert not last.weight.any() and (last.bias is None or not last.bias.any())
        if kind is DENSE:
            assert torch.equal(found[0](x), x)


@pytest.mark.parametrize("options", [{}, {"branch_scale": "learned"}, {"plain": True}, {"norm": "batch"}])
def test_a_population_is_its_members(options):
    def make(player, *args):
        return lambda: DENSE[player]((2,), *args, 8, 2, **options)

    def trained(seeds):
        pair = build(make("G", 4), make("D"), seeds)
        return Trainer(*pair, TwoModes(), Recipe(lr_g=1e-3, lr_d=1e-3, batch=8), seeds=seeds).fit(5, progress=False)

    together = trained([3, 4])
    for k, seed in enumerate((3, 4)):
        alone = trained(seed)
        for net, ours in ((alone.G, together.G.member(k)), (alone.D, together.D.member(k))):
            for a, b in zip(net.parameters(), ours.parameters(), strict=True):
                assert torch.allclose(a, b, atol=2e-4)


def test_a_convolutional_population_is_its_members():
    members = [nets.resnet_discriminator((1, 8, 8), 4, blocks=2, branch_scale="learned").double() for _ in range(2)]
    for member in members:
        for each in blocks_of(member):
            each.scale.data += 0.5
    x = torch.randn(2, 3, 1, 8, 8, dtype=torch.float64)
    together = Population(members)(x)
    assert torch.allclose(together, torch.stack([m(v) for m, v in zip(members, x, strict=True)]), atol=1e-12)


# --- Bad input


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), "small", True, None])
def test_a_scale_that_is_none(scale):
    with pytest.raises(ValueError, match=r"branch_scale=.*'learned'"):
        nets.resmlp_generator((2,), branch_scale=scale)


@pytest.mark.parametrize("make", [*CONVOLUTIONAL.values(), *DENSE.values()])
def test_a_plain_net_has_no_scale(make):
    with pytest.raises(ValueError, match="plain=True"):
        make((1, 8, 8), plain=True, branch_scale="learned")


@pytest.mark.parametrize("make", [*CONVOLUTIONAL.values(), *DENSE.values()])
@pytest.mark.parametrize("blocks", [0, -1, 1.5])
def test_no_blocks(make, blocks):
    with pytest.raises(ValueError, match=f"blocks is {blocks}"):
        make((1, 8, 8), blocks=blocks)


@pytest.mark.parametrize("make", DENSE.values())
def test_unknown_names(make):
    for option in ("norm", "activation", "init"):
        with pytest.raises(ValueError, match="nonsense"):
            make((2,), **{option: "nonsense"})
