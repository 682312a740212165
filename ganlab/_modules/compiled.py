"""Networks that went through `torch.compile`, which does not promise to call a hook that is new on a layer."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


def is_compiled(net: nn.Module) -> bool:
    """Whether a part of `net` runs compiled: `torch.compile(net)` or `net.compile()`."""
    dynamo = sys.modules.get("torch._dynamo")  # nothing is compiled where nobody has loaded it
    wrapped = () if dynamo is None else (dynamo.OptimizedModule,)
    return any(
        isinstance(part, wrapped) or getattr(part, "_compiled_call_impl", None) is not None for part in net.modules()
    )


@contextmanager
def eagerly(net: nn.Module) -> Iterator[None]:
    """Inside, `net` runs as before it was compiled: the same function, and all hooks of its layers are called."""
    if not is_compiled(net):
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
