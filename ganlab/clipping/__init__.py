"""Is the gradient too large? Clippers between `backward()` and `step()`, and a clip of the weights after it.

The clippers follow `torch.nn.utils`: they work in place, take a tensor, an iterable or a generator of tensors, named
parameters or the module itself, return the norm before clipping as a tensor, and have torch's numbers where these are
right. `CLIPS` has them by name. Beyond torch:

- `members=True` (the default for a `Population`): the first axis of every tensor runs over N members; each is clipped
  by itself, and what is returned has a value for each.
- `nonfinite` says what becomes of a gradient that holds NaN or infinity: "propagate" (as in torch: the norm is not
  finite, and what it scales is lost), "raise" (a RuntimeError that names the parameters; it has to look at the numbers,
  so a GPU is waited for), "skip" (the whole gradient of the member becomes 0: a step without momentum then does
  nothing) or "zero" (the bad entries become 0, the rest is clipped).
- A norm that float32 or float16 cannot hold does not zero the gradient; a negative threshold is refused; a parameter
  that is listed twice is scaled once; no gradients at all have norm 0; sparse gradients are clipped by their values.
- `report=Report()` collects what was done, on the device. Only its tables need pandas.

With a `torch.amp.GradScaler` the order is `scaler.scale(loss).backward()`, `scaler.unscale_(optimizer)`, clip,
`scaler.step(optimizer)`, `scaler.update()`: without `unscale_` the threshold is compared with the scaled gradient. With
gradient accumulation, clip once, before the step.

The files, in the order to read them:

clippers.py: by the norm of all gradients, by value, by the norm of each layer; the clip of the weights; `CLIPS`.
adaptive.py: each unit's gradient against the norm of that unit's weights.
percentile.py: at a percentile of the norms so far.
clip_report.py: what a clipper did.
_frame.py: what all clippers do in the same way; a clipper adds how to measure and what to scale.
_gradients.py: what a clipper is handed, made plain.

This wing knows nothing of losses, penalties or the loop; what bounds the critic's slope itself is `ganlab.penalties`.
"""

from ganlab.clipping.adaptive import clip_grad_adaptive_
from ganlab.clipping.clip_report import Report
from ganlab.clipping.clippers import CLIPS, clip_grad_layerwise_, clip_grad_norm_, clip_grad_value_, clip_weights_
from ganlab.clipping.percentile import PercentileClip

__all__ = [
    "CLIPS", "PercentileClip", "Report", "clip_grad_adaptive_", "clip_grad_layerwise_", "clip_grad_norm_",
    "clip_grad_value_", "clip_weights_",
]  # fmt: skip
