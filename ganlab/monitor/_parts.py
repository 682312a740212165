"""A network of which a loop calls the parts and never itself: `G.synthesis(G.mapping(z))`, or `G.forward(z)`."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from ganlab.monitor._hooks import Hook


class Parts:
    """Calls `look(inputs, named, output)` behind each pass of a part that is not within a pass of `net`."""

    def __init__(self, net: nn.Module, look: Callable[[tuple, dict, Any], None]):
        self._look, self._within = look, False
        whole = (
            net.register_forward_pre_hook(Hook(net, self._begins), with_kwargs=True),
            net.register_forward_hook(Hook(net, self._ends), with_kwargs=True, always_call=True),
        )
        parts = [part.register_forward_hook(Hook(part, self._passed), with_kwargs=True) for part in parts_of(net)]
        self._hooks = [*whole, *parts]

    def _begins(self, *_) -> None:
        self._within = True

    def _ends(self, *_) -> None:
        self._within = False

    def _passed(self, inputs: tuple, named: dict, output: Any) -> None:
        if not self._within:
            self._look(inputs, named, output)

    def remove(self) -> None:
        for hook in self._hooks:
            hook.remove()


def parts_of(net: nn.Module) -> Iterator[nn.Module]:
    """Its children; of lists and dicts of modules, which are never called, what they hold."""
    for part in net.children():
        if isinstance(part, nn.ModuleList | nn.ModuleDict):
            yield from parts_of(part)
        else:
            yield part
