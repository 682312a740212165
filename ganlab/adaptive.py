"""Adaptive gradient clipping: each unit's gradient against the norm of that unit's own weights."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ganlab.clipper import clip, scale_
from ganlab.handed import Gradients, Handed, check_bound, read, robust
from ganlab.population import Population
from ganlab.report import Report

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
    owners = {id(tensor): (name, owner) for name, tensor, owner in chosen}

    def measure(gradients: Gradients) -> tuple[Tensor, _Units]:
        units = _Units(gradients, [owners[id(p)] for p in gradients.parameters], norm_type)
        return torch.linalg.vector_norm(units.grads, norm_type, dim=-1), units

    def apply(gradients: Gradients, norm: Tensor, units: _Units) -> Tensor:
        tiny = torch.finfo(units.grads.dtype).tiny
        factor = (clipping * units.weights.clamp(min=eps) / units.grads.clamp(min=tiny)).clamp(max=1)
        units.scale_(factor, foreach)
        return (factor < 1).to(factor.dtype).mean(-1)

    handed = [tensor if name is None else (name, tensor) for name, tensor, _ in chosen]
    return clip(handed, measure, apply, nonfinite=nonfinite, members=members, report=report)


class _Units:
    """The norms of all units' gradients and weights, (U,) or (N, U), and the way back to the tensors."""

    def __init__(self, gradients: Gradients, owned: list[tuple[str | None, nn.Module | None]], p: float):
        first = 0 if gradients.members is None else 1
        layouts = [
            _layout(tuple(t.shape), first, *_kind(t, *who)) for t, who in zip(gradients.parameters, owned, strict=True)
        ]
        self.tensors, weights = (
            [t if layout.view is None else t.view(layout.view) for t, layout in zip(ts, layouts, strict=True)]
            for ts in (gradients.grads, gradients.parameters)
        )
        self.shapes, self.counts = [layout.units for layout in layouts], [layout.count for layout in layouts]

        def join(norms: Sequence[Tensor]) -> Tensor:
            flat = first + 1
            return torch.cat([n if n.ndim == flat else n.reshape(*n.shape[:first], -1) for n in norms], dim=-1)

        dims = [layout.dims for layout in layouts]
        self.grads, self.weights = robust(self.tensors, dims, join, p), robust(weights, dims, join, p)

    def scale_(self, factor: Tensor, foreach: bool | None) -> None:
        parts = factor.split(self.counts, dim=-1)
        scale_(self.tensors, [part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)], foreach)


class _Layout(NamedTuple):
    """Where the units of a tensor are.

    view: the shape to look at it in, or None for its own. dims: the axes that a unit extends over. units: the shape
    with these at 1. count: units of one member.
    """

    view: tuple[int, ...] | None
    dims: tuple[int, ...]
    units: tuple[int, ...]
    count: int


def _layout(shape: tuple[int, ...], first: int, transposed: bool, groups: int) -> _Layout:
    """first: the number of member axes in front, 0 or 1."""
    view = None
    if len(shape) - first <= 1:
        dims = tuple(range(first, len(shape)))
    elif not transposed:
        dims = tuple(range(first + 1, len(shape)))
    else:  # (in, out / groups, ...): the groups lie one behind the other in the first axis
        shape = view = (*shape[:first], groups, shape[first] // groups, *shape[first + 1 :])
        dims = (first + 1, *range(first + 3, len(shape)))
    units = tuple(1 if axis in dims else n for axis, n in enumerate(shape))
    return _Layout(view, dims, units, math.prod(units[first:]))


def _kind(tensor: Tensor, name: str | None, owner: nn.Module | None) -> tuple[bool, int]:
    """Whether `tensor` is the weight of a transposed convolution, and its groups."""
    if tensor.grad.layout is not torch.strided:
        raise TypeError(f"{name or 'a tensor'} has a sparse gradient: build the embedding with sparse=False")
    return (True, owner.groups) if isinstance(owner, TRANSPOSED) else (False, 1)


def _chosen(
    parameters: Handed, exclude: Iterable[str | nn.Module], members: bool
) -> list[tuple[str | None, Tensor, nn.Module | None]]:
    """Name, tensor and layer of what is not excluded."""
    names, tensors = read(parameters)
    net = parameters.structure if isinstance(parameters, Population) else parameters
    if not isinstance(net, nn.Module):
        net, owners = None, [None] * len(tensors)
        for tensor in tensors:
            if tensor.ndim - members >= 3:
                raise ValueError(
                    f"a tensor of shape {tuple(tensor.shape)} may be a convolution's or a transposed one's: "
                    "pass the module itself, so that its units are known"
                )
    else:
        names = [name.replace("/", ".") for name in names]  # a population cannot have dots in its own
        owners = [net.get_submodule(name.rpartition(".")[0]) for name in names]
    names = names or [None] * len(tensors)
    described, unwanted = list(zip(names, tensors, owners, strict=True)), [_name(item, net) for item in exclude]
    for item in unwanted:
        if not any(_inside(name, item) for name in names):
            known = ", ".join(name for name in names if name) or "none, as bare tensors have no names"
            raise ValueError(f"exclude: {item!r} matches nothing; parameters: {known}")
    return [one for one in described if not any(_inside(one[0], item) for item in unwanted)]


def _name(item: str | nn.Module, net: nn.Module | None) -> str:
    if isinstance(item, str):
        return item
    found = [name for name, module in net.named_modules() if module is item] if net is not None else []
    if not found:
        raise ValueError(f"exclude: the {type(item).__name__} is no module of the network that is clipped")
    return found[0]


def _inside(name: str | None, item: str) -> bool:
    return name is not None and (name == item or name.startswith(f"{item}.") or item == "")
