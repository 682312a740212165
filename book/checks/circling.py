"""Chapter 6: radii of the Dirac-GAN, eigenvalues, growth of the bilinear game."""

import numpy as np
import sympy as sp

from check import check
from ganlab.theory.dynamics import bilinear, dirac, gamma, growth, trajectory


def _radii(loss: str, regulariser: str = "none", timing: str = "simultaneous", weight: float = 1.0) -> np.ndarray:
    """Distances to the solution over 500 steps of 0.2, from theta = psi = 1 in the convention of Mescheder et al. 2018.

    There D's positive slope points to the fakes, and the generator moves first.
    """
    path = trajectory(dirac(loss, regulariser), "gradient", timing, step=0.2, gamma=weight, start=(1, -1))
    return np.linalg.norm(path, axis=1)


@check
def dirac_minimax_together() -> float:
    return _radii("minimax")[-1]


@check
def dirac_minimax_turns() -> float:
    return _radii("minimax", timing="generator first")[-1]


@check
def dirac_nonsaturating_together() -> float:
    return _radii("nonsaturating")[-1]


@check
def dirac_nonsaturating_turns() -> float:
    return _radii("nonsaturating", timing="generator first")[-1]


@check
def least_radius_with_clip() -> float:
    """Over all steps and both timings."""
    return min(_radii("wasserstein", "clip", timing).min() for timing in ("simultaneous", "generator first"))


@check
def least_last_radius_with_gradient_penalty() -> float:
    """Over both timings and lambda = 0.5, 1, 5 (gamma = 1, 2, 10)."""
    timings = ("simultaneous", "generator first")
    return min(_radii("wasserstein", "gradient_penalty", t, w)[-1] for t in timings for w in (1.0, 2.0, 10.0))


@check
def last_radius_with_r1() -> float:
    return max(_radii("minimax", "r1", timing, 0.3)[-1] for timing in ("simultaneous", "generator first"))


@check
def last_radius_with_critical_r1() -> float:
    return max(_radii("minimax", "r1", timing, 1.0)[-1] for timing in ("simultaneous", "generator first"))


def _error(loss: str, regulariser: str, expected: list[sp.Expr]) -> float:
    """Largest difference between symbolic eigenvalues and a formula, for gamma = 0.3 and 3."""
    ours = dirac(loss, regulariser).eigenvalues()
    values = [
        [np.sort_complex(np.array([complex(v.subs(gamma, weight)) for v in side])) for side in (ours, expected)]
        for weight in (0.3, 3)
    ]
    return max(np.abs(a - b).max() for a, b in values)


SLOPES = {"minimax": sp.Rational(1, 2), "nonsaturating": sp.Rational(1, 2), "wasserstein": sp.Integer(1)}


@check
def error_of_plain_eigenvalues() -> float:
    """Against +-f'(0) i, with |f'(0)| from SLOPES."""
    return max(_error(name, "none", [sp.I * slope, -sp.I * slope]) for name, slope in SLOPES.items())


@check
def error_of_r1_eigenvalues() -> float:
    """Against -gamma/2 +- sqrt(gamma^2/4 - f'(0)^2)."""
    roots = {name: sp.sqrt(gamma**2 / 4 - slope**2) for name, slope in SLOPES.items()}
    return max(_error(name, "r1", [-gamma / 2 + root, -gamma / 2 - root]) for name, root in roots.items())


@check
def bilinear_together() -> float:
    return growth(bilinear(), "gradient", "simultaneous", step=0.1)


@check
def bilinear_turns() -> float:
    return growth(bilinear(), "gradient", "alternating", step=0.1)


@check
def bilinear_extragradient() -> float:
    return growth(bilinear(), "extragradient", "simultaneous", step=0.1)


@check
def bilinear_optimistic() -> float:
    return growth(bilinear(), "optimistic", "simultaneous", step=0.1)


@check
def bilinear_negative_momentum() -> float:
    return growth(bilinear(), "momentum", "alternating", step=0.1, beta=-0.5)


@check
def bilinear_positive_momentum() -> float:
    return growth(bilinear(), "momentum", "alternating", step=0.1, beta=0.5)
