"""One call of D: what it was called on, its logits, and the gradients that reach these."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

import torch
from torch import Tensor

from ganlab._numeric import NAN, NARROW
from ganlab.monitor._samples import pick, place


class Slopes:
    """Listens for dL/dlogit at logits that are still to be passed backward. Each backward pass leaves its numbers.

    A pass that makes a graph of its own belongs to a penalty, which asks D for a gradient: it is no loss's.

    Args:
        logits: (batch, ...), or (N, batch, ...) with `lead` 2.
        x: D's input, if it hangs on a generator: passes that reach it are told from those that end in D.
        asked: a penalty may ask for the gradient with respect to the samples.
    """

    def __init__(self, logits: Sequence[Tensor], lead: int, x: Tensor | None = None, asked: bool = False):
        self._lead, self._asked = lead, asked
        self._both: list[Tensor] = []  # as of `through`, of passes of D's loss that went on to x
        self._graphed = False  # a pass has made a graph of its own
        self._ones: list[Tensor] = []  # of passes that made none, whether they ask for the slope of the sum
        # By pass: with sign and without, of each sample; and (2,) or (2, N), the numbers of a pass that reached x.
        self._all: dict[int, Tensor] = {}
        self._through: dict[int, Tensor] = {}
        for part in logits:
            part.register_hook(self._at_logits)
        if x is not None:
            x.register_hook(self._at_input)

    def _at_logits(self, grad: Tensor) -> None:
        if torch.is_grad_enabled():
            self._graphed = True
            return
        if self._asked:
            self._ones.append((grad == 1).all())
        grad = widened(grad).reshape(*grad.shape[: self._lead], -1)
        both, now = torch.stack([grad.sum(-1), grad.abs().sum(-1)]), torch._C._current_graph_task_id()
        known = self._all.get(now)
        self._all[now] = both if known is None or known.shape != both.shape else known + both

    def _at_input(self, grad: Tensor) -> None:
        now = torch._C._current_graph_task_id()
        slope = self._all.get(now)
        if torch.is_grad_enabled() or slope is None:
            return
        grad, size = widened(grad), slope[1]
        if size.shape != grad.shape[: self._lead]:  # several logits a sample in one row: whose is whose is not known
            self._through[now] = torch.full_like(size.sum(-1), NAN)
            return
        length = grad.flatten(self._lead).norm(dim=-1) if grad.ndim > self._lead else grad.abs()
        self._through[now] = (length / size).masked_fill_(size == 0, NAN).nanmean(-1)

    @property
    def reached(self) -> bool:
        """Whether any pass has come by, one that made a graph of its own too."""
        return self._graphed or bool(self._all)

    def ended(self) -> list[int]:
        """The passes that ended in D."""
        return [now for now in self._all if now not in self._through]

    def went_on(self) -> list[int]:
        """Those that reached x."""
        return list(self._through)

    def own(self, foreign: Set[int] = frozenset()) -> Tensor | None:
        """() or (N,), the signed sum over the batch, of the passes that ended in D, but for the `foreign` ones. Where
        there are none, of the only pass, as behind a layer that turns gradients; of several whose each is is not known.
        """
        each = self.each(foreign)
        return None if each is None else each.sum(-1)

    def each(self, foreign: Set[int] = frozenset()) -> Tensor | None:
        """(batch,) or (N, batch): the same of each sample."""
        own = [now for now in self.ended() if now not in foreign]
        ended = [self._all[now][0] for now in own or self._all]
        return total(ended) if len({one.shape for one in ended}) == 1 and (own or len(ended) == 1) else None

    def severed(self, like: Tensor) -> Tensor | None:
        """1 if D's slope was asked for and no graph was made of it, so that no penalty on it can move D, and else 0, of
        the shape of `like`. None: it was not asked for.
        """
        if self._graphed:
            return torch.zeros_like(like)
        return torch.stack(self._ones).any().to(like.dtype).expand_as(like) if self._ones else None

    def through(self) -> list[Tensor]:
        """For each pass that reached x: (3,) or (3, N), both sums over the batch, and the mean of ||dD/dx||."""
        return [torch.cat([self._all[now].sum(-1), steep[None]]) for now, steep in self._through.items()]

    def pass_on(self) -> None:
        """D's step is made. Where all passes until now reached x, they were of D's loss, and none was of G's."""
        if set(self._all) <= set(self._through):
            self._both, self._through = self.through(), {}

    def of_both(self) -> list[Tensor]:
        """As `through`, of the passes of D's loss that went on to x. Which sign they had for G is not known."""
        return [_without_sign(one) for one in self._both]

    def without_sign(self) -> list[Tensor]:
        """As `through`, of passes of which that is not known either."""
        return [_without_sign(one) for one in self.through()]


def _without_sign(numbers: Tensor) -> Tensor:
    return torch.cat([torch.full_like(numbers[:1], NAN), numbers[1:]])


@dataclass(frozen=True, eq=False)
class Call:
    """xs: the inputs that are floats. logits: without their graph. made: the place in `xs` of what a generator made, or
    None for a call on real samples. attached: it still hangs on the generator's graph. asked: a gradient with respect
    to the samples is asked for, by a penalty. given: all inputs, those that are no floats too. trains: D's weights
    took gradients when it was made.
    """

    xs: list[Tensor]
    logits: list[Tensor]
    made: int | None
    attached: bool
    asked: bool
    slopes: Slopes
    given: Sequence[Tensor] = ()
    trains: bool = True

    def gave(self, storages: set[int]) -> bool:
        """Whether tensors in these memories are its logits."""
        return any(place(part) in storages for part in self.logits)


def of_told(
    told: Sequence[tuple[Sequence[Tensor], Slopes | None]] | None, calls: Sequence[Call]
) -> tuple[list[Call], list[Call]] | None:
    """D's calls that gave the logits that were told, real and fake, if there are any for both."""
    if told is None:
        return None
    memories = [{place(part) for part in parts} for parts, _ in told]
    real, fake = ([call for call in calls if call.gave(memory)] for memory in memories)
    # One call that gave both is of one batch, in which it cannot be seen what is real.
    return (real, fake) if real and fake and not any(call in fake for call in real) else None


def pairs(calls: Sequence[Call]) -> tuple[list[Call], list[Call]] | None:
    """D's calls in its own step, on real samples and on generated ones: one of each, or several, that are accumulated.

    Where those on detached samples are as many as the real ones, what still hangs on the generator is the generator's.
    A call of which a penalty asks a gradient is the penalty's own, unless D was not called in another way.
    """
    for some in ([call for call in calls if not call.asked], calls):
        real = [call for call in some if call.made is None]
        fake = [call for call in some if call.made is not None]
        for made in ([call for call in fake if not call.attached], fake):
            if len(real) == len(made) > 0:
                return real, made
    return _uneven([call for call in calls if not call.asked and not call.attached])


def _uneven(calls: Sequence[Call]) -> tuple[list[Call], list[Call]] | None:
    """One call on real samples beside several on generated ones, of two kinds. Or as many more on the real ones, with
    a condition that is not theirs: D's loss pushes these as it does the generated ones.
    """
    real = [call for call in calls if call.made is None]
    fake = [call for call in calls if call.made is not None]
    if len(real) == 1 < len(fake):
        return (real, fake) if agree(fake) else None
    slopes = [[call.slopes.own() for call in some] for some in (real, fake)]
    if not len(real) == 2 * len(fake) > 0 or any(slope is None for some in slopes for slope in some):
        return None
    down = total(slopes[1])
    apart = [call for call, slope in zip(real, slopes[0], strict=True) if bool((slope * down < 0).all())]
    shown = {place(x) for call in apart for x in call.xs}
    same = all(any(place(x) in shown for x in call.xs) for call in real)
    return (apart, fake) if len(apart) == len(fake) and same else None


def agree(calls: Sequence[Call]) -> bool:
    """Whether D's loss pushes all of these the same way, as far as is known; two D's may want opposite things."""
    slopes = [slope for call in calls if (slope := call.slopes.own()) is not None]
    return not slopes or bool(((torch.stack(slopes) >= 0).all(0) | (torch.stack(slopes) <= 0).all(0)).all())


def sums(
    told: Sequence[tuple[Sequence[Tensor], Slopes | None]] | None, real: Sequence[Call], fake: Sequence[Call]
) -> tuple[Tensor | None, Tensor | None]:
    """The gradients at the logits that were told, or at D's own, summed over each kind."""
    listened = [None, None] if told is None else [slopes for _, slopes in told]
    # G's pass by a call that D's loss has a pass of its own on: what it leaves at real logits is G's too.
    foreign = {now for call in fake if call.slopes.ended() for now in call.slopes.went_on()}
    found = []
    for slopes, calls in zip(listened, (real, fake), strict=True):
        own = None if slopes is None else slopes.own()
        found.append(
            total([one for call in calls if (one := call.slopes.own(foreign)) is not None]) if own is None else own
        )
    return tuple(found)


def batches_of(real: Sequence[Call], fake: Sequence[Call], lead: int) -> list[list[Tensor]] | None:
    """The samples of these calls, real ones and generated ones. Where the latter stand among D's inputs, there stand
    the former. None: they are not alike.
    """
    made = next((call.made for call in fake if call.made is not None), None)
    picked = [[standing(call.xs, made, lead) for call in calls] for calls in (real, fake)]
    known = [[x for x in some if x is not None] for some in picked]
    return known if all(some and len({x.shape[lead:] for x in some}) == 1 for some in known) else None


def standing(xs: list[Tensor], i: int | None, lead: int) -> Tensor | None:
    """The samples among D's inputs: the one of this number, if it is known."""
    return xs[i] if i is not None and i < len(xs) and xs[i].ndim >= lead else pick(xs, lead)


def side_by_side(parts: Sequence[Tensor], lead: int) -> Tensor:
    """All logits, (n,) or (N, n)."""
    rows = [widened(part).reshape(*part.shape[: lead - 1], -1) for part in parts]
    return rows[0] if len(rows) == 1 else torch.cat(rows, dim=-1)


def total(parts: Sequence[Tensor]) -> Tensor | None:
    """The sum; None of nothing."""
    if len(parts) == 1:
        return parts[0]
    return torch.stack(list(parts)).sum(0) if parts else None


def widened(x: Tensor) -> Tensor:
    """Without its graph, and in float32 at least."""
    return x.detach().float() if x.dtype in NARROW else x.detach()
