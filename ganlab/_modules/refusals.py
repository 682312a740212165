"""Networks that cannot be looked at yet, or not in this way: said in a sentence, before torch says it from within."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy


def check_made(net: nn.Module, name: str = "net") -> None:
    """Raise a ValueError for a net with lazy modules that have not seen their first input."""
    if torch.compiler.is_compiling():
        return
    # A penalty asks this in every step: names cost more than the look, and are needed for the sentence alone.
    owners = (own for module in net.modules() for own in (module._parameters, module._buffers))
    if any(is_lazy(tensor) for own in owners for tensor in own.values()):
        refuse_lazy(chain(net.named_parameters(), net.named_buffers()), name)


def refuse_lazy(tensors: Iterable[tuple[str, Tensor]], name: str) -> None:
    """The same of named tensors; `name` is what they belong to."""
    if missing := next((own for own, tensor in tensors if is_lazy(tensor)), None):
        raise ValueError(
            f"{name} holds a parameter that is not there yet, {missing}: lazy modules make theirs in the first pass; "
            "call the network once, on any batch, before this and before its optimizer is made"
        )


def check_fractions(x: Tensor) -> None:
    """Raise a TypeError for samples without a slope: whole numbers."""
    if not x.is_floating_point():
        raise TypeError(
            f"the samples have dtype {x.dtype}: a slope is that of numbers that can change a little; penalise the part "
            "of D behind the embedding, on what comes out of that"
        )


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Say it in our words where torch's checkpoints of the older kind forbid a gradient with respect to `what`."""
    try:
        yield
    except RuntimeError as error:
        if "use_reentrant=True" not in str(error) and "Checkpointing is not compatible" not in str(error):
            raise
        raise ValueError(
            f"{what} calls torch.utils.checkpoint with use_reentrant=True, which allows a plain backward() alone and "
            "no gradient with respect to chosen tensors: set use_reentrant=False there"
        ) from error
