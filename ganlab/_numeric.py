"""Norms that do not overflow, and when a number may be read off a tensor.

On a CPU a norm is taken in the tensors' own type, looked at, and taken again where that type could not hold it. On any
other device looking means waiting: there it is taken in float64, in which the squares of float32 have room, by as many
kernels as torch needs for a plain one.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

NAN = float("nan")
NARROW = (torch.float16, torch.bfloat16)
HOST = {"cpu"}  # types of device

# For each tensor the axes that its norm runs over; None: all of them.
Dims = Sequence[Sequence[int] | None] | None

_recording = False


@contextmanager
def recording() -> Iterator[None]:
    """Inside, no number is read off a tensor: the step is recorded, and a replay cannot take another path."""
    global _recording
    before, _recording = _recording, True
    try:
        yield
    finally:
        _recording = before


@contextmanager
def _looking() -> Iterator[None]:
    """Inside an operation of a recorded step numbers may be read."""
    global _recording
    before, _recording = _recording, False
    try:
        yield
    finally:
        _recording = before


def is_recording() -> bool:
    """Whether a step is recorded at the moment."""
    return _recording


def on_host(device: torch.device) -> bool:
    """Whether what is computed there is there: nothing has to be launched, and nothing waited for."""
    return device.type in HOST


def may_look(device: torch.device) -> bool:
    """Whether Python may decide by a number that is there. Not while a step is recorded or compiled."""
    return on_host(device) and not _recording and not torch.compiler.is_compiling()


def precise(device: torch.device) -> torch.dtype:
    """What to add squares up in: float64, in which those of float32 do not overflow; Apple's GPUs have none."""
    return torch.float32 if device.type == "mps" else torch.float64


def norms(
    tensors: Sequence[Tensor], dims: Dims = None, p: float = 2.0, *, join: Callable = torch.stack,
    foreach: bool | None = None, alike: bool = True, tiny: bool = False,
) -> Tensor:  # fmt: skip
    """The p-norm of each of `tensors` over its entry of `dims` (None: over all), and `join` of these.

    Never infinite for finite numbers. Bit for bit those of `torch.nn.utils` on a CPU, where these are right.

    Args:
        foreach: False: a loop over the tensors instead of torch's kernels for lists.
        alike: the tensors are of one type and on one device.
        tiny: also right where squares would become 0: below 1e-19 in float32.
    """
    if tensors[0].is_complex() or not alike:  # of a complex number the absolute value counts
        tensors = [t.abs() if t.is_complex() else t for t in tensors]
    device, dtype = tensors[0].device, tensors[0].dtype
    if alike and on_host(device) and not torch.compiler.is_compiling():
        if _recording:
            return join(_as_one(tensors, dims, p, foreach, tiny))
        values = join(_plain(tensors, dims, p, foreach, torch.float32 if dtype in NARROW else None))
        if _held(values, tiny):
            return values
    elif alike and dtype != precise(device):
        return join(_plain(tensors, dims, p, foreach, precise(device)))
    return join([wide(t, d, p).to(device) for t, d in zip(tensors, dims or [None] * len(tensors), strict=True)])


# In a recorded step the look at the values and what follows from it are one operation, made anew in each replay.
_library = torch.library.Library("ganlab", "FRAGMENT")
_library.define("norms(Tensor[] tensors, int key) -> Tensor[]")
_asked: dict[tuple, int] = {}  # what else the operation must know: its arguments can be tensors and numbers alone


def _as_one(tensors: Sequence[Tensor], dims: Dims, p: float, foreach: bool | None, tiny: bool) -> list[Tensor]:
    known = (None if dims is None else tuple(None if d is None else tuple(d) for d in dims), p, foreach, tiny)
    return torch.ops.ganlab.norms(list(tensors), _asked.setdefault(known, len(_asked)))


def _operation(tensors: list[Tensor], key: int) -> list[Tensor]:
    dims, p, foreach, tiny = list(_asked)[key]
    with _looking():
        joined = norms(tensors, dims, p, join=_in_a_row, foreach=foreach, tiny=tiny)
    sizes = [_size(t, d) for t, d in zip(tensors, dims or [None] * len(tensors), strict=True)]
    parts = joined.split([math.prod(size) for size in sizes])
    return [part.reshape(size).clone() for part, size in zip(parts, sizes, strict=True)]


def _in_a_row(values: Sequence[Tensor]) -> Tensor:
    return torch.cat([value.reshape(-1) for value in values])


def _size(tensor: Tensor, dim: Sequence[int] | None) -> list[int]:
    """The shape of the norm over `dim`."""
    gone = set(range(tensor.ndim)) if dim is None else {d % tensor.ndim for d in dim}
    return [size for axis, size in enumerate(tensor.shape) if axis not in gone]


_library.impl("norms", _operation, "CompositeExplicitAutograd")


def _held(values: Tensor, tiny: bool) -> bool:
    """Whether the type of these norms could hold the squares. Not so for NaN."""
    if not tiny:
        return values.max().item() < torch.inf
    low, high = [values.item()] * 2 if values.ndim == 0 else [end.item() for end in values.aminmax()]
    # What is summed up to more than this has lost nothing that would be seen.
    return 1e7 * torch.finfo(values.dtype).tiny ** 0.5 < low <= high < torch.inf


def norm(tensor: Tensor, dim: Sequence[int] | None = None, p: float = 2.0, tiny: bool = False) -> Tensor:
    """The norm of one tensor over the axes `dim`; see `norms`."""
    return norms([tensor], None if dim is None else [dim], p, join=lambda values: values[0], tiny=tiny)


def wide(tensor: Tensor, dim: Sequence[int] | None = None, p: float = 2.0) -> Tensor:
    """The norm of one tensor in float64; scaled where that is no wider than the tensor's own type, or not enough."""
    dtype = precise(tensor.device)
    if tensor.dtype == dtype or 4 < p < torch.inf:
        return _scaled(tensor, dim, p)
    return torch.linalg.vector_norm(tensor, p, dim, dtype=dtype)


def total(norms: Tensor, p: float = 2.0, roomy: bool = False) -> Tensor:
    """The norm of all together, from those of each, over the first axis. Never infinite where all of these are finite.

    roomy: they are of a type in which their squares cannot overflow.
    """
    found = torch.linalg.vector_norm(norms, p, dim=0)
    if roomy or p == torch.inf or (may_look(norms.device) and bool((found < torch.inf).all())):
        return found
    return torch.where(found.isinf(), _scaled(norms, (0,), p).to(found.dtype), found)


def pooled(values: Tensor, ends: Tensor) -> Tensor:
    """The sums over consecutive runs of `values`, (K,) -> (S,). ends: where each begins, and the end; (S + 1,)."""
    if values.device.type == "mps":  # which has no such kernel
        return torch.segment_reduce(values.cpu(), "sum", offsets=ends.cpu()).to(values.device)
    return torch.segment_reduce(values, "sum", offsets=ends, unsafe=True)  # safe would be: waiting for the device


def _plain(
    tensors: Sequence[Tensor], dims: Dims, p: float, foreach: bool | None, dtype: torch.dtype | None
) -> Sequence[Tensor]:  # fmt: skip
    whole = tensors if dims is None else [t for t, d in zip(tensors, dims, strict=True) if d is None]
    # For a single tensor torch's kernels for lists need three launches, and a plain norm one.
    if foreach is False or (foreach is None and len(whole) == 1):
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
