"""The Wasserstein distance between two sets of points, exact: the best pairing of one with the other."""

import math

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def wasserstein(samples: Tensor, points: Tensor) -> Tensor:
    """Mean distance from sample to point in the pairing, one to one, where it is least: W1 of the two sets.

    That is the 1-Wasserstein (earth mover's) distance of two empirical laws with n points each. Sets of one law are not
    at 0 from each other: the value falls as n grows, so compare equal n. For the distance to a few places that each
    take an equal share, repeat them: `data.modes.repeat_interleave(n // len(data.modes), dim=0)`.

        >>> import torch
        >>> from ganlab.metrics import wasserstein
        >>> line, moved = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([[3.0], [2.0], [1.0]])
        >>> wasserstein(line, moved).item()  # 0 to 1, 1 to 2, 2 to 3
        1.0

    Args:
        samples: (n, d), or (members, n, d) from a population.
        points: (n, d), the data.

    The distances between points are computed in the samples' precision, by `torch.cdist`: in float32 those below about
    a thousandth of the coordinates are rounding. Time grows as n^3 at worst; the pairing is SciPy's.

    Returns:
        float64 on the CPU, () or (members,); infinite for a member that is not finite.

    Raises:
        ValueError: other shapes, or sets of different sizes.
    """
    if samples.ndim not in (2, 3) or points.ndim != 2 or samples.shape[-2:] != points.shape or len(points) == 0:
        raise ValueError(
            "samples must be (n, d) or (members, n, d) and points (n, d) with n >= 1, "
            f"not {tuple(samples.shape)} and {tuple(points.shape)}"
        )
    distances = torch.cdist(samples.detach().cpu(), points.detach().cpu().to(samples.dtype))
    parts = distances.reshape(-1, *distances.shape[-2:]).numpy()
    least = [float(part[linear_sum_assignment(part)].mean()) if np.isfinite(part).all() else math.inf for part in parts]
    return torch.tensor(least, dtype=torch.float64).reshape(samples.shape[:-2])
