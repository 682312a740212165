"""What the gradients of a network look like, parameter by parameter, in one tensor and without a synchronisation."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

# The rows of `measure`, in this order.
MEASURES = ("grad_norm", "zeros", "nonfinite", "weight_norm")
NAN = float("nan")


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


def is_recording() -> bool:
    """Whether a step is recorded at the moment."""
    return _recording


def precise(device: torch.device) -> torch.dtype:
    """What to add squares up in: float64, in which those of float32 do not overflow; Apple's GPUs have none."""
    return torch.float32 if device.type == "mps" else torch.float64


def norms(tensors: Sequence[Tensor], members: int | None = None) -> Tensor:
    """The 2-norm of each tensor, (P,); of each member's part, (P, N), where a leading member axis is there."""
    dtype = precise(tensors[0].device)
    if members is None:
        # One fused pass over all tensors: what torch.nn.utils.clip_grad_norm_ uses too.
        return torch.stack(torch._foreach_norm(tensors, 2, dtype=dtype))
    return torch.stack([torch.linalg.vector_norm(t.reshape(members, -1), dim=1, dtype=dtype) for t in tensors])


def rms(values: Tensor, members: int | None = None) -> Tensor:
    """Root mean square over all entries, a scalar; over each member's, (N,).

    Scaled by the largest entry: in float32 the square of 1e-25 is 0 and that of 1e25 infinite. On a CPU this is twice
    as fast as a sum in float64. The result is a float64 all the same, for whoever squares it next.
    """
    dtype = precise(values.device)
    if members is None:  # the layout of the values does not matter, so none is copied
        low, high = values.aminmax()
        scale = _scale(low, high)
        norm, size = torch.linalg.vector_norm(values / scale), values.numel()
    else:
        values = values.reshape(members, -1)
        scale = _scale(values.amin(1), values.amax(1))
        norm, size = torch.linalg.vector_norm(values / scale[:, None], dim=1), values.shape[1]
    return norm.to(dtype) * scale.to(dtype) / size**0.5


def _scale(low: Tensor, high: Tensor) -> Tensor:
    largest = torch.maximum(-low, high)
    return torch.where(largest > 0, largest, 1)


def counts(tensors: Sequence[Tensor], members: int | None = None) -> Tensor:
    """How many entries of each tensor are not 0, (P,) or (P, N). NaN is not 0."""
    if members is None:
        return torch.stack([torch.count_nonzero(t) for t in tensors])
    return torch.stack([torch.count_nonzero(t.reshape(members, -1), dim=1) for t in tensors])


def measure(parameters: Sequence[Tensor], members: int | None = None) -> Tensor:
    """(4, P) or (4, P, N): for each parameter the rows of `MEASURES`.

    `grad_norm` is the 2-norm of `.grad`; `zeros` the share of its entries that are exactly 0; `nonfinite` how many are
    NaN or infinite; `weight_norm` the 2-norm of the parameter itself. Where there is no gradient the first three are
    NaN, which is not 0. A sparse gradient is read from its stored entries; those it does not store are zeros.

    Args:
        parameters: with or without gradients, on one device.
        members: N, where every parameter has a leading axis of N population members.
    """
    parameters = [p.detach() if p.grad is None else p for p in parameters]
    with torch.no_grad():
        weights = norms([p.detach() for p in parameters], members)
        result = weights.new_full((len(MEASURES), *weights.shape), NAN)
        result[3] = weights
        has = [i for i, p in enumerate(parameters) if p.grad is not None]
        if not has:
            return result
        grads = [_values(parameters[i].grad) for i in has]
        sizes = weights.new_tensor([parameters[i].numel() // (members or 1) for i in has])
        if members is not None:
            sizes = sizes[:, None]
        measured = torch.stack([
            norms(grads, members),
            (sizes - counts(grads, members)) / sizes,
            # 0 times a finite number is 0, and NaN otherwise: cheaper than isfinite.
            counts(torch._foreach_mul(grads, 0.0), members),
        ])  # fmt: skip
        if len(has) == len(parameters):  # the usual case spares the gather
            result[:3] = measured
        else:
            result[:3, has] = measured.to(result.dtype)
        return result


def _values(grad: Tensor) -> Tensor:
    """The entries of a gradient that are stored; each once."""
    return grad.coalesce().values() if grad.is_sparse else grad
