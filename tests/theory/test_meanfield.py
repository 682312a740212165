"""Mean field against closed forms, Monte Carlo and real networks."""

import math

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ganlab.monitor import snapshot
from ganlab.nets import ACTIVATIONS
from ganlab.theory.meanfield import chi, critical_weight, fixed_point, moments, profile, variance_map

variances = st.floats(0.01, 20)


@pytest.mark.parametrize(("activation", "negative"), [("relu", 0), ("leaky_relu", sp.Rational(1, 5)), ("linear", 1)])
def test_piecewise_linear_moments_are_those_of_sympy(activation, negative):
    z, q = sp.symbols("z q", positive=True)
    density = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
    square = sp.integrate((1 + negative**2) * q * z**2 * density, (z, 0, sp.oo))
    slope = sp.integrate((1 + negative**2) * density, (z, 0, sp.oo))
    for value in (0.1, 1.0, 7.0):
        assert moments(activation, value) == pytest.approx((float(square.subs(q, value)), float(slope)), abs=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_moments_against_monte_carlo(activation):
    q = 1.7
    x = math.sqrt(q) * torch.randn(400_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    y = ACTIVATIONS[activation]()(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert moments(activation, q) == pytest.approx(
        (float((y.detach() ** 2).mean()), float((slope**2).mean())), rel=0.01
    )


@given(q=variances, weight=variances)
def test_he_keeps_relu_level_and_chi_is_half_the_weight(q, weight):
    assert variance_map("relu", q, 2.0) == pytest.approx(q)
    assert chi("relu", q, weight) == pytest.approx(weight / 2)


@given(weight=st.floats(0.1, 1.9), bias=variances)
def test_relu_fixed_point_is_a_geometric_series(weight, bias):
    assert fixed_point("relu", weight, bias) == pytest.approx(bias / (1 - weight / 2))


@given(weight=st.floats(0.5, 8), bias=st.floats(0.01, 2))
def test_tanh_fixed_point_is_fixed(weight, bias):
    q = fixed_point("tanh", weight, bias)
    assert variance_map("tanh", q, weight, bias) == pytest.approx(q)


def test_published_critical_point():
    critical = critical_weight("tanh", 0.05)
    assert critical == pytest.approx(1.7610, abs=5e-4)
    assert chi("tanh", fixed_point("tanh", critical, 0.05), critical) == pytest.approx(1)


@given(weight=variances, depth=st.integers(1, 20))
def test_relu_profile_is_a_power(weight, depth):
    forward, backward = profile("relu", weight, 0.0, depth, first=weight)
    powers = (weight / 2) ** np.arange(1, depth + 1)
    assert forward == pytest.approx(powers)
    assert backward * powers == pytest.approx(np.full(depth, (weight / 2) ** depth))


def wide(activation, weight, bias, depth=8, width=400):
    layers = []
    for _ in range(depth):
        linear = nn.Linear(width, width)
        nn.init.normal_(linear.weight, 0, math.sqrt(weight / width))
        nn.init.normal_(linear.bias, 0, math.sqrt(bias))
        layers += [linear, ACTIVATIONS[activation]()]
    return nn.Sequential(*layers)


@pytest.mark.parametrize("activation", ["relu", "tanh", "silu"])
def test_profile_against_a_wide_network(activation):
    torch.manual_seed(0)
    table = snapshot(wide(activation, 1.5, 0.1), torch.randn(64, 400))
    table = table[table.kind != "Linear"]
    forward, backward = profile(activation, 1.5, 0.1, depth=8, first=1.6)
    measured = (table.grad_rms / table.grad_rms.iloc[-1]).to_numpy() ** 2
    # At width 400 a mean square wanders by about sqrt(5 / 400) a layer.
    assert np.log(table.rms.to_numpy() ** 2) == pytest.approx(np.log(forward), abs=0.5)
    assert np.log(measured) == pytest.approx(np.log(backward), abs=0.5)
    wrong = profile(activation, 3.0, 0.1, depth=8, first=3.1)[1]
    assert abs(np.log(measured[0] / wrong[0])) > 1  # a negative control: another weight does not fit


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: moments("tanhh", 1.0), "tanhh"),
        (lambda: moments("tanh", -1.0), "q=-1"),
        (lambda: moments("tanh", math.inf), "q=inf"),
        (lambda: variance_map("tanh", 1.0, -2.0), "weight=-2"),
        (lambda: variance_map("tanh", 1.0, 1.0, math.nan), "bias=nan"),
        (lambda: fixed_point("relu", 2.5, 0.1), "grows without bound"),
        (lambda: fixed_point("relu", 2.0, 0.1), "not settled"),
        (lambda: critical_weight("tanh", 0.0), "bias=0"),
        (lambda: critical_weight("tanh", 0.05, low=2.0), "does not cross"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
