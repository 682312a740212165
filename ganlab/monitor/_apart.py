"""Which of D's inputs are the generated ones, where none is what a generator gave: noise was added, old samples were
mixed in, a condition was put beside them, or both are one batch.

Generated samples with noise go along with what a generator has given, row by row; real ones do not. So of two batches x
the one is taken whose rows have the larger inner product with the given rows y, both about their means:
E (x - Ex)(y - Ey) is the variance of y where x is y with noise, and 0 where x is anything else. That product must be
four standard errors above 0, and twice as far as the other's. It says nothing of a generator that changes samples into
others, for these go along with those.

First of all a batch is taken of which some rows are, to the last bit, what a generator gave, in any order: with older
samples among them, with a condition in front of their channels or behind, or shuffled with real ones in one batch. Of
more than two batches, as of gradients that are added up or of samples and changed copies of them, each is looked at by
itself.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ganlab.monitor._calls import Call
from ganlab.monitor._halves import Half, as_rows, half_of, halves, in_parts, joined_halves, ordered, picked, product
from ganlab.monitor._made import Output
from ganlab.monitor._samples import pick, place, prints, which_among

ERRORS = 4.0  # by chance once in ten thousand steps
SOME = 0.2  # of the rows of a batch
PURE = 0.7  # of those of a part of one batch: between this and none it holds both kinds


class Given(NamedTuple):
    """x: (n, ...) or (N, n, ...), what a generator gave. marks: (n,) or (N, n), its rows as `prints`, in order. z: of
    what it was made. changes: the generator changes samples into others.
    """

    x: Tensor
    marks: Tensor
    z: Tensor | None
    changes: bool


class Apart(NamedTuple):
    """sure: () or (N,), whether the two could be told apart. z: what the latest samples to go by were made of."""

    real: Half
    fake: Half
    sure: Tensor
    z: Tensor | None = None


def told_apart(calls: Sequence[Call], known: Sequence[Output], lead: int) -> Apart | None:
    """D's calls in its step, told apart by what generators have given; None: some are on what a generator has made, or
    they are neither two batches, nor pairs of such, nor one batch or more of both.

    known: outputs of generators, the latest last. lead: as in `ganlab.monitor._samples.pick`.
    """
    found, own = None, [call for call in calls if not call.asked]
    if any(call.attached or call.made is not None for call in own):
        return None
    # A call of which a penalty asks a gradient is the penalty's own, unless D was not called in another way.
    for some in [own] if len(own) == len(calls) else [own, calls]:
        if some and (found := _told(_given(some, known, lead), some, lead)) is not None and found.sure.any():
            break
    return found


def _given(calls: Sequence[Call], known: Sequence[Output], lead: int) -> list[Given]:
    """What generators gave and of what, the latest first, without what was made of what D sees: its generator should
    leave it as it is.
    """
    shown, given = {place(x) for call in calls for x in call.given or call.xs}, []
    for outputs, z, changes, taken in reversed(known):
        if z is not None and place(z) in shown:
            continue
        changes = changes or bool(taken & shown)  # of labels that D sees real samples go along, too
        for x in outputs:
            if x.is_floating_point() and x.ndim >= lead:
                given.append(Given(x, prints(x, lead).sort(-1).values, z, changes))
    return given


def _told(given: Sequence[Given], calls: Sequence[Call], lead: int) -> Apart | None:
    found = _two(given, calls, lead) if len(calls) <= 2 else None
    if found is None and len(calls) > 1:
        parts = [_two(given, [call], lead) for call in calls]
        found = _added(parts, lead) if all(part is not None for part in parts) else None
    return _several(given, calls, lead) if found is None else found


def _two(given: Sequence[Given], calls: Sequence[Call], lead: int) -> Apart | None:
    """Of two batches, or of one batch of both kinds."""
    if len(calls) > 1:
        return _voted(given, calls, lead)
    first = None
    for one in given:  # each puts the rows of the one batch in its own order
        found = _voted([one], calls, lead)
        if found is not None and found.sure.all():
            return found
        first = first or found
    return first


def _voted(given: Sequence[Given], calls: Sequence[Call], lead: int) -> Apart | None:
    z, votes, both = None, [], None
    for one in given:
        two = _beside(calls, one, lead)
        if two is None or (both is not None and two[0].x.shape != both[0].x.shape):
            continue
        if both is None:
            both, z = two, one.z
        votes.append(_votes(two, one, lead, not votes and not one.changes, len(calls) > 1))
    if both is None:
        return None
    same, trend = (torch.stack(one).any(0) for one in zip(*votes, strict=True))  # (2,) or (2, N): the first, the second
    chosen = torch.where(same.any(0), same, trend)
    second, sure = chosen[1], chosen[0] ^ chosen[1]
    real, fake = (Half(*(picked(way, *parts) for parts in zip(*both, strict=True))) for way in (~second, second))
    return Apart(real, fake, sure, z)


def _added(parts: Sequence[Apart], lead: int) -> Apart:
    """What several batches, each of both kinds, are together."""
    real, fake = ([part[i] for part in parts] for i in range(2))
    sure = torch.stack([part.sure for part in parts]).all(0)
    return Apart(joined_halves(real, lead), joined_halves(fake, lead), sure, parts[0].z)


def _several(given: Sequence[Given], calls: Sequence[Call], lead: int) -> Apart | None:
    """Of more than two batches, or of one that is several side by side: generated ones are those that go along with
    what a generator gave, each with its own. Of calls these have to be half.
    """
    found = [half for call in calls if (half := half_of(call, lead)) is not None]
    found = found if len(found) == len(calls) else []
    like = [one for one in given if found and one.x.shape[lead:] == found[0].x.shape[lead:]]
    if not like:
        return None
    like, shape = [one for one in like if one.x.shape == like[0].x.shape], like[0].x.shape
    if len(found) == 1 and found[0].x.shape[lead - 1] % shape[lead - 1] == 0:
        found = in_parts(found[0], found[0].x.shape[lead - 1] // shape[lead - 1], lead)
    if len(found) < 3 or any(half.x.shape != shape for half in found):
        return None
    if len(calls) == 1 and any(_mixed(half, one, lead) for half in found for one in like):
        return None  # shuffled
    along = torch.stack([torch.stack([_goes_along(half, one, lead) for one in like]).any(0) for half in found])
    made = along.reshape(len(found), -1).all(1).tolist()  # of all members
    if not 0 < sum(made) < len(found) or (len(calls) > 1 and 2 * sum(made) != len(found)):
        return None
    real, fake = ([half for half, own in zip(found, made, strict=True) if own is kind] for kind in (False, True))
    return Apart(joined_halves(real, lead), joined_halves(fake, lead), torch.ones_like(along[0]), like[0].z)


def _mixed(half: Half, given: Given, lead: int) -> bool:
    """Whether a part of a batch seems to hold rows of both kinds."""
    share = _share(half, given, lead)
    return bool(((share > 0) & (share < PURE)).any())


def _goes_along(half: Half, given: Given, lead: int) -> Tensor:
    """() or (N,): whether a batch is what a generator gave, in part, or goes along with it row by row."""
    same = _share(half, given, lead) > SOME
    if given.changes or given.x.shape[lead - 1] < 2:
        return same
    mean, error = product(as_rows(half.x, lead), as_rows(given.x, lead))
    return same | (mean / error > ERRORS)


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
    if wide.shape[lead + 1 :] != shape[lead + 1 :]:
        return None
    if (found := halves(calls, torch.Size([*shape[:lead], *wide.shape[lead:]]), lead)) is None:
        return None
    behind, front = (
        [half._replace(x=half.x.narrow(lead, start, count)) for half in found]
        for start in (wide.shape[lead] - count, 0)
    )
    ends = torch.stack([_which(half.x, given, lead) for half in behind]).any()
    return [one._replace(x=torch.where(ends, one.x, other.x)) for one, other in zip(behind, front, strict=True)]


def _sorted(both: Sequence[Half], given: Given, lead: int) -> list[Half]:
    """The halves of one batch, in which real and generated rows may be shuffled: where half of its rows are among those
    given, these are put behind the others.
    """
    whole = joined_halves(both, lead)
    if whole.logits.shape != whole.x.shape[:lead]:
        return list(both)
    made = _which(whole.x, given, lead)
    half = 2 * made.sum(-1, keepdim=True) == made.shape[-1]
    order = (made & half).to(torch.uint8).argsort(dim=-1, stable=True)
    parts = [None if part is None else ordered(part, order).chunk(2, lead - 1) for part in whole]
    return [Half(*(None if part is None else part[i] for part in parts)) for i in range(2)]


def _which(x: Tensor, given: Given, lead: int) -> Tensor:
    """(n,) or (N, n): which rows of x are among those given."""
    return which_among(prints(x.to(given.x.dtype), lead), given.marks)


def _share(half: Half, given: Given, lead: int) -> Tensor:
    """() or (N,): of the rows of a batch, how many are among those given."""
    return _which(half.x, given, lead).mean(-1, dtype=torch.float32)


def _votes(both: Sequence[Half], given: Given, lead: int, trend: bool, apart: bool) -> tuple[Tensor, Tensor]:
    """Which of two batches is generated, as by this output: by rows that are the same, and by rows that go along.
    (2,) or (2, N) each. apart: they are two calls.
    """
    shares = torch.stack([_share(half, given, lead) for half in both])
    # Of two calls older samples may be in both; of the halves of one, those of a shuffled batch are in both.
    same = (shares > SOME) & (shares > 2 * shares.flip(0) if apart else shares.flip(0) == 0)
    if not trend or given.x.shape[lead - 1] < 2:
        return same, torch.zeros_like(same)
    mean, error = product(torch.stack([as_rows(half.x, lead) for half in both]), as_rows(given.x, lead))
    far = mean / error
    return same, (far > ERRORS) & (far > 2 * far.flip(0).abs())
