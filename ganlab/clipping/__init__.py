"""Is the gradient too large? Clippers between `backward()` and `step()`, and a clip of the weights after it.

They have the calling convention of `torch.nn.utils.clip_grad_norm_` and its numbers where these are right, keep the
members of a population apart, and say what they did (`Report`). `CLIPS` has them by name. This wing knows nothing of
losses, penalties or the loop; what bounds the critic's slope itself is `ganlab.penalties`.
"""

from ganlab.clipping.adaptive import clip_grad_adaptive_
from ganlab.clipping.clippers import CLIPS, clip_grad_layerwise_, clip_grad_norm_, clip_grad_value_, clip_weights_
from ganlab.clipping.percentile import PercentileClip
from ganlab.clipping.report import Report

__all__ = [
    "CLIPS", "PercentileClip", "Report", "clip_grad_adaptive_", "clip_grad_layerwise_", "clip_grad_norm_",
    "clip_grad_value_", "clip_weights_",
]  # fmt: skip
