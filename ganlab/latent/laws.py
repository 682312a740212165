"""Laws of the generator's random input z: a registry, name to `(n, latent, generator) -> z`.

A law with parts of its own (moments of the data, components to be learned, labels) is no entry here but a module in
front of the generator that turns normal numbers into it: see `ganlab.latent.priors` and `ganlab.latent.conditional`.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Law = Callable[[int, int, torch.Generator], Tensor]


def normal(n: int, latent: int, generator: torch.Generator) -> Tensor:
    """z ~ N(0, I), shape (n, latent).

    >>> import torch
    >>> from ganlab.latent import normal
    >>> z = normal(10_000, 4, torch.Generator().manual_seed(0))
    >>> z.shape, round(z.std().item(), 1)
    (torch.Size([10000, 4]), 1.0)
    """
    return torch.randn(n, latent, generator=generator)


def uniform(n: int, latent: int, generator: torch.Generator) -> Tensor:
    """z ~ U(-1, 1), shape (n, latent).

    >>> import torch
    >>> from ganlab.latent import uniform
    >>> z = uniform(10_000, 4, torch.Generator().manual_seed(0))
    >>> round(z.min().item(), 2), round(z.max().item(), 2), round(z.std().item(), 1)  # 1 / sqrt(3)
    (-1.0, 1.0, 0.6)
    """
    return 2 * torch.rand(n, latent, generator=generator) - 1


def truncated(cutoff: float) -> Law:
    """The law of N(0, I) given that no coordinate is larger than `cutoff` in size.   Brock et al. 2019, section 3.1.

    A generator trained on the whole normal law and sampled with this one gives up variety for quality. By the inverse
    of the distribution function, one uniform number each, where the paper draws again; the law is the same.

    Raises:
        ValueError: a cutoff that is not positive.

    >>> import torch
    >>> from ganlab.latent import truncated
    >>> z = truncated(0.5)(10_000, 4, torch.Generator().manual_seed(0))
    >>> z.shape, round(z.abs().max().item(), 2)
    (torch.Size([10000, 4]), 0.5)
    """
    if not cutoff > 0:
        raise ValueError(f"cutoff={cutoff}: give a positive number of standard deviations, 2.0 say")
    low = torch.special.ndtr(torch.tensor(-float(cutoff), dtype=torch.float64))

    def law(n: int, latent: int, generator: torch.Generator) -> Tensor:
        share = torch.rand(n, latent, generator=generator, dtype=torch.float64)
        # Rounding at the very ends must not step over the cutoff.
        z = torch.special.ndtri(low + (1 - 2 * low) * share).clamp(-cutoff, cutoff)
        return z.to(torch.get_default_dtype())

    return law


# Name in a recipe, `Recipe(latent=...)`. "truncated_normal" ends at two standard deviations.
LATENTS: dict[str, Law] = {"normal": normal, "uniform": uniform, "truncated_normal": truncated(2.0)}
