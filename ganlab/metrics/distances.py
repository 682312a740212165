"""How far samples are from the data: distances between feature sets, sharpness, memorisation.

Feature distances are only as good as the features: name the network beside every number (`ganlab.metrics.features`).
None of them is the Inception distance of the literature.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

CHUNK = 2**23  # distances held at a time: 64 MB in float64


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Squared Frechet (2-Wasserstein) distance between the Gaussians fitted to two feature sets (n, d) and (m, d).

    |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)), A and B the covariances (with n - 1).   Heusel et al. 2017, eq. 6.

    With A = R'R and B = S'S (R, S from the QR decomposition of the centred features), the trace of (A B)^(1/2) is the
    sum of the singular values of R S'. No covariance is inverted, squared or square-rooted, so singular ones do no
    harm. Biased upwards by about d/n: compare only distances at equal sample counts. Raises ValueError for fewer than
    two samples, another dimension or values that are not finite.

    A shift by 2 in each of 4 dimensions is a squared distance of 16:

    >>> import torch
    >>> from ganlab.metrics import frechet_distance
    >>> a = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
    >>> round(frechet_distance(a, a + 2), 3)
    16.0
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

    Fakes that copy one of two clusters are precise, and recall half of the data:

    >>> import torch
    >>> from ganlab.metrics import precision_recall
    >>> cluster = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    >>> precision_recall(real=torch.cat([cluster, cluster + 10]), fake=cluster)
    (1.0, 0.5)
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

    >>> import torch
    >>> from ganlab.metrics import nearest
    >>> real = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    >>> distance, index = nearest(real, fake=torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
    >>> distance.tolist(), index.tolist()  # the first is a copy
    ([0.0, 1.0], [1, 0])
    """
    real, fake = _feature_pair(real.flatten(1), fake.flatten(1), ("real", "fake"), least=1)
    index = torch.cat([block.argmin(dim=1) for block in _distances(fake, real)])
    return (fake - real[index]).norm(dim=1), index  # recomputed: a copy is at distance 0 exactly


def sharpness(images: Tensor) -> float:
    """Variance over the pixels of the Laplacian of each image, averaged over images (n, channels, height, width).

    Blurred images score low, noise scores high: compare with the real data's value in the same range and size.
    The border repeats the edge pixels. Raises ValueError for another shape.   Pech-Pacheco et al. 2000.

    A point of 1 on 5 x 5 pixels has the Laplacian -4 and, around it, four times 1:

    >>> import torch
    >>> from ganlab.metrics import sharpness
    >>> point = torch.zeros(1, 1, 5, 5)
    >>> point[0, 0, 2, 2] = 1
    >>> round(sharpness(point), 3)  # (16 + 4) / 25
    0.8
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
