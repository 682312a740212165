"""Which of D's inputs are the generated ones, where none is what a generator gave: noise was added, or both are one
batch.

Generated samples with noise go along with what the generator has just given, row by row; real ones do not. So of two
batches x the one is taken whose rows have the larger inner product with the given rows y, both about their means:
E (x - Ex)(y - Ey) is the variance of y where x is y with noise, and 0 where x is anything else. That product must be
four standard errors above 0, and twice as far as the other's. A batch of which some rows are, to the last bit, what the
generator gave is always taken, as one that a pool of older samples has been mixed with.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ganlab.monitor._calls import Call, widened
from ganlab.monitor._samples import pick

ERRORS = 4.0  # by chance once in ten thousand steps
SOME = 0.2  # of the rows of a batch


class Half(NamedTuple):
    """x: (n, ...) or (N, n, ...). logits, slopes: (n,) or (N, n), a number a sample; slopes None: nothing came back."""

    x: Tensor
    logits: Tensor
    slopes: Tensor | None


class Apart(NamedTuple):
    """sure: () or (N,), whether the two could be told apart."""

    real: Half
    fake: Half
    sure: Tensor


def apart(calls: Sequence[Call], made: Sequence[Tensor], lead: int) -> Apart | None:
    """D's calls, on samples that no generator gave, told apart by what one has just given; None: these are not two.

    Args:
        calls: of D in its step.
        made: what a generator has given.
        lead: as in `ganlab.monitor._samples.pick`.
    """
    given = pick([x for x in made if x.is_floating_point()], lead)
    both = None if given is None else halves(calls, given.shape, lead)
    if both is None or given.shape[lead - 1] < 2:
        return None
    given = widened(given).flatten(lead)
    rows = torch.stack([widened(half.x).flatten(lead) for half in both])
    products = (rows - rows.mean(-2, keepdim=True)) * (given - given.mean(-2, keepdim=True))
    products = products.sum(-1)  # (2, n) or (2, N, n)
    errors = (products.var(-1) / products.shape[-1]).sqrt()
    first, other = products.mean(-1) / errors.masked_fill(errors == 0, 1.0)
    same_first, same_other = (rows == given).all(-1).mean(-1, dtype=torch.float32)
    same = (same_first - same_other).abs() > SOME
    second = torch.where(same, same_other > same_first, other > first)
    large, small = torch.where(second, other, first), torch.where(second, first, other)
    sure = same | ((large > ERRORS) & (large > 2 * small.abs()))
    real, fake = (Half(*(_chosen(way, *parts) for parts in zip(*both, strict=True))) for way in (~second, second))
    return Apart(real, fake, sure)


def _chosen(second: Tensor, one: Tensor | None, other: Tensor | None) -> Tensor | None:
    if one is None or other is None:
        return None
    return torch.where(second.reshape(*second.shape, *[1] * (one.ndim - second.ndim)), other, one)


def halves(calls: Sequence[Call], shape: torch.Size, lead: int) -> list[Half] | None:
    """Two calls on samples of this shape, or the halves of one call on twice as many."""
    found = [half for call in calls if (half := _half(call, lead)) is not None]
    if len(found) != len(calls) or len(calls) not in (1, 2):
        return None
    if len(found) == 1 and found[0].x.ndim >= lead and found[0].x.shape[lead - 1] == 2 * shape[lead - 1]:
        parts = [None if part is None else part.chunk(2, lead - 1) for part in found[0]]
        found = [Half(*(None if part is None else part[i] for part in parts)) for i in range(2)]
    return found if len(found) == 2 and all(half.x.shape == shape for half in found) else None


def _half(call: Call, lead: int) -> Half | None:
    x, slopes = pick(call.xs, lead), call.slopes.each()
    if x is None or any(y.shape[:lead] != x.shape[:lead] for y in call.logits):
        return None
    rows = [widened(y).reshape(*y.shape[:lead], -1).mean(-1) for y in call.logits]
    return Half(x, torch.stack(rows).mean(0), slopes)
