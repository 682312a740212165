"""Noise in the hidden layers of a generator."""

import copy

import pytest
import torch
from small import D, TwoModes
from torch import nn

from ganlab import nets
from ganlab.latent import NoisyLayers
from ganlab.nets import ACTIVATIONS
from ganlab.population import build
from ganlab.train import Recipe, Trainer


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def mlp(**options):
    return nets.mlp_generator((2,), latent=4, width=8, **options)


def test_it_is_the_sum_written_out(double):
    plain = mlp()
    noisy = NoisyLayers(copy.deepcopy(plain), scale=0.3)
    assert noisy.latent == 4 + 8 + 8
    noise = torch.randn(5, 20, generator=dice())
    z, first, second = noise.split([4, 8, 8], dim=1)
    one, two, three = [layer for layer in plain.body if isinstance(layer, nn.Linear)]
    by_hand = three(torch.relu(two(torch.relu(one(z) + 0.3 * first)) + 0.3 * second))
    torch.testing.assert_close(noisy(noise), by_hand)


def test_behind_a_norm_alone_there_is_no_noise():
    """The scale of a norm is no weight that noise could stand between: only the activation of the two layers has it."""
    G = nn.Sequential(
        nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2), nn.BatchNorm1d(2), nn.Tanh()
    )
    G.latent, G.shape = 4, (2,)
    assert NoisyLayers(G).noise_shapes == [(8,)]


def test_no_noise_is_the_plain_generator():
    plain = mlp(norm="batch")
    noise = torch.randn(64, 20, generator=dice())
    silent = NoisyLayers(copy.deepcopy(plain), scale=0.0)
    assert torch.equal(silent(noise), plain(noise[:, :4]))
    loud = NoisyLayers(copy.deepcopy(plain), scale=1.0, in_eval=False)
    assert torch.equal(loud.eval()(noise), plain.eval()(noise[:, :4]))
    assert not torch.allclose(loud.train()(noise), plain.train()(noise[:, :4]))


def test_in_eval_it_stays_unless_told_otherwise():
    G, noise = NoisyLayers(mlp(), scale=1.0), torch.randn(64, 20, generator=dice())
    assert torch.equal(G(noise), G.eval()(noise))


def test_an_image_gets_one_number_a_place():
    G = NoisyLayers(nets.dcgan_generator((1, 16, 16), latent=4, width=4), scale=0.5, learned=True)
    assert G.latent == 4 + 4 * 4 + 8 * 8
    scales = [module.scale for module in G.modules() if hasattr(module, "noise")]
    assert [tuple(scale.shape) for scale in scales] == [(8, 1, 1), (4, 1, 1)]
    G(torch.randn(3, G.latent)).square().sum().backward()
    assert all((scale.grad != 0).all() for scale in scales)


@pytest.mark.parametrize("make", [nets.mlp_generator, nets.dcgan_generator, nets.resnet_generator])
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "linear"])
def test_every_generator_takes_it(make, activation):
    G = NoisyLayers(make((1, 8, 8), latent=4, width=8, activation=activation), scale=1.0)
    count = sum(hasattr(module, "noise") for module in G.modules())
    assert count == {"mlp_generator": 2, "dcgan_generator": 1, "resnet_generator": 3}[make.__name__]
    noise = torch.randn(6, G.latent, generator=dice())
    same_z = torch.cat([noise[:1, :4].expand(6, -1), noise[:, 4:]], dim=1)
    assert G(same_z).std(0).max() > 1e-3


def test_scales_are_learned_only_if_asked_for():
    fixed, learned = NoisyLayers(mlp()), NoisyLayers(mlp(), learned=True)
    assert len(list(learned.parameters())) == len(list(fixed.parameters())) + 2


@pytest.mark.parametrize("norm", ["none", "layer"])
@pytest.mark.parametrize("learned", [False, True])
def test_member_equals_its_solo_run(norm, learned, double):
    def run(seeds):
        networks = build(lambda: NoisyLayers(mlp(norm=norm), 0.5, learned), D, seeds)
        return Trainer(*networks, TwoModes(), Recipe(batch=16, lr_g=1e-2, ema=0.9), seeds=seeds).fit(20, progress=False)

    population = run([3, 1])
    for k, seed in enumerate([3, 1]):
        solo = run(seed)
        for name, value in population.G.member(k).state_dict().items():
            torch.testing.assert_close(value, solo.G.state_dict()[name], rtol=0, atol=1e-9)
        torch.testing.assert_close(population.sample(9)[k], solo.sample(9), rtol=0, atol=1e-9)


def test_members_have_noise_of_their_own():
    """Negative control of the test above: with the same weights, two seeds still differ."""
    one = NoisyLayers(mlp(), 0.5)
    networks = build(lambda: copy.deepcopy(one), D, [3, 1])
    run = Trainer(*networks, TwoModes(), Recipe(batch=16), seeds=[3, 1])
    [(_, z)] = run.stream.next()
    assert not torch.allclose(z[0, :, 4:], z[1, :, 4:])
    assert not torch.allclose(*run.G(z))


def test_saved_and_resumed_equals_uninterrupted(tmp_path):
    def run():
        return Trainer(*build(lambda: NoisyLayers(mlp(), 0.5, True), D, [0, 1]), TwoModes(), Recipe(), seeds=[0, 1])

    whole = run().fit(20, progress=False)
    run().fit(7, checkpoint=tmp_path / "run.pt", progress=False)
    resumed = run().fit(20, checkpoint=tmp_path / "run.pt", progress=False)
    assert all(torch.equal(a, b) for a, b in zip(whole.G.parameters(), resumed.G.parameters(), strict=True))


def test_a_failed_pass_leaves_no_noise_behind():
    G = NoisyLayers(mlp())
    with pytest.raises(ValueError, match="4 of z and the noise"):
        G(torch.randn(3, 4))
    with pytest.raises(RuntimeError):
        G(torch.randn(3, 20, dtype=torch.float64))
    assert all(module.noise is None for module in G.modules() if hasattr(module, "noise"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NoisyLayers(mlp(), scale=-1.0), "scale=-1.0: a standard deviation"),
        (lambda: NoisyLayers(mlp(), scale=float("nan")), "scale=nan: a standard deviation"),
        (lambda: NoisyLayers(mlp(activation="linear")), "nowhere for noise"),
        (lambda: NoisyLayers(nn.Linear(2, 2)), "G has no attribute `latent`"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
