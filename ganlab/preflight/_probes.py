"""Small experiments on the losses and on D that the dry step makes beside its own passes."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ganlab._modules import logit_parts, one_channel
from ganlab.preflight import _graph
from ganlab.preflight._losses import Losses


class Broadcasts(TorchDispatchMode):
    """Sees whether (batch, 1) meets (batch,) inside, which torch makes (batch, batch) of.

    Attributes:
        found: whether it has.
    """

    def __init__(self, batch: int):
        super().__init__()
        self.batch, self.found = batch, False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        given = {tuple(x.shape) for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
        square, row, column = (self.batch, self.batch), (self.batch,), (self.batch, 1)
        made = isinstance(result, Tensor) and tuple(result.shape) == square
        self.found |= self.batch > 1 and made and row in given and given <= {row, column, ()}
        return result


@torch.no_grad()
def preference(losses: Losses, output: Any, optimizers: Mapping[str, Optimizer]) -> dict[str, int]:
    """See `Rehearsal.prefers`: what each loss says of all logits high on one side and low on the other.

    Of one tensor of logits alone; the losses of other outputs may do anything with them.
    """
    if not isinstance(output, Tensor) or not one_channel(output):
        return {}
    low, high = (0.1, 0.9) if _graph.bounds(output) == (0.0, 1.0) else (-1.0, 1.0)
    up, down = torch.full_like(output, high), torch.full_like(output, low)
    tried = {
        "D": lambda: losses.d_loss(up, down).sum() - losses.d_loss(down, up).sum(),
        "G": lambda: losses.g_loss(up, output).sum() - losses.g_loss(down, output).sum(),
    }
    found = {}
    for player, difference in tried.items():
        try:
            sign = -int(torch.sign(difference()).item())
        except Exception:  # said already, of the losses of the step
            return {}
        turned = any(group.get("maximize", False) for group in optimizers[player].param_groups)
        found[player] = -sign if turned else sign
    return found


def second_derivatives(D: nn.Module, judge: Callable[[Tensor], Any], real: Tensor) -> None:
    """The gradient, for D's parameters, of the squared slope at the data. Raises what torch raises, or would raise: a
    backward pass for chosen parameters may leave out the way on which it fails."""
    x = real.detach().clone().requires_grad_()
    total = sum(part.sum() for part in logit_parts(judge(x)))
    (slope,) = torch.autograd.grad(total, x, create_graph=True)
    if "torch::autograd::Error" in _graph.functions(slope):
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")
    if slope.requires_grad:
        weights = [p for p in D.parameters() if p.requires_grad]
        torch.autograd.grad(slope.square().sum(), weights, allow_unused=True)
