"""All gradients and weights of a network on one sheet, so that a few kernels measure any number of tensors."""

from collections.abc import Sequence
from functools import reduce
from itertools import accumulate

import torch
from torch import Tensor

from ganlab._numeric import on_host, pooled, precise

# The rows of `Sheet.after`, in this order.
MEASURES = ("nonzero", "nonfinite", "weight_sum", "grad_norm", "weight_norm", "update_norm")
SQUARED = 3  # where the 2-norms begin
WIDTH = 256  # numbers in a line


class Sheet:
    """Two pages of lines of equal width. A tensor (of each member) has lines of its own; their rest stays 0.

    A step goes by copying all gradients onto the first page and all weights onto the second, and by taking the new
    weights off these when they are there: each one call for all tensors. Sums go over lines first, all at once, and
    then over the lines of each tensor. The two pages are kept from step to step.

    Args:
        like: the parameters, on one device.
        members: N, where every parameter has a leading axis of N population members.
    """

    def __init__(self, like: Sequence[Tensor], members: int | None = None):
        like = [as_real(p.detach()) for p in like]
        count, device = members or 1, like[0].device
        lines = [-(-(p.numel() // count) // WIDTH) for p in like]
        dtype = reduce(torch.promote_types, (p.dtype for p in like), torch.float32)
        self._pages = torch.zeros(2, count * sum(lines), WIDTH, dtype=dtype, device=device)
        starts = [0, *accumulate(count * WIDTH * n for n in lines)]
        self.gradients, self.weights = (
            [_place(page, start, n * WIDTH, p, members) for p, start, n in zip(like, starts, lines, strict=False)]
            for page in self._pages
        )
        self._sums = torch.empty(len(MEASURES), count * sum(lines), dtype=precise(device), device=device)
        ends = accumulate(n for _ in MEASURES for n in lines for _ in range(count))
        self._ends = torch.tensor([0, *ends], device=device)
        self._shape = (len(MEASURES), len(like), *([] if members is None else [members]))

    def before(self, places: Sequence[Tensor], grads: Sequence[Tensor], weights: Sequence[Tensor], scale=None) -> None:
        """Before the step. places: those of `gradients` that `grads` go to. scale: what the gradients are too large by.

        A sparse gradient is measured as the dense one.
        """
        first, second = self._pages
        if grads:
            torch._foreach_copy_(places, [as_real(g.to_dense() if g.is_sparse else g) for g in grads])
        self._count(first, second, out=self._sums[0])
        # 0 times a finite number is 0, and NaN otherwise: cheaper than isfinite.
        torch.mul(first, 0.0, out=second)
        self._count(second, second, out=self._sums[1])
        torch._foreach_copy_(self.weights, [as_real(w) for w in weights])
        torch.linalg.vector_norm(self._pages, dim=2, dtype=self._sums.dtype, out=self._sums[SQUARED : SQUARED + 2])
        torch.linalg.vector_norm(second, 1, dim=1, dtype=self._sums.dtype, out=self._sums[2])
        if scale is not None:
            self._sums[SQUARED] /= scale

    def _count(self, page: Tensor, scratch: Tensor, out: Tensor) -> None:
        """How many numbers of each line are not 0. NaN is not 0."""
        if on_host(page.device):  # where a norm of order 0 is slow
            out.copy_(torch.ne(page, 0, out=scratch).sum(1))
        else:
            torch.linalg.vector_norm(page, 0, dim=1, dtype=out.dtype, out=out)

    def after(self, weights: Sequence[Tensor]) -> Tensor:
        """After the step: (6, P) or (6, P, N), for each parameter the rows of `MEASURES`.

        How many entries of the gradient are not 0, and how many are NaN or infinite; the 1-norm of the parameter before
        the step; the 2-norms of the gradient, of the parameter before the step, and of the step.
        """
        torch._foreach_sub_(self.weights, [as_real(w) for w in weights])
        torch.linalg.vector_norm(self._pages[1], dim=1, dtype=self._sums.dtype, out=self._sums[-1])
        self._sums[SQUARED:].square_()
        values = pooled(self._sums.view(-1), self._ends).view(self._shape)
        values[SQUARED:].sqrt_()
        return values


def as_real(tensor: Tensor) -> Tensor:
    """The numbers themselves; of a complex one its two parts, side by side."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def _place(page: Tensor, start: int, length: int, like: Tensor, members: int | None) -> Tensor:
    """A view of `page` in the shape of `like` and with its strides: where these differ, copies take a kernel each."""
    one = like if members is None else like[0]
    strides = torch.empty_like(one, device="meta").stride()
    start += page.storage_offset()
    if members is None:
        return page.as_strided(like.shape, strides, start)
    return page.as_strided(like.shape, (length, *strides), start)
