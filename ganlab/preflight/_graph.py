"""What the autograd graph tells of a network's end, the bounds of its output, and of what a loss is made of."""

from torch import Tensor

from ganlab._logits import last_function

# The bounding functions, and the range that they leave.
_BOUNDS = {
    "Tanh": (-1.0, 1.0), "Sigmoid": (0.0, 1.0), "Softmax": (0.0, 1.0), "Relu": (0.0, float("inf")),
    "Hardtanh": (-1.0, 1.0),
}  # fmt: skip


def bounds(output: Tensor) -> tuple[float, float] | None:
    """The least and the largest value that the last function can give; None if it is not known to be bounded."""
    return _BOUNDS.get(last_function(output))


def functions(loss: Tensor) -> set[str]:
    """The names of all functions behind a loss, "BinaryCrossEntropy" say."""
    found, left = set(), [loss.grad_fn]
    seen = set()
    while left:
        node = left.pop()
        if node is not None and node not in seen:
            seen.add(node)
            found.add(node.name().split("Backward")[0])
            left += [following for following, _ in node.next_functions]
    return found
