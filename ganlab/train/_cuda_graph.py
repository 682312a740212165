"""A recorded step as a CUDA graph: one launch for all its kernels."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


class CudaGraph:
    """A program as a CUDA graph, recorded at its first call.

    Attributes:
        reason: why it is no graph, if it cannot be one: it then runs operation by operation.
    """

    def __init__(self, program: Callable[..., list[Tensor]]):
        self._program, self._graph, self.reason = program, None, None

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        if self._graph is None and self.reason is None:
            self._record(inputs)
        if self.reason is not None:
            return self._program(*inputs)
        torch._foreach_copy_(self._static, list(inputs))
        self._graph.replay()
        return [self._results[0].clone(), *self._results[1:]]

    def _record(self, inputs: Sequence[Tensor]) -> None:
        """Note the operations; nothing runs."""
        self._static, self._graph = [x.clone() for x in inputs], torch.cuda.CUDAGraph()
        try:
            # Another thread may send random numbers to the device meanwhile, on a stream of its own.
            with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                self._results = self._program(*self._static)
        except RuntimeError as error:
            self._graph, first = None, str(error).strip().splitlines()[0]
            self.reason = f"Steps are recorded, but no CUDA graph: {first}"
