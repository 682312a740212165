"""Chapter 9: what the penalties are worth in closed form, the power iteration against the SVD, the first clip."""

import numpy as np
import torch

from check import check
from ganlab import nets
from ganlab.clipping import clip_weights_
from ganlab.data import load
from ganlab.nets import SpectralNorm, spectrally_normalised
from ganlab.penalties import dragan, slopes, wgan_gp
from ganlab.population import build
from ganlab.train import Recipe, Trainer


def _points(batch: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    dice = torch.Generator().manual_seed(seed)
    return (torch.randn(batch, 4, dtype=torch.float64, generator=dice) for _ in range(2))


@check
def error_of_a_linear_critics_penalty() -> float:
    """Largest |penalty - (|w| - 1)^2 / 2| over 20 linear critics and both one-centred penalties."""
    dice, errors = torch.Generator().manual_seed(0), []
    for seed in range(20):
        w = 3 * torch.randn(4, dtype=torch.float64, generator=dice)
        real, fake = _points(32, seed)
        exact = (w.norm() - 1) ** 2 / 2
        errors += [abs(wgan_gp(lambda x, w=w: x @ w, real, fake) - exact)]
        errors += [abs(dragan(lambda x, w=w: x @ w, real) - exact)]
    return max(errors).item()


@check
def penalty_of_a_critic_of_slope_one() -> float:
    """Largest WGAN-GP penalty of D(x) = |x|, whose slope is 1, over batches of 1 to 1,024."""
    return max(wgan_gp(lambda x: x.norm(dim=1), *_points(batch, batch)).item() for batch in (1, 2, 7, 64, 1024))


@check
def share_of_finite_gradients_at_slope_zero() -> float:
    """Share of the critic's parameters' gradients that are finite where its slope is 0 everywhere."""
    critic = nets.mlp_discriminator((4,), width=8, activation="relu").double()
    torch.nn.init.zeros_(critic.body[-1].weight)
    wgan_gp(critic, *_points(16, 0)).backward()
    gradients = torch.cat([p.grad.flatten() for p in critic.parameters() if p.grad is not None])
    return gradients.isfinite().double().mean().item()


def _normalised() -> torch.nn.Module:
    return spectrally_normalised(nets.mlp_discriminator((2,), width=32))


@check
def error_of_sigma_at_rest() -> np.ndarray:
    """Largest relative error of sigma over the layers of each of 8 discriminators, after 50 passes without training."""
    errors = []
    for seed in range(8):
        torch.manual_seed(seed)
        net = _normalised()
        for _ in range(50):
            net(torch.zeros(1, 2))
        errors.append(_worst_sigma(net.eval()))
    return np.array(errors)


@check
def error_of_sigma_in_training() -> np.ndarray:
    """The same after 50 steps of a GAN on the ring, Adam at 1e-3; one power step a pass, so three a training step."""
    seeds = range(8)
    networks = build(lambda: nets.mlp_generator((2,), latent=16, width=32), _normalised, seeds)
    trainer = Trainer(*networks, load("ring"), Recipe(lr_g=1e-3, lr_d=1e-3), seeds=seeds).fit(50, progress=False)
    return np.array([_worst_sigma(trainer.D.member(k).eval()) for k in seeds])


def _worst_sigma(net: torch.nn.Module) -> float:
    layers = [layer for layer in net.modules() if isinstance(layer, SpectralNorm)]
    exact = [torch.linalg.matrix_norm(layer.layer.weight, 2).item() for layer in layers]
    return max(abs(layer.sigma().item() / sigma - 1) for layer, sigma in zip(layers, exact, strict=True))


def _pulls() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """W, the gradient on it through W / sigma, and what that asks of each singular value, of a random layer."""
    torch.manual_seed(0)
    layer = SpectralNorm(torch.nn.Linear(64, 64, bias=False).double(), steps=2000)
    x, wish = torch.randn(2, 32, 64, dtype=torch.float64)
    (layer(x) - wish).square().sum().backward()
    W = layer.layer.weight
    u, _, v = torch.linalg.svd(W.detach())
    return W.detach(), W.grad, torch.einsum("ik,ij,kj->k", u, W.grad, v)


@check
def sigma_gradient_along_the_weights() -> float:
    """Cosine of the gradient on W through W / sigma with W, without its sign."""
    W, gradient, _ = _pulls()
    return abs((W * gradient).sum() / W.norm() / gradient.norm()).item()


@check
def sigma_gradient_along_the_first_direction() -> float:
    """Length of that gradient's part along u v', the direction of the largest singular value, over its whole length."""
    _, gradient, pulls = _pulls()
    return abs(pulls[0] / gradient.norm()).item()


@check
def share_at_the_bounds_after_the_first_clip() -> np.ndarray:
    """Share of weights within 1 % of +-0.01 in 12 layers of width 128 of torch's initialisation, clipped once."""
    shares = []
    for seed in range(8):
        torch.manual_seed(seed)
        critic = nets.mlp_discriminator((2,), width=128, depth=12)
        clip_weights_(critic.parameters(), 0.01)
        weights = torch.cat([p.flatten() for p in critic.parameters() if p.ndim == 2])
        shares.append((weights.abs() >= 0.99 * 0.01).double().mean().item())
    return np.array(shares)


@check
def slope_asked_by_one_norm_for_the_batch() -> float:
    """The slope of a linear critic at which (norm of all slopes of a batch of 64 - 1)^2 is least."""
    x = _points(64, 0)
    candidates = torch.linspace(0.001, 2, 2000, dtype=torch.float64)
    direction = torch.full((4,), 0.5, dtype=torch.float64)
    return min(candidates.tolist(), key=_whole_norm(next(x), direction))


def _whole_norm(x: torch.Tensor, direction: torch.Tensor):
    return lambda k: (slopes(lambda x: k * x @ direction, x)[0].norm().item() - 1) ** 2
