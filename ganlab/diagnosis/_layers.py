"""Features of the layers: activations forward, and the gradient dL/dh that comes back to each."""

from collections.abc import Iterator

import numpy as np

from ganlab.diagnosis._steps import PLAYERS
from ganlab.diagnosis._windows import early, late, log
from ganlab.diagnosis.chart import Block, Chart

_BOUNDED = ("Tanh", "Sigmoid")
_NAMES = (
    "depth", "back", "back_early", "back_rate", "forward", "rms_first", "rms_inside", "rms_growth", "rms_last", "dead",
    "dead_mean", "saturated", "out_saturated", "out_kind", "batch_norms", "flat_norms",
)  # fmt: skip


def features(chart: Chart) -> dict[str, float]:
    """P_depth: how many layers with weights. P_back: log10 of RMS dL/dh at the first layer over that at the last, late;
    P_back_early; P_back_rate: that a layer. P_forward: log10 of the RMS at the last layer with weights over that at the
    first. P_rms_first: log10 of that at the first, early; P_rms_inside: the largest, early, but for the last layer;
    P_rms_growth: that over the first.

    P_dead: largest share of dead units among its layers, late. P_saturated: the same of saturated ones, without the
    last layer; P_out_saturated: of the last. P_out_kind: 1 tanh, 2 sigmoid, 0 another (`Monitor.settings`).
    P_batch_norms: number of batch normalisation layers; P_flat_norms: of those that have one number a sample.
    """
    found = {}
    for player in PLAYERS:
        parts = dict.fromkeys(_NAMES, np.nan) | dict(_of(chart.activations.get(player)))
        parts["out_kind"] = chart.settings.get(player, {}).get("ends_in", np.nan)
        found |= {f"{player}_{name}": value for name, value in parts.items()}
    return found


def _of(block: Block | None) -> Iterator[tuple[str, float]]:
    if block is None or not len(block.steps):
        return
    kinds = np.array(block.kinds, dtype=object)
    weighted = np.array([not _plain(kind) for kind in kinds])
    back, before, rms = late(block, "grad_rms"), early(block, "grad_rms"), late(block, "rms")
    yield "depth", float(weighted.sum())
    yield "back", _ends(back)
    yield "back_early", _ends(before)
    yield "back_rate", _ends(before) / max(len(kinds) - 1, 1)
    yield "forward", _ends(rms[weighted]) * -1
    sizes = early(block, "rms")[weighted]
    sizes = sizes[~np.isnan(sizes)]
    inside = sizes[: max(len(sizes) - 1, 1)]
    yield "rms_first", log(sizes[0]) if len(sizes) else np.nan
    yield "rms_inside", log(inside.max()) if len(inside) else np.nan
    yield "rms_growth", log(inside.max()) - log(sizes[0]) if len(inside) else np.nan
    yield "rms_last", log(rms[-1])
    dead, full = late(block, "dead_share"), late(block, "saturated_share")
    yield "dead", _largest(dead)
    yield "dead_mean", float(np.nanmean(dead)) if (~np.isnan(dead)).any() else 0.0
    yield "saturated", _largest(full[:-1])
    yield "out_saturated", float(full[-1]) if kinds[-1] in _BOUNDED else np.nan
    yield "batch_norms", float(sum("BatchNorm" in kind for kind in kinds))
    yield "flat_norms", float(sum("BatchNorm1d" in kind for kind in kinds))


def _plain(kind: str) -> bool:
    """Whether a kind of layer has no weights of its own that mix what comes in."""
    return not any(name in kind for name in ("Linear", "Conv", "Embedding", "Bilinear"))


def _ends(values: np.ndarray) -> float:
    """log10 of the first over the last that is a number."""
    known = values[~np.isnan(values)]
    return float(log(known[0]) - log(known[-1])) if len(known) > 1 else float("nan")


def _largest(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.max()) if len(known) else 0.0
