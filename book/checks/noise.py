"""Chapter 13: what the ideal discriminator knows under instance noise, and what a latent can change."""

import math

import numpy as np
import torch

from check import check
from ganlab import nets
from ganlab.data import load
from ganlab.latent import FittedLatent
from ganlab.nets import Generator

# Nodes on which densities of standard deviation 1 are integrated; the sum converges faster than any power.
_X = torch.linspace(-10, 25, 2001, dtype=torch.float64)


def _density_logits(x: torch.Tensor, points: torch.Tensor, sigma: float) -> torch.Tensor:
    """Log-density, up to a constant, of the law of `points` with noise; x (n, d) -> (n,)."""
    return torch.logsumexp(-(torch.cdist(x, points) ** 2) / (2 * sigma**2), dim=1) - math.log(len(points))


def _sets(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    dice = torch.Generator().manual_seed(seed)
    real, fake, x = (torch.randn(n, 3, dtype=torch.float64, generator=dice) for n in (20, 30, 50))
    return real, fake + 1, x


@check
def error_of_the_ideal_slope() -> float:
    """Largest |gradient of the ideal logit - (posterior mean of data - of fakes) / sigma^2|, relative, 5 sets."""
    errors = []
    for seed in range(5):
        real, fake, x = _sets(seed)
        sigma = 0.3 + 0.2 * seed
        x.requires_grad_()
        logit = _density_logits(x, real, sigma) - _density_logits(x, fake, sigma)
        (slope,) = torch.autograd.grad(logit.sum(), x)
        means = [torch.softmax(-(torch.cdist(x, s) ** 2) / (2 * sigma**2), dim=1) @ s for s in (real, fake)]
        expected = (means[0] - means[1]) / sigma**2
        errors.append(((slope - expected).abs().max() / expected.abs().max()).item())
    return max(errors)


@check
def ideal_slope_over_its_bound() -> float:
    """Largest slope of the ideal logit times sigma^2 over the largest distance of a real and a fake point."""
    shares = []
    for seed in range(5):
        real, fake, x = _sets(seed)
        for sigma in (0.05, 0.3, 1.0, 5.0):
            means = [torch.softmax(-(torch.cdist(x, s) ** 2) / (2 * sigma**2), dim=1) @ s for s in (real, fake)]
            shares.append(((means[0] - means[1]).norm(dim=1).max() / torch.cdist(real, fake).max()).item())
    return max(shares)


def _generator_slopes(distance: float) -> tuple[float, float]:
    """One real point and one fake at `distance` standard deviations of the noise, ideal D: |d loss / d fake|, twice.

    Minimax and non-saturating, in units of 1 / sigma. D's logit is linear, with slope `distance`.
    """
    density = torch.exp(-((_X - distance) ** 2) / 2) / math.sqrt(2 * math.pi) * (_X[1] - _X[0])
    logit = distance * (distance / 2 - _X)
    return tuple((density @ weight).item() * distance for weight in (torch.sigmoid(logit), torch.sigmoid(-logit)))


@check
def distance_of_the_largest_minimax_gradient() -> float:
    """At how many standard deviations of the noise the minimax gradient is largest."""
    distances = np.arange(1, 3, 0.005)
    return float(distances[np.argmax([_generator_slopes(d)[0] for d in distances])])


@check
def minimax_gradient_ten_deviations_away() -> float:
    """Minimax gradient at a distance of 10 standard deviations of the noise, over the largest."""
    return _generator_slopes(10.0)[0] / _generator_slopes(distance_of_the_largest_minimax_gradient())[0]


@check
def nonsaturating_gradient_ten_deviations_away() -> float:
    """Non-saturating gradient at 10 standard deviations of the noise times sigma, over the distance in them."""
    return _generator_slopes(10.0)[1] / 10.0


@check
def divergence_of_two_points_without_noise() -> float:
    """JS of two finite sets without a common point, over log 2, for 20 random pairs of sets (largest error)."""
    errors = []
    for seed in range(20):
        dice = np.random.default_rng(seed)
        p, q = dice.dirichlet(np.ones(5)), dice.dirichlet(np.ones(7))
        p, q = np.r_[p, np.zeros(7)], np.r_[np.zeros(5), q]
        middle = (p + q) / 2
        kl = [np.sum(r[r > 0] * np.log(r[r > 0] / middle[r > 0])) for r in (p, q)]
        errors.append(abs(sum(kl) / 2 / np.log(2) - 1))
    return max(errors)


@check
def fitted_latent_against_a_first_layer() -> float:
    """Largest difference of G with a fitted latent and a G on N(0, I) with the moments put into its first layer."""
    torch.manual_seed(0)
    data = load("ring")
    fitted = FittedLatent(nets.mlp_generator(data.shape, latent=2), data).double()
    first, *rest = fitted.G.body
    moved = torch.nn.Linear(2, first.out_features, dtype=torch.float64)
    with torch.no_grad():
        moved.weight.copy_(first.weight * fitted.scale)
        moved.bias.copy_(first.bias + first.weight @ fitted.mean)
        plain = Generator(2, data.shape, torch.nn.Sequential(moved, *rest))
        noise = torch.randn(100, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        return (fitted(noise) - plain(noise)).abs().max().item()
