"""What of a discriminator's output are its logits: one rule for all that take a D as people write it."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from torch import Tensor

from ganlab._modules.calls import tensors


def logit_parts(output: Any, members: bool = False) -> list[Tensor]:
    """The tensors of logits in an output, one a scale; none where there is no tensor of floats.

    One tensor is taken as it is. Of a list every entry is a scale (pix2pixHD); of a tuple or a dict one entry holds the
    logits, and the others are features. Where there is a choice, logits are what has one channel. If nothing has, all
    tensors of a list are taken, and the first of a tuple or a dict.

    members: N networks side by side, each shape with their axis in front.
    """
    return list(_chosen(output, partial(one_channel, members=members))) or list(_chosen(output, lambda _: True))


def one_channel(logits: Tensor, members: bool = False) -> bool:
    """Whether its shape is `(batch,)` or `(batch, 1, *places)`, behind the axis of the members."""
    inner = logits.shape[1 + members :]
    return logits.ndim > members and (not inner or inner[0] == 1)


def _chosen(output: Any, fits: Callable[[Tensor], bool]) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        if output.is_floating_point() and output.ndim:
            yield output
    elif isinstance(output, list):
        for part in output:
            yield from filter(fits, _chosen(part, fits))
    elif isinstance(output, tuple | Mapping):
        parts = output.values() if isinstance(output, Mapping) else output
        yield from next((found for part in parts if (found := list(filter(fits, _chosen(part, fits))))), [])


def as_logits(output: Any, members: bool | None) -> Tensor:
    """One logit a sample: the sum over all places and scales. What is not told by its shape is given back as it is.

    members: whether D is a population; None: D is a plain function, and its one tensor is taken as it is.

    Raises TypeError for what holds no such logits, or more than can be told apart.
    """
    if isinstance(output, Tensor) and (
        members is None or output.ndim <= 2 + members or not one_channel(output, members)
    ):
        return output
    parts = [] if members is None else logit_parts(output, members)
    if not parts or not all(one_channel(part, members) for part in parts):
        raise TypeError(
            f"D made a {described(output)}, which may hold more than logits: hand over a function that returns the "
            "logits alone, as in lambda x: D(x)[0]"
        )
    each = [part.flatten(1 + members).sum(-1) if part.ndim > 1 + members else part for part in parts]
    return sum(each[1:], start=each[0])


def described(output: Any) -> str:
    """Its type, and the shapes of what it holds."""
    shapes = ", ".join(str(tuple(x.shape)) for x in tensors(output))
    return f"{type(output).__name__} of {shapes}" if shapes else type(output).__name__
