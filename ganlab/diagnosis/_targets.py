"""Rules on what the losses ask for: their slopes on the logits, in D's step and in G's."""

from ganlab.diagnosis.rules import Rule, above, below, within

_SLOPES = "chapter 1: the slope of every loss on the logit"

RULES = [
    Rule(
        "sign-turned",
        "G-pushes-down",
        (above("g_slope", 0.001), below("D_bad", 0.5)),
        "G's loss falls when D's logits on its samples fall: the slope is {g_slope:+.2f}",
        _SLOPES,
    ),
    Rule(
        "targets-swapped",
        "D-pushes-apart",
        (above("real_slope", 0.001), below("fake_slope", -0.001)),
        "D's loss falls when real logits fall ({real_slope:+.2f}) and generated ones rise ({fake_slope:+.2f})",
        _SLOPES,
    ),
    Rule(
        "targets-broadcast",
        "D-same-slopes",
        (*within("real_slope_even", -0.02, 0.02), below("D_bad", 0.5)),
        "D's loss has the same slope on real as on generated samples, {real_slope:+.2f} and {fake_slope:+.2f}",
        _SLOPES,
    ),
    Rule(
        "double-sigmoid",
        "logits-are-probabilities",
        (above("logit_low", 0.0), below("logit_high", 1.0), *within("fake_slope", 0.4, 0.8)),
        "all mean logits lie in [0, 1], between {logit_low:.2f} and {logit_high:.2f}",
        _SLOPES,
    ),
    Rule(
        "wasserstein-on-sigmoid",
        "critic-is-probability",
        (above("logit_low", 0.0), below("logit_high", 1.0), above("fake_slope", 0.99)),
        "all mean logits lie in [0, 1], and the loss is linear in them",
        _SLOPES,
    ),
    Rule(
        "loss-without-D",
        "no-slope-at-D",
        (below("loss_slope", 1e-12), above("G_grad", -20.0)),
        "G has a gradient, and none of it comes from D",
        "arithmetic: the slope at D's logits is 0",
    ),
]
