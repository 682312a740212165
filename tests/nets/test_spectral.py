"""Spectral normalisation against the singular value decomposition, in populations, under penalties and compile."""

import contextlib

import pytest
import torch
from small import G, TwoModes
from torch import nn

from ganlab.nets import Discriminator, SpectralNorm, dcgan_discriminator, mlp_discriminator, spectrally_normalised
from ganlab.nets.spectral import held
from ganlab.penalties import r1
from ganlab.population import Population, build
from ganlab.train import Recipe, Trainer

LAYERS = {
    "linear": (lambda: nn.Linear(6, 9), (3, 6), 0),
    "conv": (lambda: nn.Conv2d(3, 8, 3), (2, 3, 6, 6), 0),
    "conv 1d": (lambda: nn.Conv1d(3, 8, 3), (2, 3, 6), 0),
    "conv 3d": (lambda: nn.Conv3d(2, 6, 2), (2, 2, 4, 4, 4), 0),
    "transposed 1d": (lambda: nn.ConvTranspose1d(4, 6, 4), (2, 4, 5), 1),
    "transposed 3d": (lambda: nn.ConvTranspose3d(4, 6, 2), (2, 4, 3, 3, 3), 1),
    "transposed": (lambda: nn.ConvTranspose2d(4, 6, 4, stride=2), (2, 4, 5, 5), 1),
    "transposed groups": (lambda: nn.ConvTranspose2d(4, 6, 4, groups=2), (2, 4, 5, 5), 1),
}


def largest(layer, axis):
    return torch.linalg.svdvals(layer.weight.detach().transpose(0, axis).flatten(1))[0]


def discriminator(shape=(2,)):
    return spectrally_normalised(mlp_discriminator(shape, width=8, activation="tanh"))


@pytest.mark.parametrize(("make", "shape", "axis"), LAYERS.values(), ids=LAYERS)
def test_sigma_and_output_are_those_of_the_svd(double, make, shape, axis):
    layer, x = make(), torch.randn(shape)
    normed = SpectralNorm(layer)
    for _ in range(300):
        normed(x)
    torch.testing.assert_close(normed.sigma().detach(), largest(layer, axis), rtol=1e-6, atol=0)
    bias = layer.bias.reshape(-1, *[1] * (x.ndim - 2))
    torch.testing.assert_close(normed(x), (layer(x) - bias) / largest(layer, axis) + bias, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_it_agrees_with_torch_from_the_same_start(double, kind):
    make, shape, _ = LAYERS[kind]
    ours, x = SpectralNorm(make()), torch.randn(shape)
    theirs = make()
    theirs.load_state_dict(ours.layer.state_dict())
    theirs = nn.utils.parametrizations.spectral_norm(theirs)
    theirs.parametrizations.weight[0]._u.copy_(ours.u)
    theirs.parametrizations.weight[0]._v.copy_(ours._power(ours._matrix().detach(), 0)[1])
    for _ in range(3):
        torch.testing.assert_close(ours(x), theirs(x))
    ours(x).square().sum().backward()
    theirs(x).square().sum().backward()
    torch.testing.assert_close(ours.layer.weight.grad, theirs.parametrizations.weight.original.grad)


def test_one_step_a_pass_follows_weights_that_move():
    torch.manual_seed(0)
    normed = SpectralNorm(nn.Linear(20, 30))
    optimizer = torch.optim.Adam(normed.parameters(), 1e-3)
    x, target = torch.randn(64, 20), torch.randn(64, 30)
    for _ in range(50):
        optimizer.zero_grad()
        (normed(x) - target).square().mean().backward()
        optimizer.step()
    assert normed.eval().sigma().item() == pytest.approx(largest(normed.layer, 0).item(), rel=0.01)


def test_the_gradient_is_that_of_the_formula(double):
    """Miyato et al. 2018, section 2.2: the gradient of the layer, less its part along u v', over sigma."""
    normed, x = SpectralNorm(nn.Linear(4, 5, bias=False)).eval(), torch.randn(3, 4)
    u, v = normed._power(normed.layer.weight.detach(), 0)
    sigma = normed.sigma().detach()
    free = (normed.layer.weight.detach() / sigma).requires_grad_()
    (outer,) = torch.autograd.grad(nn.functional.linear(x, free).square().sum(), free)
    (ours,) = torch.autograd.grad(normed(x).square().sum(), normed.layer.weight)
    torch.testing.assert_close(ours, (outer - (outer * free).sum() * torch.outer(u, v)) / sigma)


def test_the_vector_is_saved_moves_in_training_and_rests_in_eval_and_when_held():
    normed, x = SpectralNorm(nn.Linear(4, 5)), torch.randn(3, 4)
    assert "u" in normed.state_dict()
    normed.u.copy_(nn.functional.normalize(torch.randn(5), dim=0))

    def moved():
        before = normed.u.clone()
        normed(x)
        return not torch.equal(normed.u, before)

    assert moved()
    with held(normed):
        assert not moved()
    assert not normed.held
    normed.eval()
    assert not moved()


def test_two_passes_before_one_backward():
    normed, x = SpectralNorm(nn.Linear(4, 5)), torch.randn(3, 4)
    (normed(x).sum() - normed(-x).sum()).backward()
    assert normed.layer.weight.grad.isfinite().all()


def test_every_layer_of_a_network_is_wrapped_once():
    net = spectrally_normalised(dcgan_discriminator((1, 16, 16), width=4))
    wrapped = [m.layer for m in net.modules() if isinstance(m, SpectralNorm)]
    plain = [m for m in net.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert plain == wrapped
    count = len(list(net.modules()))
    assert len(list(spectrally_normalised(net).modules())) == count
    assert net(torch.randn(2, 1, 16, 16)).shape == (2,)


def test_a_normalised_network_is_1_lipschitz_and_a_plain_one_is_not():
    torch.manual_seed(0)
    plain = mlp_discriminator((2,), width=64, init="he")
    x = torch.randn(256, 2)
    assert (2 * r1(plain, x)).sqrt() > 1
    normed = spectrally_normalised(plain)
    for _ in range(50):
        normed(x)
    assert (2 * r1(normed, x)).sqrt() < 1


def test_a_population_keeps_a_vector_for_each_member():
    members = [discriminator() for _ in range(3)]
    population, x = Population(members), torch.randn(3, 5, 2)
    for _ in range(3):
        out = population(x)
        torch.testing.assert_close(out, torch.stack([net(x[k]) for k, net in enumerate(members)]))
    for k, net in enumerate(members):
        for name, value in net.state_dict().items():
            torch.testing.assert_close(population.member(k).state_dict()[name], value)


@pytest.mark.parametrize("penalty", [None, "r1", "wgan_gp"])
def test_member_equals_its_solo_run(double, penalty):
    recipe = Recipe(penalty=penalty, batch=16, lr_g=1e-3, lr_d=1e-3)
    population = Trainer(*build(G, discriminator, [3, 1]), TwoModes(), recipe, seeds=[3, 1]).fit(20, progress=False)
    for k, seed in enumerate([3, 1]):
        solo = Trainer(*build(G, discriminator, seed), TwoModes(), recipe, seeds=seed).fit(20, progress=False)
        for name, value in population.D.member(k).state_dict().items():
            torch.testing.assert_close(value, solo.D.state_dict()[name], rtol=0, atol=1e-9)


def test_compiled_equals_eager():
    net, x = discriminator(), torch.randn(5, 2)
    compiled = torch.compile(lambda x: net(x).sum() + r1(net, x), backend="aot_eager", fullgraph=True)
    start = {name: value.clone() for name, value in net.state_dict().items()}
    first, u = compiled(x), net.body[1].u.clone()
    net.load_state_dict(start)
    torch.testing.assert_close(first, net(x).sum() + r1(net, x))
    torch.testing.assert_close(u, net.body[1].u)


def test_bad_input():
    with pytest.raises(TypeError, match="layer is a ReLU: spectral normalisation takes Linear"):
        SpectralNorm(nn.ReLU())
    with pytest.raises(ValueError, match="steps is 0"):
        SpectralNorm(nn.Linear(2, 2), steps=0)
    assert isinstance(discriminator(), Discriminator)


def diagonal():
    """W = diag(4, 2): sigma is 4, and its singular vectors are (1, 0)."""
    layer = nn.Linear(2, 2, bias=False)
    layer.weight.data = torch.tensor([[4.0, 0.0], [0.0, 2.0]])
    normed = SpectralNorm(layer)
    normed.u.copy_(torch.tensor([1.0, 0.0]))
    return normed


@pytest.mark.parametrize("still", [True, False], ids=["held", "advancing"])
def test_a_later_pass_does_not_reach_into_the_graph_of_an_earlier_one(still):
    """y = W22 / sigma at x = (0, 1): its slope is 1/4 for W22, -2/16 for W11, which is sigma."""
    normed, x = diagonal(), torch.tensor([[0.0, 1.0]])
    with held(normed) if still else contextlib.nullcontext():
        y = normed(x)[0, 1]
    normed.u.copy_(torch.tensor([0.6, 0.8]))
    normed(x)
    y.backward()
    torch.testing.assert_close(normed.layer.weight.grad, torch.tensor([[-0.125, 0.0], [0.0, 0.25]]))


def test_the_stored_vector_is_always_the_same_tensor_and_no_result_shares_its_memory():
    normed = diagonal()
    stored, place = normed.u, normed.u.data_ptr()
    for moving in (True, False):
        normed.train(moving)
        normed(torch.ones(1, 2))
        assert normed.u is stored and stored.data_ptr() == place
        u, v = normed._power(normed._matrix().detach(), 0)
        assert place not in (u.data_ptr(), v.data_ptr())
