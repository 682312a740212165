"""How often D was called in a step, on what, and how loud that was beside what a generator gave."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ganlab.monitor._calls import Call, standing, widened
from ganlab.monitor._halves import halves
from ganlab.monitor._order import order_of
from ganlab.monitor._samples import flat, pick

AWAY = 0.05  # of the way from one batch to the other
LEAST = 1e-30  # a distance of 0 is taken for it
COUNTS = ("real_calls", "fake_calls", "batch", "width")


class Counted(NamedTuple):
    """numbers: of `COUNTS`; None without a call. order: as of `order_of`. penalty: the calls of one."""

    numbers: tuple[int, int, int, int] | None
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
    shape = None if first is None else first.logits[0].shape
    numbers = None if shape is None else (len(real), len(fake), shape[lead - 1], shape[lead:].numel())
    return Counted(numbers, order_of([*real, *fake], lead), penalty)


def cut(calls: Sequence[Call]) -> int:
    """How many of these are on samples of a generator, on whose graph they do not hang: nothing can go back."""
    return sum(call.made is not None and not call.attached and not call.asked for call in calls)


def leaked(calls: Sequence[Call], own: tuple[Sequence[Call], Sequence[Call]], passes: Sequence[int]) -> float:
    """1 if a pass of G's loss, by way of a call that still hangs on G, has reached D behind the last pass of D's own
    loss, or was that pass: D then steps with the gradients of both. Else 0.

    own: D's own calls. passes: those that have reached D, in order.
    """
    mine = [passes.index(now) for some in own for call in some for now in call.slopes.ended() if now in passes]
    last = max(mine, default=len(passes))
    others = [call for call in calls if call.attached and call not in own[1]]
    return float(any(
        now in passes and (passes.index(now) > last or (passes.index(now) == last and call.trains))
        for call in others for now in call.slopes.went_on()
    ))  # fmt: skip


def between(calls: Sequence[Call], lead: int) -> Tensor | None:
    """() or (N,): of two calls of D on samples that no generator made, and one on generated ones: how much longer the
    way from one of these batches to the generated one is by way of the other, row by row; 1 for points between the two,
    as those of a penalty. None: there are no such three calls.
    """
    own = [call for call in calls if not call.asked]
    made = [call for call in own if call.made is not None and not call.attached]
    rest = [call for call in own if call.made is None]
    if (len(rest), len(made)) != (2, 1):
        return None
    found = [standing(call.xs, made[0].made, lead) for call in (*made, *rest)]
    if any(x is None or x.shape != found[0].shape for x in found):
        return None
    fake, one, other = (flat(x, lead) for x in found)
    far = [(x - fake).norm(dim=-1) for x in (one, other)]
    way = (one - other).norm(dim=-1)
    found = []
    for near, whole in (far, far[::-1]):
        longer = (way + near).sum(-1) / whole.sum(-1).clamp_min(LEAST)
        ends = torch.minimum(way, near).sum(-1) < AWAY * whole.sum(-1)  # a point at an end is between nothing
        found.append(longer.masked_fill(ends, torch.inf))
    least = torch.minimum(*found)
    return least if lead == 2 else least[0]


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
