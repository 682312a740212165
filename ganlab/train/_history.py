"""Numbers noted while training, as a tidy table; they stay on the device until the table is asked for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganlab._check import optional

if TYPE_CHECKING:
    import pandas as pd


def tidy(log: Sequence[tuple[int, Tensor]], columns: Sequence[str], seeds: int | Sequence[int]) -> "pd.DataFrame":
    """A row for each noted step and seed: step, seed and the columns. It needs pandas.

    Args:
        log: (step, values), with values (columns,) for one seed or (columns, N) for N of them.
        columns: what the values are.
        seeds: the seed, or the N seeds.
    """
    pd = optional("pandas", extra="lab")
    seeds, head = [seeds] if isinstance(seeds, int) else list(seeds), ["step", "seed", *columns]
    if not log:
        return pd.DataFrame(columns=head)
    values = torch.stack([value for _, value in log]).reshape(len(log), len(columns), len(seeds)).cpu()
    steps = [step for step, _ in log]
    rows = [(step, seed, *values[i, :, k].tolist()) for i, step in enumerate(steps) for k, seed in enumerate(seeds)]
    return pd.DataFrame(rows, columns=head)
