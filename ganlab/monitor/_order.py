"""What D's logits say: how it judges, and in which order the slopes of its loss lie along them.

A loss that wants real logits high and generated ones low has negative slopes on the real ones, which lie high, and
positive ones on the others. Where the targets are broadcast against the logits each logit has the mean of all targets
for its target: the slopes rise with the logits.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ganlab._numeric import NAN
from ganlab.monitor._calls import Call, widened

# The rows of `judgement`, in this order.
LOGITS = ("real_accuracy", "fake_accuracy", "pair_accuracy", "real_logit", "fake_logit")


def order_of(calls: Sequence[Call], lead: int) -> Tensor | None:
    """() or (N,), in [-1, 1]: the correlation of logits and of the slopes of the loss at them; NaN where either is
    constant. None where it was not seen.

    lead: as in `ganlab.monitor._samples.pick`.
    """
    logits, slopes = [], []
    for call in calls:
        own = call.slopes.each()
        rows = [widened(y).reshape(*y.shape[:lead], -1).mean(-1) for y in call.logits]
        if own is None or any(row.shape != own.shape for row in rows):
            return None
        logits.append(torch.stack(rows).mean(0))
        slopes.append(own)
    if not logits:
        return None
    x, y = (torch.cat(parts, lead - 1) for parts in (logits, slopes))
    x, y = x - x.mean(-1, keepdim=True), y - y.mean(-1, keepdim=True)
    x, y = (
        one / one.norm(dim=-1, keepdim=True).masked_fill(one.abs().amax(-1, keepdim=True) == 0, NAN) for one in (x, y)
    )
    return (x * y).sum(-1)


def judgement(real: Tensor, fake: Tensor) -> Tensor:
    """(5,) or (5, N), the rows of `LOGITS`, of logits (n,) or (N, n)."""
    # The share of pairs that are in order, ties as half: by rank, not by comparing each with each.
    ranks = fake.sort(-1).values.contiguous()
    places = [torch.searchsorted(ranks, real.contiguous(), right=right) for right in (False, True)]
    pairs = (places[0] + places[1]).mean(-1, dtype=real.dtype) / (2 * fake.shape[-1])
    right = [side.mean(-1, dtype=real.dtype) for side in (real > 0, fake < 0)]
    return torch.stack([*right, pairs, real.mean(-1), fake.mean(-1)])
