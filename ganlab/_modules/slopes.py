"""The gradient of a network's outputs with respect to its inputs, which itself can be differentiated."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakSet

import torch
from torch import Tensor

# What torch.func could not differentiate: it is not asked again.
_refused: WeakSet = WeakSet()


def gradient(total: Callable[[Tensor], tuple[Tensor, Tensor]], x: Tensor, of: Callable) -> tuple[Tensor, Tensor]:
    """Of the first of `total(x)`, with respect to x; and the second.

    By `torch.func`, which also works inside `torch.vmap` and `torch.compile`. What that refuses (checkpoints, an
    `autograd.Function` without `setup_context`, buffers that are written in the forward pass) is done by
    `torch.autograd.grad`: the same numbers.

    of: the network whose outputs they are.
    """
    if torch.compiler.is_compiling():
        return torch.func.grad(total, has_aux=True)(x)
    with _plain_attention():
        return _gradient(total, x, of)


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Attention by the one kernel that can be differentiated twice. (`sdpa_kernel` does this at a higher cost.)"""
    cuda = torch.backends.cuda
    before = cuda.flash_sdp_enabled(), cuda.mem_efficient_sdp_enabled(), cuda.cudnn_sdp_enabled()
    switches = cuda.enable_flash_sdp, cuda.enable_mem_efficient_sdp, cuda.enable_cudnn_sdp
    try:
        for switch in switches:
            switch(False)
        yield
    finally:
        for switch, on in zip(switches, before, strict=True):
            switch(on)


def _gradient(total: Callable, x: Tensor, of: Callable) -> tuple[Tensor, Tensor]:
    if of not in _refused:
        try:
            return torch.func.grad(total, has_aux=True)(x)
        except RuntimeError as error:
            if "transform" not in str(error) and "torch.func" not in str(error):
                raise
        _refused.add(of)
    return _by_autograd(total, x)


def _by_autograd(total: Callable[[Tensor], tuple[Tensor, Tensor]], x: Tensor) -> tuple[Tensor, Tensor]:
    further = torch.is_grad_enabled()
    with torch.enable_grad():
        x = x.view_as(x) if x.requires_grad else x.detach().requires_grad_()
        value, rest = total(x)
        (found,) = torch.autograd.grad(value, x, create_graph=further)
    return found, rest if further else rest.detach()
