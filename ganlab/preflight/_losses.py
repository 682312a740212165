"""What the players minimise in the dry step: the losses of the loop, or a pair that stands for them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from torch import Tensor
from torch.nn.functional import softplus

from ganlab._modules import logit_parts
from ganlab.losses import Loss


@dataclass(frozen=True)
class Losses:
    """d_loss(on real, on fake), g_loss(on fake, on real), both of what D gave.

    own: whether they are the loop's.
    """

    d_loss: Callable[[Any, Any], Any]
    g_loss: Callable[[Any, Any], Any]
    own: bool


def losses_of(given: Any) -> Losses:
    """Of None, a `ganlab.losses.Loss`, or (d_loss(real, fake), g_loss(fake)).

    Raises TypeError for anything else.
    """
    if given is None:
        return Losses(*_by_scale(_nonsaturating_d, lambda fake, real: softplus(-fake).mean()), own=False)
    if isinstance(given, Loss):
        return Losses(*_by_scale(given.d_loss, given.g_loss), own=True)
    if isinstance(given, tuple | list) and len(given) == 2 and all(map(callable, given)):
        d_loss, g_loss = given
        return Losses(d_loss, lambda fake, real: g_loss(fake), own=True)
    raise TypeError(
        f"losses is a {type(given).__name__}: give two functions, (d_loss(real, fake), g_loss(fake)) of what D "
        "returns, or one of ganlab.losses.get(name)"
    )


def _nonsaturating_d(real: Tensor, fake: Tensor) -> Tensor:
    """-log s(real) - log(1 - s(fake)).   Goodfellow et al. 2014."""
    return softplus(-real).mean() + softplus(fake).mean()


def _by_scale(d_loss: Callable, g_loss: Callable) -> tuple[Callable, Callable]:
    """The same on all logits of each scale, added."""

    def over(loss: Callable, *outputs: Any) -> Tensor:
        scales = zip(*([part.flatten() for part in logit_parts(output)] for output in outputs), strict=True)
        return reduce(add, (loss(*parts) for parts in scales))

    return (lambda real, fake: over(d_loss, real, fake)), (lambda fake, real: over(g_loss, fake, real))
