"""Rules on what the losses ask for: their slopes on the logits, in D's step and in G's."""

from ganlab.diagnosis.rules import LEAST, Rule, above, below, known, within

_SLOPES = "chapter 1: the slope of every loss on the logit"
# A loss that is linear in the logits has the slope 1 everywhere.
LINEAR = above("linear", 0.9)
# sigma(l) and 1 - sigma(l) add up to 1; D has moved between the two, a little.
LOGISTIC = below("opposite_slopes", 0.2)

# D pushes real logits down and generated ones up, and G, whose way is known, does not go along with it.
_APART = (above("real_slope", 1e-4), below("fake_slope", -1e-4), below("energies", 0.5), known("g_slope"))

_TURNED = {
    "title": "D's loss has its sign turned.",
    "fix": "d_loss = softplus(-D(real)).mean() + softplus(D(fake.detach())).mean()"
    "   # Wasserstein: D(fake.detach()).mean() - D(real).mean()",
}

RULES = [
    Rule(
        "sign-turned",
        "G-pushes-down",
        (
            above("g_slope", 1e-4),
            below("energies", 0.5),
            below("midway", 0.5),
            below("D_frozen", 0.9),
            above("told", 0.1),
        ),
        "G's loss falls when D's logits on its samples fall: the slope is {g_slope:+.1e}",
        _SLOPES,
        exact=True,
    ),
    Rule(
        "sign-turned",
        "D-turned",
        (*_APART, above("real_slope_apart", 1.05)),
        "D's loss falls when real logits fall ({real_slope:+.2f}) and generated ones rise ({fake_slope:+.2f}), "
        "and the more so the longer it trains",
        _SLOPES,
        exact=True,
        **_TURNED,
    ),
    Rule(
        "sign-turned",
        "both-up",
        (below("real_slope", -0.02), below("fake_slope", -0.02), above("real_slope_apart", 0.02)),
        "D's loss falls when generated logits rise, as real ones do: slopes {real_slope:+.2f} and {fake_slope:+.2f}",
        _SLOPES,
        exact=True,
        **_TURNED,
    ),
    Rule(
        "sign-turned",
        "both-up-at-first",
        (
            *within("real_slope_first", -1.2, -0.3),
            *within("fake_slope_first", -1.2, -0.3),
            below("fake_slope", 0.001),
        ),
        "in the first step D's loss fell when generated logits rose, as real ones did: slopes {real_slope_first:+.2f} "
        "and {fake_slope_first:+.2f}",
        _SLOPES,
        exact=True,
        **_TURNED,
    ),
    Rule(
        "sign-turned",
        "both-down",
        (above("real_slope", 0.02), above("fake_slope", 0.02), above("real_slope_apart", 0.02)),
        "D's loss falls when real logits fall, as generated ones do: slopes {real_slope:+.2f} and {fake_slope:+.2f}",
        _SLOPES,
        exact=True,
        **_TURNED,
    ),
    Rule(
        "targets-swapped",
        "D-pushes-apart",
        (*_APART, below("real_slope_apart", 1.05)),
        "D's loss falls when real logits fall ({real_slope:+.2f}) and generated ones rise ({fake_slope:+.2f})",
        _SLOPES,
        exact=True,
    ),
    Rule(
        "targets-broadcast",
        "slopes-rise",
        (above("slope_order", 0.9), below("fake_calls", 0.5), below("width", 1.5)),
        "the slopes of D's loss rise with its logits (correlation {slope_order:.2f}): each has the mean of all targets",
        "arithmetic: of (B,) targets against (B, 1) logits each logit meets all targets",
        exact=True,
    ),
    Rule(
        "targets-broadcast",
        "D-same-slopes",
        (below("real_slope_apart", 0.02), below("margin", 1.0), above("loss_slope", 0.02), below("width", 1.5)),
        "D's loss has the same slope on real as on generated samples, {real_slope:+.2f} and {fake_slope:+.2f}",
        _SLOPES,
    ),
    Rule(
        "targets-broadcast",
        "slopes-cancel",
        (
            below("D_grad", LEAST),
            below("D_update_most", -9.0),
            below("D_dead", 0.9),
            below("D_frozen", 0.4),
            below("margin", 1.0),
            above("loss_slope", 0.02),
            below("width", 1.5),
        ),
        "every number of D's gradient is 0, though real logits are only {margin:.1f} above generated ones: what D's "
        "loss asks of a logit cancels out",
        "arithmetic: of (B,) targets against (B, 1) logits each logit meets all targets",
    ),
    Rule(
        "double-sigmoid",
        "logits-are-probabilities",
        (
            above("logit_low", 0.0),
            below("logit_high", 1.0),
            *within("logit_first", 0.45, 0.6),
            LOGISTIC,
            *within("fake_target", -0.06, 0.06),
            *within("real_target", 0.94, 1.06),
        ),
        "all mean logits lie in [0, 1], between {logit_low:.2f} and {logit_high:.2f}, and began at {logit_first:.2f}",
        _SLOPES,
    ),
    Rule(
        "double-sigmoid",
        "logits-end-in-a-sigmoid",
        (above("D_out_kind", 1.5), LOGISTIC, *within("fake_target", -0.06, 0.06), *within("real_target", 0.94, 1.06)),
        "D ends with a sigmoid, and its loss takes logits",
        _SLOPES,
        exact=True,
    ),
    Rule(
        "wasserstein-on-sigmoid",
        "critic-is-probability",
        (
            above("D_out_kind", 1.5),
            *within("real_slope", -1.02, -0.98),
            *within("fake_slope", 0.98, 1.02),
            *within("real_slope_first", -1.02, -0.98),
            *within("fake_slope_first", 0.98, 1.02),
        ),
        "D ends with a sigmoid, and its loss is linear in what that gives",
        _SLOPES,
        exact=True,
    ),
    Rule(
        "smoothing-on-fakes",
        "fake-target-above-0",
        (
            *within("opposite_slopes", 0.04, 0.45),
            # Smaller ones are at home in healthy games: targets of 0.05 and 0.95, or noisy ones.
            *within("fake_target", 0.15, 0.45),
            above("real_target", 0.88),
            below("target_gap", 0.08),
            below("real_calls", 1.5),  # of three kinds the weights of two are halves
        ),
        "the slope of D's loss on generated logits, {fake_slope:+.2f}, is that of a target of {fake_target:.2f}",
        _SLOPES,
    ),
    Rule(
        "smoothing-on-fakes",
        "fake-target-of-squares",
        (
            below("squares_gap", 0.1),
            *within("fake_target_of_squares", 0.08, 0.8),
            *within("real_target_of_squares", 0.8, 1.1),
            above("real_slope_apart", 0.02),
        ),
        "the slope of D's loss on generated logits, {fake_slope:+.2f}, is that of squares with a target of at "
        "least {fake_target_of_squares:.2f}",
        _SLOPES,
    ),
    Rule(
        "loss-without-D",
        "no-slope-at-D",
        (above("blind", 0.5), above("G_grad", -20.0), below("cut_calls", 0.5)),
        "in {blind:.0%} of its steps G had a gradient, and none of it came by way of D",
        "arithmetic: a loss through D has a slope at D's logits",
        exact=True,
    ),
    Rule(
        "loss-without-D",
        "slope-is-0",
        (below("loss_slope", 1e-12), above("G_grad", -20.0), below("blind", 0.5), below("logit_size", 1.3)),
        "the slope of G's loss on D's logits is 0, though these are small, {ten_logit_size:.1f} at most, and G has a "
        "gradient",
        "arithmetic: at logits of -20 the minimax loss still has a slope of 2e-9, and the other losses more",
        exact=True,
        title="What D says has the weight 0 in G's loss.",
    ),
]
