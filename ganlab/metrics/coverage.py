"""Which modes the samples cover, and how evenly: of 2-D mixtures, and of stacked digits with a classifier."""

import math

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.data import Dataset

CHANNELS = 3
BATCH = 1000  # images classified at a time
CONFIDENT = 0.9


def modes(samples: Tensor, data: Dataset, within: float = 3.0) -> pd.DataFrame:
    """Modes found, share of high-quality samples and balance, one row a member.

    samples: (n, 2), or (members, n, 2) from a population. data: a mixture with known `modes` and `sigma`.

    Every sample belongs to its nearest mode, and is of high quality when it lies within `within` sigma of it.

    - modes: how many modes have at least one high-quality sample. It grows with n, so n must be stated: with the usual
      2,500, uniform noise on [-5, 5]^2 "finds" 20.8 of the 25 modes of `grid` with 1.8 % high quality. Never report
      modes without the quality.
    - high_quality: share of all n samples. A perfect 2-D sampler has 1 - exp(-within^2 / 2) = 98.9 %, not 100 %.
    - reverse_kl: KL(g || uniform) = sum_k g_k log(K g_k) in nats, where g_k is the share of samples that belong to mode
      k, whatever their quality. 0 when balanced, log K when all belong to one mode.

    Samples that are not finite belong to no mode and count as low quality. A member with no finite sample has 0 modes,
    0 quality and reverse_kl = log K, the worst: a NaN would drop the diverged run out of a mean.

    Source: Srivastava et al. 2017 (VEEGAN), section 5.1; Lin et al. 2018 (PacGAN), section 4.1. PacGAN's published code
    counts only high-quality samples into g_k; both agree where the quality is near 1.
    """
    _check_mixture(samples, data, within)
    members = samples.detach().reshape(-1, *samples.shape[-2:])
    return pd.DataFrame([_mode_row(points, data, within) for points in members])


def _mode_row(points: Tensor, data: Dataset, within: float) -> dict[str, float]:
    count = len(data.modes)
    finite = points[points.isfinite().all(-1)].double()
    if len(finite) == 0:
        return {"modes": 0, "high_quality": 0.0, "reverse_kl": math.log(count)}
    centres = data.modes.to(finite)
    distance, nearest = torch.cdist(finite, centres, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1)
    good = distance <= within * data.sigma
    share = torch.bincount(nearest, minlength=count).double() / len(finite)
    return {
        "modes": len(nearest[good].unique()),
        "high_quality": good.sum().item() / len(points),
        "reverse_kl": max(0.0, torch.special.xlogy(share, share * count).sum().item()),
    }


def overlap(samples: Tensor, data: Dataset, within: float = 3.0) -> Tensor:
    """Share of the data's mass that high-quality samples stand in for, (), or (members,) from a population; in [0, 1].

    sum_k min(h_k, 1 / K), with h_k the share of all samples that are of high quality and belong to mode k of K: one
    number that asks for modes, quality and balance at once. Args and errors as `modes`, of whose words it is made.
    """
    _check_mixture(samples, data, within)
    # What is not finite is put far from every mode.
    points, count = samples.detach().nan_to_num(1e6).double(), len(data.modes)
    distance, mode = torch.cdist(points, data.modes.to(points)).min(-1)
    good = F.one_hot(mode, count) * (distance <= within * data.sigma)[..., None]
    return good.double().mean(-2).clamp(max=1 / count).sum(-1)


def _check_mixture(samples: Tensor, data: Dataset, within: float) -> None:
    if data.modes is None:
        raise ValueError(f"data={data.name!r} has no known modes; ring and grid have")
    if samples.ndim not in (2, 3) or samples.shape[-1] != data.modes.shape[1] or samples.shape[-2] == 0:
        raise ValueError(f"samples must be (n, 2) or (members, n, 2) with n >= 1, not {tuple(samples.shape)}")
    if within <= 0:
        raise ValueError(f"within={within}: must be positive (in units of sigma)")


@torch.no_grad()
def mode_index(samples: Tensor, classifier: nn.Module) -> tuple[Tensor, Tensor]:
    """Mode of each stacked image, and how sure the classifier is of it.

    Args:
        samples: (n, 3, height, width), finite.
        classifier: grey images (n, 1, height, width) -> logits (n, K), `ganlab.metrics.features.train(data.pool)` say.

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
