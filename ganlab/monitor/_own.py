"""D's calls until a player steps, and which of them D's own loss is made of."""

from collections.abc import Sequence

from torch import Tensor

from ganlab.monitor._calls import Call, Slopes, agree, of_told, pairs

Pair = tuple[list[Call], list[Call]]  # on real samples, and on generated ones


class Own:
    """Made by `ganlab.monitor._game.Game`.

    Attributes:
        calls: since the last step of a player; while D steps, those that its step is made of.
        early: D's step is made of calls from in front of G's step, as where both losses come before both steps.
        one_pass: and of the pass that G stepped with.
        by_parts: these are calls of D's parts, which may be several D's.
    """

    def __init__(self):
        self.calls: list[Call] = []
        self.early = self.one_pass = self.by_parts = False
        self._before: list[Call] = []  # those in front of G's step that may be D's own
        self._half: list[Call] = []  # of a step of D in this round, on samples of one kind

    def of_d(self, told: Sequence[tuple[Sequence[Tensor], Slopes | None]] | None) -> Pair | None:
        """D is about to step: the calls of its loss. None: that cannot be seen.

        A step on samples of the one kind, and then one on the other, count as one.
        """
        self.early = not self.calls and bool(self._before)
        calls = self._before if self.early else self.calls
        # What no pass has reached is in no loss, as the logits of a batch that is only counted.
        self.calls = [call for call in calls if call.attached or call.slopes.reached] or calls
        own = of_told(told, self.calls) or pairs(self.calls)
        both, alone = [*self._half, *self.calls], len(_kinds(self.calls)) == 1
        if own is None and alone and len(_kinds(both)) == 2 and (own := pairs(both)) is not None:
            self.calls = both
        self._half = self.calls if own is None and alone else []
        if own is not None and self.by_parts and not all(map(agree, own)):
            own, self.calls = None, []  # they are no one D
        self.one_pass |= self.early and any(call.attached and not call.slopes.ended() for call in self.calls)
        return own

    def of_g(self) -> None:
        """Another player is about to step."""
        own = [call for call in self.calls if not call.asked]
        apart = [call for call in own if not call.attached]
        # One pass may be both players', as behind a layer that turns gradients round: then those on G's graph are D's.
        self._before = next((some for some in (apart, own) if pairs(some) is not None), [])

    def stepped(self, of_discriminator: bool) -> None:
        """A player has stepped, whether that was measured or not: a closure may have called D several times."""
        self.calls = []
        if of_discriminator:
            self._before = []

    def round_ends(self) -> None:
        self._half = []


def _kinds(calls: Sequence[Call]) -> set[bool]:
    """Whether these are on generated samples, on real ones, or on both."""
    return {call.made is not None for call in calls if not call.asked}
