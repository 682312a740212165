"""The frame of all clippers: check, gather, measure, guard, apply, report. A clipper adds how to measure and apply."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ganlab.clipping._gradients import Gradients, Handed, gather
from ganlab.clipping.clip_report import Report

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
            bad = ~gradients.total(gradients.norms()).isfinite()
        gradients.zero_nonfinite_()
    norm, memo = measure(gradients)
    if nonfinite == "raise" and not norm.isfinite().all():
        raise RuntimeError(f"the gradient is not finite ({_culprits(gradients)}): nothing was clipped")
    share = apply(gradients, norm, memo)
    if nonfinite == "skip":
        good = norm < torch.inf  # not so for NaN
        gradients.zero_unless_(good)
        bad = None if report is None else ~good
    if report is not None:
        report.add(norm, gradients.total(gradients.norms()), share(), ~norm.isfinite() if bad is None else bad)
    # Where it was summed up in float64 it had to be; the caller gets the gradients' own type, or float32 for half.
    dtype = gradients.grads[0].dtype
    dtype = torch.promote_types(dtype.to_real() if dtype.is_complex else dtype, torch.float32)
    return norm if norm.dtype == dtype else norm.to(dtype)


def _culprits(gradients: Gradients) -> str:
    bad = [i for i, grad in enumerate(gradients.grads) if not grad.isfinite().all()]
    shown = [gradients.names[i] if gradients.names else f"parameter {i}" for i in bad[:5]]
    return ", ".join(shown) + (f" and {len(bad) - 5} more" if len(bad) > 5 else "")


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
