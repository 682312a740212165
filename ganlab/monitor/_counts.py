"""How often D was called in a step, on what, and how loud that was beside what a generator gave."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ganlab.monitor._apart import halves
from ganlab.monitor._calls import Call, widened
from ganlab.monitor._order import order_of
from ganlab.monitor._samples import pick

COUNTS = ("real_calls", "fake_calls", "batch")


class Counted(NamedTuple):
    """numbers: of `COUNTS`; None without a call. order: as of `order_of`. penalty: the calls of one."""

    numbers: tuple[int, int, int] | None
    order: Tensor | None
    penalty: list[Call]


def count(calls: Sequence[Call], known: Sequence[Call] | None, lead: int) -> Counted:
    """D's calls in its own step.

    known: those on generated samples, if they are known. lead: as in `ganlab.monitor._samples.pick`.
    """
    penalty = [call for call in calls if call.asked]
    own = [call for call in calls if not call.asked] or list(calls)
    made = [call for call in own if call.made is not None]
    fake = known or [call for call in made if not call.attached] or made
    real = [call for call in own if call.made is None and call not in fake]
    first = next(iter((*real, *fake)), None)
    numbers = None if first is None else (len(real), len(fake), first.logits[0].shape[lead - 1])
    return Counted(numbers, order_of([*real, *fake], lead), penalty)


def cut(calls: Sequence[Call]) -> int:
    """How many of these are on samples of a generator, on whose graph they do not hang: nothing can go back."""
    return sum(call.made is not None and not call.attached and not call.asked for call in calls)


def loudness(calls: Sequence[Call], made: Sequence[Sequence[Tensor]], lead: int) -> Tensor | None:
    """() or (N,): the root mean square of the quieter of D's two batches, over that of what a generator gave last.

    With noise on both, of the deviation s beside samples of the root mean square r, it is about sqrt(1 + (s / r)^2).
    None: D was called on what the generator gave itself, or not on two batches of that shape.
    """
    own = [call for call in calls if not call.asked]
    if any(call.made is not None for call in own):
        return None
    for outputs in reversed(made):
        given = pick([x for x in outputs if x.is_floating_point()], lead)
        both = None if given is None else halves(own, given.shape, lead)
        if both is not None:
            least = torch.stack([_size(half.x, lead) for half in both]).amin(0)
            return least / _size(given, lead)
    return None


def _size(x: Tensor, lead: int) -> Tensor:
    return widened(x).square().flatten(lead - 1).mean(-1).sqrt()
