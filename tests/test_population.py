"""A member of a population is the solo run of its seed, and members do not touch each other."""

import pytest
import torch
from small import D, G, TwoModes
from torch import nn

from ganlab.population import Population, build
from ganlab.train import Recipe, Trainer

RECIPE = Recipe(batch=16, lr_g=1e-3, lr_d=1e-3)


def states(net):
    return {name: value.clone() for name, value in net.state_dict().items()}


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("loss", ["nonsaturating", "relativistic"])
def test_member_equals_its_solo_run_over_100_steps(double, norm, loss):
    # In float64: a bias in front of batch norm has gradient 0 up to rounding, and Adam makes steps of that rounding.
    recipe = Recipe(loss=loss, batch=16, lr_g=1e-3, lr_d=1e-3)
    seeds = [3, 1, 4]
    population = Trainer(*build(lambda: G(norm), D, seeds), TwoModes(), recipe, seeds=seeds).fit(100, progress=False)
    for k, seed in enumerate(seeds):
        solo = Trainer(*build(lambda: G(norm), D, seed), TwoModes(), recipe, seeds=seed).fit(100, progress=False)
        for together, alone in ((population.G, solo.G), (population.D, solo.D)):
            for name, value in together.member(k).state_dict().items():
                torch.testing.assert_close(value, alone.state_dict()[name], rtol=0, atol=1e-8, msg=name)


def test_another_member_changes_nothing():
    few = Trainer(*build(G, D, [0, 1]), TwoModes(), RECIPE, seeds=[0, 1]).fit(20, progress=False)
    many = Trainer(*build(G, D, [0, 7, 8]), TwoModes(), RECIPE, seeds=[0, 7, 8]).fit(20, progress=False)
    for name, value in few.G.member(0).state_dict().items():
        torch.testing.assert_close(value, many.G.member(0).state_dict()[name])
    assert not torch.allclose(many.G.member(0).net[0].weight, many.G.member(1).net[0].weight)


def test_a_diverged_member_leaves_the_others_alone():
    nets = build(G, D, [0, 1])
    with torch.no_grad():
        next(nets[0].parameters())[1] = float("nan")
    trainer = Trainer(*nets, TwoModes(), RECIPE, seeds=[0, 1]).fit(10, progress=False)
    finite = trainer.history.groupby("seed").d_loss.apply(lambda values: values.notna().all())
    assert finite.to_dict() == {0: True, 1: False}


def test_batch_norm_buffers_are_kept_for_each_member():
    population = Population([nn.BatchNorm1d(2) for _ in range(3)])
    x = torch.randn(3, 50, 2) + torch.arange(3.0)[:, None, None]
    population(x)
    for k in range(3):
        alone = nn.BatchNorm1d(2)
        alone(x[k])
        for name, value in alone.state_dict().items():
            torch.testing.assert_close(population.member(k).state_dict()[name], value)


def test_eval_reaches_the_members():
    population = Population([nn.BatchNorm1d(2) for _ in range(2)]).eval()
    before = states(population)
    x = torch.randn(2, 5, 2)
    torch.testing.assert_close(population(x), x / (1 + 1e-5) ** 0.5)
    assert all(torch.equal(value, before[name]) for name, value in states(population).items())


def test_build_leaves_the_global_random_state():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    build(G, D, range(3))
    assert torch.equal(torch.rand(3), expected)


def test_build_gives_the_two_nets_different_numbers():
    generator, discriminator = build(lambda: nn.Linear(3, 3), lambda: nn.Linear(3, 3), 0)
    assert not torch.equal(generator.weight, discriminator.weight)


def test_a_population_can_be_saved_and_loaded():
    first, second = (build(G, D, seeds)[0] for seeds in ([0, 1], [2, 3]))
    second.load_state_dict(first.state_dict())
    z = torch.randn(2, 5, 4)
    assert torch.equal(first(z), second(z))


def test_bad_input():
    with pytest.raises(ValueError, match="members is empty"):
        Population([])
    with pytest.raises(ValueError, match="differ in their parameters"):
        Population([nn.Linear(2, 2), nn.Linear(2, 3)])
    population = Population([nn.Linear(2, 2), nn.Linear(2, 2)])
    with pytest.raises(ValueError, match="first axis must be the 2 members"):
        population(torch.zeros(3, 5, 2))
    with pytest.raises(IndexError, match="there are 2 members"):
        population.member(2)


def shared_activation():
    act = nn.LeakyReLU(0.2)
    return nn.Sequential(nn.Linear(2, 8), act, nn.Linear(8, 8), act, nn.Linear(8, 1))


def shared_layer():
    layer = nn.Linear(8, 8)
    return nn.Sequential(nn.Linear(2, 8), layer, nn.Tanh(), layer, nn.Linear(8, 1))


def tied_weights():
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2), nn.Linear(2, 1))
    net[2].weight = net[0].weight
    return net


def on_sequences():
    return nn.Sequential(nn.Unflatten(1, (1, 2)), nn.Linear(2, 4), nn.Flatten(), nn.Linear(4, 1))


def own_forward():
    net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    net[1].forward = torch.sin
    return net


@pytest.mark.parametrize("make", [shared_activation, shared_layer, tied_weights, on_sequences, own_forward])
def test_networks_that_use_a_part_twice_or_otherwise(make):
    members, x = [make() for _ in range(3)], torch.randn(3, 5, 2)
    expected = torch.stack([member(x[k]) for k, member in enumerate(members)])
    torch.testing.assert_close(Population(members)(x), expected, rtol=1e-5, atol=1e-6)


def test_frozen_layers_stay_frozen_and_buffers_that_are_not_saved_come_along():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 1)
            self.layer.weight.requires_grad_(False)
            self.register_buffer("shift", torch.randn(1), persistent=False)

        def forward(self, x):
            return self.layer(x) + self.shift

    members, x = [Net() for _ in range(2)], torch.randn(2, 5, 2)
    population = Population(members)
    assert [p.requires_grad for p in population.parameters()] == [False, True]
    torch.testing.assert_close(population.member(1)(x[1]), members[1](x[1]))
