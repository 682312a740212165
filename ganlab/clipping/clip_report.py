"""What a clipper did: kept on the device, fetched when asked for."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganlab._check import optional

if TYPE_CHECKING:
    import pandas

# The rows of a report, for each call and member.
QUANTITIES = ("norm", "coefficient", "share", "clipped", "nonfinite")


class Report:
    """What a clipper did. Pass one and the same to every call.

    >>> import torch
    >>> from ganlab.clipping import Report, clip_grad_norm_
    >>> weight, report = torch.nn.Parameter(torch.zeros(2)), Report()
    >>> weight.grad = torch.tensor([3.0, 4.0])
    >>> norm = clip_grad_norm_(weight, max_norm=1.0, report=report)
    >>> report.last.round(2).to_dict("records")
    [{'norm': 5.0, 'coefficient': 0.2, 'share': 1.0, 'clipped': 1.0, 'nonfinite': 0.0}]

    The columns:

    - norm: of the gradient before clipping.
    - coefficient: the norm after clipping over the norm before; 1 where nothing happened.
    - share: how much of what the method clips was clipped: entries (by value), the gradient (global norm, percentile: 0
      or 1), layers, units (adaptive), weights.
    - clipped: 1 if anything was clipped, else 0. Its mean is the share of steps.
    - nonfinite: 1 if the gradient held NaN or infinity, else 0.

    Nothing is fetched from the device before `last` or `mean` is read, and memory does not grow. These two are pandas
    tables.

    """

    def __init__(self):
        self._values: Tensor | None = None  # (4, quantities, members): last, sum, count of finite ones, calls

    def add(self, before: Tensor, after: Tensor, share: Tensor, nonfinite: Tensor) -> None:
        """One call's numbers, each () or (N,)."""
        coefficient = torch.where(before > 0, after.to(before) / before, 1)
        clipped = share > 0
        values = torch.stack([value.to(before) for value in (before, coefficient, share, clipped, nonfinite)])
        values = values.reshape(len(QUANTITIES), -1).to(torch.promote_types(values.dtype, torch.float32))
        finite = values.isfinite()
        kept, ones = torch.where(finite, values, 0), finite.to(values.dtype)
        if self._values is None:
            self._values = torch.zeros(4, *values.shape, dtype=values.dtype, device=values.device)
        # In place, so that a step that is recorded and replayed goes on counting.
        self._values[0].copy_(values)
        self._values[1:].add_(torch.stack([kept, ones, torch.ones_like(ones)]))

    @property
    def calls(self) -> int:
        """How many there were."""
        return 0 if self._values is None else int(self._values[3].max())

    @property
    def last(self) -> "pandas.DataFrame":
        """The last call: a row for each member with the columns above."""
        return self._table(None if self._values is None else self._values[0])

    @property
    def mean(self) -> "pandas.DataFrame":
        """The mean over all calls; that of norm and coefficient over those calls where they were finite."""
        return self._table(None if self._values is None else self._values[1] / self._values[2])

    def _table(self, values: Tensor | None) -> "pandas.DataFrame":
        rows = [] if values is None else values.T.tolist()
        return optional("pandas", extra="lab").DataFrame(rows, columns=list(QUANTITIES))
