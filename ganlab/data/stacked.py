"""Three digits as the three channels of one image: real images with 1,000 known modes.

Known as stacked MNIST (Metz et al. 2017, section 3.3). The three are drawn independently, so every triple of digits is
a mode, and a classifier of single digits tells which mode an image belongs to.
"""

import math

import pandas as pd
import torch
from torch import Generator, Tensor, nn

from ganlab.dataset import Dataset, device_of

CHANNELS = 3
BATCH = 1000  # images classified at a time
CONFIDENT = 0.9


def stack(pool: Dataset) -> Dataset:
    """An endless set of images (3, height, width), each channel an image of `pool`, drawn with replacement.

    pool: grey images with labels 0 to K - 1, `load("mnist")` say; there are K^3 modes. The classifier to count them
    with is `ganlab.features.train(pool)`. Raises ValueError for a pool with other channels or without labels.
    """
    if pool.samples is None or pool.labels is None or pool.shape[0] != 1:
        raise ValueError(f"pool={pool.name!r}: stacking takes labelled images with one channel, (n, 1, height, width)")
    shape = (CHANNELS, *pool.shape[1:])
    return Dataset(f"stacked_{pool.name}", shape, pool.value_range, device=pool.device, draw=_draw, pool=pool)


def _draw(data: Dataset, n: int, generator: Generator | None) -> Tensor:
    index = torch.randint(len(data.pool), (n, CHANNELS), generator=generator, device=device_of(generator))
    return data.pool.samples[index.to(data.pool.device)].squeeze(2)


@torch.no_grad()
def mode_index(samples: Tensor, classifier: nn.Module) -> tuple[Tensor, Tensor]:
    """Mode of each stacked image, and how sure the classifier is of it.

    Args:
        samples: (n, 3, height, width), finite.
        classifier: grey images (n, 1, height, width) -> logits (n, K), `ganlab.features.train(data.pool)` say.

    Returns:
        index (n,): with the classes a, b, c of the three channels, (a K + b) K + c; 100 a + 10 b + c for ten digits.
        probability (n,): the classifier's probability for its answer, in the channel where that is lowest.
    """
    device = _device(classifier)
    planes = samples.detach().reshape(-1, 1, *samples.shape[2:])
    logits = torch.cat([classifier(part.to(device)) for part in planes.split(BATCH)])
    probability, label = (part.reshape(-1, CHANNELS) for part in logits.softmax(1).max(1))
    powers = logits.shape[1] ** torch.arange(CHANNELS - 1, -1, -1, device=device)
    return (label * powers).sum(1), probability.amin(1)


def stacked_modes(samples: Tensor, classifier: nn.Module) -> pd.DataFrame:
    """Modes found and balance on stacked digits, one row a member.

    samples: (n, 3, height, width), or (members, n, 3, height, width) from a population. classifier: see `mode_index`;
    of its K classes there are K^3 modes, 1,000 for digits.

    - modes: how many modes have at least one sample. n must be stated: of 1,000, a perfect sampler shows
      1000 (1 - 0.999^n), which is 632 for n = 1,000 and all for the usual 26,000.
    - reverse_kl: KL(g || uniform) = sum_k g_k log(K^3 g_k) in nats, g_k the share of the finite samples in mode k: 0
      when balanced, 6.9 when all are in one of 1,000. A perfect sampler is at about 1000 / 2n, 0.02 for n = 26,000.
    - confident: share of all n samples whose three digits the classifier gives at least 0.9 each. A classifier finds a
      digit in noise, too: modes mean little where this is far below its value on real data.

    Samples that are not finite are in no mode and not confident. A member with no finite sample has 0 modes and the
    worst reverse_kl, log K^3.

    Source: Srivastava et al. 2017 (VEEGAN), section 5.1; Lin et al. 2018 (PacGAN), section 4.2: both 26,000 samples.
    """
    if samples.ndim not in (4, 5) or samples.shape[-3] != CHANNELS or samples.shape[-4] == 0:
        raise ValueError(f"samples must be ([members,] n, {CHANNELS}, height, width), not {tuple(samples.shape)}")
    members = samples.detach().reshape(-1, *samples.shape[-4:])
    with torch.no_grad():
        classes = classifier(torch.zeros_like(members[0, :1, :1], device=_device(classifier))).shape[1]
    return pd.DataFrame([_row(images, classifier, classes**CHANNELS) for images in members])


def _row(images: Tensor, classifier: nn.Module, count: int) -> dict[str, float]:
    finite = images[images.flatten(1).isfinite().all(1)]
    if len(finite) == 0:
        return {"modes": 0, "reverse_kl": math.log(count), "confident": 0.0}
    index, probability = mode_index(finite, classifier)
    share = torch.bincount(index, minlength=count).double() / len(finite)
    return {
        "modes": int((share > 0).sum()),
        "reverse_kl": max(0.0, torch.special.xlogy(share, share * count).sum().item()),
        "confident": (probability >= CONFIDENT).sum().item() / len(images),
    }


def _device(classifier: nn.Module) -> torch.device:
    return next(classifier.parameters()).device
