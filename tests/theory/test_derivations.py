"""The derivations against elementary calculus, numerical minimisation and numerical divergences."""

import itertools

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.special import rel_entr

from ganlab.theory.derivations import (
    AT_OPTIMUM,
    DESCENDED,
    DIVERGENCES,
    FORMULAS,
    JSD,
    KL_PM,
    KL_QP,
    TRIANGULAR,
    TV,
    array,
    derive,
    table,
)
from ganlab.theory.symbols import Relu, Sigmoid, Softplus, Step, as_function, delta, f, l, latex, r

p, q = sp.symbols("p q", positive=True)
TERMS = ("real", "fake", "generator")
SEPARABLE = [name for name in FORMULAS if not derive(name).pairs]
BOUNDED = [name for name in FORMULAS if derive(name).optimum.logit is not None]

densities = st.floats(0.01, 10)
distributions = st.lists(st.tuples(densities, densities), min_size=2, max_size=7).map(
    lambda pairs: tuple(np.array(column) / np.sum(column) for column in zip(*pairs, strict=True))
)


def number(expression, *symbols):
    return as_function(expression, *symbols, library="numpy")


def jensen_shannon(a, b):
    middle = (a + b) / 2
    return (rel_entr(a, middle) + rel_entr(b, middle)).sum() / 2


# The named functions.


@pytest.mark.parametrize("function", [Sigmoid, Softplus])
def test_named_functions_differentiate_like_their_exponentials(function):
    for order in (1, 2, 3):
        named = sp.diff(function(l), l, order).rewrite(sp.exp)
        elementary = sp.diff(function(l).rewrite(sp.exp), l, order)
        assert sp.simplify(named - elementary) == 0


def test_a_softplus_is_minus_the_log_of_a_sigmoid():
    assert sp.simplify(sp.exp(Softplus(l).rewrite(sp.exp)) * Sigmoid(-l).rewrite(sp.exp)) == 1


@given(x=st.floats(-5, 5).filter(lambda x: abs(x) > 1e-3))
def test_relu_and_step_are_what_they_say(x):
    assert Relu(x) == max(0, x) and Step(x) == (x > 0)
    assert number(Relu(l), l)(np.array(x)) == max(0, x)
    assert number(Relu(l).diff(l), l)(np.array(x)) == (x > 0)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_constant_becomes_a_function_of_its_arguments_shape(library):
    torch = pytest.importorskip("torch")
    x = {"numpy": np.zeros, "torch": torch.zeros}[library]((2, 3))
    slope = as_function(derive("wasserstein").slope("generator"), l, library=library)(x)
    assert slope.shape == (2, 3) and (slope == -1).all()


def test_an_unknown_library_and_an_unknown_loss_list_the_known():
    with pytest.raises(ValueError, match="unknown library 'jax'; known: numpy, torch"):
        as_function(l, l, library="jax")
    with pytest.raises(ValueError, match="unknown loss 'gan'; known: minimax"):
        derive("gan")
    with pytest.raises(ValueError, match="unknown term 'noise'; known: real, fake, generator"):
        derive("hinge").slope("noise")
    with pytest.raises(ValueError, match="unknown term 'noise'"):
        derive("hinge").term("noise")


# Terms and slopes.


@pytest.mark.parametrize("name", SEPARABLE)
def test_the_terms_add_up_to_the_loss_and_give_the_slopes(name):
    derivation = derive(name)
    together = derivation.term("real").subs(l, r) + derivation.term("fake").subs(l, f)
    assert sp.expand(together - derivation.discriminator) == 0
    assert derivation.term("generator").subs(l, f) == derivation.generator
    for which, order in itertools.product(TERMS, (1, 2)):
        assert sp.simplify(derivation.slope(which, order) - sp.diff(derivation.term(which), l, order)) == 0


def test_the_pair_loss_depends_on_the_difference_alone():
    derivation = derive("relativistic")
    assert [name for name in FORMULAS if derive(name).pairs] == ["relativistic"]
    assert derivation.variable == delta
    assert derivation.term("real").subs(delta, r - f) == derivation.discriminator
    assert derivation.term("fake").subs(delta, f - r) == derivation.discriminator
    assert derivation.slope("real") == -derivation.slope("fake") == -Sigmoid(-delta)
    assert derivation.slope("generator") == -Sigmoid(delta)


@pytest.mark.parametrize(
    ("name", "expected"),
    {
        # f'(0), f''(0) of D's real term, D's fake term, G's term, by hand.
        "minimax": [(-0.5, 0.25), (0.5, 0.25), (-0.5, -0.25)],
        "nonsaturating": [(-0.5, 0.25), (0.5, 0.25), (-0.5, 0.25)],
        "least_squares": [(-1, 1), (0, 1), (-1, 1)],
        "hinge": [(-1, 0), (1, 0), (-1, 0)],
        "wasserstein": [(-1, 0), (1, 0), (-1, 0)],
        "relativistic": [(-0.5, 0.25), (0.5, 0.25), (-0.5, 0.25)],
    }.items(),
)
def test_slopes_at_zero(name, expected):
    assert [tuple(map(float, derive(name).at_zero(which))) for which in TERMS] == expected


# The optimal discriminator.


@pytest.mark.parametrize("name", [name for name in BOUNDED if name in SEPARABLE])
@given(a=densities, b=densities)
def test_the_optimal_logit_is_the_numerical_minimum(name, a, b):
    derivation, optimum = derive(name), derive(name).optimum
    loss = number(p * derivation.term("real") + q * derivation.term("fake"), p, q, l)
    found = minimize_scalar(lambda x: loss(a, b, x), bounds=(-20, 20), method="bounded", options={"xatol": 1e-10})
    assert number(optimum.value, p, q)(a, b) == pytest.approx(found.fun, abs=1e-6)
    if name != "hinge" or abs(a - b) > 0.01:  # hinge: at p = q every logit in [-1, 1] is as good
        assert number(optimum.logit, p, q)(np.array(a), np.array(b)) == pytest.approx(found.x, abs=1e-4)


@given(a=densities, b=densities)
def test_the_optimal_probability_is_p_over_p_plus_q(a, b):
    for name in ("minimax", "nonsaturating"):
        assert number(derive(name).optimum.probability, p, q)(a, b) == pytest.approx(a / (a + b))
    assert derive("least_squares").optimum.logit == p / (p + q)


def test_the_wasserstein_loss_has_no_optimum_without_a_constraint():
    optimum = derive("wasserstein").optimum
    assert optimum.logit is optimum.probability is optimum.value is None
    assert "optimal logit" in table() and table().loc["wasserstein", "optimal logit"] == r"\text{none}"


@given(distributions)
def test_the_best_pair_discriminator_is_the_log_ratio(pair):
    """Minimise over one free logit a point; the loss is convex, and its optimum is unique up to a constant."""
    data, generated = pair
    weights = np.outer(data, generated)
    loss = number(derive("relativistic").discriminator, r, f)
    slope = number(derive("relativistic").discriminator.diff(r), r, f)

    def value_and_gradient(logits):
        differences = (logits[:, None], logits[None, :])
        slopes = weights * slope(*differences)
        return (weights * loss(*differences)).sum(), slopes.sum(1) - slopes.sum(0)

    found = minimize(value_and_gradient, np.zeros(data.size), jac=True, options={"gtol": 1e-9})
    ratio = np.log(data / generated)
    assert value_and_gradient(ratio)[1] == pytest.approx(0, abs=1e-12)
    assert value_and_gradient(ratio)[0] <= found.fun + 1e-9
    js = jensen_shannon(weights, weights.T)
    assert value_and_gradient(ratio)[0] == pytest.approx(float(AT_OPTIMUM["relativistic"].subs(JSD, js)))


# Divergences.


@pytest.mark.parametrize("name", AT_OPTIMUM)
def test_the_value_at_the_optimum_is_the_divergence_symbolically(name):
    gap = sp.Symbol("gap", positive=True)
    pairs = 2 if derive(name).pairs else 1  # each pair (x, y) is also the pair (y, x)
    constant, divergences = AT_OPTIMUM[name].as_independent(*DIVERGENCES, as_Add=True)
    at_point = constant * (p + q) / 2 + divergences.subs(DIVERGENCES)  # p + q sums to 2
    difference = derive(name).optimum.value - pairs * at_point
    for cases in (difference.subs(p, q + gap), difference.subs(q, p + gap)):  # p > q, p < q
        folded = sp.simplify(sp.expand_log(sp.piecewise_fold(cases), force=True))
        assert sp.simplify(sp.logcombine(folded, force=True)) == 0


@given(distributions)
def test_the_divergences_are_the_textbook_sums(pair):
    data, generated = pair
    sums = {name: number(summand, p, q)(data, generated).sum() for name, summand in DIVERGENCES.items()}
    assert sums[JSD] == pytest.approx(jensen_shannon(data, generated), abs=1e-12)
    assert sums[TV] == pytest.approx(np.abs(data - generated).sum() / 2)
    assert sums[KL_QP] == pytest.approx(np.sum(generated * (np.log(generated) - np.log(data))), abs=1e-12)
    assert sums[KL_PM] == pytest.approx(rel_entr(data, (data + generated) / 2).sum(), abs=1e-12)
    assert sums[TRIANGULAR] == pytest.approx(2 - 4 * np.sum(1 / (1 / data + 1 / generated)), abs=1e-12)


@pytest.mark.parametrize("name", [name for name in AT_OPTIMUM if name in SEPARABLE])
@given(pair=distributions)
def test_d_at_its_best_measures_the_divergence(name, pair):
    """By minimising each point's loss numerically: independent of the symbolic optimum."""
    data, generated = pair
    derivation = derive(name)
    loss = number(p * derivation.term("real") + q * derivation.term("fake"), p, q, l)
    best = sum(
        minimize_scalar(lambda x, a=a, b=b: loss(a, b, x), bounds=(-10, 10), method="bounded").fun
        for a, b in zip(data, generated, strict=True)
    )
    sums = {symbol: number(summand, p, q)(data, generated).sum() for symbol, summand in DIVERGENCES.items()}
    assert best == pytest.approx(float(AT_OPTIMUM[name].subs(sums)), abs=1e-4)


@pytest.mark.parametrize("name", [name for name in DESCENDED if name in SEPARABLE])
@given(pair=distributions, seed=st.integers(0, 2**31))
def test_g_descends_the_named_divergence(name, pair, seed):
    """A generator on finitely many points, q = softmax(theta): its gradient with D frozen at its best for this q
    is the gradient of the divergence."""
    data, generated = pair
    derivation = derive(name)
    per_sample = number(derivation.term("generator").subs(l, derivation.optimum.logit), p, q)(data, generated)
    jacobian = np.diag(generated) - np.outer(generated, generated)  # of the softmax
    frozen = jacobian @ per_sample

    def divergence(theta):
        moved = np.exp(theta) / np.exp(theta).sum()
        return number(DESCENDED[name].subs(DIVERGENCES), p, q)(data, moved).sum()

    if name == "hinge" and np.abs(data - generated).min() < 1e-3:
        return  # the kink of |p - q|
    theta, direction = np.log(generated), np.random.default_rng(seed).normal(size=data.size)
    step = 1e-5 / np.abs(direction).max()
    slope = (divergence(theta + step * direction) - divergence(theta - step * direction)) / (2 * step)
    assert frozen @ direction == pytest.approx(slope, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("name", ["minimax", "nonsaturating", "least_squares"])
def test_g_descends_the_named_divergence_symbolically(name):
    derivation = derive(name)
    per_sample = derivation.term("generator").subs(l, derivation.optimum.logit).rewrite(sp.exp)
    difference = sp.diff(DESCENDED[name].subs(DIVERGENCES), q) - per_sample
    assert sp.simplify(sp.diff(difference, q)) == 0  # a constant: it moves no probability
    assert sp.simplify(sp.diff(difference, p)) == 0


@given(pair=distributions, seed=st.integers(0, 2**31))
def test_the_relativistic_g_descends_a_divergence_of_samples_and_pairs(pair, seed):
    """Its loss on a fake y is the mean over real x of softplus(l(x) - l(y)), with l = log p/q."""
    data, generated = pair
    best = np.log(data / generated)
    per_sample = (data[:, None] * np.logaddexp(0, best[:, None] - best)).sum(0)
    frozen = (np.diag(generated) - np.outer(generated, generated)) @ per_sample
    terms = DESCENDED["relativistic"].as_coefficients_dict()

    def divergence(theta):
        moved = np.exp(theta) / np.exp(theta).sum()
        pairs = np.outer(data, moved)  # p(x) q(y); transposed, q(x) p(y)
        value = {KL_QP: rel_entr(moved, data).sum(), JSD: jensen_shannon(pairs, pairs.T)}
        return sum(float(factor) * value[symbol] for symbol, factor in terms.items())

    theta, direction = np.log(generated), np.random.default_rng(seed).normal(size=data.size)
    step = 1e-5 / np.abs(direction).max()
    slope = (divergence(theta + step * direction) - divergence(theta - step * direction)) / (2 * step)
    assert frozen @ direction == pytest.approx(slope, rel=1e-4, abs=1e-7)
    assert divergence(theta) >= -1e-12 and divergence(np.log(data)) == pytest.approx(0, abs=1e-12)


@given(distributions)
def test_what_the_nonsaturating_g_descends_is_twice_one_kullback_leibler_divergence(pair):
    data, generated = pair
    value = float(DESCENDED["nonsaturating"].subs(
        {symbol: number(summand, p, q)(data, generated).sum() for symbol, summand in DIVERGENCES.items()}
    ))  # fmt: skip
    assert value == pytest.approx(2 * rel_entr((data + generated) / 2, data).sum(), abs=1e-12)


# What the page prints.


def test_latex_is_what_one_would_print():
    assert latex(derive("minimax").slope("generator")) == r"- \sigma(\ell)"
    assert latex(derive("nonsaturating").slope("generator")) == r"- \sigma(- \ell)"
    assert latex(derive("hinge").slope("real")) == r"- \mathbf{1}[\ell < 1]"
    assert latex(derive("hinge").slope("fake")) == r"\mathbf{1}[\ell > -1]"
    assert latex(derive("relativistic").discriminator) == r"\log(1 + e^{\ell_f - \ell_r})"


def test_the_table_has_a_row_a_loss_and_the_array_a_line_a_row():
    frame = table()
    assert list(frame.index) == list(FORMULAS)
    assert frame.loc["nonsaturating", "generator slope"] == latex(derive("nonsaturating").slope("generator"))
    assert frame.loc["nonsaturating", "G then descends"] == r"\mathrm{KL}(q\Vert p) - 2 \mathrm{JSD}"
    assert frame.map(lambda cell: isinstance(cell, str) and "$" not in cell).all(axis=None)
    printed = array(frame[["real slope", "fake slope"]])
    assert printed.count(r"\\") == len(FORMULAS) and printed.startswith(r"\begin{array}{lcc}")
    assert r"\text{least squares} & \ell - 1 & \ell" in printed
