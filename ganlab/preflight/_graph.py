"""What the autograd graph tells of a network's end: the function that bounds its output."""

from torch import Tensor

# What may stand behind the bounding function without changing the values.
_MOVES = ("Squeeze", "Unsqueeze", "View", "Reshape", "Select", "Slice", "Split", "Transpose", "Permute", "Clone",
          "ToCopy", "Alias", "T")  # fmt: skip
# The bounding functions, and the range that they leave.
_BOUNDS = {
    "Tanh": (-1.0, 1.0), "Sigmoid": (0.0, 1.0), "Softmax": (0.0, 1.0), "Relu": (0.0, float("inf")),
    "Hardtanh": (-1.0, 1.0),
}  # fmt: skip


def last_function(output: Tensor) -> str:
    """The name of the function that gave the values, "Tanh" say; "" where there is no graph."""
    node = output.grad_fn
    while node is not None:
        name = node.name().split("Backward")[0]
        if name not in _MOVES and not name.endswith(_MOVES[:-1]):
            return name
        if not node.next_functions:
            return name
        node = node.next_functions[0][0]
    return ""


def bounds(output: Tensor) -> tuple[float, float] | None:
    """The least and the largest value that the last function can give; None if it is not known to be bounded."""
    return _BOUNDS.get(last_function(output))
