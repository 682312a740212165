"""What a clipper is handed, made plain: parameters that have a gradient, each once, and the norms of these."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganlab.clipping._norms import robust
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
