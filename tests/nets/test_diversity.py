"""Packs and batch statistics against their formulas, in populations, with losses and penalties, and at the edges."""

import pytest
import torch
from small import G, TwoModes
from torch import nn

from ganlab.losses import LOSSES
from ganlab.nets import (
    Discriminator,
    MinibatchDiscrimination,
    MinibatchStd,
    Packed,
    dcgan_discriminator,
    mlp_discriminator,
)
from ganlab.penalties import r1
from ganlab.population import Population, build
from ganlab.train import Recipe, Trainer


def packed():
    return Packed(mlp_discriminator((4,), width=8, activation="tanh"), 2)


def with_std():
    return Discriminator((2,), nn.Sequential(nn.Linear(2, 8), nn.Tanh(), MinibatchStd(), nn.Linear(9, 1)))


def with_kernels():
    layers = nn.Linear(2, 8), nn.Tanh(), MinibatchDiscrimination(8, 4, 3), nn.Linear(12, 1)
    return Discriminator((2,), nn.Sequential(*layers))


def test_a_pack_is_its_samples_side_by_side():
    net = packed()
    x = torch.randn(6, 2)
    by_hand = torch.stack([net.D(torch.cat([x[i], x[i + 1]]).unsqueeze(0))[0] for i in (0, 2, 4)])
    torch.testing.assert_close(net(x), by_hand)
    assert net.shape == (2,)


def test_a_pack_of_images_is_joined_along_the_channels():
    D = dcgan_discriminator((6, 16, 16), width=4)
    net, x = Packed(D, 2), torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(net(x), D(torch.stack([torch.cat([x[0], x[1]]), torch.cat([x[2], x[3]])])))
    assert net.shape == (3, 16, 16)


def test_packs_of_one_change_nothing():
    D, x = mlp_discriminator((2,)), torch.randn(5, 2)
    assert torch.equal(Packed(D, 1)(x), D(x))


def test_the_slope_of_a_pack_is_that_in_all_its_samples():
    net, x = packed(), torch.randn(6, 2)
    torch.testing.assert_close(r1(net, x), r1(net.D, x.reshape(3, 4)))
    population = Population([net, packed()])
    torch.testing.assert_close(r1(population, torch.stack([x, x]))[0], r1(net, x))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("make", [packed, with_std, with_kernels])
def test_every_loss_trains_in_a_population_as_alone(double, make, loss):
    recipe = Recipe(loss=loss, penalty="r1_r2", gamma=0.1, batch=16, lr_g=1e-3, lr_d=1e-3)
    seeds = [3, 1]
    population = Trainer(*build(G, make, seeds), TwoModes(), recipe, seeds=seeds).fit(10, progress=False)
    for k, seed in enumerate(seeds):
        solo = Trainer(*build(G, make, seed), TwoModes(), recipe, seeds=seed).fit(10, progress=False)
        for name, value in population.D.member(k).state_dict().items():
            torch.testing.assert_close(value, solo.D.state_dict()[name], rtol=0, atol=1e-9)


@pytest.mark.parametrize("shape", [(3,), (3, 4, 5)])
def test_the_added_feature_is_the_mean_standard_deviation(shape):
    x = torch.randn(6, *shape, dtype=torch.float64)
    out = MinibatchStd(eps=0.0)(x)
    assert torch.equal(out[:, :3], x)
    assert out.shape == (6, 4, *shape[1:])
    torch.testing.assert_close(out[:, 3:], torch.full_like(out[:, 3:], x.std(0, correction=0).mean().item()))


def test_groups_are_consecutive():
    x = torch.randn(6, 3, dtype=torch.float64)
    out = MinibatchStd(group=2)(x)
    for i in (0, 2, 4):
        torch.testing.assert_close(out[i : i + 2], MinibatchStd()(x[i : i + 2]))


@pytest.mark.parametrize("shape", [(3,), (3, 4, 5)])
def test_equal_samples_have_a_finite_gradient(shape):
    x = torch.ones(4, *shape, requires_grad=True)
    MinibatchStd()(x).sum().backward()
    assert x.grad.isfinite().all()


def test_gradients_by_finite_differences():
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    layer = MinibatchDiscrimination(3, 2, 2).double()
    assert torch.autograd.gradcheck(MinibatchStd(), [x])
    assert torch.autograd.gradgradcheck(MinibatchStd(), [x])
    assert torch.autograd.gradcheck(layer, [x])


def test_kernels_against_a_loop():
    x, layer = torch.randn(5, 3), MinibatchDiscrimination(3, 4, 2)
    M = torch.einsum("nf,fkw->nkw", x, layer.T)
    for i in range(5):
        near = sum(torch.exp(-(M[i] - M[j]).abs().sum(-1)) for j in range(5))
        torch.testing.assert_close(layer(x)[i], torch.cat([x[i], near]))


def test_a_collapsed_batch_is_seen_and_a_plain_layer_sees_nothing():
    varied, collapsed = torch.randn(8, 3), torch.randn(1, 3).expand(8, 3)
    assert MinibatchStd()(varied)[0, 3] > 100 * MinibatchStd()(collapsed)[0, 3]
    assert (MinibatchDiscrimination(3)(collapsed)[:, 3:] == 8).all()


def test_bad_input():
    with pytest.raises(ValueError, match="m is 0"):
        Packed(nn.Linear(4, 1), 0)
    with pytest.raises(ValueError, match="m=2 does not divide the 3 channels of D"):
        Packed(mlp_discriminator((3,)), 2)
    with pytest.raises(ValueError, match="a batch of 5 samples does not fall into packs of m=2"):
        packed()(torch.randn(5, 2))
    with pytest.raises(ValueError, match=r"takes \(batch, \(2,\)\)"):
        packed()(torch.randn(4, 3))
    with pytest.raises(ValueError, match="group=1"):
        MinibatchStd(group=1)
    with pytest.raises(ValueError, match="groups of 4"):
        MinibatchStd(group=4)(torch.randn(6, 2))
    with pytest.raises(ValueError, match="a batch of 1 samples"):
        MinibatchStd()(torch.randn(1, 2))
    with pytest.raises(ValueError, match=r"takes \(batch, 3\)"):
        MinibatchDiscrimination(3)(torch.randn(5, 4))
