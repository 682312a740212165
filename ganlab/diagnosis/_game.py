"""Features of the game: D's logits and accuracies, the slopes of both losses, the samples beside the data."""

import numpy as np

from ganlab.diagnosis._windows import early, early_part, first, late, late_part, least, log, median, most, series
from ganlab.diagnosis.chart import Block, Chart

# Taken as they are, as the median over the second half.
_PLAIN = (
    "real_accuracy", "fake_accuracy", "pair_accuracy", "real_logit", "fake_logit", "loss_slope", "input_slope",
    "real_slope", "fake_slope", "g_slope", "spread", "energy", "real_low", "real_high", "fake_low", "fake_high",
    "repeat", "repeat_z", "alike_z", "real_calls", "fake_calls", "batch", "slope_order", "cut_calls", "leaked",
    "loudness", "label_gap", "mean_gap", "width", "between",
)  # fmt: skip
_LOGITS = (
    "margin",
    "margin_first",
    "logit_first",
    "margin_early",
    "swing",
    "logit_low",
    "logit_high",
    "logit_growth",
    "logit_size",
)
# What stands and falls with the knowledge which of D's calls is on real samples.
_OF_CALLS = frozenset({
    "real_accuracy", "fake_accuracy", "pair_accuracy", "real_logit", "fake_logit", "real_slope", "fake_slope", "spread",
    "energy", "real_low", "real_high", "fake_low", "fake_high", "repeat", "seen_before", "remembered", "mean_gap",
    "mean_turn",
})  # fmt: skip
_FEW = 0.1  # of D's steps
PAIR = ("real", "fake")
_PUSHED = {"real_slope": "D", "fake_slope": "D", "g_slope": "G"}  # by whom
SLOPE = 1e-4  # of a loss, that is not 0
_SWINGS = ("pair_accuracy", "spread", "energy", "loss_slope")
_DERIVED = (
    *(f"{name}_swing" for name in _SWINGS), "pair_low", "pair_high", "pair_turns",
    "real_slope_first", "fake_slope_first",
    "real_slope_apart", "same_slopes", "opposite_slopes", "input_slope_growth", "low_gap", "high_gap", "energy_first",
    "energy_fall", "energy_least", "spread_fall", "real_target", "fake_target", "penalised", "severed", "reach", "told",
    "linear", "batch_slope", "target_gap", "set_size", "mean_turns", "energies",
    "squares_gap", "real_target_of_squares", "fake_target_of_squares",
    "midway",
)  # fmt: skip
_EARLY = ("pair_accuracy", "input_slope", "spread", "energy")


def features(chart: Chart) -> dict[str, float]:
    """Of the game of a chart.

    margin: mean logit on real less that on generated samples, late; margin_early and margin_first likewise.
    swing: standard deviation, over late steps, of the mean of both mean logits.
    logit_first: the lesser mean logit at the first step.
    logit_low, logit_high: least and greatest mean logit of the run.
    same_slopes: |loss_slope - fake_slope|, 0 where G's loss has on the generated samples the slope of D's, as with
        minimax and Wasserstein. opposite_slopes: |loss_slope + fake_slope - 1|, 0 where the two add up to 1, as with
        the non-saturating loss (sigma(l) and 1 - sigma(l)).
    logit_size: log10 of the largest mean logit by size. logit_growth: log10 of the size of the mean logits, late over
        early. Name_swing: standard deviation over late steps.
    pair_low, pair_high: the least and the largest pair_accuracy of late steps; pair_turns: how often it went from above
        two thirds to below one third, or back. real_slope_first, fake_slope_first: at the first step that has them.
    penalised: whether D was asked for its slope at samples in any step; of those steps: severed: whether always
        without a graph; reach: the median.
    batch_slope: input_slope times the root of the batch: 1 where one norm of the slopes of all samples is held at 1.
    told: share of steps with both logits known.
    linear: share of steps in which both losses have the slope 1 on generated samples, as Wasserstein's.
    real_target, fake_target: sigma(l) less the slope of D's loss, the target of a logistic loss (at the mean logit).
    target_gap: |opposite_slopes - fake_target|, 0 of a logistic loss whose targets on the samples are not 0.
    squares_gap: |loss_slope - 2 (1 - l)|, l the mean logit of samples: 0 where G's loss is the square of 1 - l.
    real_target_of_squares, fake_target_of_squares: l less the slope, the target of half a square. That of a whole one
        lies nearer to l.
    midway: 1 where all losses are squares, or halves of squares, D's target on generated samples is below -0.5, and G's
        is halfway between D's two: the targets -1, 1 and 0 of an LSGAN. G then pushes down what lies above 0. Some
        other losses meet it by chance, as a hinge at a margin of 2; there G pushes up.
    real_slope_apart: |real_slope - fake_slope|, 0 where D's loss tells the two kinds not apart.
    set_size: log10 of the number of samples that the data seem to be of, remembered / -log(1 - seen_before), late; NaN
        where no sample was seen twice. mean_turns: how often the mean of the samples came out on the other side of that
        of the data, where they are apart by more than half a width of the data.
    low_gap, high_gap: how far the least and the greatest number of the samples lie from those of the data, in ranges
        of the data; positive is beyond the data.
    energies: 1 where D pushes real logits down and generated ones up, and G pushes its own down: D then gives energies,
        as that of an EBGAN, and both agree.
    All slopes have their sign turned where the player's optimizer steps up the gradient (`maximize=True`).
    energy_first: at the first step at which it is known. energy_fall: late over first. energy_least: of the run.
    """
    block = _known(chart)
    turned = {name: 1 - 2 * chart.settings.get(name, {}).get("maximize", 0.0) for name in ("D", "G")}
    found = {name: late(block, name)[0] * turned.get(_PUSHED.get(name, ""), 1.0) for name in _PLAIN}
    found |= {f"{name}_early": early(block, name)[0] for name in _EARLY}
    found |= dict.fromkeys(_LOGITS, np.nan)
    if not len(block.steps):
        return found | dict.fromkeys(_DERIVED, np.nan)
    real, fake = series(block, "real_logit"), series(block, "fake_logit")
    if len(real) and len(fake):
        both = np.concatenate([real, fake])
        found |= {
            "margin": median(late_part(block, real - fake))[0], "margin_first": (real - fake)[0, 0],
            "logit_first": float(min(real[0, 0], fake[0, 0])),
            "swing": float(np.nanstd(late_part(block, real + fake) / 2)),
            "logit_low": least(both), "logit_high": most(both),
            "margin_early": median(early_part(block, real - fake))[0],
            "logit_size": log(max(abs(least(both)), abs(most(both)))),
            "logit_growth": _growth(block, np.abs(np.stack([real, fake])).max(axis=0)),
        }  # fmt: skip
    found["batch_slope"] = found["input_slope"] * np.sqrt(found["batch"])
    found["real_slope_apart"] = abs(found["real_slope"] - found["fake_slope"])
    found["same_slopes"] = abs(found["loss_slope"] - found["fake_slope"])
    found["opposite_slopes"] = abs(found["loss_slope"] + found["fake_slope"] - 1)
    found["input_slope_growth"] = found["input_slope"] / found["input_slope_early"]
    extent = found["real_high"] - found["real_low"]
    found["low_gap"] = (found["real_low"] - found["fake_low"]) / extent
    found["high_gap"] = (found["fake_high"] - found["real_high"]) / extent
    found["energy_first"] = first(block, "energy")[0]
    found["energy_fall"] = found["energy"] / found["energy_first"]
    found["energy_least"] = least(series(block, "energy"))
    found["spread_fall"] = found["spread"] / found["spread_early"]
    found |= {f"{name}_swing": _swing(block, name) for name in _SWINGS}
    found |= _penalty(block)
    found |= {"set_size": _set_size(block), "mean_turns": _mean_turns(block)}
    found["linear"] = _linear(block)
    found["told"] = float((~np.isnan(real)).mean()) if len(real) else np.nan
    found |= _order_of_pairs(block)
    found |= {f"{name}_first": first(block, name)[0] * turned["D"] for name in ("real_slope", "fake_slope")}
    down = found["real_slope"] > SLOPE and found["fake_slope"] < SLOPE and found["g_slope"] > SLOPE
    found["energies"] = float(down)
    found["real_target"] = _sigmoid(found["real_logit"]) - found["real_slope"]
    found["fake_target"] = _sigmoid(found["fake_logit"]) - found["fake_slope"]
    found["squares_gap"] = abs(found["loss_slope"] - 2 * (1 - found["fake_logit"]))
    found |= {f"{name}_target_of_squares": found[f"{name}_logit"] - found[f"{name}_slope"] for name in PAIR}
    found["midway"] = _midway(found)
    found["target_gap"] = abs(found["opposite_slopes"] - found["fake_target"])
    return found


def _known(chart: Chart) -> Block:
    """The game, without what is told of D's calls where they could be told apart in few of its steps: by chance once in
    ten thousand they are exchanged, and few may all be so.
    """
    block = chart.game
    told, calls = (~np.isnan(series(block, name)) for name in ("real_logit", "real_calls"))
    if chart.origin or not len(told) or not len(calls) or told.sum() >= _FEW * calls.sum():
        return block
    hidden = {name: np.full_like(values, np.nan) for name, values in block.values.items() if name in _OF_CALLS}
    return Block(block.steps, block.layers, block.kinds, {**block.values, **hidden})


def _midway(found: dict[str, float]) -> float:
    """factor: of l less its target in the slope; 1 of half a square, 2 of a whole one."""
    logit = found["fake_logit"]
    for factor in (1, 2):
        real, fake = (found[f"{name}_logit"] - found[f"{name}_slope"] / factor for name in PAIR)
        if fake < -0.5 < 0.5 < real and abs(found["g_slope"] - factor * (logit - (real + fake) / 2)) < 0.1 * factor:
            return 1.0
    return 0.0


def _order_of_pairs(block: Block) -> dict[str, float]:
    """The ends of pair_accuracy, late, and how often it went from above two thirds to below one third and back."""
    values = series(block, "pair_accuracy").ravel()
    sides = np.where(values > 2 / 3, 1, np.where(values < 1 / 3, -1, 0))
    late_values = late_part(block, values) if len(values) else values
    return {"pair_low": least(late_values), "pair_high": most(late_values), "pair_turns": _changes(sides)}


def _set_size(block: Block) -> float:
    """log10; of all steps in which a sample was seen again, the median."""
    share, before = (series(block, name).ravel() for name in ("seen_before", "remembered"))
    if not len(share):
        return float("nan")
    again = share > 0
    return float(log(np.median(before[again] / -np.log1p(-np.minimum(share[again], 0.999))))) if again.any() else np.nan


def _mean_turns(block: Block) -> float:
    """How often the cosine of `mean_turn` went from above 1/3 to below -1/3, and back."""
    turn, gap = (series(block, name).ravel() for name in ("mean_turn", "mean_gap"))
    return _changes(np.where((gap > 0.5) & (np.abs(turn) > 1 / 3), np.sign(turn), 0))


def _changes(sides: np.ndarray) -> float:
    """How often a row of -1 and 1 changes its sign; 0 is neither. NaN of nothing."""
    known = sides[sides != 0]
    return float((known[1:] != known[:-1]).sum()) if len(sides) else float("nan")


def _penalty(block: Block) -> dict[str, float]:
    """Over the steps that have one."""
    asked = series(block, "penalised")
    own = {name: series(block, name) for name in ("severed", "reach")}
    own = {name: values[asked > 0.5] if len(values) else values for name, values in own.items()}
    return {"penalised": most(asked), "severed": least(own["severed"]), "reach": median(own["reach"].ravel()).item()}


def _linear(block: Block) -> float:
    """Share of the steps with known slopes in which those of both losses on generated samples are 1."""
    slopes = [series(block, name) for name in ("fake_slope", "loss_slope")]
    if not all(len(slope) for slope in slopes):
        return float("nan")
    known = ~np.isnan(slopes[0] + slopes[1])
    one = (np.abs(slopes[0] - 1) < 0.02) & (np.abs(slopes[1] - 1) < 0.02)
    return float(one[known].mean()) if known.any() else float("nan")


def _growth(block: Block, values: np.ndarray) -> float:
    """log10 of the late over the early median."""
    return float(log(median(late_part(block, values))[0]) - log(median(early_part(block, values))[0]))


def _swing(block: Block, column: str) -> float:
    """Standard deviation over late steps."""
    values = series(block, column)
    values = late_part(block, values) if len(values) else values
    return float(np.nanstd(values)) if (~np.isnan(values)).any() else float("nan")


def _sigmoid(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))
