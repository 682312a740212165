"""Eval or train mode for a while: statistics stand still, and each part gets its own mode back."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Eval mode inside, for `net` and, if it is a population, its structure; parts that were in eval mode stay so."""
    with _mode(net, False):
        yield


@contextmanager
def training(net: nn.Module) -> Iterator[None]:
    """Train mode inside; running statistics and the states of the random generators are afterwards what they were."""
    devices = {x.device for x in (*net.buffers(), *net.parameters()) if x.is_cuda}
    with _mode(net, True), buffers_kept(net), torch.random.fork_rng(devices=devices):
        yield


@contextmanager
def buffers_kept(*nets: nn.Module) -> Iterator[None]:
    """Buffers, as batch norm's running statistics, are afterwards the tensors that they were, with the same numbers."""
    owners = [module._buffers for net in nets for module in net.modules()]
    kept = [(own, name, x, x.detach().clone()) for own in owners for name, x in own.items() if x is not None]
    try:
        yield
    finally:
        with torch.no_grad():
            for own, name, x, before in kept:
                own[name] = x.copy_(before)


def in_mode(net: nn.Module, mode: str) -> AbstractContextManager:
    """`evaluating` or `training`, by name."""
    if mode not in ("eval", "train"):
        raise ValueError(f"mode={mode!r}: 'eval' or 'train'")
    return (evaluating if mode == "eval" else training)(net)


@contextmanager
def _mode(net: nn.Module, mode: bool) -> Iterator[None]:
    structures = (getattr(one, "structure", None) for one in net.modules())
    owners = [net, *(one for one in structures if isinstance(one, nn.Module))]
    parts = [part for one in owners for part in one.modules()]
    modes = [part.training for part in parts]
    for part in parts:
        part.training = mode
    try:
        yield
    finally:
        for part, mode in zip(parts, modes, strict=True):
            part.training = mode
