"""What a clipper is handed, made plain: parameters that have a gradient, each once; their norms, and their zeros."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganlab._modules import refuse_lazy
from ganlab._numeric import NARROW, may_look, norms, on_host, total
from ganlab.population import Population

Handed = Tensor | nn.Module | Iterable[Tensor] | Iterable[tuple[str, Tensor]]
TENSORS = {Tensor, nn.Parameter}  # and types made from these
# Integers as wide as the floating-point numbers.
WHOLE = {2: torch.int16, 4: torch.int32, 8: torch.int64}


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

    def scale_(self, factor: Tensor, foreach: bool | None = None) -> None:
        """Multiply all gradients by `factor`, () or (N,), in place."""
        dtype = self.grads[0].dtype
        if self.members is not None:
            factor = self.shaped([factor] * len(self.grads))
        elif factor.dtype != dtype and dtype not in NARROW and self.alike:
            # On a GPU a factor of the gradients' own type is one launch, and of another one a launch for each.
            factor = factor.to(dtype)
        scale_(self.grads, factor, foreach, self.together)

    def shaped(self, values: Sequence[Tensor]) -> list[Tensor]:
        """A value for each gradient, () or (N,), so shaped that it broadcasts over the gradient."""
        if self.members is None:
            return list(values)
        return [value.view(-1, *[1] * (grad.ndim - 1)) for value, grad in zip(values, self.grads, strict=True)]

    def norms(self, p: float = 2.0, foreach: bool | None = None) -> Tensor:
        """The p-norm of each gradient, (P,), or of each member's, (P, N), never infinite for finite gradients."""
        if self.members is None:
            return norms(self.grads, None, p, foreach=foreach, alike=self.alike)
        rows = [grad.reshape(self.members, -1) for grad in self.grads]
        return norms(rows, [(1,)] * len(rows), p, foreach=foreach, alike=self.alike)

    def total(self, each: Tensor, p: float = 2.0) -> Tensor:
        """The p-norm of all together, () or (N,), from those of each."""
        # Elsewhere norms are of float64, in which those of float32 have room.
        return total(each, p, roomy=not on_host(self.device) and all(g.dtype != torch.float64 for g in self.grads))

    def zero_unless_(self, good: Tensor) -> None:
        """Make all entries 0 unless `good`, () or (N,), is true: also NaN, which 0 times NaN does not."""
        if may_look(good.device) and good.all():
            return
        if self.members is None and self.alike and not on_host(good.device) and not self.grads[0].is_complex():
            # As whole numbers: 0 times the bits of NaN is 0, and 1 times any bits are these.
            bits = [grad.view(WHOLE[grad.element_size()]) for grad in self.grads]
            torch._foreach_mul_(bits, good.to(bits[0].dtype))
            return
        bad = self.shaped([good.logical_not()] * len(self.grads))
        for grad, mask in zip(self.grads, bad, strict=True):
            grad.masked_fill_(mask.to(grad.device), 0)

    def zero_nonfinite_(self) -> None:
        """Make NaN and infinity 0."""
        if on_host(self.device) or not self.alike or self.grads[0].is_complex():
            for grad in self.grads:
                if grad.is_complex():
                    grad.masked_fill_(grad.isfinite().logical_not(), 0)
                else:
                    torch.nan_to_num_(grad, nan=0.0, posinf=0.0, neginf=0.0)
            return
        # One after the other in a tensor of their own, and back: a few launches for any number of gradients.
        flat = torch.cat([grad.reshape(-1) for grad in self.grads]).nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)
        parts = flat.split([grad.numel() for grad in self.grads])
        torch._foreach_copy_(self.grads, [part.view(grad.shape) for part, grad in zip(parts, self.grads, strict=True)])


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
    if any(grad is None for grad in grads) or len(set(map(id, tensors))) < len(tensors):
        # By identity: a parameter that is listed twice is one parameter, and must not be scaled twice.
        first = {id(tensor): i for i, tensor in reversed(list(enumerate(tensors)))}
        kept = sorted(i for i in first.values() if grads[i] is not None)
        names = None if names is None else [names[i] for i in kept]
        every, tensors, grads = tensors, [tensors[i] for i in kept], [grads[i] for i in kept]
    else:
        every = tensors
    kinds = {(grad.get_device(), grad.dtype, grad.layout) for grad in grads}
    if any(layout is not torch.strided for _, _, layout in kinds):
        grads = [_dense(tensor, members) for tensor in tensors]
        kinds = {(grad.get_device(), grad.dtype, grad.layout) for grad in grads}
    if not all(grad.numel() for grad in grads):  # nothing to clip, and no largest entry
        kept = [i for i, grad in enumerate(grads) if grad.numel()]
        names = None if names is None else [names[i] for i in kept]
        tensors, grads = [tensors[i] for i in kept], [grads[i] for i in kept]
    count = _member_count(tensors or every[:1]) if members else None
    together = len({device for device, _, _ in kinds}) <= 1
    return Gradients(tensors, grads, names, count, every[0].device, together, len(kinds) <= 1)


def read(parameters: Handed) -> tuple[list[str] | None, list[Tensor]]:
    """Names, where there are any, and tensors."""
    names = None
    if isinstance(parameters, nn.Module):
        parameters = parameters.named_parameters()
    items = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if items and isinstance(items[0], tuple):
        names, items = [name for name, _ in items], [tensor for _, tensor in items]
    if not set(map(type, items)) <= TENSORS:
        if strangers := [x for x in items if not isinstance(x, Tensor)]:
            stranger = type(strangers[0]).__name__
            raise TypeError(f"parameters holds a {stranger}: give tensors, (name, tensor) pairs or a module")
        refuse_lazy(zip(names or map("number {}".format, range(len(items))), items, strict=True), "parameters")
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


def check_real(tensors: Sequence[Tensor], names: Sequence[str] | None, argument: str) -> None:
    """Raise a TypeError for a complex tensor: its numbers have no order in which one could be too large."""
    for i, tensor in enumerate(tensors):
        if tensor.is_complex():
            name = names[i] if names else f"parameter {i}"
            raise TypeError(
                f"{name} is {tensor.dtype}, and {argument} bounds each number, which complex ones have no order for: "
                "hand over the real parameters alone, or clip by a norm"
            )
