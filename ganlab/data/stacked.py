"""Three digits as the three channels of one image: real images with 1,000 known modes.

Known as stacked MNIST (Metz et al. 2017, section 3.3). The three are drawn independently, so every triple of digits is
a mode, and a classifier of single digits tells which mode an image belongs to.
"""

import torch
from torch import Generator, Tensor

from ganlab.data.dataset import Dataset, device_of

CHANNELS = 3


def stack(pool: Dataset) -> Dataset:
    """An endless set of images (3, height, width), each channel an image of `pool`, drawn with replacement.

    pool: grey images with labels 0 to K - 1, `load("mnist")` say; there are K^3 modes. The classifier to count them
        with is `ganlab.metrics.features.train(pool)`.

    Raises:
        ValueError: a pool with other channels or without labels.

    >>> import torch
    >>> from ganlab.data import Dataset, stack
    >>> pool = Dataset.from_images(torch.tensor([-1.0, 1.0]).reshape(2, 1, 1, 1), labels=torch.tensor([0, 1]))
    >>> images = stack(pool).sample(1000)
    >>> images.shape, len(images.unique(dim=0))  # 2^3 modes
    (torch.Size([1000, 3, 1, 1]), 8)
    """
    if pool.samples is None or pool.labels is None or pool.shape[0] != 1:
        raise ValueError(f"pool={pool.name!r}: stacking takes labelled images with one channel, (n, 1, height, width)")
    shape = (CHANNELS, *pool.shape[1:])
    return Dataset(f"stacked_{pool.name}", shape, pool.value_range, device=pool.device, draw=_draw, pool=pool)


def _draw(data: Dataset, n: int, generator: Generator | None) -> Tensor:
    index = torch.randint(len(data.pool), (n, CHANNELS), generator=generator, device=device_of(generator))
    return data.pool.samples[index.to(data.pool.device)].squeeze(2)
