"""Features of the flow of gradients by layer, and of where it was not finite first."""

import numpy as np

from ganlab.diagnosis._steps import PLAYERS
from ganlab.diagnosis._windows import early, late, log, most, series
from ganlab.diagnosis.chart import Chart

_PLACES = ("forward", "backward", "gradient", "weights")


def features(chart: Chart) -> dict[str, float]:
    """P_slope_range: log10 of the largest over the least gradient norm among its layers that have one, late.
    P_slope_first: log10 of the first layer's over the last's.

    bad: whether a number was not finite; bad_step; bad_forward, ... where it began; bad_D, bad_G in which network;
    bad_input: whether what came in was not finite; bad_logits: whether it was the slope of the loss at D's logits.
    Just before, and of size 0 where nothing was: bad_logit, log10 of the largest mean logit by size; bad_grad and
    bad_update, log10 of the largest gradient norm and update ratio; bad_rms, of the largest activation.
    """
    found = {}
    for player in PLAYERS:
        norms = late(chart.gradients.get(player), "grad_norm")
        norms = norms[~np.isnan(norms)]
        found[f"{player}_slope_range"] = log(norms.max()) - log(norms.min()) if len(norms) else np.nan
        found[f"{player}_slope_first"] = log(norms[0]) - log(norms[-1]) if len(norms) else np.nan
        before = early(chart.gradients.get(player), "grad_norm")
        before = before[~np.isnan(before)]
        found[f"{player}_slope_first_early"] = log(before[0]) - log(before[-1]) if len(before) else np.nan
    return found | _first_bad(chart)


def _first_bad(chart: Chart) -> dict[str, float]:
    origin = chart.origin
    found = {"bad": float(bool(origin)), "bad_step": float(origin.get("step", np.nan))}
    found |= {f"bad_{place}": float(origin.get("where") == place) for place in _PLACES}
    found |= {f"bad_{player}": float(origin.get("net") == player) for player in PLAYERS}
    found["bad_logits"] = float(origin.get("layer") == "logits")
    found["bad_input"] = float(origin.get("layer") == "input")
    found |= dict.fromkeys(("bad_logit", "bad_grad", "bad_update", "bad_rms"), np.nan)
    if not origin:
        return found
    before = chart.upto(int(origin["step"]) - 1)
    logits = [np.abs(series(before.game, name)).ravel() for name in ("real_logit", "fake_logit")]
    sizes = {
        "logit": logits,
        "grad": [series(block, "grad_norm").ravel() for block in before.gradients.values()],
        "update": [series(block, "update_ratio").ravel() for block in before.gradients.values()],
        "rms": [series(block, "rms").ravel() for block in before.activations.values()],
    }
    for name, parts in sizes.items():
        sizes_before = np.concatenate(parts) if parts else np.array([])
        found[f"bad_{name}"] = log(np.nan_to_num(most(sizes_before)))  # 0 where nothing was measured before
    return found
