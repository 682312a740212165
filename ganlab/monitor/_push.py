"""What comes to G by way of D: the slopes of a loss at D's logits, and of D at its samples."""

from collections.abc import Sequence

from torch import Tensor

from ganlab.monitor._calls import Call
from ganlab.monitor._counts import cut

# What is read off it, in this order.
PUSH = ("loss_slope", "input_slope")


def push(
    waiting: Sequence[Call], calls: Sequence[Call], passes: Sequence[int], stepped: bool
) -> tuple[list[Tensor], list[Tensor]]:
    """For each backward pass that came to G by way of D its numbers, as of `Slopes.through`; and the sums of those of
    which the sign is known.

    waiting: D's calls on samples that hang on G, of an earlier step of this round. calls: those since. passes: those
    that have reached G since then. stepped: D has, in this round.
    """
    both = [*waiting, *calls]
    if found := [one for call in both for one in call.slopes.through()]:
        # Once D has stepped a pass on real samples too is G's own, as of a relativistic loss.
        if not stepped and goes_on(calls):
            return [one for call in both for one in call.slopes.without_sign()], []
        return found, [one[0] for one in found]
    return ([] if passes else [one for call in both for one in call.slopes.of_both()]), []


def goes_on(calls: Sequence[Call]) -> bool:
    """Whether the pass that came to G was of D's loss, on real samples too, and no generated ones were cut from G's
    graph: as behind a layer that turns gradients round.
    """
    on_real = {now for call in calls if call.made is None and not call.asked for now in call.slopes.ended()}
    on_fake = {now for call in calls if call.attached for now in call.slopes.went_on()}
    return bool(on_fake) and on_fake <= on_real and cut(calls) == 0


def felt(calls: Sequence[Call], passes: Sequence[int], in_d: Sequence[int]) -> bool:
    """Whether G's gradient may have come by D's features alone: a pass that has reached both, of G's step, and that
    came to D by no call on samples that are cut from G's graph; or a frozen D, which no pass is seen to reach.

    passes: those that have reached G. in_d: those that have reached D.
    """
    cut_off = {now for call in calls if not call.attached for now in call.slopes.ended()}
    by_both = set(passes) & set(in_d) - cut_off
    return bool(by_both) or any(call.attached and not call.trains for call in calls)
