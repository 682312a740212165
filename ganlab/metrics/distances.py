"""How good and how varied samples are: modes of a mixture, distances between feature sets, sharpness, memorisation.

Feature distances are only as good as the features: name the network beside every number (`ganlab.features`). None of
them is the Inception distance of the literature.
"""

import math

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from ganlab.data import Dataset

CHUNK = 2**23  # distances held at a time: 64 MB in float64


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


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Squared Frechet (2-Wasserstein) distance between the Gaussians fitted to two feature sets (n, d) and (m, d).

    |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)), A and B the covariances (with n - 1).   Heusel et al. 2017, eq. 6.

    With A = R'R and B = S'S (R, S from the QR decomposition of the centred features), the trace of (A B)^(1/2) is the
    sum of the singular values of R S'. No covariance is inverted, squared or square-rooted, so singular ones do no
    harm. Biased upwards by about d/n: compare only distances at equal sample counts. Raises ValueError for fewer than
    two samples, another dimension or values that are not finite.
    """
    a, b = _feature_pair(a, b, ("a", "b"), least=2)
    (mean_a, root_a), (mean_b, root_b) = _gaussian(a), _gaussian(b)
    overlap = torch.linalg.svdvals(root_a @ root_b.T).sum()
    distance = (mean_a - mean_b).square().sum() + root_a.square().sum() + root_b.square().sum() - 2 * overlap
    return max(0.0, distance.item())


def _gaussian(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean, and a root R of the covariance R'R."""
    mean = features.mean(0)
    return mean, torch.linalg.qr((features - mean) / math.sqrt(len(features) - 1), mode="r").R


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[float, float]:
    """Precision: share of fake features inside the real manifold; recall: of real features inside the fake one.

    A set's manifold is the union of balls around its points, each reaching to its k-th nearest neighbour in the set.
    real (n, d), fake (m, d). Raises ValueError when a set has fewer than k + 1 samples, for another dimension and for
    values that are not finite.   Kynkäänniemi et al. 2019, eq. 1 and 2 (k = 3 as there).
    """
    if k < 1:
        raise ValueError(f"k={k}: must be at least 1")
    real, fake = _feature_pair(real, fake, ("real", "fake"), least=k + 1)
    return _share_inside(fake, real, k), _share_inside(real, fake, k)


def _share_inside(points: Tensor, manifold: Tensor, k: int) -> float:
    # k + 1, for the nearest of all is the point itself.
    radius = torch.cat([block.topk(k + 1, largest=False).values[:, -1] for block in _distances(manifold, manifold)])
    inside = torch.cat([(block <= radius).any(dim=1) for block in _distances(points, manifold)])
    return inside.double().mean().item()


def nearest(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """For each fake sample the Euclidean distance (m,) to its nearest real sample, and that one's index (m,).

    Samples (n, ...) are compared flattened: pixels or features. Distances far below those between real samples mean
    that the generator copies. Raises ValueError for another shape and for values that are not finite.
    """
    real, fake = _feature_pair(real.flatten(1), fake.flatten(1), ("real", "fake"), least=1)
    index = torch.cat([block.argmin(dim=1) for block in _distances(fake, real)])
    return (fake - real[index]).norm(dim=1), index  # recomputed: a copy is at distance 0 exactly


def sharpness(images: Tensor) -> float:
    """Variance over the pixels of the Laplacian of each image, averaged over images (n, channels, height, width).

    Blurred images score low, noise scores high: compare with the real data's value in the same range and size.
    The border repeats the edge pixels.   Pech-Pacheco et al. 2000.
    """
    if images.ndim != 4:
        raise ValueError(f"images must be (n, channels, height, width), not {tuple(images.shape)}")
    stencil = images.new_tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]], dtype=torch.float64).view(1, 1, 3, 3)
    planes = images.detach().double().reshape(-1, 1, *images.shape[2:])
    laplacian = F.conv2d(F.pad(planes, (1, 1, 1, 1), mode="replicate"), stencil)
    return laplacian.flatten(1).var(dim=1, correction=0).mean().item()


def _distances(rows: Tensor, columns: Tensor):
    """Euclidean distances in blocks of rows, so that memory stays bounded."""
    for block in rows.split(max(1, CHUNK // len(columns))):
        yield torch.cdist(block, columns, compute_mode="use_mm_for_euclid_dist")


def _feature_pair(a: Tensor, b: Tensor, names: tuple[str, str], least: int) -> list[Tensor]:
    """Both in float64, checked."""
    for name, features in zip(names, (a, b), strict=True):
        if features.ndim != 2 or len(features) < least:
            raise ValueError(f"{name} must be (n, d) with n >= {least}, not {tuple(features.shape)}")
        if not features.isfinite().all():
            bad = (~features.isfinite().all(1)).sum().item()
            raise ValueError(f"{name} has values that are not finite in {bad} of {len(features)} samples")
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"{names[0]} has {a.shape[1]} features and {names[1]} has {b.shape[1]}: use the same network")
    return [a.detach().double(), b.detach().double()]
