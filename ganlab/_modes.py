"""Eval mode for a while: batch norm's statistics stand still, and each part gets its own mode back."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Eval mode inside, for `net` and, if it is a population, its structure; parts that were in eval mode stay so."""
    structures = (getattr(one, "structure", None) for one in net.modules())
    owners = [net, *(one for one in structures if isinstance(one, nn.Module))]
    parts = [part for one in owners for part in one.modules()]
    modes = [part.training for part in parts]
    for part in parts:
        part.training = False
    try:
        yield
    finally:
        for part, mode in zip(parts, modes, strict=True):
            part.training = mode
