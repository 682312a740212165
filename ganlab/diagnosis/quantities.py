"""What each feature is, in words: for the symptom page, which says what the doctor looks at.

A condition on a logarithm is told on the number itself: log10 below -4.5 is "below 3e-05".
"""

from collections.abc import Iterable

from ganlab.diagnosis.rules import FINITE, Condition, Rule

# Of the game.
_GAME = {
    "real_accuracy": "D's accuracy on real samples",
    "fake_accuracy": "D's accuracy on generated samples",
    "pair_accuracy": "the share of pairs of a real and a generated sample that D orders rightly",
    "real_logit": "the mean logit of real samples",
    "fake_logit": "the mean logit of generated samples",
    "logit_first": "the lesser mean logit at the first step",
    "logit_low": "the least mean logit of the run",
    "logit_high": "the largest mean logit of the run",
    "margin": "the mean logit of real samples less that of generated ones",
    "margin_first": "that margin at the first step",
    "swing": "the standard deviation of the mean logit over the steps",
    "loss_slope": "the size of the slope of G's loss on the logits of its samples",
    "g_slope": "the slope of G's loss on the logits of its samples",
    "real_slope": "the slope of D's loss on real logits",
    "fake_slope": "the slope of D's loss on generated logits",
    "real_slope_apart": "the distance of the slopes of D's loss on real and on generated logits",
    "fake_target": "the target that fits the slope of D's loss on generated logits",
    "target_gap": "the distance of two measures of that target",
    "real_target": "the target that fits the slope of D's loss on real logits",
    "logit_size": "the size of the largest mean logit",
    "pair_low": "the least share of pairs that D orders rightly, in the second half,",
    "pair_high": "the largest share of pairs that D orders rightly, in the second half,",
    "pair_turns": "how often D's order of pairs has turned",
    "real_slope_first": "that slope on real logits, at the first step,",
    "fake_slope_first": "that slope on generated logits, at the first step,",
    "pair_accuracy_swing": "the deviation of the share of pairs that D orders rightly, over the steps,",
    "penalised": "whether D was asked for its slope at samples, as a gradient penalty asks,",
    "linear": "the share of steps in which both losses have the slope 1 on generated logits",
    "told": "the share of steps in which D's logits on both kinds of samples are known",
    "blind": "the share of G's steps in which no gradient came by way of D",
    "same_slopes": "the distance of the slopes of both losses on generated logits",
    "opposite_slopes": "the distance from 1 of the sum of both losses' slopes on generated logits",
    "input_slope": "the slope of D's logit on its input",
    "input_slope_growth": "the growth of that slope since the start",
    "spread": "the mean distance of two generated samples over that of two real ones",
    "spread_fall": "the spread of the samples over that at the start",
    "energy": "the energy distance of samples and data",
    "energy_first": "that distance at the first step",
    "energy_least": "the least such distance of the run",
    "energy_fall": "the energy distance of samples and data over that at the first step",
    "real_low": "the least number in a real batch",
    "real_high": "the largest number in a real batch",
    "fake_low": "the least number in a generated batch",
    "fake_high": "the largest number in a generated batch",
    "low_gap": "how far the samples reach below the data, in ranges of the data",
    "high_gap": "how far the samples reach above the data, in ranges of the data",
    "repeat": "the share of real samples that were in the batch before",
    "repeat_z": "the share of latents that were in the batch before",
    "alike_z": "the share of latents that have their like in the same batch",
    "severed": "whether that slope was asked for without a graph",
    "reach": "how far the points of a penalty lie outside of both batches, in widths of their range,",
    "batch_slope": "the slope of D's logit on its input, times the root of the batch,",
    "real_calls": "the number of D's calls in its step that are on no samples of G",
    "fake_calls": "the number of D's calls in its step that are on samples of G",
    "batch": "the number of samples in a batch",
    "slope_order": "the correlation of D's logits with the slopes of its loss at them",
    "steps": "the number of steps",
    "measured": "the number of steps that were measured",
    "bad": "whether any number was not finite",
    "bad_step": "the step of the first number that was not finite",
    "bad_forward": "whether that began in a forward pass",
    "bad_backward": "whether that began in a backward pass",
    "bad_gradient": "whether that began in the gradients of parameters",
    "bad_weights": "whether that began in the weights",
    "bad_D": "whether that began in D",
    "bad_G": "whether that began in G",
    "bad_input": "whether it came in with the samples",
    "bad_logits": "whether it was the slope of the loss at D's logits",
    "bad_logit": "the size of the largest mean logit before it",
    "bad_grad": "the largest gradient norm before it",
    "bad_update": "the largest step over its weights before it",
    "bad_rms": "the largest activation before it",
}
# Of a player; {} is its name.
_PLAYER = {
    "grad": "the norm of {}'s gradient",
    "grad_growth": "the growth of the norm of {}'s gradient since the start",
    "grad_cv": "the deviation of the norm of {}'s gradient over its mean",
    "grad_spike": "the largest norm of {}'s gradient over the usual one",
    "zeros": "the share of exact zeros in {}'s gradient",
    "bad": "the share of {}'s steps with a gradient that is not finite",
    "update": "the step of {} over its weights",
    "update_most": "the largest step of {} over its weights",
    "detached": "the share of measurements in which no gradient reached {}",
    "missing": "the share of measurements in which parameters of {} had no gradient",
    "frozen": "the share of measurements in which {}'s parameters took no gradient",
    "stale": "the share of measurements in which {}'s gradient was left over from an earlier step",
    "mixed": "the share of measurements in which parts of {} had different troubles",
    "carried": "the share of {}'s gradient that was there before its backward pass",
    "eval": "the share of {}'s steps in which it was in eval mode",
    "eval_other": "the share of {}'s steps in which the other network was in eval mode",
    "moves_other": "how far {}'s step moves the other network, over its weights",
    "rounds": "the steps of {} over those of the player with more",
    "slope_range": "the largest over the least gradient norm among {}'s layers",
    "slope_first": "the gradient norm of {}'s first layer over that of its last",
    "depth": "the number of {}'s layers with weights",
    "back": "dL/dh at {}'s first layer over that at its last",
    "back_rate": "the same ratio a layer",
    "forward": "the activations of {}'s last layer over those of its first",
    "rms_first": "the activations of {}'s first layer, at the start,",
    "rms_inside": "the largest activations, in root mean square, inside {}",
    "rms_growth": "those over the activations of {}'s first layer",
    "rms_last": "the activations of {}'s last layer",
    "dead": "the largest share of dead units in a layer of {}",
    "dead_mean": "the mean share of dead units in {}",
    "saturated": "the largest share of saturated units in a layer inside {}",
    "out_saturated": "the share of {}'s outputs at a bound",
    "out_kind": "which function ends {}",
    "flat_norms": "the number of {}'s BatchNorm1d layers",
    "batch_norms": "the number of {}'s batch normalisation layers",
    "weights": "the size of {}'s weights",
    "weights_growth": "the growth of {}'s weights since the first step",
    "rate": "the learning rate of {}",
    "adaptive": "whether {}'s optimizer divides by the size of the gradient",
    "momentum": "the momentum, or first beta, of {}'s optimizer",
    "decay": "the weight decay of {}'s optimizer",
    "norm_eps": "the largest epsilon of {}'s normalising layers",
    "bounded": "the share of {}'s layers under spectral normalisation",
    "evenness": "the mean size of {}'s weights over their root mean square",
}
# Those that are logarithms to the base 10.
_LOGS = {
    "bad_logit", "bad_grad", "bad_update", "bad_rms", "grad", "grad_growth", "grad_spike", "update", "update_most",
    "moves_other", "slope_range", "slope_first", "back", "back_rate", "forward", "rms_last", "rms_first", "rms_inside",
    "rms_growth", "weights", "weights_growth", "rate", "logit_size", "logit_growth",
}  # fmt: skip
_PLAYERS, _EARLY = ("D", "G"), "_early"


def words(feature: str, player: str = "") -> str:
    """A feature in words.

    >>> from ganlab.diagnosis import words
    >>> words("G_update")
    'the step of G over its weights'

    Args:
        feature: a name in `ganlab.diagnosis.features`.
        player: what to call the player that it is of; default: its own name.

    Raises:
        ValueError: it is no feature.
    """
    own, name = _split(feature.removesuffix(_EARLY))
    found = _PLAYER.get(name, "").format(player or own) if own else _GAME.get(name)
    if not found:
        raise ValueError(f"feature={feature!r}: no such feature has words; see ganlab.diagnosis.features")
    return found + ", in the first quarter," * feature.endswith(_EARLY)


def conditions(rule: Rule, player: str = "") -> str:
    """What must hold for a rule to speak, in words, joined by "and".

    >>> from ganlab.diagnosis import Condition, Rule, conditions
    >>> slow = Rule("rate-too-small", "slow", (Condition("G_update", above=False, threshold=-4.5),), "", "")
    >>> conditions(slow)
    'the step of G over its weights is below 3e-05'
    """
    bounds: dict[str, list[Condition]] = {}
    for condition in rule.when:
        if condition == FINITE:
            continue
        bounds.setdefault(condition.feature, []).append(condition)
    return ", and ".join(f"{words(feature, player)} is {_between(found)}" for feature, found in bounds.items())


def looks_at(cause: str, rules: Iterable[Rule]) -> list[str]:
    """What the rules of a cause look at, a sentence each; rules that differ by the player alone are told once.

    >>> from ganlab.diagnosis import RULES, looks_at
    >>> looks_at("one-batch", RULES.values())
    ['the share of real samples that were in the batch before is above 0.97']
    """
    alike: dict[tuple, list[Rule]] = {}
    for rule in rules:
        if rule.cause == cause:
            key = tuple((_split(one.feature)[1], one.above, one.threshold) for one in rule.when)
            alike.setdefault(key, []).append(rule)
    return [conditions(same[0], " or ".join(_PLAYERS) if len(same) > 1 else "") for same in alike.values()]


def _between(found: Iterable[Condition]) -> str:
    low = [_number(one) for one in found if one.above]
    high = [_number(one) for one in found if not one.above]
    if low and high:
        return f"between {low[0]} and {high[0]}"
    return f"above {low[0]}" if low else f"below {high[0]}"


def _number(condition: Condition) -> str:
    threshold = condition.threshold
    if _split(condition.feature.removesuffix(_EARLY))[1] in _LOGS:
        threshold = float(f"{10**threshold:.0e}")
    return f"{threshold:g}"


def _split(feature: str) -> tuple[str, str]:
    """The player that a feature is of, empty for the game, and the rest of its name."""
    player, _, name = feature.partition("_")
    return (player, name) if player in _PLAYERS else ("", feature)
