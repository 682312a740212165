"""Adaptive gradient clipping: each unit's gradient against the norm of that unit's own weights."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from ganlab._modules import kept_for, layer_of
from ganlab._numeric import norms
from ganlab.clipping._frame import check_bound, clip
from ganlab.clipping._gradients import Gradients, Handed, read, scale_
from ganlab.clipping.clip_report import Report
from ganlab.population import Population

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def clip_grad_adaptive_(
    parameters: Handed, clipping: float = 0.01, eps: float = 1e-3, norm_type: float = 2.0, *,
    exclude: Iterable[str | nn.Module] = (), nonfinite: str = "propagate", members: bool | None = None,
    foreach: bool | None = None, report: Report | None = None,
) -> Tensor:  # fmt: skip
    """Scale down each unit's gradient G to `clipping` times the norm of the unit's weights W, where it is more.

        G <- G min(1, clipping max(|W|, eps) / |G|)        Brock et al. 2021, eq. 3

    A unit is what makes one output: a row of a linear layer, a filter of a convolution, all weights that lead to one
    output channel of a transposed convolution (its second axis), the vector of one entry of an embedding. A bias, or
    the scale of a norm, is one unit as a whole; as a bias starts at or near 0, its gradient is cut to
    `clipping * eps`, 1e-5: exclude it where that is too little.

    Two units with gradients of norm 4, which is too much for the first, whose weights have norm 5 and not 50:

    >>> import torch
    >>> from ganlab.clipping import clip_grad_adaptive_
    >>> weight = torch.nn.Parameter(torch.tensor([[3.0, 4.0], [30.0, 40.0]]))
    >>> weight.grad = torch.tensor([[0.0, 4.0], [0.0, 4.0]])
    >>> norm = clip_grad_adaptive_(weight, clipping=0.5)
    >>> weight.grad.tolist()
    [[0.0, 2.5], [0.0, 4.0]]

    Args:
        parameters: a module, best; among bare tensors and named parameters a convolution cannot be told from a
            transposed one, so from 3 dimensions on they are refused.
        clipping: the largest |G| / |W|. eps: weights of a smaller norm count as that.
        exclude: names of parameters or of modules, or modules of the network; what is in them is left alone. Brock et
            al. exclude the last linear layer.
        nonfinite, members, report: see `ganlab.clipping`. foreach: False: a loop over the tensors.

    Returns:
        The norm before clipping of all gradients that are not excluded, () or (N,).

    Raises:
        ValueError: a negative threshold, an exclusion that matches nothing, or a tensor whose units are unknown.
        TypeError: a sparse gradient.
    """
    clipping, eps = check_bound("clipping", clipping), check_bound("eps", eps)
    members = isinstance(parameters, Population) if members is None else members
    chosen = _chosen(parameters, exclude, members)
    owners = {id(tensor): owner for _, tensor, owner in chosen}

    def measure(gradients: Gradients) -> tuple[Tensor, _Units]:
        if any(grad.layout is not torch.strided for grad in (p.grad for p in gradients.parameters)):
            raise TypeError("a sparse gradient does not say whole units: build the embedding with sparse=False")
        units = _Units(gradients, [owners[id(p)] for p in gradients.parameters], norm_type)
        return torch.linalg.vector_norm(units.grads, norm_type, dim=-1), units

    def apply(gradients: Gradients, norm: Tensor, units: _Units) -> Callable[[], Tensor]:
        tiny = torch.finfo(units.grads.dtype).tiny
        factor = (clipping * units.weights.clamp(min=eps) / units.grads.clamp(min=tiny)).clamp(max=1)
        units.scale_(factor, foreach)
        return lambda: (factor < 1).to(factor.dtype).mean(-1)

    handed = [tensor if name is None else (name, tensor) for name, tensor, _ in chosen]
    return clip(handed, measure, apply, nonfinite=nonfinite, members=members, report=report)


class _Units:
    """The norms of all units' gradients and weights, (U,) or (N, U), and the way back to the tensors."""

    def __init__(self, gradients: Gradients, owners: list[nn.Module | None], p: float):
        first = 0 if gradients.members is None else 1
        layouts = [_layout(t.shape, first, owner) for t, owner in zip(gradients.parameters, owners, strict=True)]
        views, dims, self.shapes, self.counts = zip(*layouts, strict=True)
        self.tensors, weights = (_viewed(tensors, views) for tensors in (gradients.grads, gradients.parameters))

        def join(each: Sequence[Tensor]) -> Tensor:
            flat = first + 1
            return torch.cat([n if n.ndim == flat else n.reshape(*n.shape[:first], -1) for n in each], dim=-1)

        self.grads = norms(self.tensors, dims, p, join=join, alike=gradients.alike)
        self.weights = norms(weights, dims, p, join=join, alike=gradients.alike)
        self.together = gradients.together

    def scale_(self, factor: Tensor, foreach: bool | None) -> None:
        scale_(self.tensors, _viewed(factor.split(self.counts, dim=-1), self.shapes), foreach, self.together)


def _viewed(tensors: Sequence[Tensor], shapes: Sequence[tuple[int, ...] | None]) -> list[Tensor]:
    return [t if shape is None else t.view(shape) for t, shape in zip(tensors, shapes, strict=True)]


def _layout(shape: tuple[int, ...], first: int, owner: nn.Module | None) -> tuple:
    """Where the units of a tensor are; `first` is the number of member axes in front, 0 or 1.

    Returns the shape to look at it in, the axes that a unit extends over, the shape that makes its units' factors
    broadcast (None: as it is, all axes, as they are), and the number of units of one member.
    """
    if len(shape) <= first + 1:
        return (None, None, None if shape else (), 1) if first == 0 else ((shape[0], -1), (1,), (shape[0], 1), 1)
    if not isinstance(owner, TRANSPOSED):
        dims = tuple(range(first + 1, len(shape)))
        return None, dims, (*shape[: first + 1], *[1] * len(dims)), shape[first]
    # (in, out / groups, ...): the inputs of the groups lie one behind the other in the first axis.
    members, rest, groups = shape[:first], shape[first + 2 :], owner.groups
    view = (*members, groups, shape[first] // groups, shape[first + 1], *rest)
    dims = (first + 1, *range(first + 3, len(view)))
    return view, dims, (*members, groups, 1, shape[first + 1], *[1] * len(rest)), groups * shape[first + 1]


_Owned = tuple[str | None, Tensor, nn.Module | None]


def _chosen(parameters: Handed, exclude: Iterable[str | nn.Module], members: bool) -> list[_Owned]:
    """Name, tensor and layer of what is not excluded."""
    owned, net = _owned(parameters, members)
    unwanted = [_name(item, net) for item in exclude]
    for item in unwanted:
        if not any(_inside(name, item) for name, _, _ in owned):
            known = ", ".join(name for name, _, _ in owned if name) or "none, as bare tensors have no names"
            raise ValueError(f"exclude: {item!r} matches nothing; parameters: {known}")
    return [one for one in owned if not any(_inside(one[0], item) for item in unwanted)]


def _owned(parameters: Handed, members: bool) -> tuple[list[_Owned], nn.Module | None]:
    """Name, tensor and layer of everything, and the module whose names these are."""
    if isinstance(parameters, nn.Module):
        net = parameters.structure if isinstance(parameters, Population) else parameters
        owned = [
            (f"{prefix}.{name}" if prefix else name, tensor, owner)
            for prefix, layer in net.named_modules() if layer._parameters
            for owner in [net.get_submodule(layer_of(f"{prefix}.")) if kept_for(prefix) else layer]
            for name, tensor in layer._parameters.items() if tensor is not None
        ]  # fmt: skip
        if net is not parameters:  # the structure has no weights: they are stacked in the population
            stacked = {name.replace("/", "."): tensor for name, tensor in parameters.named_parameters()}
            # Of tied weights it has the first.
            owned = [(name, stacked[name], layer) for name, _, layer in owned if name in stacked]
        return owned, net
    names, tensors = read(parameters)
    for tensor in tensors:
        if tensor.ndim - members >= 3:
            raise ValueError(
                f"a tensor of shape {tuple(tensor.shape)} may be a convolution's or a transposed one's: "
                "pass the module itself, so that its units are known"
            )
    return [(name, tensor, None) for name, tensor in zip(names or [None] * len(tensors), tensors, strict=True)], None


def _name(item: str | nn.Module, net: nn.Module | None) -> str:
    if isinstance(item, str):
        return item
    found = [name for name, module in net.named_modules() if module is item] if net is not None else []
    if not found:
        raise ValueError(f"exclude: the {type(item).__name__} is no module of the network that is clipped")
    return found[0]


def _inside(name: str | None, item: str) -> bool:
    return name is not None and (name == item or name.startswith(f"{item}.") or item == "")
