"""Latents with parts of their own, as modules in front of a generator: z stays N(0, I), the module does the rest.

Each is a generator itself: it has `latent` and `shape`, its parts are saved and averaged with G's weights, and it works
as a member of a `Population`. It takes N(0, I) and says so (`law`), so a recipe with another latent is refused.
"""

import math

import torch
from torch import Tensor, nn

from ganlab._check import check_positive

ENDLESS = 10_000  # samples that stand for an endless data set's moments


class Prior(nn.Module):
    """A generator whose N(0, I) of width `latent` is turned into another law first, by the method `z` of a subclass.

    Raises:
        ValueError: G has no `latent`, or the noise of a pass is not (batch, latent).

    >>> import torch
    >>> from ganlab.latent import Prior
    >>> from ganlab.nets import Generator
    >>> class Wide(Prior):
    ...     def z(self, noise):
    ...         return 10 * noise
    >>> Wide(Generator(2, (2,), torch.nn.Identity()), latent=2)(torch.ones(1, 2)).tolist()
    [[10.0, 10.0]]
    """

    law = "normal"

    def __init__(self, G: nn.Module, latent: int):
        super().__init__()
        if not isinstance(getattr(G, "latent", None), int):
            raise ValueError("G has no attribute `latent`: set G.latent to the width of its input")
        self.G, self.latent, self.shape = G, latent, getattr(G, "shape", None)

    def z(self, noise: Tensor) -> Tensor:
        """What G gets to see: (batch, latent) of N(0, I) -> (batch, G.latent)."""
        raise NotImplementedError

    def forward(self, noise: Tensor) -> Tensor:
        if noise.ndim != 2 or noise.shape[1] != self.latent:
            raise ValueError(f"z has shape {tuple(noise.shape)}: this generator takes (batch, {self.latent})")
        return self.G(self.z(noise))


class FittedLatent(Prior):
    """z is normal with the mean and variance of the data, value by value, plus a noise of variance `extra`.

    With d values in a sample, G must have `latent=d`: z_i ~ N(mean_i, variance_i + extra). With a wider G the noise
    stands beside: the first d numbers are N(mean_i, variance_i), the others N(0, extra).

    Args:
        G: the generator, with a latent of at least d.
        data: a `ganlab.data.Dataset`; an endless one is measured on 10,000 samples.
        extra: the variance of the noise.

    Raises:
        ValueError: G's latent is narrower than a sample, or a negative variance.

    >>> from ganlab.data import ring
    >>> from ganlab.latent import FittedLatent
    >>> from ganlab.nets import mlp_generator
    >>> G = FittedLatent(mlp_generator((2,), latent=2), ring(radius=2.0))
    >>> [round(scale, 1) for scale in G.scale.tolist()]  # sqrt(2^2 / 2 + 0.01)
    [1.4, 1.4]
    """

    def __init__(self, G: nn.Module, data, extra: float = 0.01):
        super().__init__(G, getattr(G, "latent", None))
        if not 0 <= extra < float("inf"):
            raise ValueError(f"extra={extra}: a variance is finite and at least 0")
        values = math.prod(data.shape)
        if self.latent < values:
            raise ValueError(
                f"G.latent={self.latent}, and a sample of {data.name!r} has {values} values: build G with "
                f"latent={values}, or wider to have the noise beside them"
            )
        samples = getattr(data, "samples", None)
        if samples is None:
            samples = data.sample(ENDLESS, torch.Generator().manual_seed(0))
        samples = samples.flatten(1).double().cpu()
        beside = self.latent - values
        variance = samples.var(0, correction=0) + (0 if beside else extra)
        mean = torch.cat([samples.mean(0), torch.zeros(beside, dtype=torch.float64)])
        scale = torch.cat([variance, torch.full((beside,), extra, dtype=torch.float64)]).sqrt()
        like = next(G.parameters())
        self.register_buffer("mean", mean.to(like))
        self.register_buffer("scale", scale.to(like))

    def z(self, noise: Tensor) -> Tensor:
        return self.mean + self.scale * noise


class MixtureLatent(Prior):
    """z from a mixture of K equally likely Gaussians, z = mean_k + scale_k * noise.   Gurumurthy et al. 2017.

    One more normal number is drawn for each sample; its quantile chooses k. `latent` is therefore G.latent + 1. Means
    and scales are learned with G, through the same gradient (reparametrisation); the choice of k has none, so the
    weights of the components stay 1/K.

    Args:
        G: the generator.
        components: K.
        spread: standard deviation of the means at the start, which are drawn from torch's global generator.
        scale: standard deviation of each component at the start, in each coordinate.
        learned: False keeps both as they are drawn.

    Raises:
        ValueError: K, spread or scale is not positive.

    >>> import torch
    >>> from ganlab.latent import MixtureLatent
    >>> from ganlab.nets import mlp_generator
    >>> G = MixtureLatent(mlp_generator((2,), latent=16), components=10)
    >>> G.latent, G.means.shape, G(torch.randn(5, 17)).shape
    (17, torch.Size([10, 16]), torch.Size([5, 2]))
    """

    def __init__(self, G: nn.Module, components: int, spread: float = 1.0, scale: float = 0.5, learned: bool = True):
        super().__init__(G, (getattr(G, "latent", None) or 0) + 1)
        check_positive(components=components)
        for name, value in (("spread", spread), ("scale", scale)):
            if not 0 < value < float("inf"):
                raise ValueError(f"{name}={value}: a standard deviation is positive and finite")
        means = spread * torch.randn(components, G.latent)
        log_scales = torch.full_like(means, math.log(scale))
        for name, value in (("means", means), ("log_scales", log_scales)):
            if learned:
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value)

    def z(self, noise: Tensor) -> Tensor:
        chosen = choice(noise[:, 0], len(self.means)).to(self.means)
        return chosen @ self.means + (chosen @ self.log_scales).exp() * noise[:, 1:]


def choice(noise: Tensor, count: int) -> Tensor:
    """One of `count` equally likely things for each number of N(0, 1), (batch,) -> one-hot (batch, count).

    >>> import torch
    >>> from ganlab.latent import choice
    >>> choice(torch.tensor([-3.0, 0.1, 3.0]), count=2).tolist()  # below or above the median
    [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    """
    index = (torch.special.ndtr(noise) * count).floor().clamp(max=count - 1)
    return (index[:, None] == torch.arange(count, device=noise.device)).to(noise)
