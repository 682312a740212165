"""What a network costs: parameters and multiply-adds, layer by layer, from the shapes that pass through it."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ganlab._check import optional
from ganlab._modes import evaluating
from ganlab.population import Population

if TYPE_CHECKING:
    import pandas


def _linear(layer: nn.Linear, x: Tensor, y: Tensor) -> int:
    return y.numel() * layer.in_features


def _convolution(layer: nn.Conv2d, x: Tensor, y: Tensor) -> int:
    """Each output sums kernel^2 terms for each input channel of its group."""
    return y.numel() * layer.in_channels // layer.groups * math.prod(layer.kernel_size)


def _transposed(layer: nn.ConvTranspose2d, x: Tensor, y: Tensor) -> int:
    """Each input is added to kernel^2 places for each output channel of its group."""
    return x.numel() * layer.out_channels // layer.groups * math.prod(layer.kernel_size)


MULTIPLY_ADDS = {nn.Linear: _linear, nn.Conv2d: _convolution, nn.ConvTranspose2d: _transposed}


def parameters(net: nn.Module) -> int:
    """How many numbers are trained: in one member, for a population. A parameter that is used twice counts once.

    >>> import torch
    >>> from ganlab.nets import cost
    >>> from ganlab.population import Population
    >>> cost.parameters(torch.nn.Linear(3, 2)), cost.parameters(Population([torch.nn.Linear(3, 2) for _ in range(5)]))
    (8, 8)
    """
    total = sum(p.numel() for p in net.parameters() if p.requires_grad)
    return total // net.size if isinstance(net, Population) else total


def counts(net: nn.Module, x: Tensor) -> "pandas.DataFrame":
    """A row for each layer with weights: layer, kind, parameters, multiply_adds for the batch `x`.

    Multiply-adds are those of linear layers and convolutions (a transposed convolution's without those that its padding
    would throw away left out, as `torch.utils.flop_counter` has it, whose flops are twice these); norms, activations
    and biases are not counted. A layer that is called twice counts twice, but its parameters once.

    Args:
        net: any module whose weights stand in layers; of a population take `net.member(0)`.
        x: its input, on the net's device. No weight and no buffer changes.

    Raises:
        ValueError: `net` is a population.

    >>> import torch
    >>> from ganlab.nets import cost
    >>> net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    >>> cost.counts(net, torch.zeros(10, 3)).to_dict("list")  # ten samples: 10 * 3 * 2 and 10 * 2 * 1
    {'layer': ['0', '2'], 'kind': ['Linear', 'Linear'], 'parameters': [8, 3], 'multiply_adds': [60, 20]}
    """
    if isinstance(net, Population):
        raise ValueError(f"net is a population of {net.size}: count one member, counts(net.member(0), x)")
    found = {name: m for name, m in net.named_modules() if list(m.parameters(recurse=False))}
    work = dict.fromkeys(found, 0)

    def hook(name: str):
        def add(layer: nn.Module, args: tuple, y: Tensor) -> None:
            if (rule := MULTIPLY_ADDS.get(type(layer))) is not None:
                work[name] += rule(layer, args[0], y)

        return add

    hooks = [module.register_forward_hook(hook(name)) for name, module in found.items()]
    try:
        with torch.no_grad(), evaluating(net):
            net(x)
    finally:
        for handle in hooks:
            handle.remove()
    return optional("pandas", extra="lab").DataFrame(
        {
            "layer": list(found),
            "kind": [type(module).__name__ for module in found.values()],
            "parameters": [sum(p.numel() for p in module.parameters(recurse=False)) for module in found.values()],
            "multiply_adds": list(work.values()),
        }
    )
