"""Norms of gradients that do not overflow. Bit for bit those of `torch.nn.utils` where these are right."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ganlab._numeric import is_recording, precise

NARROW = (torch.float16, torch.bfloat16)

# For each tensor the axes that its norm runs over; None: all of them.
Dims = Sequence[tuple[int, ...] | None] | None


def robust(
    tensors: list[Tensor], dims: Dims, join: Callable, p: float = 2.0, foreach: bool | None = None, alike: bool = True
) -> Tensor:  # fmt: skip
    """The p-norm of each of `tensors` over its entry of `dims` (None: over all), and `join` of these.

    alike: the tensors are of one type and on one device.
    """
    device, dtype = tensors[0].device, tensors[0].dtype
    if alike and device.type == "cpu" and not torch.compiler.is_compiling():
        values = join(_plain(tensors, dims, p, foreach, torch.float32 if dtype in NARROW else None))
        if is_recording():
            exact = join([_scaled(t, d, p) for t, d in zip(tensors, dims or [None] * len(tensors), strict=True)])
            return torch.where(values.isfinite(), values, exact.to(values.dtype))
        if values.max().item() < torch.inf:  # not so for NaN
            return values
    elif alike and dtype != precise(device):
        return join(_plain(tensors, dims, p, foreach, precise(device)))
    return join([_scaled(t, d, p).to(device) for t, d in zip(tensors, dims or [None] * len(tensors), strict=True)])


def total(norms: Tensor, p: float = 2.0) -> Tensor:
    """The norm of all gradients together, from those of each, over the first axis."""
    return torch.linalg.vector_norm(norms, p, dim=0)


def _plain(
    tensors: list[Tensor], dims: Dims, p: float, foreach: bool | None, dtype: torch.dtype | None
) -> Sequence[Tensor]:  # fmt: skip
    whole = tensors if dims is None else [t for t, d in zip(tensors, dims, strict=True) if d is None]
    if foreach is False:
        values = [torch.linalg.vector_norm(t, p, dtype=dtype) for t in whole]
    else:
        values = torch._foreach_norm(whole, p, dtype=dtype) if whole else ()
    if dims is None:
        return values
    rest = iter(values)
    return [
        next(rest) if d is None else torch.linalg.vector_norm(t, p, dim=d, dtype=dtype)
        for t, d in zip(tensors, dims, strict=True)
    ]


def _scaled(tensor: Tensor, dim, p: float) -> Tensor:
    """s |x / s|, with s the largest entry."""
    x = tensor.to(precise(tensor.device))
    if x.numel() == 0:
        return torch.linalg.vector_norm(x, dim=dim)
    dim = tuple(range(x.ndim)) if dim is None else dim
    largest = x.abs().amax(dim=dim, keepdim=True)
    scale = torch.where((largest > 0) & largest.isfinite(), largest, 1)
    return torch.linalg.vector_norm(x / scale, p, dim=dim) * scale.squeeze(dim)
