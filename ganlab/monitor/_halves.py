"""Batches of D's step: samples, their logits, and the slopes of its loss at these."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ganlab.monitor._calls import Call, widened
from ganlab.monitor._samples import pick


class Half(NamedTuple):
    """x: (n, ...) or (N, n, ...). logits, slopes: (n,) or (N, n), a number a sample; slopes None: nothing came back."""

    x: Tensor
    logits: Tensor
    slopes: Tensor | None


def half_of(call: Call, lead: int) -> Half | None:
    x, slopes = pick(call.xs, lead), call.slopes.each()
    if x is None or any(y.shape[: lead - 1] != x.shape[: lead - 1] for y in call.logits):
        return None
    # A critic of packs gives fewer logits than it has samples.
    if any(y.ndim < lead or not y.shape[lead - 1] or x.shape[lead - 1] % y.shape[lead - 1] for y in call.logits):
        return None
    rows = [widened(y).reshape(*y.shape[:lead], -1).mean(-1) for y in call.logits]
    return Half(x, torch.stack(rows).mean(0), slopes)


def halves(calls: Sequence[Call], shape: torch.Size, lead: int) -> list[Half] | None:
    """Two calls on samples of this shape, or the halves of one call on twice as many."""
    found = [half for call in calls if (half := half_of(call, lead)) is not None]
    if len(found) != len(calls) or len(calls) not in (1, 2):
        return None
    if len(found) == 1 and found[0].x.ndim >= lead and found[0].x.shape[lead - 1] == 2 * shape[lead - 1]:
        found = in_parts(found[0], 2, lead)
    return found if len(found) == 2 and all(half.x.shape == shape for half in found) else None


def in_parts(half: Half, count: int, lead: int) -> list[Half]:
    """A batch in so many equal parts."""
    parts = [None if part is None else part.chunk(count, lead - 1) for part in half]
    return [Half(*(None if part is None else part[i] for part in parts)) for i in range(count)]


def joined_halves(parts: Sequence[Half], lead: int) -> Half:
    return Half(*(
        None if any(part is None for part in some) else torch.cat(some, lead - 1) for some in zip(*parts, strict=True)
    ))  # fmt: skip


def ordered(x: Tensor, order: Tensor) -> Tensor:
    """The rows of x, (n, ...) or (N, n, ...), in an order, (n,) or (N, n)."""
    index = order.reshape(*order.shape, *[1] * (x.ndim - order.ndim)).expand(x.shape)
    return x.gather(order.ndim - 1, index)


def picked(second: Tensor, one: Tensor | None, other: Tensor | None) -> Tensor | None:
    if one is None or other is None:
        return None
    return torch.where(second.reshape(*second.shape, *[1] * (one.ndim - second.ndim)), other, one)


def as_rows(x: Tensor, lead: int) -> Tensor:
    x = widened(x)
    return x.unsqueeze(-1) if x.ndim == lead else x.flatten(lead)


def product(rows: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """The mean inner product of rows with those given, (..., n, d), both about their means; and its standard error."""
    products = ((rows - rows.mean(-2, keepdim=True)) * (own - own.mean(-2, keepdim=True))).sum(-1)
    errors = (products.var(-1) / products.shape[-1]).sqrt()
    return products.mean(-1), errors.masked_fill(errors == 0, 1.0)
