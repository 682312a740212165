"""Copies of a network, also of one that holds a tensor of the last pass."""

import copy

import torch
from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor


def copied(net: nn.Module) -> nn.Module:
    """A deep copy. The older `weight_norm` and `spectral_norm` leave the weight that they made in the layer, and torch
    copies none such; it is made anew in the next pass."""
    held = (value for module in net.modules() for value in vars(module).values() if isinstance(value, Tensor))
    made = (value for value in held if is_functorch_wrapped_tensor(value) or not value.is_leaf)
    return copy.deepcopy(net, {id(value): _plain(value) for value in made})


def _plain(made: Tensor) -> Tensor:
    if is_functorch_wrapped_tensor(made):  # of a pass under `vmap`, and worth nothing behind it
        return torch.empty(0)
    return made.detach().clone()
