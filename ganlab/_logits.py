"""What the losses refuse: all but logits (batch,) or (members, batch), and mistakes that broadcasting would hide."""

import re
from collections.abc import Callable
from functools import wraps

from torch import Tensor, compiler

# What may stand behind the last function of a network without changing the values.
_RESHAPING = re.compile(
    "(Unsafe)?(Squeeze|Unsqueeze|View|Reshape|Select|Slice|Split|Transpose|Permute|Clone|ToCopy|Alias)|TBackward"
)


def _check(name: str, logits: Tensor) -> None:
    if not isinstance(logits, Tensor):
        raise TypeError(
            f"{name} is a {type(logits).__name__}: pass the discriminator's logits, a tensor (batch,); of several "
            "scales take the loss of each, and add these"
        )
    if not logits.is_floating_point():
        raise TypeError(f"{name} has dtype {logits.dtype}: pass the discriminator's logits, which are floats")
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise ValueError(f"{name} has shape {tuple(logits.shape)}: pass (batch,), one logit a sample, not yet averaged")
    if logits.ndim > 2:
        raise ValueError(
            f"{name} has shape {tuple(logits.shape)}: pass (batch,), or (members, batch) of a population. Of a map of "
            "logits for each sample, as patch discriminators give, every place counts as one more in the batch: "
            "D(x).flatten(), or .flatten(1) of a population"
        )
    if logits.ndim > 1 and logits.shape[-1] == 1:
        raise ValueError(
            f"{name} has shape {tuple(logits.shape)}, which reads as {logits.shape[-2]} members with one sample each: "
            "the batch is the last dimension; squeeze the discriminator's last dimension"
        )
    if _ends_in_sigmoid(logits):
        raise ValueError(
            f"{name} is the output of a sigmoid: pass logits, so remove the sigmoid at the discriminator's end"
        )


def _ends_in_sigmoid(logits: Tensor) -> bool:
    """Read from the autograd graph, not from the values: no synchronisation. Without a graph it cannot be seen."""
    if compiler.is_compiling():
        return False
    return last_function(logits) == "Sigmoid"


def last_function(output: Tensor) -> str:
    """The name of the function that gave the values, "Sigmoid" say; "" where there is no graph."""
    node = output.grad_fn
    while node is not None and _RESHAPING.match(node.name()):
        node = node.next_functions[0][0]
    return "" if node is None else node.name().split("Backward")[0]


def _check_pair(real: Tensor, fake: Tensor) -> None:
    _check("real", real)
    _check("fake", fake)
    if real.shape != fake.shape:
        raise ValueError(
            f"real has shape {tuple(real.shape)} and fake {tuple(fake.shape)}: they must be equal, or broadcasting "
            "silently pairs every real sample with every fake one; squeeze the discriminator's last dimension"
        )


def for_discriminator(terms: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """From a formula for each sample to a checked loss, the mean over the batch."""

    @wraps(terms)
    def loss(real, fake):
        _check_pair(real, fake)
        return terms(real, fake).mean(-1)

    return loss


def for_generator(terms: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @wraps(terms)
    def loss(fake, real=None):
        _check("fake", fake) if real is None else _check_pair(real, fake)
        return terms(fake, real).mean(-1)

    return loss
