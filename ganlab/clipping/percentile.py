"""Clipping at a percentile of the norms so far: a threshold that finds itself."""

from collections.abc import Callable

import torch
from torch import Tensor

from ganlab._check import check_positive
from ganlab.clipping._frame import check_order, clip
from ganlab.clipping._gradients import Gradients, Handed
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
        self.threshold: Tensor | None = None
        self._norms: Tensor | None = None  # (window,) or (window, N), a ring; infinite where there is none

    def __call__(self, parameters: Handed, *, report: Report | None = None) -> Tensor:
        """Clip in place; the norm before, () or (N,)."""
        return clip(
            parameters, self._measure, self._apply, nonfinite=self.nonfinite, members=self.members, report=report
        )

    def _measure(self, gradients: Gradients) -> tuple[Tensor, None]:
        return gradients.total(gradients.norms(self.norm_type, self.foreach), self.norm_type), None

    def _apply(self, gradients: Gradients, norm: Tensor, _) -> Callable[[], Tensor]:
        if self._norms is None:
            self._start(norm)
        if self._norms.shape[1:] != norm.shape:
            shapes = f"{tuple(norm.shape)} after {tuple(self._norms.shape[1:])}"
            raise ValueError(f"norms of shape {shapes}: make a PercentileClip for each network")
        if self._norms.device != norm.device:  # a state that was loaded
            norms, calls = self._norms, self._calls
            self._start(norms[0].to(norm.device))
            self._norms.copy_(norms)
            self._calls.copy_(calls)
        # In place, and with no size that changes: a step that is recorded and replayed goes on counting.
        # By way of a row: `copy_` takes a norm of any type, and that of a replay may be wider.
        self._row.copy_(norm.nan_to_num(torch.inf, torch.inf, torch.inf))
        self._norms.index_copy_(0, (self._calls % self.window)[None], self._row[None])
        self._calls.add_(1)
        self._percentile(out=self.threshold)
        factor = (self.threshold / norm).masked_fill_(norm <= self.threshold, 1)
        gradients.scale_(factor, self.foreach)
        return lambda: (factor < 1).to(norm.dtype)

    def _start(self, norm: Tensor) -> None:
        like = {"dtype": norm.dtype, "device": norm.device}
        self._norms, self._row = torch.full((self.window, *norm.shape), torch.inf, **like), torch.empty_like(norm)
        self._calls, self.threshold = torch.zeros((), dtype=torch.long, device=norm.device), torch.zeros_like(norm)
        # Of 0, 1, ... norms in order: between which two of them the percentile lies, and how far from the first.
        rank = (torch.arange(-1, self.window, **like) * (self.percentile / 100)).clamp(min=0)
        self._between, self._way = torch.stack([rank.floor(), rank.ceil()]).long(), rank - rank.floor()

    def _percentile(self, out: Tensor) -> None:
        """Interpolated among the finite norms; NaN where there is none. Bit for bit `torch.nanquantile`."""
        ordered = self._norms.sort(dim=0).values
        count = (ordered < torch.inf).sum(0).view(-1)  # to index with a number, Python would have to know it
        low, high = ordered.gather(0, self._between.index_select(1, count).view(2, *out.shape))
        torch.lerp(low, high, self._way.index_select(0, count).view(out.shape), out=out)

    @property
    def calls(self) -> int:
        """How many there were; on a GPU it is waited for."""
        return 0 if self._norms is None else int(self._calls)

    def state_dict(self) -> dict:
        """The window and the place in it."""
        norms = None if self._norms is None else torch.where(self._norms.isfinite(), self._norms, torch.nan)
        return {"norms": norms, "calls": self.calls}

    def load_state_dict(self, state: dict) -> None:
        """Go on from `state`. Raises ValueError for one with another window."""
        norms = state["norms"]
        if norms is None:
            self._norms = self.threshold = None
            return
        if len(norms) != self.window:
            raise ValueError(f"the state has a window of {len(norms)} norms, and this clip one of {self.window}")
        self._start(norms[0])
        self._norms.copy_(norms.nan_to_num(torch.inf, torch.inf, torch.inf))
        self._calls.fill_(state["calls"])
