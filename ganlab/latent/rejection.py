"""Discriminator rejection sampling: throw away what D takes for generated (Azadi et al. 2019).

With an optimal D the logit is log p_data / p_G. A sample x kept with probability exp(logit(x)) / M, where M is the
largest such ratio, then comes from p_data exactly. In practice M is estimated from a burn-in, D is not optimal, and in
high dimensions nearly nothing would be kept, so the paper shifts the acceptance by a percentile.
"""

import numpy as np
import torch
from torch import Tensor, nn

from ganlab._check import check_positive, lookup, optional
from ganlab._modules import logit_parts
from ganlab.latent.laws import LATENTS
from ganlab.population import Population

EPS = 1e-6  # keeps the logarithm finite for the best sample
DRAWS = 1000  # samples made at a time


@torch.no_grad()
def rejection_sample(
    G: nn.Module, D: nn.Module, n: int, *, percentile: float | None = None, real: Tensor | None = None,
    burn_in: int = 10_000, limit: int = 1000, latents: str = "normal", seed: int = 0,
) -> Tensor:  # fmt: skip
    """`n` samples of G that passed D, (n, *shape); of two populations (members, n, *shape), each member by itself.

    A sample with logit l is kept with probability s(F), s the sigmoid and M the largest ratio so far:

        F = l - log M - log(1 - exp(l - log M - eps)) - gamma        (the practical scheme of Azadi et al. 2019)

    At gamma = 0 and eps = 0, s(F) = exp(l) / M: exact rejection sampling.

    Args:
        G, D: as for `ganlab.train.Trainer`; both are used in eval mode and left as they were. The logits must estimate
            log p_data / p_G, so D was trained with the minimax or the non-saturating loss, close to its optimum.
        percentile: gamma is this percentile of F (at gamma = 0) over the burn-in, in [0, 100], so that this share of
            samples has a chance below 1/2: more is stricter. None: gamma = 0, the exact rule.
        real: samples of the data that D was not trained on, (k, *shape), the same for every member: the logits are
            calibrated on them and the burn-in (`calibration`). None: the logits as they are.
        burn_in: samples of G that M and gamma are estimated from.
        limit: at most `limit * n` samples are drawn for a member.
        latents: a name in `ganlab.latent.LATENTS`. seed: of latents and decisions.

    Raises:
        ValueError: a number out of range, D does not return a logit a sample, or logits that are not finite.
        RuntimeError: fewer than n samples passed within the limit; the message says how many.

    >>> import torch
    >>> from ganlab.latent import rejection_sample
    >>> from ganlab.nets import Discriminator, Generator
    >>> G = Generator(1, (1,), torch.nn.Linear(1, 1))
    >>> _ = torch.nn.init.ones_(G.body.weight), torch.nn.init.zeros_(G.body.bias)  # it makes N(0, 1)
    >>> D = Discriminator((1,), torch.nn.Identity())  # the logit is x: the data are N(1, 1), up to a constant
    >>> round(rejection_sample(G, D, 1000).mean().item(), 1)
    1.0
    """
    _check_numbers(n, burn_in, limit, percentile)
    draw = lookup(LATENTS, latents, "latent distribution")
    if isinstance(G, Population):
        pairs = [(G.member(k), D.member(k)) for k in range(G.size)]
        return torch.stack([
            rejection_sample(
                g, d, n, percentile=percentile, real=real, burn_in=burn_in, limit=limit, latents=latents, seed=seed
            )
            for g, d in pairs
        ])  # fmt: skip

    modes = G.training, D.training
    G.eval(), D.eval()
    try:
        sampler = _Sampler(G, D, draw, torch.Generator().manual_seed(seed))
        sampler.estimate(burn_in, percentile, real)
        return sampler.keep(n, limit * n)
    finally:
        G.train(modes[0]), D.train(modes[1])


class _Sampler:
    def __init__(self, G, D, draw, generator: torch.Generator):
        self.G, self.D, self.draw, self.generator = G, D, draw, generator
        self.device = next(G.parameters()).device
        self.scale, self.shift, self.gamma = 1.0, 0.0, 0.0

    def estimate(self, burn_in: int, percentile: float | None, real: Tensor | None) -> None:
        logits = torch.cat([self.propose(min(DRAWS, burn_in - i))[1] for i in range(0, burn_in, DRAWS)])
        if real is not None:
            self.scale, self.shift = calibration(_logits(self.D, real.to(self.device)), logits)
            logits = self.scale * logits + self.shift
        self.log_M = logits.max()
        if percentile is not None:
            self.gamma = torch.quantile(self.log_odds(logits), percentile / 100)

    def propose(self, count: int) -> tuple[Tensor, Tensor]:
        samples = self.G(self.draw(count, self.G.latent, self.generator).to(self.device))
        return samples, self.scale * _logits(self.D, samples) + self.shift

    def log_odds(self, logits: Tensor) -> Tensor:
        below = logits - self.log_M
        return below - torch.log(-torch.expm1(below - EPS)) - self.gamma

    def keep(self, n: int, most: int) -> Tensor:
        kept, found, drawn = [], 0, 0
        while found < n:
            if drawn >= most:
                raise RuntimeError(
                    f"{found} of {drawn} samples passed, {n} were asked for: D tells them from real ones too well; "
                    "pass a lower percentile (0 keeps at least half), calibrate with real=, or raise limit"
                )
            count = min(DRAWS, most - drawn)
            samples, logits = self.propose(count)
            self.log_M = torch.maximum(self.log_M, logits.max())  # a larger ratio than any before replaces M
            chance = torch.rand(count, generator=self.generator, dtype=torch.float64).to(self.device)
            kept.append(samples[chance < self.log_odds(logits).sigmoid()])
            found, drawn = found + len(kept[-1]), drawn + count
        return torch.cat(kept)[:n]


def _logits(D: nn.Module, x: Tensor) -> Tensor:
    """Finite logits in float64."""
    outputs = [logit_parts(D(part)) for part in x.split(DRAWS)]
    if any(len(parts) != 1 for parts in outputs):
        raise ValueError(f"D made {len(outputs[0])} tensors of logits: it must return one logit a sample")
    logits = torch.cat([logits for (logits,) in outputs]).double()
    if logits.shape != x.shape[:1]:
        raise ValueError(f"D made logits {tuple(logits.shape)} of {len(x)} samples: it must return one a sample")
    if bad := int((~logits.isfinite()).sum()):
        raise ValueError(f"D's logits are not finite for {bad} of {len(x)} samples")
    return logits


def calibration(real: Tensor, fake: Tensor) -> tuple[float, float]:
    """Platt scaling: a and b so that s(a logit + b) is the probability of "real" where both kinds are as frequent.

    real, fake: logits (k,) and (m,) of samples that D was not trained on. Each kind has weight 1/2 and Platt's
    targets (k + 1) / (k + 2) and 1 / (m + 2), which keep a finite when the two kinds are apart.   Platt 1999.

    >>> import torch
    >>> from ganlab.latent import calibration
    >>> z = torch.randn(10_000, generator=torch.Generator().manual_seed(0))
    >>> right = 1 + 2**0.5 * z  # logits of an optimal D on N(1, 2) against N(-1, 2)
    >>> a, b = calibration(2 * right, -2 * right)  # a D that is twice too sure
    >>> round(a, 1)
    0.5
    """
    kinds = [logits.double().cpu().numpy() for logits in (real, fake)]
    targets = [(len(real) + 1) / (len(real) + 2), 1 / (len(fake) + 2)]

    def loss(ab: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = 0.0, np.zeros(2)
        for logits, target in zip(kinds, targets, strict=True):
            z = ab[0] * logits + ab[1]
            excess = 1 / (1 + np.exp(-np.clip(z, -500, 500))) - target
            value += (np.logaddexp(0, z) - target * z).mean()
            slope += [(excess * logits).mean(), excess.mean()]
        return value, slope

    a, b = optional("scipy.optimize", extra="lab").minimize(loss, x0=[1.0, 0.0], jac=True, method="BFGS").x
    return float(a), float(b)


def _check_numbers(n: int, burn_in: int, limit: int, percentile: float | None) -> None:
    check_positive(n=n, burn_in=burn_in, limit=limit)
    if percentile is not None and not 0 <= percentile <= 100:
        raise ValueError(f"percentile={percentile}: a number in [0, 100], or None for gamma = 0")
