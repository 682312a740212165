"""What the generators have given, by which D's calls on it are known."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ganlab._modules import tensors
from ganlab.monitor._samples import joined, place

KEPT = 8  # passes of a generator: of those in front of a step of D, and where there are many without a graph


class Output(NamedTuple):
    """outputs: of one pass of a generator. z: its inputs side by side; None: there are none that are floats. changes:
    whether it changes samples into others: it takes something of their shape, or about as large an image. taken: where
    its inputs lie, labels too.
    """

    outputs: list[Tensor]
    z: Tensor | None
    changes: bool
    taken: frozenset[int]


class Made:
    """Outputs of this round of the game; and those of the last one that came behind D's last step.

    Loops in which G steps first show D, in its own step, what G gave in front of its step: by then, as the monitor
    counts, a new round has begun.

    Args:
        lead: as in `ganlab.monitor._samples.pick`.
    """

    def __init__(self, lead: int):
        self._lead = lead
        self._now: list[Output] = []
        self._before: list[Output] = []
        self._own = 0  # of `_now`, those in front of D's last step

    def note(self, inputs: tuple, named: dict, output: Any) -> None:
        """A generator was called."""
        given, inside = [x.detach() for x in tensors(output)], [x.detach() for x in tensors((inputs, named))]
        taken = [x for x in inside if x.is_floating_point()]
        z = joined(taken, self._lead)
        shapes = {x.shape[self._lead :] for x in (*taken, *([] if z is None else [z]))}
        changes = any(_alike(one, y.shape[self._lead :]) for one in shapes for y in given)
        self._now.append(Output(given, z, changes, frozenset(map(place, inside))))
        if not torch.is_grad_enabled():  # in between somebody may draw any number of samples
            self._trim()

    @property
    def known(self) -> Sequence[Output]:
        """In order; what was made in the round before comes first."""
        return [*self._before, *self._now]

    def places(self, xs: Sequence[Tensor], z: Tensor | None = None) -> tuple[list[int], Tensor | None]:
        """Which of these a generator has made, and of what; `z` if it has made none."""
        places, known = [], self.known
        for i, x in enumerate(xs):
            for outputs, latents, *_ in known:
                if any(place(x) == place(out) for out in outputs):
                    places.append(i)
                    z = latents
        return places, z

    def stepped(self, of_discriminator: bool) -> None:
        """A player has stepped."""
        if of_discriminator:
            self._own = len(self._now)
            self._trim()

    def _trim(self) -> None:
        dropped = len(self._now[:-KEPT])
        del self._now[:dropped]
        self._own = max(self._own - dropped, 0)

    def round_ends(self) -> None:
        self._before, self._now, self._own = self._now[self._own :], [], 0


def _alike(taken: Sequence[int], given: Sequence[int]) -> bool:
    """Whether a sample of the one shape may be changed into one of the other."""
    return taken == given or (len(given) > 1 and 4 * math.prod(taken) >= math.prod(given))
