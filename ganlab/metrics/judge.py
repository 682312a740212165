"""A judge of samples: real images, and the features in which samples are compared with them.

    net = features.train(digits)           # name the network beside every number
    judge = Judge(digits, net.features)
    judge.frechet(trainer.sample(1000))    # a distance for each member of the population
    judge.scores(trainer.sample(1000))     # a row for each: precision and recall beside it

Train one classifier and keep one judge: its numbers compare with each other alone.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial

import pandas as pd
import torch
from torch import Tensor

from ganlab.data import Dataset
from ganlab.metrics.distances import frechet_distance, precision_recall


class Judge:
    """Compares samples with real images, in the features of one network or in their pixels.

    Distance, precision and recall all depend on how many images are compared: compare numbers from one judge and equal
    sample counts. The features of the real images are computed once.

        >>> import torch
        >>> from ganlab.metrics import Judge
        >>> real = torch.randn(50, 1, 2, 2)
        >>> members = torch.stack([real, real + 1, real + torch.nan])
        >>> Judge(real).frechet(members).round(decimals=3).tolist()  # four pixels, each moved by 1
        [0.0, 4.0, inf]

    Args:
        real: images (m, *shape), with all of which samples are compared; or a `Dataset`, of which as many are taken as
            a member has samples, see `real`.
        features: function of images (n, *shape) that returns (n, d), `ganlab.metrics.features.train(data).features`
            say; None compares pixels.
        value_range: (low, high), at which samples are cut off. A NaN counts as the middle, so that a member that has
            diverged is a grey page. Without a range a member that is not finite, or whose features are not, is
            infinitely far away, with precision and recall 0.

    Raises:
        ValueError: `real` has no images.
    """

    def __init__(
        self,
        real: Tensor | Dataset,
        features: Callable[[Tensor], Tensor] | None = None,
        value_range: tuple[float, float] | None = None,
    ):
        samples = real.samples if isinstance(real, Dataset) else real
        if samples is None or samples.ndim < 2 or len(samples) == 0:
            raise ValueError("real must be images (m, *shape) or a Dataset that has some")
        self.data, self.value_range = real, value_range
        self.features = features or partial(torch.flatten, start_dim=1)
        self.shape = tuple(samples.shape[1:])
        self._known: dict[int, Tensor] = {}

    def real(self, count: int) -> Tensor:
        """The real images that `count` samples are compared with, (m, *shape).

        They are those given; or of a `Dataset` the first `count` of one shuffle (seed 0), all of them if it has fewer.
        """
        if isinstance(self.data, Tensor):
            return self.data
        order = torch.randperm(len(self.data), generator=torch.Generator().manual_seed(0))
        return self.data.samples[order[:count]]

    def frechet(self, samples: Tensor) -> Tensor:
        """`frechet_distance` of samples (n, *shape) or (members, n, *shape) from the real images: () or (members,).

        Returns:
            float64, on the CPU.

        Raises:
            ValueError: samples of another shape, or fewer than two.
        """
        real, members = self._pair(samples)
        distances = [math.inf if fake is None else frechet_distance(real, fake) for fake in members]
        return torch.tensor(distances, dtype=torch.float64).reshape(samples.shape[: -1 - len(self.shape)])

    def scores(self, samples: Tensor, k: int = 3) -> pd.DataFrame:
        """Columns frechet, precision and recall, a row a member; samples as in `frechet`, k as in `precision_recall`.

        Raises:
            ValueError: samples of another shape, or k or fewer of them.
        """
        real, members = self._pair(samples)
        rows = [
            (math.inf, 0.0, 0.0) if fake is None else (frechet_distance(real, fake), *precision_recall(real, fake, k))
            for fake in members
        ]
        return pd.DataFrame(rows, columns=["frechet", "precision", "recall"])

    def _pair(self, samples: Tensor) -> tuple[Tensor, Iterator[Tensor | None]]:
        """Features of the real images, and of each member in turn; None for one that is not finite."""
        extra = samples.ndim - len(self.shape)
        if extra not in (1, 2) or tuple(samples.shape[extra:]) != self.shape:
            wanted = ", ".join(map(str, self.shape))
            raise ValueError(f"samples must be ([members,] n, {wanted}), not {tuple(samples.shape)}")
        real = self.real(samples.shape[extra - 1])
        if len(real) not in self._known:
            self._known[len(real)] = self.features(real)
        known = self._known[len(real)]
        members = samples.detach().reshape(-1, *samples.shape[extra - 1 :])
        return known, (self._finite_features(images, known) for images in members)

    def _finite_features(self, images: Tensor, like: Tensor) -> Tensor | None:
        if self.value_range is not None:
            low, high = self.value_range
            images = images.nan_to_num((low + high) / 2).clamp(low, high)
        if not images.isfinite().all():
            return None
        found = self.features(images)
        return found.to(like.device) if found.isfinite().all() else None
