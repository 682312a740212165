"""What a network costs: parameters and multiply-adds, layer by layer, from the shapes that pass through it."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ganlab._check import optional
from ganlab._modes import evaluating
from ganlab._modules import Inputs, call, check_made, eagerly, layer_of
from ganlab.population import Population

if TYPE_CHECKING:
    import pandas


def _linear(layer: nn.Linear, x: Tensor, y: Tensor) -> int:
    return y.numel() * layer.in_features


def _convolution(layer: nn.Module, x: Tensor, y: Tensor) -> int:
    """Each output sums a kernel of terms for each input channel of its group."""
    return y.numel() * layer.in_channels // layer.groups * math.prod(layer.kernel_size)


def _transposed(layer: nn.Module, x: Tensor, y: Tensor) -> int:
    """Each input is added to a kernel of places for each output channel of its group."""
    return x.numel() * layer.out_channels // layer.groups * math.prod(layer.kernel_size)


# Layer type -> (layer, its input, its output) -> multiply-adds.
MULTIPLY_ADDS: dict[type[nn.Module], Callable[[nn.Module, Tensor, Tensor], int]] = {
    nn.Linear: _linear,
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), _convolution),
    **dict.fromkeys((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), _transposed),
    **dict.fromkeys((nn.Embedding, nn.EmbeddingBag), lambda layer, x, y: 0),  # they look up
}


def parameters(net: nn.Module) -> int:
    """How many numbers are trained: in one member, for a population. A parameter that is used twice counts once.

    >>> import torch
    >>> from ganlab.nets import cost
    >>> from ganlab.population import Population
    >>> cost.parameters(torch.nn.Linear(3, 2)), cost.parameters(Population([torch.nn.Linear(3, 2) for _ in range(5)]))
    (8, 8)
    """
    check_made(net)
    total = sum(p.numel() for p in net.parameters() if p.requires_grad)
    return total // net.size if isinstance(net, Population) else total


def counts(net: nn.Module, x: Inputs) -> "pandas.DataFrame":
    """A row for each layer with weights: layer, kind, parameters, multiply_adds for the batch `x`.

    Multiply-adds are those of linear layers and convolutions (a transposed convolution's without those that its padding
    would throw away left out, as `torch.utils.flop_counter` has it, whose flops are twice these); norms, activations
    and biases are not counted. A layer that is called twice counts twice, but its parameters once; a weight that two
    layers share is counted with the first. What torch's parametrizations compute to make a weight is not counted.

    Args:
        net: any module whose weights stand in layers; of a population take `net.member(0)`.
        x: its input, on the net's device; a tuple or a dict of them, where it takes several. No weight and no buffer
            changes.

    Raises:
        ValueError: `net` is a population, has lazy modules that were never called, or a matrix of weights in a module
            of a kind without a rule in `MULTIPLY_ADDS`: an LSTM, attention, a layer of your own.

    >>> import torch
    >>> from ganlab.nets import cost
    >>> net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    >>> cost.counts(net, torch.zeros(10, 3)).to_dict("list")  # ten samples: 10 * 3 * 2 and 10 * 2 * 1
    {'layer': ['0', '2'], 'kind': ['Linear', 'Linear'], 'parameters': [8, 3], 'multiply_adds': [60, 20]}
    """
    if isinstance(net, Population):
        raise ValueError(f"net is a population of {net.size}: count one member, counts(net.member(0), x)")
    check_made(net)
    modules, own = dict(net.named_modules()), {}
    for name, p in net.named_parameters(remove_duplicate=False):
        if layer_of(name) in modules:  # not the second name of a layer
            own.setdefault(layer_of(name), []).append(p)
    found = {name: modules[name] for name in own}
    rules = {name: _rule(name, found[name], own[name]) for name in found}
    work, seen = dict.fromkeys(found, 0), set()

    def hook(name: str):
        def add(layer: nn.Module, args: tuple, y: Tensor) -> None:
            if rules[name] is not None:
                work[name] += rules[name](layer, args[0], y)

        return add

    hooks = [module.register_forward_hook(hook(name)) for name, module in found.items()]
    try:
        with torch.no_grad(), evaluating(net), eagerly(net):
            call(net, x)
    finally:
        for handle in hooks:
            handle.remove()
    return optional("pandas", extra="lab").DataFrame(
        {
            "layer": list(found),
            "kind": [type(module).__name__ for module in found.values()],
            "parameters": [sum(_once(p, seen) for p in own[name]) for name in found],
            "multiply_adds": list(work.values()),
        }
    )


def _rule(name: str, layer: nn.Module, own: list[Tensor]) -> Callable[[nn.Module, Tensor, Tensor], int] | None:
    if (rule := next((rule for kind, rule in MULTIPLY_ADDS.items() if isinstance(layer, kind)), None)) is not None:
        return rule
    if any(p.ndim > 1 for p in own):
        kind = type(layer).__name__
        raise ValueError(
            f"the multiply-adds of {name or 'the net itself'}, a {kind} with weights of its own, are not known here: "
            f"add a rule, cost.MULTIPLY_ADDS[{kind}] = (layer, x, y) -> a number; cost.parameters counts any net, and "
            "torch.utils.flop_counter what its operations cost"
        )
    return None


def _once(p: Tensor, seen: set[int]) -> int:
    new = id(p) not in seen
    seen.add(id(p))
    return p.numel() if new else 0
