"""The losses against SymPy's formulas, and at the edges: extreme logits, populations, bad input."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganlab.losses import LOSSES, get, softplus
from ganlab.theory.derivations import FORMULAS, derive
from ganlab.theory.symbols import as_function, f, r

NAMES = list(LOSSES)
# Kinks (hinge at +-1) have no derivative: stay off them.
logits = st.floats(-30, 30).filter(lambda x: min(abs(x - 1), abs(x + 1)) > 1e-6)
batches = st.lists(st.tuples(logits, logits), min_size=1, max_size=8)


def column(pairs, index):
    return torch.tensor([pair[index] for pair in pairs], dtype=torch.float64, requires_grad=True)


def test_every_loss_has_its_formula():
    assert list(LOSSES) == list(FORMULAS)
    assert all(name == loss.name for name, loss in LOSSES.items())


@pytest.mark.parametrize("name", NAMES)
@given(pairs=batches)
def test_values_and_slopes_are_those_of_the_formulas(name, pairs):
    real, fake = column(pairs, 0), column(pairs, 1)
    n, derivation = len(pairs), derive(name)
    d_loss, g_loss = LOSSES[name].d_loss(real, fake), LOSSES[name].g_loss(fake, real)
    d_exact = as_function(derivation.discriminator, r, f)(real, fake).mean()
    g_exact = as_function(derivation.generator, r, f)(real, fake).mean()
    torch.testing.assert_close(d_loss, d_exact, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(g_loss, g_exact, rtol=1e-12, atol=1e-12)

    d_slopes = torch.autograd.grad(d_loss, (real, fake))
    g_slope = torch.autograd.grad(g_loss, fake)[0]
    for measured, loss, logit in (
        (d_slopes[0], derivation.discriminator, r),
        (d_slopes[1], derivation.discriminator, f),
        (g_slope, derivation.generator, f),
    ):
        exact = as_function(loss.diff(logit), r, f)(real.detach(), fake.detach()) / n
        torch.testing.assert_close(measured, exact, rtol=0, atol=1e-10)


@given(x=st.floats(-200, 200))
def test_softplus_is_exact_on_both_sides_of_torchs_threshold(x):
    exact = x + math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x))
    assert softplus(torch.tensor(x, dtype=torch.float64)).item() == pytest.approx(exact, rel=1e-14, abs=0)


# The loss at (real, fake) = (left, right), to be compared with what the formula tends to.
ASYMPTOTES = {
    ("minimax", -1000.0, 1000.0): (2000.0, -1000.0),
    ("minimax", 1000.0, -1000.0): (0.0, 0.0),
    ("nonsaturating", 1000.0, -1000.0): (0.0, 1000.0),
    ("nonsaturating", -1000.0, 1000.0): (2000.0, 0.0),
    ("least_squares", 1000.0, -1000.0): (999.0**2 / 2 + 1000.0**2 / 2, 1001.0**2 / 2),
    ("hinge", -1000.0, 1000.0): (2002.0, -1000.0),
    ("hinge", 1000.0, -1000.0): (0.0, 1000.0),
    ("wasserstein", 1000.0, -1000.0): (-2000.0, 1000.0),
    ("relativistic", 1000.0, -1000.0): (0.0, 2000.0),
    ("relativistic", -1000.0, 1000.0): (2000.0, 0.0),
}


@pytest.mark.parametrize(("case", "expected"), ASYMPTOTES.items(), ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_logits_give_the_asymptote(case, expected, dtype):
    name, left, right = case
    real = torch.full((4,), left, dtype=dtype, requires_grad=True)
    fake = torch.full((4,), right, dtype=dtype, requires_grad=True)
    d_loss, g_loss = LOSSES[name].d_loss(real, fake), LOSSES[name].g_loss(fake, real)
    assert d_loss.item() == pytest.approx(expected[0], rel=1e-6)
    assert g_loss.item() == pytest.approx(expected[1], rel=1e-6)
    gradients = [*torch.autograd.grad(d_loss, (real, fake)), torch.autograd.grad(g_loss, fake)[0]]
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("name", ["nonsaturating", "relativistic", "hinge", "wasserstein"])
def test_a_generator_that_loses_badly_keeps_its_slope(name):
    fake = torch.full((4,), -1000.0, requires_grad=True)
    (slope,) = torch.autograd.grad(get(name).g_loss(fake, -fake.detach()), fake)
    torch.testing.assert_close(slope, torch.full((4,), -0.25))


def test_the_minimax_generator_that_loses_badly_has_none():
    fake = torch.full((4,), -1000.0, requires_grad=True)
    (slope,) = torch.autograd.grad(get("minimax").g_loss(fake), fake)
    assert torch.equal(slope, torch.zeros(4))


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**31), members=st.integers(1, 5), batch=st.integers(2, 9))
def test_a_population_is_its_members(name, seed, members, batch):
    generator = torch.Generator().manual_seed(seed)
    real, fake = torch.randn(2, members, batch, generator=generator, dtype=torch.float64).requires_grad_()
    loss = LOSSES[name]
    d_loss, g_loss = loss.d_loss(real, fake), loss.g_loss(fake, real)
    assert d_loss.shape == g_loss.shape == (members,)
    d_slope, g_slope = torch.autograd.grad(d_loss.sum(), fake)[0], torch.autograd.grad(g_loss.sum(), fake)[0]
    for k in range(members):
        alone = fake[k].detach().requires_grad_()
        solo_d, solo_g = loss.d_loss(real[k], alone), loss.g_loss(alone, real[k])
        torch.testing.assert_close(d_loss[k], solo_d)
        torch.testing.assert_close(g_loss[k], solo_g)
        torch.testing.assert_close(d_slope[k], torch.autograd.grad(solo_d, alone)[0])
        torch.testing.assert_close(g_slope[k], torch.autograd.grad(solo_g, alone)[0])


@pytest.mark.parametrize("name", NAMES)
def test_compiles_without_a_graph_break_and_runs_under_vmap(name):
    loss = LOSSES[name]

    def both(real, fake):
        return loss.d_loss(real, fake), loss.g_loss(fake, real)

    real, fake = torch.randn(2, 3, 8)
    expected = both(real, fake)
    compiled = torch.compile(both, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(real, fake), expected)
    torch.testing.assert_close(torch.vmap(both)(real, fake), expected)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("real", "fake", "error", "message"),
    [
        (torch.zeros(4), torch.zeros(4, 1), ValueError, r"\(4, 1\).*squeeze"),
        (torch.zeros(4, 1), torch.zeros(4, 1), ValueError, r"\(4, 1\).*squeeze"),
        (torch.zeros(4), torch.zeros(5), ValueError, r"\(4,\).*\(5,\).*equal"),
        (torch.zeros(2, 4), torch.zeros(4), ValueError, "equal"),
        (torch.tensor(0.0), torch.tensor(0.0), ValueError, "not yet averaged"),
        (torch.zeros(0), torch.zeros(0), ValueError, r"\(0,\)"),
        (torch.zeros(4, 1, 3, 3), torch.zeros(4, 1, 3, 3), ValueError, r"\(4, 1, 3, 3\).*D\(x\).flatten\(\)"),
        (torch.zeros(4, 1, 9), torch.zeros(4, 1, 9), ValueError, r"\(4, 1, 9\).*every place counts as one more"),
        ([torch.zeros(4)], [torch.zeros(4)], TypeError, "is a list.*of several scales take the loss of each"),
        (torch.zeros(4, dtype=torch.bool), torch.zeros(4), TypeError, "torch.bool.*floats"),
        (torch.zeros(4), torch.zeros(4, dtype=torch.int64), TypeError, "torch.int64.*floats"),
        (torch.zeros(4, dtype=torch.complex64), torch.zeros(4), TypeError, "complex64"),
        (torch.zeros(4), [0.0] * 4, TypeError, "fake is a list"),
        (0.5, torch.zeros(4), TypeError, "real is a float"),
    ],
)
def test_bad_logits_are_named(name, real, fake, error, message):
    with pytest.raises(error, match=message):
        LOSSES[name].d_loss(real, fake)
    with pytest.raises(error, match=message):
        LOSSES[name].g_loss(fake, real)


@pytest.mark.parametrize("name", NAMES)
def test_a_map_of_logits_goes_in_flat(name):
    """The mean over all places of all samples, as a loop over single logits gives it."""
    real, fake = torch.randn(2, 4, 1, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    loss = get(name)
    each = [(loss.d_loss(r[None], f[None]), loss.g_loss(f[None], r[None])) for r, f in
            zip(real.flatten(), fake.flatten(), strict=True)]  # fmt: skip
    d_loss, g_loss = (torch.stack(values).mean() for values in zip(*each, strict=True))
    torch.testing.assert_close(loss.d_loss(real.flatten(), fake.flatten()), d_loss)
    torch.testing.assert_close(loss.g_loss(fake.flatten(), real.flatten()), g_loss)


@pytest.mark.parametrize(
    "reshape", [torch.squeeze, torch.flatten, lambda x: x[:, 0], lambda x: x.T[0], torch.Tensor.double]
)
def test_probabilities_are_refused(reshape):
    net = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Sigmoid())
    fake = reshape(net(torch.randn(5, 3)))
    with pytest.raises(ValueError, match="output of a sigmoid"):
        get("nonsaturating").g_loss(fake if fake.ndim == 1 else fake.squeeze(-1))


def test_a_sigmoid_inside_the_discriminator_is_fine():
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Sigmoid(), torch.nn.Linear(4, 1))
    assert get("nonsaturating").g_loss(net(torch.randn(5, 3)).squeeze(-1)).isfinite()


def test_the_relativistic_generator_asks_for_real_logits():
    assert [name for name in NAMES if LOSSES[name].needs_real] == ["relativistic"]
    with pytest.raises(ValueError, match=r"real is missing.*g_loss\(fake, real\)"):
        get("relativistic").g_loss(torch.zeros(4))


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match="unknown loss 'wgan'; known: minimax, nonsaturating, least_squares, hinge"):
        get("wgan")
