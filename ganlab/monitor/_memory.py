"""Which samples were there in any step before: how large the data set is that they come from."""

import torch
from torch import Tensor

from ganlab.monitor._samples import among

KEPT = 4096  # samples of a network


class Memory:
    """Numbers that stand for samples, those of all batches so far; it is full at `KEPT`."""

    def __init__(self):
        self._kept: Tensor | None = None  # (..., m), sorted

    def add(self, prints: Tensor) -> tuple[Tensor, Tensor]:
        """Of a batch: the share that was there before, and how many were remembered then. NaN for the first.

        prints: (n,) or (N, n), a number for each sample; on one device for all batches.
        """
        kept = self._kept
        if kept is None or kept.shape[:-1] != prints.shape[:-1] or kept.device != prints.device:
            self._kept = prints.sort(-1).values
            nothing = torch.full(prints.shape[:-1], torch.nan, device=prints.device)
            return nothing, nothing
        share = among(prints, kept)
        if kept.shape[-1] < KEPT:
            self._kept = torch.cat([kept, prints], -1).sort(-1).values
        return share, torch.full_like(share, float(kept.shape[-1]))
