"""Which modes the samples cover, and how evenly: of 2-D mixtures, and of stacked digits with a classifier.

`modes` and `overlap` know each mode's centre; `stacked_modes` asks a classifier which mode an image belongs to
(`mode_index`). A sample that is not finite belongs to no mode, and a run with no other samples scores worst: a NaN
would drop it out of a mean.
"""

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

    Every sample belongs to its nearest mode, and is of high quality when it lies within `within` sigma of it.

    - modes: how many modes have at least one high-quality sample. It grows with n, so n must be stated: with the usual
      2,500, uniform noise on [-5, 5]^2 "finds" 20.8 of the 25 modes of `grid` with 1.8 % high quality. Never report
      modes without the quality.
    - high_quality: share of all n samples. A perfect 2-D sampler has 1 - exp(-within^2 / 2) = 98.9 %, not 100 %.
    - reverse_kl: KL(g || uniform) = sum_k g_k log(K g_k) in nats, where g_k is the share of the finite samples that
      belong to mode k, whatever their quality. 0 when balanced, log K when all belong to one mode.

    Half of the ring's modes, each hit once, leave a reverse KL of log 2:

    >>> from ganlab.data import ring
    >>> from ganlab.metrics import modes
    >>> data = ring()
    >>> modes(data.modes[:4], data).round(2).to_dict("records")
    [{'modes': 4, 'high_quality': 1.0, 'reverse_kl': 0.69}]

    A member with no finite sample has 0 modes, 0 quality and reverse_kl = log K.

    Source: Srivastava et al. 2017 (VEEGAN), section 5.1; Lin et al. 2018 (PacGAN), section 4.1. PacGAN's published code
    counts only high-quality samples into g_k; both agree where the quality is near 1.

    Args:
        samples: (n, 2), or (members, n, 2) from a population.
        data: a mixture with known `modes` and `sigma`.
        within: radius of high quality, in sigma.

    Raises:
        ValueError: data without known modes, samples of another shape or none, a radius that is not positive.
    """
    _check_mixture(samples, data, within)
    members = samples.detach().reshape(-1, *samples.shape[-2:])
    return pd.DataFrame([_mixture_row(points, data, within) for points in members])


def overlap(samples: Tensor, data: Dataset, within: float = 3.0) -> Tensor:
    """Share of the data's mass that high-quality samples stand in for, (), or (members,) from a population; in [0, 1].

    sum_k min(h_k, 1 / K), with h_k the share of all samples that are of high quality and belong to mode k of K: one
    number that asks for modes, quality and balance at once. The book defines it in chapter 2, book/02-measure.ipynb.
    Args and errors as `modes`, of whose words it is made.

    Half of the modes stand for half of the mass, however many samples each has:

    >>> from ganlab.data import ring
    >>> from ganlab.metrics import overlap
    >>> data = ring()
    >>> overlap(data.modes[:4], data).item()
    0.5
    """
    _check_mixture(samples, data, within)
    # What is not finite is put far from every mode.
    distance, mode = _nearest_mode(samples.detach().nan_to_num(1e6).double(), data)
    count = len(data.modes)
    good = F.one_hot(mode, count) * (distance <= within * data.sigma)[..., None]
    return good.double().mean(-2).clamp(max=1 / count).sum(-1)


@torch.no_grad()
def mode_index(samples: Tensor, classifier: nn.Module) -> tuple[Tensor, Tensor]:
    """Mode of each stacked image, and how sure the classifier is of it.

    With images of 1 x 10 pixels, of which the brightest is the class:

    >>> import torch
    >>> from ganlab.metrics import mode_index
    >>> image = 9 * torch.eye(10)[[1, 2, 3]].reshape(1, 3, 1, 10)
    >>> index, probability = mode_index(image, torch.nn.Flatten())
    >>> index.tolist(), (probability > 0.99).tolist()
    ([123], [True])

    Args:
        samples: (n, 3, height, width), finite.
        classifier: grey images (n, 1, height, width) -> logits (n, K), `ganlab.metrics.features.train(data.pool)` say.

    Returns:
        index (n,): with the classes a, b, c of the three channels, (a K + b) K + c; 100 a + 10 b + c for ten digits.
        probability (n,): the classifier's probability for its answer, in the channel where that is lowest.
    """
    device = _device(classifier, samples)
    planes = samples.detach().reshape(-1, 1, *samples.shape[2:])
    logits = torch.cat([classifier(part.to(device)) for part in planes.split(BATCH)])
    probability, label = (part.reshape(-1, CHANNELS) for part in logits.softmax(1).max(1))
    powers = logits.shape[1] ** torch.arange(CHANNELS - 1, -1, -1, device=device)
    return (label * powers).sum(1), probability.amin(1)


def stacked_modes(samples: Tensor, classifier: nn.Module) -> pd.DataFrame:
    """Modes found and balance on stacked digits, one row a member. Of K classes there are K^3 modes, 1,000 for digits.

    - modes: how many modes have at least one sample. n must be stated: of 1,000, a perfect sampler shows
      1000 (1 - 0.999^n), which is 632 for n = 1,000 and all for the usual 26,000.
    - reverse_kl: KL(g || uniform) = sum_k g_k log(K^3 g_k) in nats, g_k the share of the finite samples in mode k: 0
      when balanced, 6.9 when all are in one of 1,000. A perfect sampler is at about 1000 / 2n, 0.02 for n = 26,000.
    - confident: share of all n samples whose three digits the classifier gives at least 0.9 each. A classifier finds a
      digit in noise, too: modes mean little where this is far below its value on real data.

    Two of 1,000 modes, where the class is the brightest of 10 pixels, leave a reverse KL of log 500:

    >>> import torch
    >>> from ganlab.metrics import stacked_modes
    >>> digits = torch.tensor([[1, 2, 3], [3, 2, 1]])
    >>> images = 9 * torch.eye(10)[digits].unsqueeze(2)  # (2, 3, 1, 10)
    >>> stacked_modes(images, torch.nn.Flatten()).round(2).to_dict("records")
    [{'modes': 2, 'reverse_kl': 6.21, 'confident': 1.0}]

    A member with no finite sample has 0 modes, none confident, and reverse_kl = log K^3.

    Source: Srivastava et al. 2017 (VEEGAN), section 5.1; Lin et al. 2018 (PacGAN), section 4.2: both 26,000 samples.

    Args:
        samples: (n, 3, height, width), or (members, n, 3, height, width) from a population.
        classifier: see `mode_index`.

    Raises:
        ValueError: samples of another shape, or none.
    """
    if samples.ndim not in (4, 5) or samples.shape[-3] != CHANNELS or samples.shape[-4] == 0:
        raise ValueError(f"samples must be ([members,] n, {CHANNELS}, height, width), not {tuple(samples.shape)}")
    members = samples.detach().reshape(-1, *samples.shape[-4:])
    with torch.no_grad():
        one = torch.zeros_like(members[0, :1, :1], device=_device(classifier, samples))
        classes = classifier(one).shape[1]
    return pd.DataFrame([_stacked_row(images, classifier, classes**CHANNELS) for images in members])


def _check_mixture(samples: Tensor, data: Dataset, within: float) -> None:
    if data.modes is None:
        raise ValueError(f"data={data.name!r} has no known modes; ring and grid have")
    if samples.ndim not in (2, 3) or samples.shape[-1] != data.modes.shape[1] or samples.shape[-2] == 0:
        raise ValueError(f"samples must be (n, 2) or (members, n, 2) with n >= 1, not {tuple(samples.shape)}")
    if within <= 0:
        raise ValueError(f"within={within}: must be positive (in units of sigma)")


def _mixture_row(points: Tensor, data: Dataset, within: float) -> dict[str, float]:
    finite = points[points.isfinite().all(-1)].double()
    distance, mode = _nearest_mode(finite, data)
    good = distance <= within * data.sigma
    return {
        "modes": len(mode[good].unique()),
        "high_quality": good.sum().item() / len(points),
        "reverse_kl": _reverse_kl(mode, len(data.modes)),
    }


def _nearest_mode(points: Tensor, data: Dataset) -> tuple[Tensor, Tensor]:
    """Distance of each point to its nearest mode, and that one's number, (..., n) each."""
    return torch.cdist(points, data.modes.to(points), compute_mode="donot_use_mm_for_euclid_dist").min(-1)


def _stacked_row(images: Tensor, classifier: nn.Module, count: int) -> dict[str, float]:
    finite = images[images.flatten(1).isfinite().all(1)]
    if len(finite) == 0:
        return {"modes": 0, "reverse_kl": math.log(count), "confident": 0.0}
    index, probability = mode_index(finite, classifier)
    return {
        "modes": len(index.unique()),
        "reverse_kl": _reverse_kl(index, count),
        "confident": (probability >= CONFIDENT).sum().item() / len(images),
    }


def _reverse_kl(index: Tensor, count: int) -> float:
    """KL(shares of the `count` modes || uniform) in nats; of no samples the largest there is."""
    if len(index) == 0:
        return math.log(count)
    share = torch.bincount(index, minlength=count).double() / len(index)
    return max(0.0, torch.special.xlogy(share, share * count).sum().item())


def _device(classifier: nn.Module, samples: Tensor) -> torch.device:
    """The classifier's; without parameters it works where the samples are."""
    return next((parameter.device for parameter in classifier.parameters()), samples.device)
