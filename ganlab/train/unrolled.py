"""Unrolling: G's loss is taken with the D that would stand there after a few more steps, and G's gradient knows it."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ganlab.losses import Loss
from ganlab.population import Population
from ganlab.train._players import logits_of, over_scales


def unrolled(D: nn.Module, loss: Loss, real: Tensor, fake: Tensor, steps: int, lr: float) -> Callable[[Tensor], Tensor]:
    """D after `steps` steps of gradient descent on its own loss, as a function of samples.   Metz et al. 2017, eq. 7-9.

    D itself does not move. `fake` is not detached: how the steps would answer G's samples is part of G's gradient. The
    steps are plain gradient descent on one batch, without the penalty; the authors unroll Adam.

    A D with one weight, on the fake sample 1 and the real sample 0: a step of 1 lowers its weight by the slope of
    -log(1 - D(1)), which at the logit 0 is 1/2.

    >>> import torch
    >>> from ganlab import losses
    >>> from ganlab.train.unrolled import unrolled
    >>> D = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), torch.nn.Flatten(0))
    >>> _ = torch.nn.init.zeros_(D[0].weight)
    >>> ahead = unrolled(D, losses.get("minimax"), torch.zeros(1, 1), torch.ones(1, 1), steps=1, lr=1.0)
    >>> ahead(torch.ones(1, 1)).item(), D(torch.ones(1, 1)).item()
    (-0.5, 0.0)

    Args:
        D: a network or a `Population`, without batch norm in training mode: each step would be counted in its averages.
        loss: whose `d_loss` is descended.
    """
    weights, members = dict(D.named_parameters()), isinstance(D, Population)
    for _ in range(steps):
        logits = (logits_of(functional_call(D, weights, (x,)), members) for x in (real, fake))
        value = over_scales(loss.d_loss, *logits)
        slopes = torch.autograd.grad(value.sum(), list(weights.values()), create_graph=True)
        weights = {name: w - lr * slope for (name, w), slope in zip(weights.items(), slopes, strict=True)}
    return lambda x: functional_call(D, weights, (x,))
