"""What is a run worth? Modes covered, distances between feature sets, sharpness, memorisation, checkerboards.

Feature distances are only as good as the features: name the network beside every number (`features`). None of them is
the Inception distance of the literature. This wing looks at samples and data alone; it knows no network but the
classifier that it trains itself.
"""

from ganlab.metrics import features
from ganlab.metrics.checkerboards import checkerboard, inner, overlap_map, phase_means
from ganlab.metrics.coverage import mode_index, modes, overlap, stacked_modes
from ganlab.metrics.distances import frechet_distance, nearest, precision_recall, sharpness
from ganlab.metrics.judge import Judge
from ganlab.metrics.transport import wasserstein

__all__ = [
    "Judge", "checkerboard", "features", "frechet_distance", "inner", "mode_index", "modes", "nearest", "overlap",
    "overlap_map", "phase_means", "precision_recall", "sharpness", "stacked_modes", "wasserstein",
]  # fmt: skip
