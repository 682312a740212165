"""What a player has measured, as arrays: of each parameter, or pooled to layers or to the whole net."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganlab._modules import layer_of
from ganlab.monitor._sheet import MEASURES
from ganlab.monitor._updates import NOTHING, Player

# What a row of the gradient table is for, beside a step, a phase and a seed.
PARTS = ("net", "layer", "parameter")
# The numbers of a row, in this order.
GRADIENTS = ("grad_norm", "zero_share", "nonfinite", "update_ratio")


def seeds(names: Sequence[int] | None, members: int | None) -> list[int]:
    """A name for each member; 0 for a network alone."""
    if names is None:
        return list(range(members or 1))
    if len(names) != (members or 1):
        raise ValueError(f"seeds has {len(names)} names for {members or 1} networks")
    return list(names)


@dataclass(frozen=True)
class Points:
    """T points of K things (parameters, layers or the net) of N members.

    phase: the player's name.
    steps: of the points, T.
    things: columns that name each thing, K long each: of a parameter its layer, its name and the layer's depth.
    values: (T, 4, K, N), the rows of `GRADIENTS`.
    status: (T, K, N), strings.
    """

    phase: str
    steps: list[int]
    things: dict[str, list]
    values: np.ndarray
    status: np.ndarray


@np.errstate(all="ignore")  # NaN and infinity are what the numbers may be
def points(player: Player, by: str = "layer", last: bool = False) -> Points:
    """What `player` has measured; `last` gives the last point alone.

    Raises:
        ValueError: another `by` than those of `PARTS`.
    """
    if by not in PARTS:
        raise ValueError(f"by={by!r}: one of {', '.join(PARTS)}")
    read = player.series.read()[-1:] if last else player.series.read()
    shape = (len(read), len(player.names), player.members or 1)
    values = np.array([row for _, row, _ in read], dtype=float).reshape(shape[0], len(MEASURES), *shape[1:])
    nonzero, bad, _, norm, weight, moved = np.moveaxis(values, 1, 0)
    notes = [note for _, _, note in read]
    nothing = np.array([[status in NOTHING for status in note] for note in notes], dtype=bool).reshape(*shape[:2], 1)
    size = np.broadcast_to(np.array(player.sizes, dtype=float)[:, None], shape)
    # What has no gradient has no numbers, adds no weights to the ratio, and no entries to the share of zeros.
    parts = (size - nonzero, bad, norm, moved, weight, size)
    zeros, bad, norm, moved, weight, size = (np.where(nothing, np.nan, part) for part in parts)
    things, groups = _things(player.names, by)
    if by != "parameter":
        zeros, bad, size = (_sums(part, groups) for part in (zeros, bad, size))
        norm, weight, moved = (np.sqrt(_sums(part**2, groups)) for part in (norm, weight, moved))
        # A NaN that was measured must not drop out of the sum.
        norm = np.where(bad > 0, np.nan, norm)
    share = zeros / np.where(~np.isnan(norm) | (bad > 0), size, np.nan)
    ratio = moved / np.where(weight > 0, weight, np.nan)
    status = np.array([_statuses(note, groups) for note in notes], dtype=object).reshape(len(read), len(groups), 1)
    return Points(
        player.name,
        [step for step, _, _ in read],
        things,
        np.stack([norm, share, bad, ratio], axis=1),
        np.where(bad > 0, "nonfinite", status),
    )


def _things(names: Sequence[str], by: str) -> tuple[dict[str, list], list[list[int]]]:
    """The columns that name the things, and for each thing which parameters are its own."""
    layers = [layer_of(name) for name in names]
    order = list(dict.fromkeys(layers))
    if by == "net":
        return {}, [list(range(len(names)))]
    if by == "layer":
        own = [[i for i, other in enumerate(layers) if other == layer] for layer in order]
        return {"layer": order, "depth": list(range(len(order)))}, own
    depth = [order.index(layer) for layer in layers]
    return {"layer": layers, "parameter": list(names), "depth": depth}, [[i] for i in range(len(names))]


def _sums(values: np.ndarray, groups: list[list[int]]) -> np.ndarray:
    """(T, P, N) to (T, K, N): over the parameters of each group. NaN is nothing, and nothing but NaN stays NaN."""
    parts = [values[:, group] for group in groups]
    return np.stack([np.where(np.isnan(p).all(1), np.nan, np.nansum(p, axis=1)) for p in parts], axis=1)


def _statuses(note: Sequence[str], groups: list[list[int]]) -> list[str]:
    kinds = [{note[i] for i in group} for group in groups]
    return [kind.pop() if len(kind) == 1 else "mixed" for kind in kinds]
