"""What D is shown in a step, beside what it was shown before: one batch against the other, and against earlier ones."""

import torch
from torch import Tensor

from ganlab.monitor._memory import Memory
from ganlab.monitor._samples import SAMPLES, Repeats, compared, flat

# The rows of `Shown.rows`, in this order.
SHOWN = (*SAMPLES, "repeat", "seen_before", "remembered", "mean_gap", "mean_turn")


class Shown:
    """Real and generated batches of the measured steps, in order.

    lead: how many axes stand in front of a sample, that of the batch and, of a population, that of the members.
    """

    def __init__(self, lead: int):
        self._lead, self._repeats, self._memory = lead, Repeats(lead), Memory()
        self._first: Tensor | None = None  # (N, d), from the real mean to the generated one, of length 1

    def rows(self, real: Tensor, fake: Tensor) -> Tensor:
        """(11,) or (11, N), of `SHOWN`."""
        repeat = self._repeats.share(real)
        # What has its like in the same batch, as rows of a few categories have, says nothing, and is taken off.
        own = torch.stack([repeat * (1 - self._repeats.alike), *self._memory.add(self._repeats.last)])
        rows = compared(real, fake, self._lead)
        return torch.cat([rows, own.to(rows), self._means(real, fake).to(rows)])

    def _means(self, real: Tensor, fake: Tensor) -> Tensor:
        """(2,) or (2, N): how far apart the means of both batches are, in root mean squares of a real sample about its
        mean; and the cosine of the way from one to the other with that of the first step."""
        real, fake = flat(real, self._lead), flat(fake, self._lead)
        if real.shape[-1] != fake.shape[-1]:
            return real.new_full((2, *real.shape[: self._lead - 1]), torch.nan)
        spread, middle = torch.var_mean(real, 1, correction=0)
        way = fake.mean(1) - middle
        length = way.norm(dim=-1)
        if self._first is None or self._first.shape != way.shape:
            self._first = way / length[:, None]
        found = torch.stack([length / spread.sum(-1).sqrt(), (way * self._first).sum(-1) / length])
        return found if self._lead == 2 else found[:, 0]
