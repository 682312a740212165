"""Features of the players' steps: gradients and updates of a whole network, and what moves what."""

from collections.abc import Iterator

import numpy as np

from ganlab.diagnosis._windows import early, early_part, first, late, late_part, log, median, most, series
from ganlab.diagnosis.chart import Block, Chart

PLAYERS = ("D", "G")
_STATUSES = ("detached", "missing", "frozen", "stale", "mixed")
_WRITTEN = ("rate", "adaptive", "momentum", "decay", "maximize", "norm_eps", "bounded", "at_bound")
_NAMES = (
    "grad", "grad_growth", "grad_cv", "grad_spike", "zeros", "bad", "update", "update_early", "update_most", *_STATUSES,
    "carried", "eval", "eval_other", "moves_other", "weights", "weights_growth", "evenness", "rounds",
    *_WRITTEN,
)  # fmt: skip


def features(chart: Chart) -> dict[str, float]:
    """Of each player P.

    P_grad: log10 of the 2-norm of its gradient, late; P_grad_growth: that less the early one; P_grad_cv: standard
        deviation over mean of late norms; P_grad_spike: largest norm over the median. P_zeros: late share of exact
        zeros in it. P_bad: share of steps in which it was not finite.
    P_update: log10 of update over weights, the median over layers, late; P_update_most: the largest of the run.
    P_detached, ..., P_mixed: share of the layers' measurements with that status.
    P_carried: as in `Monitor.moves`, late. P_eval: share of its steps in which P was wholly in eval mode;
    P_eval_other: the other network. P_moves_other: log10 of the most that its step moved the other network by.
    P_weights: log10 of the root mean square of its weights, late; P_weights_growth: that less the first; P_evenness: as
    in `Monitor.moves`, late.
    steps: the last step; measured: how many were. update_gap: D_update - G_update.
    blind: share of G's steps with a gradient in which none came by way of D, by its logits or by its features.
    P_rounds: steps measured over those of the player that has most; or steps made, if that is more: where few are
        measured, they may all be the other's.
    P_rate (log10), P_adaptive, P_momentum, P_decay, P_maximize, P_norm_eps, P_bounded, P_at_bound: as in
    `Monitor.settings`.
    """
    most_steps = max((len(block.steps) for block in chart.gradients.values()), default=0)
    most_made = max((written.get("steps", np.nan) for written in chart.settings.values()), default=np.nan) or np.nan
    found = {}
    for player in PLAYERS:
        block = chart.gradients.get(player)
        parts = dict.fromkeys(_NAMES, np.nan) | dict(_gradients(block)) | dict(_moves(chart, player))
        written = {name: chart.settings.get(player, {}).get(name, np.nan) for name in _WRITTEN}
        parts |= written | {"rate": log(written["rate"])}
        seen = (0 if block is None else len(block.steps)) / most_steps if most_steps else np.nan
        parts["rounds"] = np.fmax(seen, chart.settings.get(player, {}).get("steps", np.nan) / most_made)
        found |= {f"{player}_{name}": value for name, value in parts.items()}
    times = {"steps": float(chart.last), "measured": float(most_steps)}
    return found | times | {"update_gap": found["D_update"] - found["G_update"], "blind": _blind(chart)}


def _blind(chart: Chart) -> float:
    """Share of G's steps with a gradient in which none came by way of D; NaN where D's slopes are not watched."""
    block = chart.gradients.get("G")
    if block is None or "loss_slope" not in chart.game.values:
        return np.nan
    through = ~np.isnan(chart.game.values["loss_slope"][:, 0])
    if len(felt := series(chart.game, "felt")):
        through |= felt[:, 0] > 0
    through = chart.game.steps[through]
    stepped = block.steps[~np.isnan(total(block))]
    return float(np.mean(~np.isin(stepped, through))) if len(stepped) else np.nan


def total(block: Block | None) -> np.ndarray:
    """(T,): the norm of the whole gradient; NaN where no layer has one, or one is not finite."""
    norms = series(block, "grad_norm")
    if not len(norms):
        return np.array([])
    bad = series(block, "nonfinite")
    whole = np.sqrt(np.nansum(norms**2, axis=1))
    return np.where(np.isnan(norms).all(axis=1) | (np.nansum(bad, axis=1) > 0), np.nan, whole)


def _gradients(block: Block | None) -> Iterator[tuple[str, float]]:
    if block is None or not len(block.steps):
        return
    norms = total(block)[:, None]
    late_norms = late_part(block, norms)
    middle = median(late_norms)[0]
    start = median(early_part(block, norms))[0]
    yield "grad", log(middle)
    yield "grad_growth", log(middle) - log(start)
    yield "grad_cv", np.nanstd(late_norms) / np.nanmean(late_norms) if (~np.isnan(late_norms)).sum() > 1 else np.nan
    yield "grad_spike", log(most(norms)) - log(middle)
    yield "zeros", np.nanmedian(late(block, "zero_share"))
    yield "bad", np.mean(np.nansum(series(block, "nonfinite"), axis=1) > 0)
    yield "update", log(np.nanmedian(late(block, "update_ratio")))
    yield "update_early", log(np.nanmedian(early(block, "update_ratio")))
    yield "update_most", log(most(series(block, "update_ratio")))
    status = series(block, "status")
    for kind in _STATUSES:
        yield kind, float((status == kind).mean())


def _moves(chart: Chart, player: str) -> Iterator[tuple[str, float]]:
    own = chart.moves.get((player, player))
    yield "carried", late(own, "carried")[0]
    size = log(late(own, "weights")[0])
    yield "weights", size
    yield "weights_growth", size - log(first(own, "weights")[0])
    yield "evenness", late(own, "evenness")[0]
    for name, net in (("eval", player), ("eval_other", next(p for p in PLAYERS if p != player))):
        modes = series(chart.moves.get((player, net)), "mode")
        seen = modes[modes != ""]
        yield name, float((seen == "eval").mean()) if len(seen) else np.nan
    others = [series(block, "moved") for (phase, net), block in chart.moves.items() if phase == player != net]
    yield "moves_other", log(most(np.concatenate([x.ravel() for x in others]))) if others else np.nan
