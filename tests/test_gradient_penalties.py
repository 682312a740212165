"""WGAN-GP and DRAGAN: closed forms, autograd, finite differences, and the ways they go wrong in the wild."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ganlab.nets import Packed, mlp_discriminator
from ganlab.penalties import dragan, r1, wgan_gp
from ganlab.population import Population


def smooth(shape=(2,), seed=0):
    torch.manual_seed(seed)
    return mlp_discriminator(shape, width=6, activation="tanh").double()


def numbers(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def uniform(*shape, seed=0):
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


REAL, FAKE, ALPHA = numbers(8, 2, seed=1), 3 * numbers(8, 2, seed=2), uniform(8, seed=3)


def slope(net, x, **options):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(net(x).sum(), x, **{"create_graph": True, **options})[0]


def by_autograd(net, x):
    """Sample by sample."""
    norms = torch.stack([slope(net, sample.unsqueeze(0)).norm() for sample in x])
    return (norms - 1).square().mean() / 2


def between(real, fake, alpha):
    alpha = alpha.reshape(-1, *[1] * (real.ndim - 1))
    return alpha * real + (1 - alpha) * fake


@pytest.mark.parametrize("shape", [(2,), (1, 4, 4), (3, 5, 7)])
def test_value_and_gradient_are_those_of_autograd(shape):
    net, real, fake, alpha = smooth(shape), numbers(5, *shape), numbers(5, *shape, seed=1), uniform(5)
    noise = numbers(5, *shape, seed=4)
    pairs = [
        (wgan_gp(net, real, fake, alpha), by_autograd(net, between(real, fake, alpha))),
        (dragan(net, real, noise), by_autograd(net, real + 0.5 * real.std() * noise)),
    ]
    parameters = list(net.parameters())[:-1]  # the last bias has no part in a slope
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)
        gradients = (torch.autograd.grad(value, parameters) for value in (ours, theirs))
        for one, other in zip(*gradients, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-14)


@given(weight=st.lists(st.floats(-10, 10), min_size=1, max_size=6), batch=st.integers(2, 5))
def test_a_linear_critic_has_half_of_its_norm_minus_one_squared(weight, batch):
    w = torch.tensor(weight, dtype=torch.float64)
    real, fake = numbers(batch, len(w)), numbers(batch, len(w), seed=1)
    expected = pytest.approx((w.norm().item() - 1) ** 2 / 2, rel=1e-10, abs=1e-14)
    assert wgan_gp(lambda x: x @ w, real, fake).item() == expected
    assert dragan(lambda x: x @ w, real).item() == expected


@pytest.mark.parametrize("batch", [1, 2, 17, 256])
def test_a_critic_of_slope_one_scores_zero_at_any_batch_size(batch):
    real, fake = numbers(batch, 4) + 9, numbers(batch, 4, seed=1) - 9
    assert wgan_gp(lambda x: x[:, 0].abs(), real, fake).item() == pytest.approx(0, abs=1e-15)
    assert wgan_gp(lambda x: x.norm(dim=1), real, fake).item() == pytest.approx(0, abs=1e-15)


def test_double_backward_by_finite_differences():
    net = smooth()
    names, values = zip(*net.named_parameters(), strict=True)

    def penalty(*values):
        def critic(x):
            return torch.func.functional_call(net, dict(zip(names, values, strict=True)), x)

        return wgan_gp(critic, REAL, FAKE, ALPHA) + dragan(critic, REAL, numbers(8, 2))

    assert torch.autograd.gradcheck(penalty, [v.detach().requires_grad_() for v in values[:-1]] + [values[-1].detach()])


def test_a_slope_of_zero_has_a_finite_gradient():
    net = smooth()
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
    value = wgan_gp(net, REAL, FAKE)
    assert value.item() == 0.5
    assert all(g is None or g.isfinite().all() for g in torch.autograd.grad(value, net.parameters(), allow_unused=True))
    # The control: a square root written out.
    root = (slope(net, REAL).square().sum(1).sqrt() - 1).square().mean()
    assert any(g.isnan().any() for g in torch.autograd.grad(root, list(net.parameters())[:-1]))


def one_norm_for_the_batch(net):
    return (slope(net, between(REAL, FAKE, ALPHA)).norm() - 1).square() / 2


def one_alpha_for_the_batch(net):
    return by_autograd(net, between(REAL, FAKE, ALPHA[:1].expand(8)))


def one_alpha_a_number(net):
    alpha = uniform(8, 2, seed=3)
    return by_autograd(net, alpha * REAL + (1 - alpha) * FAKE)


def alpha_from_a_normal(net):
    return by_autograd(net, between(REAL, FAKE, numbers(8, seed=3)))


def norm_over_the_wrong_axis(net):
    return (slope(net, between(REAL, FAKE, ALPHA)).norm(dim=0) - 1).square().mean() / 2


def real_points_only(net):
    return by_autograd(net, REAL)


def squared_norm(net):
    return (slope(net, between(REAL, FAKE, ALPHA)).square().sum(1) - 1).square().mean() / 2


def slope_of_the_mean_logit(net):
    return by_autograd(lambda x: net(x) / 8, between(REAL, FAKE, ALPHA))


def a_sigmoid_at_the_end(net):
    return by_autograd(lambda x: net(x).sigmoid(), between(REAL, FAKE, ALPHA))


WRONG = [
    one_norm_for_the_batch, one_alpha_for_the_batch, one_alpha_a_number, alpha_from_a_normal, norm_over_the_wrong_axis,
    real_points_only, squared_norm, slope_of_the_mean_logit, a_sigmoid_at_the_end,
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_none_of_the_usual_mistakes_is_ours(wrong):
    net = smooth()
    ours, right = wgan_gp(net, REAL, FAKE, ALPHA), by_autograd(net, between(REAL, FAKE, ALPHA))
    torch.testing.assert_close(ours, right, rtol=1e-12, atol=0)
    assert abs(ours - wrong(net)) > 1e-4


def test_without_create_graph_nothing_is_learnt_and_ours_learns():
    net = smooth()
    lost = (slope(net, between(REAL, FAKE, ALPHA), create_graph=False).norm(dim=1) - 1).square().mean()
    assert not lost.requires_grad
    assert any(g.abs().max() > 0 for g in torch.autograd.grad(wgan_gp(net, REAL, FAKE), list(net.parameters())[:-1]))


@pytest.mark.parametrize(
    "penalty", [lambda D: wgan_gp(D, REAL + 9, FAKE + 9), lambda D: dragan(D, REAL + 9), lambda D: r1(D, REAL + 9)]
)
def test_a_sigmoid_at_the_end_hides_a_steep_critic_and_a_logit_does_not(penalty):
    def push(end):
        steepness = torch.tensor(100.0, dtype=torch.float64, requires_grad=True)
        return torch.autograd.grad(penalty(lambda x: end(steepness * x[:, 0])), steepness)[0].item()

    assert push(torch.sigmoid) == pytest.approx(0, abs=1e-12)  # saturated: no slope, and nothing that would mend it
    assert push(lambda logits: logits) > 90


@pytest.mark.parametrize("penalty", [lambda net: wgan_gp(net, REAL, FAKE), lambda net: dragan(net, REAL)])
def test_batch_norm_is_refused(penalty):
    net = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1), nn.Flatten(0)).double()
    with pytest.raises(ValueError, match="use norm='layer'"):
        penalty(net)


def test_alpha_is_drawn_for_each_sample_between_zero_and_one():
    # From 0 to 1 the point is alpha itself, and so is the slope of x^2 / 2. E(alpha - 1)^2 / 2 = 1/6, and one alpha
    # for the whole batch would scatter around that.
    ends = torch.ones(100_000, 1), torch.zeros(100_000, 1)
    values = [wgan_gp(lambda x: x[:, 0].square() / 2, *ends).item() for _ in range(3)]
    assert values == pytest.approx([1 / 6] * 3, rel=0.02)


@pytest.mark.parametrize("half", ["real", "fake"])
def test_real_and_fake_may_be_of_two_types(half):
    """Under autocast G's samples are of half precision; the points between are of the wider type."""
    pair = {"real": numbers(8, 2).float(), "fake": numbers(8, 2, seed=1).float()}
    pair[half] = pair[half].bfloat16()
    found = wgan_gp(smooth().float(), **pair, alpha=ALPHA.float())
    rounded = {name: x.double() for name, x in pair.items()}
    torch.testing.assert_close(found.double(), wgan_gp(smooth(), **rounded, alpha=ALPHA), rtol=1e-4, atol=0)


def test_the_ends_of_alpha():
    net = smooth()
    torch.testing.assert_close(wgan_gp(net, REAL, FAKE, torch.ones(8)), by_autograd(net, REAL))
    torch.testing.assert_close(wgan_gp(net, REAL, FAKE, torch.zeros(8)), by_autograd(net, FAKE))


def test_a_population_has_one_value_a_member():
    members = [smooth(seed=seed) for seed in range(3)]
    real, fake, alpha, noise = numbers(3, 5, 2), numbers(3, 5, 2, seed=1), uniform(3, 5), numbers(3, 5, 2, seed=2)
    population = Population(members)
    expected = torch.stack([wgan_gp(net, real[k], fake[k], alpha[k]) for k, net in enumerate(members)])
    torch.testing.assert_close(wgan_gp(population, real, fake, alpha), expected, rtol=1e-12, atol=0)
    expected = torch.stack([dragan(net, real[k], noise[k]) for k, net in enumerate(members)])
    torch.testing.assert_close(dragan(population, real, noise), expected, rtol=1e-12, atol=0)


def test_a_pack_has_one_alpha():
    net = Packed(smooth((4,)), 2)
    expected = wgan_gp(net.D, REAL.reshape(4, 4), FAKE.reshape(4, 4), ALPHA[:4])
    torch.testing.assert_close(wgan_gp(net, REAL, FAKE, ALPHA[:4]), expected)
    both = wgan_gp(Population([net]), REAL[None], FAKE[None], ALPHA[None, :4])
    torch.testing.assert_close(both[0], expected)


@pytest.mark.parametrize("penalty", [lambda net, x: wgan_gp(net, x, -x, ALPHA), lambda net, x: dragan(net, x, REAL)])
def test_compiled_equals_eager(penalty):
    net = smooth()
    parameters = list(net.parameters())[:-1]
    compiled = torch.compile(lambda x: penalty(net, x), backend="aot_eager", fullgraph=True)
    eager = torch.autograd.grad(penalty(net, REAL), parameters)
    for one, other in zip(torch.autograd.grad(compiled(REAL), parameters), eager, strict=True):
        torch.testing.assert_close(one, other)


def test_bad_input():
    with pytest.raises(ValueError, match="must be equal"):
        wgan_gp(smooth(), REAL, FAKE[:4])
    with pytest.raises(ValueError, match="one number for each pair"):
        wgan_gp(smooth(), REAL, FAKE, uniform(8, 1))
    with pytest.raises(ValueError, match="must be equal"):
        dragan(smooth(), REAL, numbers(8, 1))
