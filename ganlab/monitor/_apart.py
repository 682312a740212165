"""Which of D's inputs are the generated ones, where none is what a generator gave: noise was added, old samples were
mixed in, a condition was put beside them, or both are one batch.

Generated samples with noise go along with what a generator has given, row by row; real ones do not. So of two batches x
the one is taken whose rows have the larger inner product with the given rows y, both about their means:
E (x - Ex)(y - Ey) is the variance of y where x is y with noise, and 0 where x is anything else. That product must be
four standard errors above 0, and twice as far as the other's. It says nothing of a generator that changes samples into
others, for these go along with those.

First of all a batch is taken of which some rows are, to the last bit, what a generator gave, in any order: with older
samples among them, with a condition in front of their channels or behind, or shuffled with real ones in one batch.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ganlab.monitor._calls import Call, widened
from ganlab.monitor._made import Output
from ganlab.monitor._samples import pick, prints, which_among

ERRORS = 4.0  # by chance once in ten thousand steps
SOME = 0.2  # of the rows of a batch


class Half(NamedTuple):
    """x: (n, ...) or (N, n, ...). logits, slopes: (n,) or (N, n), a number a sample; slopes None: nothing came back."""

    x: Tensor
    logits: Tensor
    slopes: Tensor | None


class Given(NamedTuple):
    """x: (n, ...) or (N, n, ...), what a generator gave. marks: (n,) or (N, n), its rows as `prints`, in order."""

    x: Tensor
    marks: Tensor


class Apart(NamedTuple):
    """sure: () or (N,), whether the two could be told apart. z: what the latest samples to go by were made of."""

    real: Half
    fake: Half
    sure: Tensor
    z: Tensor | None = None


def told_apart(calls: Sequence[Call], known: Sequence[Output], lead: int) -> Apart | None:
    """D's calls in its step, told apart by what generators have given; None: these are not two, or some are on what a
    generator has made.

    known: outputs of generators, the latest last. lead: as in `ganlab.monitor._samples.pick`.
    """
    some = [call for call in calls if not call.asked]
    if any(call.attached or call.made is not None for call in some):
        return None
    shown = {x.untyped_storage().data_ptr() for call in some for x in call.xs}
    z, votes, both = None, [], None
    for outputs, latents in reversed(known):
        if latents is not None and latents.untyped_storage().data_ptr() in shown:
            continue  # made of what D sees: a generator that should leave it as it is
        if (x := pick([x for x in outputs if x.is_floating_point()], lead)) is None:
            continue
        given = Given(x, prints(x, lead).sort(-1).values)
        two = _beside(some, given, lead)
        if two is None or (both is not None and two[0].x.shape != both[0].x.shape):
            continue
        if both is None:
            both, z = two, latents
        votes.append(_votes(two, given, lead, trend=not votes and not _changed(latents, x, lead)))
    if both is None:
        return None
    same, trend = (torch.stack(one).any(0) for one in zip(*votes, strict=True))  # (2,) or (2, N): the first, the second
    chosen = torch.where(same.any(0), same, trend)
    second, sure = chosen[1], chosen[0] ^ chosen[1]
    real, fake = (Half(*(_chosen(way, *parts) for parts in zip(*both, strict=True))) for way in (~second, second))
    return Apart(real, fake, sure, z)


def _changed(z: Tensor | None, given: Tensor, lead: int) -> bool:
    """Whether a generator changes samples into others: what it takes is of their shape, or about as large an image."""
    if z is None:
        return False
    if z.shape[lead:] == given.shape[lead:]:
        return True
    return given.ndim > lead + 1 and 4 * z.shape[lead:].numel() >= given.shape[lead:].numel()


def _beside(calls: Sequence[Call], given: Given, lead: int) -> list[Half] | None:
    """D's two batches of samples of the shape of these; of batches that have more channels, those that may be theirs:
    the last ones, or the first if no batch ends in any of the given rows.
    """
    shape = given.x.shape
    if (found := halves(calls, shape, lead)) is not None:
        return found if len(calls) == 2 else _sorted(found, given, lead)
    wide = pick(calls[0].xs, lead) if calls else None
    if wide is None or not wide.ndim == len(shape) > lead or wide.shape[lead] <= (count := shape[lead]):
        return None
    if wide.shape[:lead] + wide.shape[lead + 1 :] != shape[:lead] + shape[lead + 1 :]:
        return None
    if (found := halves(calls, wide.shape, lead)) is None:
        return None
    behind, front = (
        [half._replace(x=half.x.narrow(lead, start, count)) for half in found]
        for start in (wide.shape[lead] - count, 0)
    )
    ends = torch.stack([_which(half.x, given, lead) for half in behind]).any()
    return [one._replace(x=torch.where(ends, one.x, other.x)) for one, other in zip(behind, front, strict=True)]


def _rows(x: Tensor, lead: int) -> Tensor:
    x = widened(x)
    return x.unsqueeze(-1) if x.ndim == lead else x.flatten(lead)


def _sorted(both: Sequence[Half], given: Given, lead: int) -> list[Half]:
    """The halves of one batch, in which real and generated rows may be shuffled: where half of its rows are among those
    given, these are put behind the others.
    """
    whole = Half(
        *(None if one is None else torch.cat([one, other], lead - 1) for one, other in zip(*both, strict=True))
    )
    made = _which(whole.x, given, lead)
    half = 2 * made.sum(-1, keepdim=True) == made.shape[-1]
    order = (made & half).to(torch.uint8).argsort(dim=-1, stable=True)
    parts = [None if part is None else _ordered(part, order).chunk(2, lead - 1) for part in whole]
    return [Half(*(None if part is None else part[i] for part in parts)) for i in range(2)]


def _ordered(x: Tensor, order: Tensor) -> Tensor:
    """The rows of x, (n, ...) or (N, n, ...), in an order, (n,) or (N, n)."""
    index = order.reshape(*order.shape, *[1] * (x.ndim - order.ndim)).expand(x.shape)
    return x.gather(order.ndim - 1, index)


def _which(x: Tensor, given: Given, lead: int) -> Tensor:
    """(n,) or (N, n): which rows of x are among those given."""
    return which_among(prints(x.to(given.x.dtype), lead), given.marks)


def _votes(both: Sequence[Half], given: Given, lead: int, trend: bool) -> tuple[Tensor, Tensor]:
    """Which of two batches is generated, as by this output: by rows that are the same, and by rows that go along.
    (2,) or (2, N) each.
    """
    shares = torch.stack([_which(half.x, given, lead).mean(-1, dtype=torch.float32) for half in both])
    same = (shares > SOME) & (shares > 2 * shares.flip(0))
    if not trend or given.x.shape[lead - 1] < 2:
        return same, torch.zeros_like(same)
    rows, own = torch.stack([_rows(half.x, lead) for half in both]), _rows(given.x, lead)
    products = (rows - rows.mean(-2, keepdim=True)) * (own - own.mean(-2, keepdim=True))
    products = products.sum(-1)  # (2, n) or (2, N, n)
    errors = (products.var(-1) / products.shape[-1]).sqrt()
    far = products.mean(-1) / errors.masked_fill(errors == 0, 1.0)
    return same, (far > ERRORS) & (far > 2 * far.flip(0).abs())


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
