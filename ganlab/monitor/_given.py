"""Labels among D's inputs, and whether they go with the samples beside them.

Two real samples of one label lie closer together than two of different ones, unless samples and labels were shuffled
apart: then there is no difference.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ganlab._numeric import NAN
from ganlab.monitor._samples import FEW, flat, pick

WHOLE = (torch.int16, torch.int32, torch.int64, torch.uint8, torch.int8)


def codes(inputs: Sequence[Tensor], lead: int) -> Tensor | None:
    """(n,) or (N, n), a whole number for each sample: of the first input that is a label, as a whole number or as a row
    with a single 1; -1 where that row is none. None: there is no such input with a row for each sample.

    lead: how many axes stand in front of a sample.
    """
    shown = pick([x for x in inputs if x.is_floating_point()], lead)
    if shown is None:
        return None
    for x in [x for x in inputs if x is not shown and x.shape[:lead] == shown.shape[:lead]]:
        rest = x.shape[lead:]
        if x.dtype in WHOLE and rest.numel() == 1:
            return x.reshape(x.shape[:lead]).long()
        if x.is_floating_point() and x.ndim == lead + 1 and rest.numel() > 1:
            single = ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1)
            return torch.where(single, x.argmax(-1), -1)
    return None


def label_gap(x: Tensor, labels: Tensor, lead: int) -> Tensor:
    """() or (N,): mean squared distance of two samples of one label over that of two of different ones. NaN where no
    two have one label, or all have, or a row is no label.
    """
    x, labels = flat(x, lead)[:, :FEW], labels.reshape(-1, labels.shape[-1])[:, :FEW]
    x = x - x.mean(1, keepdim=True)
    squares = x.square().sum(-1)
    far = (squares[:, :, None] + squares[:, None] - 2 * x @ x.mT).clamp_min(0)
    same = (labels[:, :, None] == labels[:, None]) & ~torch.eye(x.shape[1], dtype=torch.bool, device=x.device)
    other = labels[:, :, None] != labels[:, None]
    means = [(far * chosen).sum((1, 2)) / chosen.sum((1, 2)) for chosen in (same, other)]
    found = torch.where((labels >= 0).all(-1), means[0] / means[1], NAN)
    return found if lead == 2 else found[0]
