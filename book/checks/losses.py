"""Chapter 1: slopes and signs of the losses, the best discriminator, the divergences."""

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch.nn.functional import softplus

from check import check
from ganlab.losses import LOSSES
from ganlab.theory import derivations

LOGITS = torch.linspace(-12, 12, 97, dtype=torch.float64)


def _slope(loss: Callable, logits: torch.Tensor = LOGITS) -> torch.Tensor:
    """Derivative of a loss of one sample on its logit."""
    logits = logits.clone().requires_grad_()
    return torch.autograd.grad(loss(logits).sum(), logits)[0]


def _right_signs(printed: list[Callable], right: list[Callable]) -> float:
    """Share of logits, over the terms, at which two losses push the logit the same way."""
    pairs = zip(printed, right, strict=True)
    return torch.stack([_slope(a).sign() == _slope(b).sign() for a, b in pairs]).double().mean().item()


def _minus_log_d(logits: torch.Tensor) -> torch.Tensor:
    return softplus(-logits)


def _minus_log_not_d(logits: torch.Tensor) -> torch.Tensor:
    return softplus(logits)


@check
def reward_slope_against_the_losses() -> float:
    """Over the six generator losses, the least of: largest difference of slopes between it and minus the reward."""
    reward = _slope(lambda logits: -logits.sigmoid())
    real = torch.zeros_like(LOGITS)
    slopes = [_slope(lambda fake, g=loss.g_loss: g(fake, real) * len(fake)) for loss in LOSSES.values()]
    return min((slope - reward).abs().max().item() for slope in slopes)


@check
def reward_slope_on_a_rejected_fake() -> float:
    """Slope of the expected reward at logit -10 over the non-saturating one."""
    at = torch.tensor([-10.0], dtype=torch.float64)
    return (_slope(lambda logits: -logits.sigmoid(), at) / _slope(_minus_log_d, at)).item()


@check
def right_signs_of_printed_a_for_d() -> float:
    """D's loss printed as log D(x) + log(1 - D(G(z)))."""
    return _right_signs([lambda l: -_minus_log_d(l), lambda l: -_minus_log_not_d(l)], [_minus_log_d, _minus_log_not_d])


@check
def right_signs_of_printed_a_for_g() -> float:
    """G's loss printed as -log D(x) - log(1 - D(G(z)))."""
    return _right_signs([_minus_log_not_d], [_minus_log_d])


@check
def right_signs_of_printed_b_for_d() -> float:
    """D's loss printed as -log D(x) + log(1 - D(G(z)))."""
    return _right_signs([_minus_log_d, lambda l: -_minus_log_not_d(l)], [_minus_log_d, _minus_log_not_d])


@check
def right_signs_of_printed_b_for_g() -> float:
    """G's loss printed as -log D(x) + log(1 - D(G(z)))."""
    return _right_signs([lambda l: -_minus_log_not_d(l)], [_minus_log_d])


@check
def slope_of_printed_c_on_a_mistake() -> float:
    """Slope of -D(x) at logit -10 on a real sample, over that of -log D(x)."""
    return reward_slope_on_a_rejected_fake()


def _densities(points: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Two random distributions over the same points."""
    p, q = np.random.default_rng(0).uniform(0.05, 1, (2, points))
    return p / p.sum(), q / q.sum()


def _best(name: str, p: float, q: float) -> tuple[float, float]:
    """D's best logit where the densities are p and q, and its loss there, found numerically."""
    derivation = derivations.derive(name)
    real, fake = (
        derivations.as_function(derivation.term(which), derivation.variable, library="numpy")
        for which in ("real", "fake")
    )

    def loss(logit: float) -> float:
        return p * real(logit) + q * fake(logit)

    found = minimize_scalar(loss, bounds=(-20, 20), method="bounded", options={"xatol": 1e-10})
    return found.x, found.fun


@check
def error_of_the_best_discriminator() -> float:
    """Largest |D* - p/(p+q)| over 20 points, D* from numerical minimisation of the minimax loss."""
    p, q = _densities()
    best = [1 / (1 + math.exp(-_best("minimax", a, b)[0])) for a, b in zip(p, q, strict=True)]
    return float(np.abs(best - p / (p + q)).max())


@check
def value_at_equal_densities() -> float:
    """The minimax value at p = q, with D at its numerical best."""
    p, _ = _densities()
    return -sum(_best("minimax", a, a)[1] for a in p)


@check
def error_of_the_divergences() -> float:
    """Largest difference between D's best loss and the divergence named for it; minimax, least squares, hinge."""
    p, q = _densities()
    sums = {
        symbol: derivations.as_function(density, derivations.p, derivations.q, library="numpy")(p, q).sum()
        for symbol, density in derivations.DIVERGENCES.items()
    }
    errors = []
    for name in ("minimax", "least_squares", "hinge"):
        measured = sum(_best(name, a, b)[1] for a, b in zip(p, q, strict=True))
        errors.append(abs(measured - float(derivations.AT_OPTIMUM[name].subs(sums))))
    return max(errors)
