"""What a clipper is handed, made plain, and the frame of all clippers: gather, measure, guard, apply, report."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ganlab.clipping._norms import robust, total
from ganlab.clipping.report import Report
from ganlab.population import Population

Handed = Tensor | nn.Module | Iterable[Tensor] | Iterable[tuple[str, Tensor]]


@dataclass(frozen=True)
class Gradients:
    """Parameters that have a gradient, each once.

    parameters, grads: of equal length; a grad is a dense tensor that shares its memory with the parameter's gradient.
    names: as the module or the named parameters have them, else None.
    members: N, where every tensor has a leading axis of N members; else None.
    device: of the first parameter.
    together: all gradients are on one device. alike: and of one type.
    """

    parameters: list[Tensor]
    grads: list[Tensor]
    names: list[str] | None
    members: int | None
    device: torch.device
    together: bool = True
    alike: bool = True

    def zeros(self) -> Tensor:
        """0 for each member."""
        return torch.zeros(() if self.members is None else (self.members,), device=self.device)

    def factor(self, value: Tensor) -> Tensor | list[Tensor]:
        """`value`, () or (N,), as what to multiply all gradients by."""
        return value if self.members is None else self.shaped([value] * len(self.grads))

    def shaped(self, values: Sequence[Tensor]) -> list[Tensor]:
        """A value for each gradient, () or (N,), so shaped that it broadcasts over the gradient."""
        if self.members is None:
            return list(values)
        return [value.view(-1, *[1] * (grad.ndim - 1)) for value, grad in zip(values, self.grads, strict=True)]


def gather(parameters: Handed, members: bool | None = None) -> Gradients:
    """Read what torch's clippers take and more: a tensor, a module, an iterable of tensors or of (name, tensor).

    members: whether every tensor has a leading member axis; None: whether `parameters` is a `Population`.

    Raises:
        TypeError: something else than tensors.
        ValueError: no parameters at all, as from a generator that was used up; or members of different number.
    """
    if members is None:
        members = isinstance(parameters, Population)
    names, tensors = read(parameters)
    grads = [tensor.grad for tensor in tensors]
    if any(grad is None for grad in grads) or len({id(tensor) for tensor in tensors}) < len(tensors):
        # By identity: a parameter that is listed twice is one parameter, and must not be scaled twice.
        first = {id(tensor): i for i, tensor in reversed(list(enumerate(tensors)))}
        kept = sorted(i for i in first.values() if grads[i] is not None)
        names = None if names is None else [names[i] for i in kept]
        every, tensors, grads = tensors, [tensors[i] for i in kept], [grads[i] for i in kept]
    else:
        every = tensors
    if any(grad.layout is not torch.strided for grad in grads):
        grads = [_dense(tensor, members) for tensor in tensors]
    count = _member_count(tensors or every[:1]) if members else None
    kinds = {(grad.get_device(), grad.dtype) for grad in grads}
    together = len({device for device, _ in kinds}) <= 1
    return Gradients(tensors, grads, names, count, every[0].device, together, len(kinds) <= 1)


def read(parameters: Handed) -> tuple[list[str] | None, list[Tensor]]:
    """Names, where there are any, and tensors."""
    names = None
    if isinstance(parameters, nn.Module):
        parameters = parameters.named_parameters()
    items = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if items and isinstance(items[0], tuple):
        names, items = [name for name, _ in items], [tensor for _, tensor in items]
    if strangers := [type(item).__name__ for item in items if not isinstance(item, Tensor)]:
        raise TypeError(f"parameters holds a {strangers[0]}: give tensors, (name, tensor) pairs or a module")
    if not items:
        raise ValueError("parameters is empty: a generator can be used once only; pass a list, or the module itself")
    return names, items


def _member_count(tensors: list[Tensor]) -> int:
    counts = {tuple(t.shape[:1]) for t in tensors}
    if len(counts) != 1 or counts == {()}:
        raise ValueError(f"members=True: the first axes are {sorted(counts)}, and all must be the number of members")
    return counts.pop()[0]


def _dense(parameter: Tensor, members: bool) -> Tensor:
    if parameter.grad.layout is torch.strided:
        return parameter.grad
    if parameter.grad.layout != torch.sparse_coo or members:
        raise TypeError(
            f"a gradient has layout {parameter.grad.layout}{' and members' if members else ''}: only dense ones, and "
            "sparse COO ones without members, can be clipped; build the embedding with sparse=False"
        )
    parameter.grad = parameter.grad.coalesce()  # an entry that is stored twice has the sum as its value
    return parameter.grad._values()


def check_bound(name: str, value: float) -> float:
    """A threshold: at least 0, and not NaN; a negative one would turn the gradients around."""
    value = float(value)
    if not value >= 0:
        raise ValueError(f"{name}={value}: a threshold is at least 0 (infinity: measure, and clip nothing)")
    return value


def check_order(norm_type: float) -> float:
    """The order of a norm: positive."""
    norm_type = float(norm_type)
    if not norm_type > 0:
        raise ValueError(f"norm_type={norm_type}: the order of a norm is positive (infinity: the largest entry)")
    return norm_type


def norms(gradients: Gradients, p: float = 2.0, foreach: bool | None = None) -> Tensor:
    """The p-norm of each gradient, (P,), or of each member's, (P, N), never infinite for finite gradients.

    Without a synchronisation: on a CPU the norms are looked at and taken again if one is not finite; on other devices,
    and compiled, they are summed up in float64.
    """
    grads = gradients.grads
    if gradients.members is None:
        return robust(grads, None, torch.stack, p, foreach, gradients.alike)
    rows = [grad.reshape(gradients.members, -1) for grad in grads]
    return robust(rows, [(1,)] * len(rows), torch.stack, p, foreach, gradients.alike)


def layer_of(name: str) -> str:
    """The layer that a parameter belongs to: its name without the last part. A population writes "/" for "."."""
    return re.sub(r"[./]?[^./]*$", "", name)


# What becomes of a gradient that is not finite; see `ganlab.clipping`.
POLICIES = ("propagate", "raise", "skip", "zero")


@torch.no_grad()
def clip(
    parameters: Handed,
    measure: Callable[[Gradients], tuple[Tensor, Any]],
    apply: Callable[[Gradients, Tensor, Any], Callable[[], Tensor]],
    *,
    nonfinite: str,
    members: bool | None,
    report: Report | None,
) -> Tensor:
    """Clip in place; the norm before, () or (N,).

    measure: gradients -> their norm () or (N,), and whatever `apply` will need.
    apply: (gradients, norm, what `measure` left) -> clips in place; what gives the share clipped, () or (N,), if asked.
    """
    if nonfinite not in POLICIES:
        raise ValueError(f"nonfinite={nonfinite!r}: one of {', '.join(POLICIES)}")
    gradients = gather(parameters, members)
    if not gradients.grads:
        return gradients.zeros()
    bad = None
    if nonfinite == "zero":
        if report is not None:
            bad = ~total(norms(gradients)).isfinite()
        for grad in gradients.grads:
            torch.nan_to_num_(grad, nan=0.0, posinf=0.0, neginf=0.0)
    norm, memo = measure(gradients)
    if nonfinite == "raise" and not norm.isfinite().all():
        raise RuntimeError(f"the gradient is not finite ({_culprits(gradients)}): nothing was clipped")
    share = apply(gradients, norm, memo)
    if nonfinite == "skip":
        bad = ~norm.isfinite()
        for grad, mask in zip(gradients.grads, gradients.shaped([bad] * len(gradients.grads)), strict=True):
            grad.masked_fill_(mask.to(grad.device), 0)
    if report is not None:
        report.add(norm, total(norms(gradients)), share(), ~norm.isfinite() if bad is None else bad)
    # Where it was summed up in float64 it had to be; the caller gets the gradients' own type, or float32 for half.
    return norm.to(torch.promote_types(gradients.grads[0].dtype, torch.float32))


def scale_(
    tensors: list[Tensor], factors: Tensor | list[Tensor], foreach: bool | None = None, together: bool = True
) -> None:  # fmt: skip
    """Multiply each tensor by its factor, or all by one, in place. together: the tensors are on one device."""
    if foreach is not False and together:
        torch._foreach_mul_(tensors, factors)
        return
    each = [factors] * len(tensors) if isinstance(factors, Tensor) else factors
    for tensor, factor in zip(tensors, each, strict=True):
        tensor.mul_(factor.to(tensor.device))


def _culprits(gradients: Gradients) -> str:
    bad = [i for i, grad in enumerate(gradients.grads) if not grad.isfinite().all()]
    shown = [gradients.names[i] if gradients.names else f"parameter {i}" for i in bad[:5]]
    return ", ".join(shown) + (f" and {len(bad) - 5} more" if len(bad) > 5 else "")
