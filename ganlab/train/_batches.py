"""What a trainer draws its batches from."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganlab.latent import Conditional
from ganlab.train.loader_stream import LoaderStream
from ganlab.train.recipe import Recipe
from ganlab.train.stream import Stream


def stream_of(
    data: Any, G: nn.Module, recipe: Recipe, seeds: int | Sequence[int], device: torch.device
) -> Stream | LoaderStream:
    """What a trainer of G draws from: data that can be sampled, or a loader; with labels, if G is `Conditional`.

    Raises:
        TypeError: data are neither.
    """
    options = {"critic_steps": recipe.critic_steps, "latents": recipe.latent, "device": device}
    if hasattr(data, "sample"):
        return Stream(data, G.latent, recipe.batch, seeds, **options)
    if not isinstance(data, Iterable) or isinstance(data, Tensor):
        raise TypeError(
            f"data is a {type(data).__name__}: give a ganlab.data.Dataset (of a tensor: Dataset.from_images), or an "
            "iterable of batches, as a DataLoader"
        )
    net = getattr(G, "structure", G)
    labels = net.count if isinstance(net, Conditional) else None
    return LoaderStream(data, G.latent, recipe.batch, seeds, labels=labels, **options)
