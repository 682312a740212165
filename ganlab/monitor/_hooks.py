"""A hook on a network that stays with it: a copy of the network has none, and saving it saves none."""

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Optimizer


class Hook:
    """Calls `look(inputs, named, output)` behind a forward pass of `net` itself.

    torch copies a module's hooks with it: a copy that an unrolled step or an average makes would write into the table
    of the original, and `torch.save` of the network would fail. Copied or saved, this one becomes `nothing`.
    """

    def __init__(self, net: nn.Module, look: Callable[[tuple, dict, Any], None]):
        self.net, self.look = net, look

    def __call__(self, net: nn.Module, inputs: tuple, *rest) -> None:
        named, output = rest if len(rest) == 2 else ({}, rest[0])
        if net is self.net:  # a shallow copy shares the hooks
            self.look(inputs, named, output)

    def __deepcopy__(self, memo: dict) -> Callable:
        return nothing

    def __reduce__(self) -> tuple:
        return _give_nothing, ()


def nothing(*_) -> None:
    """What is left of a hook in a copy."""


def _give_nothing() -> Callable:
    return nothing


def behind_closure(args: tuple, kwargs: dict, measure: Callable[[], None]) -> tuple[tuple, dict] | None:
    """The arguments of `optimizer.step` so changed that `measure` is called behind the first call of its closure.

    None if it has no closure.
    """
    closure = kwargs.get("closure", args[1] if len(args) > 1 else None)
    if not callable(closure):
        return None
    waiting = [True]

    def first_measured() -> Any:
        loss = closure()
        if waiting:
            waiting.clear()
            measure()
        return loss

    if "closure" in kwargs:
        return args, {**kwargs, "closure": first_measured}
    return (args[0], first_measured, *args[2:]), kwargs


def skips(optimizer: Optimizer) -> bool:
    """Whether a `GradScaler` has found gradients that are not finite, so that this step moves nothing. Other optimizers
    are then not called at all; a fused one is, and is told so.
    """
    found = getattr(optimizer, "found_inf", None)
    return found is not None and bool(found.any())
