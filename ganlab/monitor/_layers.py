"""Taps on the layers of a network: what flows forward through each, and what gradient comes back."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch._C._functorch import get_unwrapped, is_batchedtensor, is_functorch_wrapped_tensor, maybe_get_bdim

from ganlab._modules import kept_for
from ganlab.monitor._activity import Layout
from ganlab.monitor._hooks import Hook
from ganlab.monitor._passes import Batch, Queue
from ganlab.population import Population

# Modules that only move or drop numbers: their output is that of the layer before. And lists of parameters.
SILENT = (nn.Identity, nn.Flatten, nn.Unflatten, nn.Dropout, nn.Upsample, nn.ParameterList, nn.ParameterDict)
# Where an output counts as saturated: within 0.5 % of its range from a bound.
SATURATED: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {
    nn.Tanh: lambda y: y.abs() > 0.99,
    nn.Sigmoid: lambda y: (y - 0.5).abs() > 0.495,
    nn.Hardtanh: lambda y: y.abs() > 0.99,  # with its own bounds, -1 and 1
    nn.Hardsigmoid: lambda y: (y - 0.5).abs() > 0.495,
    nn.Softsign: lambda y: y.abs() > 0.99,
}


def layers(net: nn.Module, kinds: Sequence[type[nn.Module]] | None = None) -> dict[str, nn.Module]:
    """The modules with no modules inside, by name, in the order they were registered in; of the `kinds`, if given.

    What torch's parametrizations put below a layer is not counted: the layer is what computes.
    """
    net = net.structure if isinstance(net, Population) else net
    leaves = {name: m for name, m in net.named_modules() if not kept_for(name) and _is_leaf(m)}
    wanted = (nn.Module,) if kinds is None else tuple(kinds)
    return {n: m for n, m in leaves.items() if isinstance(m, wanted) and not isinstance(m, SILENT)}


def _is_leaf(module: nn.Module) -> bool:
    return all(kept_for(name) for name, _ in module.named_children())


class Taps:
    """Hooks on the layers of `net`. While `on`, each training pass leaves its numbers; `take` collects them.

    A pass in eval mode or without gradients is not training, and not counted. Functions that are no modules
    (`torch.nn.functional.relu` in a `forward`) are not seen.

    Args:
        net: any module, or a `Population`.
        kinds: module classes to tap; default every layer that computes something.
    """

    def __init__(self, net: nn.Module, kinds: Sequence[type[nn.Module]] | None = None):
        self.layers = layers(net, kinds)
        self.members = net.size if isinstance(net, Population) else None
        self.on = True
        self._queue = Queue(self.members)
        self._last: dict[int, Batch] = {}  # with the last outputs of each layer
        self._layouts: dict[Layout, Layout] = {}
        self._hooks = [
            module.register_forward_hook(self._hook(index, module)) for index, module in enumerate(self.layers.values())
        ]

    def _hook(self, index: int, module: nn.Module) -> Callable:
        put, full, dims = self._queue.put, SATURATED.get(type(module)), {}
        # What has weights of its own is no activation function, and nothing that could be dead.
        weighted = any(own is not None for own in module._parameters.values())

        def returned(grad: Tensor) -> None:
            put((2 * index + 1, grad.detach(), grad._version, None, None))

        def hook(inputs: tuple, named: dict, output) -> None:
            if not self.on or not module.training or not torch.is_grad_enabled() or not isinstance(output, Tensor):
                return
            if is_functorch_wrapped_tensor(output):
                output = self._plain(output)
                if is_functorch_wrapped_tensor(output):
                    return  # a penalty's own pass
            ndim = output.ndim
            if ndim not in dims:
                dims[ndim] = None if weighted else self._dims(ndim)
            put((2 * index, output.detach(), output._version, dims[ndim], full))
            if output.requires_grad:
                output.register_hook(returned)

        return Hook(module, hook)

    def _plain(self, output: Tensor) -> Tensor:
        """Inside `vmap` a tensor hides its member axis; here it is shown, first."""
        if not is_batchedtensor(output):
            return output
        axis, output = maybe_get_bdim(output), get_unwrapped(output)
        if axis != 0:
            raise RuntimeError(f"vmap keeps the members on axis {axis} of a layer's output, not on the first")
        return output

    def _dims(self, ndim: int) -> tuple[int, ...]:
        """The axes that a unit runs over: a unit is a feature, or a channel of an image."""
        batch = 0 if self.members is None else 1
        unit = batch + 1 if ndim > batch + 1 else batch
        return tuple(axis for axis in range(batch, ndim) if axis != unit)

    def take(self) -> tuple[Tensor, Layout] | None:
        """What passed since the last call, for `ganlab.monitor._activity.activity`; None if nothing did.

        A layer with no new forward pass keeps its last.
        """
        if (new := self._queue.take()) is None:
            return None
        older: dict[int, list[int]] = {}
        for index, batch in self._last.items():
            if index not in new.layers:
                older.setdefault(id(batch), []).append(index)
        kept = [(self._last[layers[0]], frozenset(layers)) for layers in older.values()]
        self._last.update(dict.fromkeys(new.layers, new))
        parts = [(new, None), *kept]
        layout = (len(self.layers), tuple((batch.entries, len(batch.values), only) for batch, only in parts))
        layout = self._layouts.setdefault(layout, layout)  # one object for equal layouts: no memory
        if len(self._layouts) > 16:
            self._layouts.clear()
        return (new.values if not kept else torch.cat([batch.values for batch, _ in parts])), layout

    def remove(self) -> None:
        """Take the hooks off."""
        for hook in self._hooks:
            hook.remove()
