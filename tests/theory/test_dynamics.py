"""Two-number games: the field against autograd of the losses, steps against matrices, rates against runs."""

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganlab import losses
from ganlab.theory import dynamics
from ganlab.theory.derivations import FORMULAS
from ganlab.theory.dynamics import METHODS, REGULARISERS, TIMINGS, Game, State, bilinear, dirac, growth, trajectory

EVERY = [(loss, regulariser) for loss in FORMULAS for regulariser in REGULARISERS]
SMOOTH = [(loss, regulariser) for loss, regulariser in EVERY if regulariser != "gradient_penalty"]
PLAYED = [(method, timing) for method in METHODS for timing in TIMINGS]
coordinate = st.floats(-2, 2).filter(lambda value: abs(value) > 1e-3)


def norms(path):
    return np.linalg.norm(path, axis=1)


def autograd_field(loss, theta, psi):
    """The same field from the library's losses on logits of one real and one generated point."""
    pair, centre = losses.get(loss), 0.5 if loss == "least_squares" else 0.0
    theta, psi = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (theta, psi))
    real, fake = (psi * 0 + centre)[None], (centre + psi * theta)[None]
    (v_theta,) = torch.autograd.grad(-pair.g_loss(fake, real), theta, retain_graph=True)
    (v_psi,) = torch.autograd.grad(-pair.d_loss(real, fake), psi)
    return v_theta.item(), v_psi.item()


@pytest.mark.parametrize("loss", FORMULAS)
@settings(max_examples=20, deadline=None)
@given(theta=coordinate, psi=coordinate)
def test_field_is_that_of_the_library_losses(loss, theta, psi):
    ours = [float(part(theta, psi)) for part in dynamics.velocities(dirac(loss))]
    assert ours == pytest.approx(autograd_field(loss, theta, psi), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize(
    ("regulariser", "added"),
    [
        ("r1", lambda theta, psi, weight: (0, -weight * psi)),
        ("gradient_penalty", lambda theta, psi, weight: (0, -weight * (abs(psi) - 1) * np.sign(psi))),
        # Wasserstein: speed^2 = psi^2 + theta^2.
        ("consensus", lambda theta, psi, weight: (-weight * theta, -weight * psi)),
        ("instance_noise", lambda theta, psi, weight: (0, 0)),
        ("clip", lambda theta, psi, weight: (0, 0)),
    ],
)
def test_what_a_regulariser_adds_to_the_wasserstein_field(regulariser, added):
    for theta, psi, weight in ((1.0, 0.5, 0.3), (-0.7, -1.2, 2.0)):
        with_it = [float(part(theta, psi)) for part in dynamics.velocities(dirac("wasserstein", regulariser), weight)]
        expected = np.array([psi, -theta]) + added(theta, psi, weight)
        assert with_it == pytest.approx(expected)


def test_instance_noise_agrees_with_sampled_noise():
    """The three nodes are exact to the fifth moment; at psi = 0.5 the rest is below 1e-3."""
    theta, psi, variance = 0.8, 0.5, 0.5
    noise = np.sqrt(variance) * np.random.default_rng(0).standard_normal((2, 400_000))
    v_psi = np.mean(noise[0] / (1 + np.exp(psi * noise[0]))) - np.mean(
        (theta + noise[1]) / (1 + np.exp(-psi * (theta + noise[1])))
    )
    ours = dynamics.velocities(dirac("nonsaturating", "instance_noise"), variance)[1](theta, psi)
    assert ours == pytest.approx(v_psi, abs=4e-3)


@pytest.mark.parametrize("loss", FORMULAS)
def test_eigenvalues_of_mescheder(loss):
    slope = sp.Integer(1) if loss in ("hinge", "wasserstein") else sp.Rational(1, 2)  # |f'(0)|
    gamma = dynamics.gamma
    assert set(dirac(loss).eigenvalues()) == {sp.I * slope, -sp.I * slope}
    root = sp.sqrt(gamma**2 / 4 - slope**2)
    theirs = {sp.simplify(-gamma / 2 - root), sp.simplify(-gamma / 2 + root)}
    assert set(map(sp.simplify, dirac(loss, "r1").eigenvalues())) == theirs


@pytest.mark.parametrize(("loss", "regulariser"), SMOOTH)
def test_jacobian_agrees_with_differences(loss, regulariser):
    field, h = dynamics.velocities(dirac(loss, regulariser), 0.6), 1e-5
    if loss == "hinge" and regulariser in ("instance_noise", "consensus"):
        h = 1e-7  # kinks away from 0
    measured = [[(part(h, 0) - part(-h, 0)) / (2 * h), (part(0, h) - part(0, -h)) / (2 * h)] for part in field]
    symbolic = np.array(dirac(loss, regulariser).jacobian().subs(dynamics.gamma, 0.6).tolist(), dtype=float)
    assert np.array(measured, dtype=float) == pytest.approx(symbolic, abs=1e-6)


def test_a_kink_has_no_jacobian():
    with pytest.raises(ValueError, match="kink"):
        dirac("wasserstein", "gradient_penalty").jacobian()


@pytest.mark.parametrize(("method", "timing"), PLAYED)
def test_growth_is_what_a_long_run_shows(method, timing):
    """On the bilinear game the step is linear: the norm grows at the rate of the largest eigenvalue."""
    settings = {"step": 0.1, "beta": 0.3 if method == "momentum" else 0.0}
    path = norms(trajectory(bilinear(), method, timing, steps=4000, **settings))
    measured = (path[4000] / path[2000]) ** (1 / 2000)
    assert measured == pytest.approx(growth(bilinear(), method, timing, **settings), abs=2e-4)


def test_growth_on_paper():
    h = 0.1
    assert growth(bilinear(), step=h) == pytest.approx((1 + h**2) ** 0.5)
    assert growth(bilinear(), timing="alternating", step=h) == pytest.approx(1)
    assert growth(bilinear(), "extragradient", step=h) == pytest.approx((1 - h**2 + h**4) ** 0.5)
    for timing in ("alternating", "generator first"):
        assert growth(bilinear(), timing=timing, step=1.9) == pytest.approx(1)
        assert growth(bilinear(), timing=timing, step=2.1) > 1.3


@settings(max_examples=30, deadline=None)
@given(h=st.floats(0.01, 0.5))
def test_orders_differ_by_half_a_step_only(h):
    for method in METHODS:
        rates = [growth(bilinear(), method, timing, step=h) for timing in ("alternating", "generator first")]
        assert rates[0] == pytest.approx(rates[1], rel=1e-6)


@pytest.mark.parametrize(("method", "timing"), PLAYED)
def test_many_starts_at_once_are_the_single_runs(method, timing):
    starts, options = np.array([[1.0, -0.5, 0.2], [1.0, 0.3, -2.0]]), {"step": 0.2, "gamma": 0.3, "steps": 40}
    game = dirac("nonsaturating", "clip")
    together = trajectory(game, method, timing, start=starts, **options)
    assert together.shape == (41, 2, 3)
    for k in range(3):
        alone = trajectory(game, method, timing, start=starts[:, k], **options)
        assert together[:, :, k] == pytest.approx(alone, abs=1e-12)


@pytest.mark.parametrize(("method", "timing"), PLAYED)
@pytest.mark.parametrize(("loss", "regulariser"), SMOOTH)
def test_the_solution_stays(loss, regulariser, method, timing):
    path = trajectory(dirac(loss, regulariser), method, timing, step=0.1, start=(0, 0), steps=5)
    assert np.abs(path).max() == pytest.approx(0, abs=1e-12)


def test_first_step_is_who_sees_whom():
    field, start = (lambda x, y: -y, lambda x, y: x), State(1.0, 1.0, 0.0, 0.0)
    seen = {timing: dynamics.advance(start, field, "gradient", timing, step=0.1)[:2] for timing in TIMINGS}
    assert seen["simultaneous"] == pytest.approx((0.9, 1.1))
    assert seen["alternating"] == pytest.approx((1 - 0.11, 1.1))
    assert seen["generator first"] == pytest.approx((0.9, 1.09))


def test_steps_run_on_symbols():
    h = sp.Symbol("h")
    matrix = dynamics.step_matrix([[0, -1], [1, 0]], "gradient", "alternating", step=h)
    assert sp.simplify(matrix[:2, :2].det()) == 1


def test_clip_keeps_psi_inside():
    path = trajectory(dirac("wasserstein", "clip"), "momentum", step=0.2, beta=0.5, gamma=0.4, start=(1, 0.4))
    assert np.abs(path[:, 1]).max() <= 0.4


def test_a_run_that_overflows_says_so():
    cubic = Game("cubic", -(dynamics.theta**4), dynamics.psi**2)
    assert not np.isfinite(trajectory(cubic, step=1.0, steps=50)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dirac("minmax"), "minimax"),
        (lambda: dirac("minimax", "R1"), "r1"),
        (lambda: trajectory(bilinear(), "adam", step=0.1), "gradient"),
        (lambda: trajectory(bilinear(), timing="both", step=0.1), "simultaneous"),
        (lambda: trajectory(bilinear(), step=0.0), "step=0"),
        (lambda: trajectory(bilinear(), step=0.1, gamma=-1), "gamma=-1"),
        (lambda: trajectory(bilinear(), "momentum", step=0.1, beta=1.0), "beta=1"),
        (lambda: trajectory(bilinear(), step=0.1, start=(1, 2, 3)), "start"),
        (lambda: trajectory(bilinear(), step=0.1, start=(1, float("nan"))), "start"),
        (lambda: trajectory(bilinear(), step=0.1, steps=0), "steps"),
        (lambda: growth(bilinear(), step=float("inf")), "step"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
