"""How far generated samples are from real ones, as one number in [0, 1]."""

import torch
from torch import Tensor


def energy_distance(a: Tensor, b: Tensor) -> float:
    """(2 E|x - y| - E|x - x'| - E|y - y'|) / (2 E|x - y|), x and x' of a, y and y' of b.   Szekely & Rizzo 2013.

    Without the pairs of a sample with itself, so that two sets of one law have 0 on average; 1 is far apart, and so is
    what is not finite.

    >>> import torch
    >>> from ganlab.clinic._energy import energy_distance
    >>> energy_distance(torch.zeros(4, 2), torch.ones(4, 2))
    1.0
    """
    a, b = a.flatten(1).double(), b.flatten(1).double()
    if not (a.isfinite().all() and b.isfinite().all()):
        return 1.0
    across, within = torch.cdist(a, b).mean(), torch.stack([_spread(a), _spread(b)]).sum()
    return ((2 * across - within) / (2 * across)).item()


def _spread(x: Tensor) -> Tensor:
    """The mean distance of two different samples."""
    return torch.cdist(x, x).sum() / (len(x) * (len(x) - 1))
