"""A real batch beside a generated one: how far apart their samples lie, their range, and what was there before."""

from functools import lru_cache

import torch
from torch import Tensor

from ganlab._numeric import NAN, NARROW

# The rows of `compared`, in this order.
SAMPLES = ("spread", "energy", "real_low", "real_high", "fake_low", "fake_high")
FEW = 64  # of a batch so many samples are compared, each with each
NARROWEST = 64  # samples of more numbers are compared by a product of matrices


def pick(inputs: list[Tensor], lead: int) -> Tensor | None:
    """Which of a network's inputs are the samples: the first that has more than one number a sample, or else the first.

    lead: how many axes stand in front of a sample, that of the batch and, of a population, that of the members.
    """
    inputs = [x for x in inputs if x.ndim >= lead]
    return next((x for x in inputs if x.shape[lead:].numel() > 1), inputs[0] if inputs else None)


def joined(inputs: list[Tensor], lead: int) -> Tensor | None:
    """All inputs of a network side by side, (n, numbers of a sample): labels that are given as numbers count too."""
    inputs = [x for x in inputs if x.ndim >= lead]
    if len(inputs) < 2:
        return inputs[0] if inputs else None
    alike = [x for x in inputs if x.shape[:lead] == inputs[0].shape[:lead]]
    return torch.cat([x.unsqueeze(-1) if x.ndim == lead else x.flatten(lead) for x in alike], -1)


def compared(real: Tensor, fake: Tensor, lead: int) -> Tensor:
    """(6,) or (6, N), the rows of `SAMPLES`.

    spread: mean distance of two generated samples over that of two real ones.
    energy: (2 E|x-y| - E|x-x'| - E|y-y'|) / (2 E|x-y|), x and x' real, y and y' generated (Szekely & Rizzo 2013, Energy
        statistics), over pairs of different samples, which makes the numerator unbiased; what falls below 0 is 0.

    Distances are 2-norms over the flattened sample; `FEW` samples of each batch.
    """
    real, fake = flat(real, lead), flat(fake, lead)
    ends = torch.stack([end for x in (real, fake) for end in torch.aminmax(x.flatten(1), dim=1)])
    numbers = torch.cat([_distances(real[:, :FEW], fake[:, :FEW], ends), ends.to(real.dtype)])
    return numbers if lead == 2 else numbers[:, 0]


def flat(x: Tensor, lead: int) -> Tensor:
    """(N, batch, numbers of a sample), in float32 or wider."""
    x = x.unsqueeze(-1) if x.ndim == lead else x.flatten(lead)
    x = x.float() if x.dtype in NARROW else x
    return x if lead == 2 else x[None]


def _distances(real: Tensor, fake: Tensor, ends: Tensor) -> Tensor:
    """(2, N): spread and energy."""
    if real.shape[-1] != fake.shape[-1] or min(real.shape[1], fake.shape[1]) < 2:
        return real.new_full((2, len(real)), NAN)
    largest = ends.abs().amax(0)[:, None, None]  # divided by it, no square overflows
    scale = torch.where(largest > 0, largest, torch.ones_like(largest))
    real, fake = real / scale, fake / scale
    # About their own mean: a product of matrices then tells samples apart that lie close together and far out.
    same_real, same_fake = (_mean_distance(x - x.mean(1, keepdim=True)) for x in (real, fake))
    middle = (real.mean(1, keepdim=True) + fake.mean(1, keepdim=True)) / 2
    between = _cdist(real - middle, fake - middle).mean((1, 2))
    energy = (1 - (same_real + same_fake) / (2 * between)).clamp_min(0)
    return torch.stack([same_fake / same_real.masked_fill(same_real == 0, NAN), energy])


def _mean_distance(x: Tensor) -> Tensor:
    """(N, n, d) to (N,): over all pairs of different samples."""
    distances = _cdist(x, x)
    return (distances.sum((1, 2)) - distances.diagonal(dim1=1, dim2=2).sum(-1)) / (x.shape[1] * (x.shape[1] - 1))


def _cdist(x: Tensor, y: Tensor) -> Tensor:
    narrow = x.shape[-1] <= NARROWEST
    mode = "donot_use_mm_for_euclid_dist" if narrow else "use_mm_for_euclid_dist"
    return torch.cdist(x.contiguous(), y.contiguous(), compute_mode=mode)


def place(x: Tensor) -> int:
    """Where its numbers lie; views of one tensor lie in one place."""
    return x.untyped_storage().data_ptr()


def among(values: Tensor, known: Tensor) -> Tensor:
    """() or (N,): the share of the values, (n,) or (N, n), that is among those known, (m,) or (N, m), in order."""
    return which_among(values, known).mean(-1, dtype=torch.float32)


def which_among(values: Tensor, known: Tensor) -> Tensor:
    """(n,) or (N, n): which of the values are."""
    values = values.contiguous()
    places = [torch.searchsorted(known, values, right=right) for right in (False, True)]
    return places[0] != places[1]


class Repeats:
    """Which share of a batch was in the last one too, whatever the order. Of a sample a number of 64 bits is kept.

    last: (n,) or (N, n), those numbers of the last batch, sorted.
    """

    def __init__(self, lead: int):
        self._lead = lead
        self.last: Tensor | None = None
        self.alike = torch.full((), NAN)  # () or (N,): of the last batch, sorted, the share that stands beside its like

    def share(self, x: Tensor) -> Tensor:
        """() or (N,): of this batch. NaN for the first."""
        now = prints(x, self._lead)
        last, self.last = self.last, now.sort(-1).values
        alike = self.last[..., 1:] == self.last[..., :-1]
        self.alike = alike.sum(-1, dtype=torch.float32) / max(now.shape[-1] - 1, 1)
        if last is None or last.shape[:-1] != now.shape[:-1]:
            return torch.full(now.shape[:-1], NAN, device=x.device)
        return among(now, last)


def prints(x: Tensor, lead: int) -> Tensor:
    """(n,) or (N, n): of each sample a number of 64 bits, which no two different ones are likely to share: the sum of
    its bits, as whole numbers, times fixed random numbers; they run over.
    """
    x = x.unsqueeze(-1) if x.ndim == lead else x.flatten(lead)
    x = x + 0  # -0 becomes 0
    bits = x.view(torch.int16 if x.element_size() == 2 else torch.int32).long()
    return (bits * _factors(bits.shape[-1], x.device)).sum(-1)


@lru_cache(maxsize=8)
def _factors(count: int, device: torch.device) -> Tensor:
    dice = torch.Generator().manual_seed(0)
    return torch.randint(-(2**62), 2**62, (count,), generator=dice).to(device)


def reach(asked: list[Tensor], real: Tensor, fake: Tensor, lead: int) -> Tensor:
    """() or (N,): how far the points of a penalty lie outside of both batches, in widths of the range of these."""
    points = [[flat(x, lead).flatten(1) for x in some] for some in (asked, (real, fake))]
    (low, high), (least, most) = (
        (torch.stack([x.amin(1) for x in some]).amin(0), torch.stack([x.amax(1) for x in some]).amax(0))
        for some in points
    )
    found = torch.maximum(high - most, least - low) / (most - least).masked_fill(most == least, NAN)
    return found if lead == 2 else found[0]
