"""Does a network end in tanh, or in a sigmoid? Its output is then what that module gave, and no other layer's."""

from typing import Any

from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor

from ganlab._modules import tensors
from ganlab._numeric import NAN
from ganlab.monitor._hooks import Hook
from ganlab.population import Population

ENDS = {nn.Tanh: 1.0, nn.Sigmoid: 2.0}


class End:
    """Looks at the first pass of a network, and then no more.

    Attributes:
        seen: one of `ENDS`, or 0 for another end; NaN before the first pass. Functions that are no modules are not
            seen.
    """

    def __init__(self, net: nn.Module):
        self.seen, self._given = NAN, []
        self._hooks = []
        if isinstance(net, Population):  # its modules see what has no memory of its own
            last = [part for part in net.structure.modules() if not part._modules][-1]
            self.seen = ENDS.get(type(last), 0.0)
            return
        for part in net.modules():
            if type(part) in ENDS:
                self._hooks.append(part.register_forward_hook(Hook(part, self._note(ENDS[type(part)]))))
        self._hooks.append(net.register_forward_hook(Hook(net, self._look), with_kwargs=True))

    def _note(self, kind: float):
        return lambda inputs, named, output: self._given.append((kind, output))

    def _look(self, inputs: tuple, named: dict, output: Any) -> None:
        found = [one for one in tensors(output) if not is_functorch_wrapped_tensor(one)]
        if found:
            self.seen = next((kind for kind, given in self._given if any(_same(given, one) for one in found)), 0.0)
            self.remove()
        self._given.clear()

    def remove(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []


def _same(one: Any, other: Tensor) -> bool:
    """The same numbers in the same memory; a view of them counts."""
    alike = isinstance(one, Tensor) and not is_functorch_wrapped_tensor(one) and one.numel() == other.numel()
    return alike and one.numel() > 0 and one.data_ptr() == other.data_ptr()
