"""Clipping at a percentile of the norms so far: a threshold that finds itself."""

from collections.abc import Callable

import torch
from torch import Tensor

from ganlab._check import check_positive
from ganlab.clipping._frame import check_order, clip, scale_
from ganlab.clipping._gradients import Gradients, Handed, norms
from ganlab.clipping._norms import total
from ganlab.clipping.clip_report import Report


class PercentileClip:
    """AutoClip: scale the gradient down to a percentile of its norms in the last calls.   Seetharaman et al. 2020.

    Call it between `backward()` and `step()`. After gradients of norm 1 and 2 one of norm 8 is cut to the median of 1,
    2 and 8:

    >>> import torch
    >>> from ganlab.clipping import PercentileClip
    >>> weight, clip = torch.nn.Parameter(torch.zeros(1)), PercentileClip(50)
    >>> for size in (1.0, 2.0, 8.0):
    ...     weight.grad = torch.tensor([size])
    ...     norm = clip(weight)
    >>> norm.item(), clip.threshold.item(), weight.grad.item()
    (8.0, 2.0, 2.0)

    The norm of the present gradient is in the window, so the first call clips nothing; the percentile is interpolated
    linearly, as NumPy's is. A norm that is not finite never enters the window.

    Args:
        percentile: in [0, 100]; 100 clips nothing, the paper has 10.
        window: how many norms are kept; the paper keeps all.
        norm_type: of the norm.
        nonfinite, members, foreach: see `ganlab.clipping`.

    Attributes:
        threshold: of the last call, () or (N,); None before the first.

    Raises:
        ValueError: a percentile outside [0, 100], a window that is not positive; at a call, another number of members
            than before.
    """

    def __init__(
        self, percentile: float = 10.0, window: int = 1000, norm_type: float = 2.0, *, nonfinite: str = "propagate",
        members: bool | None = None, foreach: bool | None = None,
    ):  # fmt: skip
        if not 0 <= percentile <= 100:
            raise ValueError(f"percentile={percentile}: a number in [0, 100]")
        check_positive(window=window)
        self.percentile, self.window, self.norm_type = percentile, window, check_order(norm_type)
        self.nonfinite, self.members, self.foreach = nonfinite, members, foreach
        self.calls, self.threshold = 0, None
        self._norms: Tensor | None = None  # (window,) or (window, N), a ring; NaN where there is none

    def __call__(self, parameters: Handed, *, report: Report | None = None) -> Tensor:
        """Clip in place; the norm before, () or (N,)."""
        return clip(
            parameters, self._measure, self._apply, nonfinite=self.nonfinite, members=self.members, report=report
        )

    def _measure(self, gradients: Gradients) -> tuple[Tensor, None]:
        return total(norms(gradients, self.norm_type, self.foreach), self.norm_type), None

    def _apply(self, gradients: Gradients, norm: Tensor, _) -> Callable[[], Tensor]:
        if self._norms is None:
            self._norms = torch.full((self.window, *norm.shape), torch.nan, dtype=norm.dtype, device=norm.device)
        if self._norms.shape[1:] != norm.shape:
            shapes = f"{tuple(norm.shape)} after {tuple(self._norms.shape[1:])}"
            raise ValueError(f"norms of shape {shapes}: make a PercentileClip for each network")
        self._norms[self.calls % self.window] = torch.where(norm.isfinite(), norm, torch.nan)
        self.calls += 1
        seen = self._norms[: self.calls]
        self.threshold = torch.nanquantile(seen, self.percentile / 100, dim=0)
        factor = torch.where(norm <= self.threshold, 1, self.threshold / norm)
        scale_(gradients.grads, gradients.factor(factor), self.foreach, gradients.together)
        return lambda: (factor < 1).to(norm.dtype)

    def state_dict(self) -> dict:
        """The window and the place in it."""
        return {"norms": None if self._norms is None else self._norms.clone(), "calls": self.calls}

    def load_state_dict(self, state: dict) -> None:
        """Go on from `state`. Raises ValueError for one with another window."""
        norms = state["norms"]
        if norms is not None and len(norms) != self.window:
            raise ValueError(f"the state has a window of {len(norms)} norms, and this clip one of {self.window}")
        self._norms, self.calls = None if norms is None else norms.clone(), state["calls"]
