"""A time series that stays on the device until somebody asks for it, and never grows past a bound."""

import numpy as np
import torch
from torch import Tensor


class Series:
    """Numbers over time: `add` keeps them on their device, `read` gives them all.

    Args:
        fetch_every: points that are kept on the device before they move to the host, all in one transfer.
        capacity: the most points kept. When one more comes, every second point is dropped, and from then on every
            second point is taken in: memory stays bounded and the points stay evenly spaced.

    Raises:
        ValueError: a bound below 1, or a capacity below 2.
    """

    def __init__(self, fetch_every: int = 100, capacity: int = 1000):
        if fetch_every < 1 or capacity < 2:
            raise ValueError(f"fetch_every={fetch_every}, capacity={capacity}: at least 1 and 2")
        self.fetch_every, self.capacity = fetch_every, capacity
        self._stride, self._taken, self._step = 1, 0, None
        self._pending: list[tuple[int, Tensor, object]] = []
        self._kept: list[tuple[int, np.ndarray, object]] = []

    def add(self, step: int, values: Tensor, note: object = None) -> None:
        """One point: numbers, and anything that is known on the host. A second point at a step replaces
        the first, whether that has moved to the host or not."""
        if step != self._step:
            self._step, self._taken = step, self._taken + 1
            if (self._taken - 1) % self._stride:
                return
        else:
            points = self._pending or self._kept
            if not points or points[-1][0] != step:
                return  # the first was not taken in
            points.pop()
        self._pending.append((step, values, note))
        if len(self._pending) >= self.fetch_every:
            self._fetch()

    def _fetch(self) -> None:
        if not self._pending:
            return
        # NumPy has no bfloat16.
        rows = [values.float() if values.dtype == torch.bfloat16 else values for _, values, _ in self._pending]
        if len({row.shape for row in rows}) == 1:
            values = torch.stack(rows).cpu().numpy()
        else:  # in one transfer all the same
            flat = iter(torch.cat([row.flatten() for row in rows]).cpu().split([row.numel() for row in rows]))
            values = [part.view(row.shape).numpy() for part, row in zip(flat, rows, strict=True)]
        self._kept += [(step, row, note) for (step, _, note), row in zip(self._pending, values, strict=True)]
        self._pending = []
        while len(self._kept) > self.capacity:
            self._kept, self._stride = self._kept[::2], 2 * self._stride

    def read(self) -> list[tuple[int, np.ndarray, object]]:
        """Every point kept, in order: (step, values, note)."""
        self._fetch()
        return self._kept

    def __len__(self) -> int:
        return len(self._kept) + len(self._pending)
