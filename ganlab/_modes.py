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
    buffers = [(buffer, buffer.detach().clone()) for buffer in net.buffers()]
    devices = {buffer.device for buffer in (*net.buffers(), *net.parameters()) if buffer.is_cuda}
    with _mode(net, True), torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)


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
