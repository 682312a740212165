"""Clippers by the norm of all gradients, by value and by layer; the clip of the weights; and all clippers by name.

Conventions that they share (members, what is not finite, the report, the order under a GradScaler) stand in
`ganlab.clipping`.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ganlab._modules import layer_of
from ganlab._numeric import norms, total
from ganlab.clipping._frame import check_bound, check_order, clip
from ganlab.clipping._gradients import Gradients, Handed, check_real, read, scale_
from ganlab.clipping.adaptive import clip_grad_adaptive_
from ganlab.clipping.clip_report import Report
from ganlab.clipping.percentile import PercentileClip
from ganlab.population import Population

MARGIN = 1e-6  # torch's: what is added to a norm before dividing by it


def clip_grad_norm_(
    parameters: Handed, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None, *, nonfinite: str = "propagate", members: bool | None = None,
    report: Report | None = None,
) -> Tensor:  # fmt: skip
    """Scale all gradients by min(1, max_norm / (norm + 1e-6)), so that their common norm is at most `max_norm`.

    The direction stays. The formula, and on a CPU every bit, is that of `torch.nn.utils.clip_grad_norm_`.
    Pascanu et al. 2013, algorithm 1.

    >>> import torch
    >>> from ganlab.clipping import clip_grad_norm_
    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> weight.grad = torch.tensor([3.0, 4.0])
    >>> clip_grad_norm_(weight, max_norm=1.0).item()  # the norm before
    5.0
    >>> [round(entry, 3) for entry in weight.grad.tolist()]
    [0.6, 0.8]

    Args:
        parameters: a module, its parameters, named parameters, or one tensor.
        max_norm: the largest norm allowed. norm_type: its p; infinity for the largest entry.
        error_if_nonfinite: torch's name for `nonfinite="raise"`.
        foreach: False: a loop over the tensors instead of torch's kernels for lists.
        nonfinite, members, report: see `ganlab.clipping`.

    Returns:
        The norm before clipping, () or (N,).

    Raises:
        ValueError: a negative threshold, an order of the norm that is not positive, no parameters.
        RuntimeError: the gradient is not finite, and that is to be an error.
    """
    max_norm, norm_type = check_bound("max_norm", max_norm), check_order(norm_type)

    def measure(gradients: Gradients) -> tuple[Tensor, None]:
        return gradients.total(gradients.norms(norm_type, foreach), norm_type), None

    def apply(gradients: Gradients, norm: Tensor, _) -> Callable[[], Tensor]:
        factor = (max_norm / (norm + MARGIN)).clamp(max=1)
        gradients.scale_(factor, foreach)
        return lambda: (factor < 1).to(norm.dtype)

    nonfinite = "raise" if error_if_nonfinite else nonfinite
    return clip(parameters, measure, apply, nonfinite=nonfinite, members=members, report=report)


def clip_grad_value_(
    parameters: Handed, clip_value: float, foreach: bool | None = None, *, nonfinite: str = "propagate",
    members: bool | None = None, report: Report | None = None,
) -> Tensor:  # fmt: skip
    """Clamp each entry of each gradient to [-clip_value, clip_value]. This turns the gradient's direction.

    As `torch.nn.utils.clip_grad_value_`, "propagate" keeps a NaN and clamps an infinity. Arguments and errors as for
    `clip_grad_norm_`; returns the 2-norm before clipping, () or (N,).

    >>> import torch
    >>> from ganlab.clipping import clip_grad_value_
    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> weight.grad = torch.tensor([3.0, -0.5])
    >>> norm = clip_grad_value_(weight, clip_value=1.0)
    >>> weight.grad.tolist()
    [1.0, -0.5]
    """
    bound = check_bound("clip_value", clip_value)

    def measure(gradients: Gradients) -> tuple[Tensor, None]:
        check_real(gradients.grads, gradients.names, "clip_value")
        return gradients.total(gradients.norms(2.0, foreach)), None

    def apply(gradients: Gradients, norm: Tensor, _) -> Callable[[], Tensor]:
        # Clamped, nothing shows any more how much was beyond.
        share = None if report is None else _share_beyond(gradients.grads, bound, gradients.members)
        _clamp_(gradients.grads, bound, foreach)
        return lambda: share

    return clip(parameters, measure, apply, nonfinite=nonfinite, members=members, report=report)


def clip_grad_layerwise_(
    parameters: Handed, max_norm: float, norm_type: float = 2.0, *, nonfinite: str = "propagate",
    members: bool | None = None, foreach: bool | None = None, report: Report | None = None,
) -> Tensor:  # fmt: skip
    """Scale the gradients of each layer so that the norm of that layer is at most `max_norm`.

    A layer is the parameters of one module, weight and bias together; bare tensors, which have no names, are a layer
    each. Arguments and errors as for `clip_grad_norm_`; returns the norm of all gradients before clipping, () or (N,).

    A layer with a small gradient is left alone:

    >>> import torch
    >>> from ganlab.clipping import clip_grad_layerwise_
    >>> a, b = torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(2))
    >>> a.grad, b.grad = torch.tensor([3.0, 4.0]), torch.tensor([0.5, 0.0])
    >>> norm = clip_grad_layerwise_([a, b], max_norm=1.0)
    >>> [round(p.grad.norm().item(), 3) for p in (a, b)]
    [1.0, 0.5]
    """
    max_norm, norm_type = check_bound("max_norm", max_norm), check_order(norm_type)

    def measure(gradients: Gradients) -> tuple[Tensor, Tensor]:
        each = gradients.norms(norm_type, foreach)
        return gradients.total(each, norm_type), each

    def apply(gradients: Gradients, norm: Tensor, each: Tensor) -> Callable[[], Tensor]:
        # The layer of each gradient, as a number; bare tensors have no names, and are one layer each.
        names = [layer_of(name) for name in gradients.names] if gradients.names else range(len(each))
        number = {layer: i for i, layer in enumerate(dict.fromkeys(names))}
        index = [number[layer] for layer in names]
        factor = (max_norm / (_pooled(each, index, norm_type) + MARGIN)).clamp(max=1)
        scale_(gradients.grads, gradients.shaped([factor[i] for i in index]), foreach, gradients.together)
        return lambda: (factor < 1).to(norm.dtype).mean(0)

    return clip(parameters, measure, apply, nonfinite=nonfinite, members=members, report=report)


def _pooled(each: Tensor, index: list[int], p: float) -> Tensor:
    """The norm of each layer, (L,) or (L, N), from those of its tensors, (P,) or (P, N). index: the layer of each."""
    order = sorted(range(len(index)), key=index.__getitem__)
    if order != list(range(len(index))):
        rows = each.unbind()
        each = torch.stack([rows[i] for i in order])
    sizes = Counter(index)
    parts = each.split([sizes[layer] for layer in range(len(sizes))])
    return torch.stack(torch._foreach_norm(parts, p) if each.ndim == 1 else [total(part, p) for part in parts])


@torch.no_grad()
def clip_weights_(
    parameters: Handed, bound: float, *, foreach: bool | None = None, members: bool | None = None,
    report: Report | None = None,
) -> None:  # fmt: skip
    """Clamp every weight to [-bound, bound]; call it after the optimizer's step.   Arjovsky et al. 2017, algorithm 1.

    The report is on weights in place of gradients. Sparse weights are refused by torch.

    >>> import torch
    >>> from ganlab.clipping import clip_weights_
    >>> weight = torch.nn.Parameter(torch.tensor([0.5, -0.125]))
    >>> clip_weights_(weight, bound=0.25)
    >>> weight.tolist()
    [0.25, -0.125]

    Args:
        parameters: as for `clip_grad_norm_`. bound: the largest absolute value allowed.
        foreach, members, report: as for `clip_grad_norm_`.

    Raises:
        ValueError: a negative bound, no parameters.
    """
    bound, (names, handed) = check_bound("bound", bound), read(parameters)
    check_real(handed, names, "bound")
    weights = list({id(t): t for t in handed if t.numel()}.values())
    if not weights:
        return
    members = isinstance(parameters, Population) if members is None else members
    count = weights[0].shape[0] if members else None
    rows, dims = ([w.reshape(count, -1) for w in weights], [(1,)] * len(weights)) if members else (weights, None)
    alike = len({(w.get_device(), w.dtype) for w in weights}) == 1
    before = None if report is None else total(norms(rows, dims, alike=alike))
    share = None if report is None else _share_beyond(weights, bound, count)
    _clamp_(weights, bound, foreach)
    if report is not None:
        report.add(before, total(norms(rows, dims, alike=alike)), share, ~before.isfinite())


def _clamp_(tensors: list[Tensor], bound: float, foreach: bool | None) -> None:
    if foreach is False:
        for tensor in tensors:
            tensor.clamp_(-bound, bound)
    else:
        torch._foreach_clamp_min_(tensors, -bound)
        torch._foreach_clamp_max_(tensors, bound)


def _share_beyond(tensors: list[Tensor], bound: float, members: int | None) -> Tensor:
    """The share of entries larger than `bound` in absolute value, () or (N,)."""
    beyond = [(tensor.abs() > bound).reshape(members or 1, -1).sum(1).to(tensors[0].device) for tensor in tensors]
    share = torch.stack(beyond).sum(0) / sum(tensor.numel() // (members or 1) for tensor in tensors)
    return share[0] if members is None else share


# Name in a recipe: threshold -> clipper of a network's gradients. A percentile clip has a state: one for each player.
CLIPS: dict[str, Callable[[float], Callable]] = {
    "value": lambda at: partial(clip_grad_value_, clip_value=at),
    "norm": lambda at: partial(clip_grad_norm_, max_norm=at),
    "layerwise": lambda at: partial(clip_grad_layerwise_, max_norm=at),
    "adaptive": lambda at: partial(clip_grad_adaptive_, clipping=at),
    "percentile": lambda at: PercentileClip(at),
}
