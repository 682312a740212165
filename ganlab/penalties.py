"""Penalties on the discriminator's slope, to be added to its loss.

The slope of a sample is the gradient of D's logit with respect to that sample. A penalty is half the mean over the
batch of a function of the slope's norm, one value a member, and the caller multiplies it by gamma: the discriminator
minimises `loss + gamma * penalty`. So gamma is that of the literature on zero-centred penalties, gamma/2 E|slope|^2.

Everything goes through `torch.func`, so it runs on a `Population`, inside a `torch.vmap` of your own and under
`torch.compile`, which refuses a second differentiation through `torch.autograd.grad`.

Where a layer lets samples of a batch act on each other, the slope of a sample is that of the sum of all logits. For
`ganlab.diversity.MinibatchStd` this is what StyleGAN2 does. Batch norm in training mode is refused: normalised by the
batch, D is no longer a function of one sample, and its slope bounds nothing (Gulrajani et al. 2017, section 4).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ganlab.population import Population

Critic = Callable[[Tensor], Tensor]


def slopes(D: Critic, x: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient of each logit with respect to its own sample, flattened, and the logits.

    Args:
        D: (batch, *shape) -> (batch,) logits, or a `Population` with one more axis in front of both. A discriminator
            that sees m samples at once (`ganlab.diversity.Packed`) returns batch/m logits; a slope then spans all m.
        x: samples of any shape.

    Returns:
        slopes (..., logits, numbers in a sample), logits (..., logits). Both can be differentiated further.

    Raises:
        ValueError: D has batch norm in training mode, or does not return one logit a sample.
    """
    _refuse_batch_norm(D)

    def total(x: Tensor) -> tuple[Tensor, Tensor]:
        logits = D(x)
        return logits.sum(), logits

    gradient, logits = torch.func.grad(total, has_aux=True)(x)
    _check(logits, x)
    return gradient.reshape(*logits.shape, -1), logits


def r1(D: Critic, real: Tensor) -> Tensor:
    """E|slope|^2 / 2 on real samples; shape (...), one value a member.   Mescheder et al. 2018, eq. 9."""
    return slopes(D, real)[0].square().sum(-1).mean(-1) / 2


def r2(D: Critic, fake: Tensor) -> Tensor:
    """E|slope|^2 / 2 on generated samples; shape (...), one value a member.   Mescheder et al. 2018, section 4.1."""
    return r1(D, fake)


# Name in a recipe: (D, real, fake) -> one value a member. `fake` comes detached from the generator.
PENALTIES: dict[str, Callable[[Critic, Tensor, Tensor], Tensor]] = {
    "r1": lambda D, real, fake: r1(D, real),
    "r2": lambda D, real, fake: r2(D, fake),
    "r1_r2": lambda D, real, fake: r1(D, real) + r2(D, fake),
}


def _refuse_batch_norm(D: Critic) -> None:
    structure = D.structure if isinstance(D, Population) else D
    layers = structure.modules() if isinstance(structure, nn.Module) else ()
    if any(isinstance(layer, _BatchNorm) and (layer.training or layer.running_mean is None) for layer in layers):
        raise ValueError(
            "D has batch norm, which ties the samples of a batch together, so that no sample has a slope of its own: "
            "use norm='layer', 'group' or 'instance', or D.eval()"
        )


def _check(logits: Tensor, x: Tensor) -> None:
    last = logits.ndim - 1
    if (
        not 1 <= logits.ndim < x.ndim
        or (last > 0 and logits.shape[-1] == 1)
        or logits.shape[:last] != x.shape[:last]
        or 0 in logits.shape
        or x.shape[last] % logits.shape[last]
    ):
        raise ValueError(
            f"D made logits {tuple(logits.shape)} of x {tuple(x.shape)}: it must return one logit a sample, (batch,) "
            "for (batch, *shape); squeeze its last dimension"
        )
