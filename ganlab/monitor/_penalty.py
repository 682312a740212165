"""What a gradient penalty asked of D in its step."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from ganlab._numeric import NAN
from ganlab.monitor._calls import Call, standing
from ganlab.monitor._samples import reach

PENALTY = ("penalised", "severed", "reach")


def of_penalty(
    penalised: bool, calls: Sequence[Call], shown: tuple[Tensor, Tensor] | None, like: Tensor, lead: int
) -> Tensor:
    """(3,) or (3, N), the rows of `PENALTY`.

    penalised: D was asked for its slope, also in calls that nothing more is known of. calls: those known. shown: D's
    real and generated samples. like: () or (N,). lead: as in `ganlab.monitor._samples.pick`.
    """
    if not penalised:
        return filled([0] * len(PENALTY), like)
    nothing = torch.full_like(like, NAN)
    found = [one for call in calls if (one := call.slopes.severed(like)) is not None]
    severed = torch.stack(found).amax(0) if found else nothing
    places = [x for call in calls if (x := standing(call.xs, call.made, lead)) is not None]
    alike = shown is not None and {x.shape[lead:] for x in places} == {shown[0].shape[lead:]}
    far = reach(places, *shown, lead).to(like) if alike else nothing
    return torch.stack([torch.ones_like(like), severed, far])


def filled(numbers: Sequence[int], like: Tensor) -> Tensor:
    """(K,) or (K, N): each number for all members. It is shared: to be read alone."""
    return _filled(tuple(numbers), like.shape, like.dtype, like.device)


@lru_cache(maxsize=64)  # from step to step they hardly ever change, and each is a launch
def _filled(numbers: tuple[float, ...], shape: torch.Size, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.stack([torch.full(shape, float(number), dtype=dtype, device=device) for number in numbers])
