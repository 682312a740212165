"""Taps on the layers of a network: what flows forward through each, and what gradient comes back."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch._C._functorch import get_unwrapped, is_batchedtensor, is_functorch_wrapped_tensor, maybe_get_bdim

from ganlab._numeric import NAN, rms
from ganlab.population import Population

# The columns of a tap, in this order.
ACTIVITY = ("rms", "dead_share", "saturated_share", "grad_rms")
# Modules that only move or drop numbers: their output is that of the layer before.
SILENT = (nn.Identity, nn.Flatten, nn.Unflatten, nn.Dropout, nn.Upsample)
# Where an output counts as saturated: within 0.5 % of its range from a bound.
SATURATED: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {
    nn.Tanh: lambda y: y.abs() > 0.99,
    nn.Sigmoid: lambda y: (y - 0.5).abs() > 0.495,
}


def layers(net: nn.Module, kinds: Sequence[type[nn.Module]] | None = None) -> dict[str, nn.Module]:
    """The modules with no modules inside, by name, in the order they were registered in; of the `kinds`, if given."""
    net = net.structure if isinstance(net, Population) else net
    leaves = {name: module for name, module in net.named_modules() if not list(module.children())}
    wanted = (nn.Module,) if kinds is None else tuple(kinds)
    return {n: m for n, m in leaves.items() if isinstance(m, wanted) and not isinstance(m, SILENT)}


class Taps:
    """Forward hooks on the layers of `net`. While `on`, each training pass leaves its numbers; `take` collects them.

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
        self._forward: list[list[Tensor]] = [[] for _ in self.layers]
        self._backward: list[list[Tensor]] = [[] for _ in self.layers]
        self._last: list[Tensor | None] = [None] * len(self.layers)
        self._hooks = [
            module.register_forward_hook(self._hook(index)) for index, module in enumerate(self.layers.values())
        ]

    def _hook(self, index: int) -> Callable:
        def hook(module: nn.Module, inputs, output) -> None:
            if not self.on or not module.training or not torch.is_grad_enabled() or not isinstance(output, Tensor):
                return
            output = self._plain(output)
            if is_functorch_wrapped_tensor(output):
                return  # a penalty's own pass
            with torch.no_grad():
                self._forward[index].append(self._look(module, output))
            if output.requires_grad:
                output.register_hook(lambda grad: self._backward[index].append(rms(grad.detach(), self.members)))

        return hook

    def _plain(self, output: Tensor) -> Tensor:
        """Inside `vmap` a tensor hides its member axis; here it is shown, first."""
        if not is_batchedtensor(output):
            return output
        axis, output = maybe_get_bdim(output), get_unwrapped(output)
        if axis != 0:
            raise RuntimeError(f"vmap keeps the members on axis {axis} of a layer's output, not on the first")
        return output

    def _look(self, module: nn.Module, output: Tensor) -> Tensor:
        """(3,) or (3, N): RMS, dead share, saturated share."""
        size, saturated = rms(output, self.members), SATURATED.get(type(module))
        nothing = torch.full_like(size, NAN)
        # What has weights of its own is no activation function, and nothing that could be dead.
        dead = nothing if list(module.parameters(recurse=False)) else self._share(self._dead(output), size.dtype)
        return torch.stack([size, dead, nothing if saturated is None else self._share(saturated(output), size.dtype)])

    def _dead(self, output: Tensor) -> Tensor:
        """Which units are 0 for every sample and place; a unit is a feature, or a channel of an image."""
        batch = 0 if self.members is None else 1
        unit = batch + 1 if output.ndim > batch + 1 else batch
        others = [axis for axis in range(batch, output.ndim) if axis != unit]
        return (output.amax(others) == 0) & (output.amin(others) == 0) if others else output == 0

    def _share(self, true: Tensor, dtype: torch.dtype) -> Tensor:
        return true.to(dtype).mean() if self.members is None else true.to(dtype).reshape(self.members, -1).mean(1)

    def take(self) -> Tensor | None:
        """(4, L) or (4, L, N): the rows of `ACTIVITY` for each layer since the last call; None if nothing passed.

        Several passes are averaged (RMS values in the square). A layer with no new forward pass keeps its last.
        """
        if not any(self._backward) and not any(self._forward):
            return None
        for index, seen in enumerate(self._forward):
            if seen:
                self._last[index] = _average(torch.stack(seen), squared=[0])
        known = next(value for value in self._last if value is not None)
        nothing = torch.full_like(known, NAN)
        rows = []
        for last, grads in zip(self._last, self._backward, strict=True):
            back = torch.stack(grads).square().mean(0).sqrt() if grads else nothing[0]
            rows.append(torch.cat([nothing if last is None else last, back[None]]))
        self._forward, self._backward = ([[] for _ in self.layers] for _ in range(2))
        return torch.stack(rows, dim=1)

    def remove(self) -> None:
        """Take the hooks off."""
        for hook in self._hooks:
            hook.remove()


def _average(values: Tensor, squared: list[int]) -> Tensor:
    """The mean over the first axis; of the rows in `squared` the root mean square."""
    mean = values.mean(0)
    mean[squared] = values[:, squared].square().mean(0).sqrt()
    return mean
