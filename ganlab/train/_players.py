"""What a trainer asks of its two networks."""

import inspect
from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

import torch
from torch import Tensor, nn

from ganlab._modules import check_made, described, logit_parts, one_channel, shared_parameters
from ganlab.optim import regularise
from ganlab.population import Population
from ganlab.train.optimizers import OPTIMIZERS
from ganlab.train.recipe import Recipe


def check_players(G: nn.Module, D: nn.Module, seeds: int | list[int], recipe: Recipe) -> None:
    """Raise a ValueError for networks that do not fit each other, the seeds or the recipe."""
    for name, net in (("G", G), ("D", D)):
        check_made(net, name)
        _check_signature(name, net)
    if recipe.optimizer_g.startswith("extra_") and (names := shared_parameters(G, D)):
        raise ValueError(
            f"G and D share parameters ({', '.join(names[:3])}), and with {recipe.optimizer_g!r} each player's step "
            "starts from where its parameters stood before either looked ahead: the other's move would be undone; "
            "give each its own, or take another optimizer"
        )
    if not isinstance(getattr(G, "latent", None), int):
        raise ValueError("G has no attribute `latent`: set G.latent to the width of its input")
    if (law := getattr(G, "law", None)) not in (None, recipe.latent):
        raise ValueError(f"latent={recipe.latent!r}: this G makes its latent from {law!r} numbers; set latent={law!r}")
    if recipe.amp is not None and isinstance(G, Population):
        raise ValueError(
            f"amp={recipe.amp!r}: the members of a population run under `vmap`, where torch's autocast does nothing; "
            "train single networks, or leave amp out"
        )
    sizes = [net.size if isinstance(net, Population) else None for net in (G, D)]
    expected = None if isinstance(seeds, int) else len(seeds)
    if sizes != [expected, expected]:
        raise ValueError(f"seeds={seeds}: an int for two single networks; for two populations, one seed a member")


def optimizer_for(player: str, net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer of a player, "g" or "d", with its decays."""
    names, first = ("optimizer", "lr", "l2", "weight_decay"), recipe.fixed()
    name, lr, l2, weight_decay = (getattr(first, f"{name}_{player}") for name in names)
    optimizer = OPTIMIZERS[name](net.parameters(), lr, first)
    for group in optimizer.param_groups:
        if "members" in group and isinstance(net, Population):
            group["members"] = net.size  # a norm for each
    return regularise(optimizer, l2, weight_decay)


def _check_signature(name: str, net: nn.Module) -> None:
    """One input: the samples, or the latents."""
    forward = inspect.signature(net.forward)
    try:
        forward.bind(None)
    except TypeError as error:
        raise ValueError(
            f"{name} is called with {tuple(forward.parameters)}, and a trainer calls it with one tensor ({error}): "
            "wrap it in a module that takes the samples alone, or write the loop yourself, as the README does"
        ) from error


def logits_of(output: Any, members: bool) -> list[Tensor]:
    """D's output as logits (batch,) or (N, batch), one for each scale.

    In a map of logits for each sample, as patch discriminators give, every place is one more in the batch: the mean
    over them is the loss of Isola et al. 2017, section 3.2.2.

    Raises:
        TypeError: there are no logits in D's output, or they cannot be told from its features.
    """
    parts = logit_parts(output, members)
    if not parts or not (isinstance(output, Tensor) or all(one_channel(part, members) for part in parts)):
        raise TypeError(
            f"D gave a {described(output)}: a Trainer takes logits, (batch,) or a map (batch, 1, ...), from a tensor, "
            "from a list of scales, or from the first such in a tuple or dict; return these, or write the loop "
            "yourself, as the README does"
        )
    return [part.flatten(int(members)) if part.ndim > 1 + members else part for part in parts]


def over_scales(loss: Callable[..., Tensor], *logits: list[Tensor]) -> Tensor:
    """The sum of the losses of all scales: each is a game of its own (Wang et al. 2018, pix2pixHD, eq. 3)."""
    return reduce(add, map(loss, *logits))


def joined(logits: list[Tensor]) -> Tensor:
    """All logits of a step as one batch."""
    return logits[0] if len(logits) == 1 else torch.cat(logits, dim=-1)
