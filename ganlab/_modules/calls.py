"""A network called with one input, or with several: (x, labels), or by name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

# What a network is called with: one tensor, a tuple of arguments, or a dict of them.
Inputs = Tensor | Sequence | Mapping[str, Any]


def call(net: Callable, inputs: Inputs) -> Any:
    """`net(x)`, `net(*inputs)` of a tuple or list, `net(**inputs)` of a dict."""
    if isinstance(inputs, Mapping):
        return net(**inputs)
    return net(*inputs) if isinstance(inputs, tuple | list) else net(inputs)


# What a discriminator is called with beside the samples.
Given = Tensor | Sequence | Mapping[str, Any]


def called(D: Callable, x: Tensor, given: Given) -> Any:
    """`D(x, *given)`, or `D(x, **given)` of a dict."""
    if isinstance(given, Mapping):
        return D(x, **given)
    return D(x, *given) if isinstance(given, tuple | list) else D(x, given)


def map_inputs(change: Callable[[Tensor], Tensor], inputs: Inputs) -> Inputs:
    """The inputs, `change` done to each tensor."""
    if isinstance(inputs, Mapping):
        return {name: change(x) if isinstance(x, Tensor) else x for name, x in inputs.items()}
    if isinstance(inputs, tuple | list):
        return tuple(change(x) if isinstance(x, Tensor) else x for x in inputs)
    return change(inputs)


def tensors(tree: Any) -> Iterator[Tensor]:
    """All tensors in lists, tuples and dicts, of whichever depth, in their order."""
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        yield from tensors(list(tree.values()))
    elif isinstance(tree, list | tuple):
        for part in tree:
            yield from tensors(part)


def floats(tree: Any) -> list[Tensor]:
    """Those of `tensors` that hold real floating-point numbers."""
    return [x for x in tensors(tree) if x.is_floating_point()]


def samples(inputs: Inputs) -> list[Tensor]:
    """The tensors among the inputs that a gradient can be asked of."""
    values = (
        inputs.values() if isinstance(inputs, Mapping) else inputs if isinstance(inputs, tuple | list) else [inputs]
    )
    return [x for x in values if isinstance(x, Tensor) and (x.is_floating_point() or torch.is_complex(x))]
