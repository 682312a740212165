"""L2 in the loss and decoupled weight decay, set on an optimizer that is there already.

Both draw every parameter to zero, biases and the scales of norms too, as in torch. They are the same for plain gradient
descent and differ for any optimizer that divides by the size of the gradient (Loshchilov & Hutter 2019).
"""

import torch
from torch.optim import Optimizer


def regularise(optimizer: Optimizer, l2: float = 0.0, weight_decay: float = 0.0) -> Optimizer:
    """The same optimizer, which from now on shrinks its parameters in one of two ways, or in both.

    Element-wise, so that it keeps a population's members apart.

    >>> import torch
    >>> from ganlab.optim import regularise
    >>> weight = torch.nn.Parameter(torch.ones(1))
    >>> weight.grad = torch.zeros(1)
    >>> regularise(torch.optim.Adam([weight], lr=0.1), weight_decay=0.5).step()
    >>> round(weight.item(), 3)  # 1 - 0.1 x 0.5
    0.95

    Args:
        optimizer: any of torch's, or one with their parameter groups.
        l2: adds l2/2 |p|^2 to the loss, that is l2 * p to the gradient of each parameter p. It is torch's own
            `weight_decay` of SGD, RMSprop or Adam, added after clipping and before momentum and Adam's moments.
        weight_decay: multiplies each parameter by 1 - lr * weight_decay before the step, whatever its gradient, as
            `torch.optim.AdamW` does. A `ganlab.monitor.Monitor` sees the step that follows.   Loshchilov & Hutter 2019,
            algorithm 2.

    Raises:
        ValueError: a strength that is negative or not finite; a decay of 1/lr and more, which would turn the signs of
            the weights; an L2 that the optimizer cannot take, or already has.
    """
    check_strengths(l2=l2, weight_decay=weight_decay)
    for group in optimizer.param_groups:
        check_decay(float(group["lr"]), weight_decay)
        # AdamW reads the same setting as a decay of the weights.
        if l2 and (group.get("weight_decay", 1) or "AdamW" in type(optimizer).__name__):
            raise ValueError(f"l2={l2}: {type(optimizer).__name__} has no L2, or its own; take SGD, RMSprop or Adam")
    for group in optimizer.param_groups if l2 else ():
        group["weight_decay"] = l2
    if weight_decay:
        optimizer.register_step_pre_hook(_Shrink(weight_decay))
    return optimizer


class _Shrink:
    """A hook of an optimizer, in front of its steps: decoupled weight decay. It can be copied and pickled."""

    goes_with_copies = True

    def __init__(self, weight_decay: float):
        self.weight_decay = weight_decay

    @torch.no_grad()
    def __call__(self, optimizer: Optimizer, *_) -> None:
        for group in optimizer.param_groups:
            # A parameter without a gradient takes no step, and does not shrink either.
            if moving := [p for p in group["params"] if p.grad is not None]:
                torch._foreach_mul_(moving, 1 - group["lr"] * self.weight_decay)


def check_strengths(**strengths: float) -> None:
    """Raise a ValueError for the first of the named strengths that is negative or not finite.

    >>> from ganlab.optim.weight_decay import check_strengths
    >>> check_strengths(l2=1e-4, weight_decay=-0.1)
    Traceback (most recent call last):
    ValueError: weight_decay=-0.1: a strength is finite and not negative; 0 for none
    """
    for name, value in strengths.items():
        if not 0 <= value < float("inf"):
            raise ValueError(f"{name}={value}: a strength is finite and not negative; 0 for none")


def check_decay(lr: float, weight_decay: float, name: str = "weight_decay") -> None:
    """Raise a ValueError if one step would shrink a weight to zero or past it.

    >>> from ganlab.optim.weight_decay import check_decay
    >>> check_decay(lr=0.5, weight_decay=4.0, name="decay")
    Traceback (most recent call last):
    ValueError: decay=4.0: each step multiplies the weights by 1 - lr * decay = -1; keep it below 1/lr = 2
    """
    if lr * weight_decay >= 1:
        raise ValueError(
            f"{name}={weight_decay}: each step multiplies the weights by 1 - lr * {name} = {1 - lr * weight_decay:.3g};"
            f" keep it below 1/lr = {1 / lr:.3g}"
        )
