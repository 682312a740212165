"""Rules on the first number that was not finite: where it began, and what was large just before."""

from ganlab.diagnosis._targets import LINEAR
from ganlab.diagnosis.rules import Rule, above, below, within

_BAD = above("bad", 0.5)
_CHECKLIST = "the checklist for NaN: chapters 1, 8 and 9"

RULES = [
    Rule(
        "nonfinite-data",
        "bad-input",
        (above("bad_input", 0.5),),
        "at step {bad_step:.0f} a network was called with numbers that are not finite",
        "arithmetic",
        exact=True,
    ),
    Rule(
        "nonfinite-data",
        "calm-before",
        (
            above("bad_forward", 0.5),
            above("bad_step", 1.5),
            below("bad_input", 0.5),
            below("bad_logit", 1.0),
            below("bad_update", -1.0),
            below("bad_rms", 2.0),
        ),
        "at step {bad_step:.0f} an output was not finite, and at the last step that was measured before all numbers "
        "were small: steps of {ten_bad_update:.0e} of the weights, logits of {ten_bad_logit:.1f}. So it came from "
        "outside; with Monitor(..., every=1) you see where",
        "arithmetic: a NaN in the data makes every weight NaN in one step",
    ),
    Rule(
        "nonfinite-log-sigmoid",
        "bad-slope-at-logits",
        (above("bad_logits", 0.5), below("bad_logit", 3.5), above("logit_size", -0.5)),
        "at step {bad_step:.0f} the slope of the loss at D's logits was not finite, and the logits were",
        "chapter 1: log(sigmoid(l)) for large l",
        exact=True,
    ),
    Rule(
        "nonfinite-penalty-at-zero",
        "bad-gradient-of-D",
        (above("bad_gradient", 0.5), above("bad_D", 0.5), above("penalised", 0.5), below("bad_logit", 2.0)),
        "at step {bad_step:.0f} a gradient of D was not finite, while its logits and the loss's slopes were small: "
        "the penalty",
        _CHECKLIST,
    ),
    Rule(
        "nonfinite-penalty-at-zero",
        "bad-gradient-at-once",
        (above("bad_gradient", 0.5), above("bad_D", 0.5), below("bad_step", 1.5), above("penalised", 0.5)),
        "in the first step a gradient of D was not finite, while its logits were: the penalty",
        _CHECKLIST,
    ),
    Rule(
        "nonfinite-half",
        "gradient-overflow",
        (above("bad_gradient", 0.5), below("penalised", 0.5), below("bad_logit", 3.0), below("bad_update", -0.7)),
        "at step {bad_step:.0f} gradients of parameters were not finite, while logits and slopes of the loss were, and "
        "no penalty asks for more",
        "arithmetic: a loss that is scaled by 65,536 leaves half precision little room",
    ),
    Rule(
        "nonfinite-rate",
        "large-steps-before",
        (_BAD, above("bad_update", -0.7), below("bad_logits", 0.5), below("bad_input", 0.5), below("linear", 0.9)),
        "before step {bad_step:.0f} a step was {ten_bad_update:.2g} of the weights' size",
        "chapter 8: SGD's divergence",
    ),
    Rule(
        "nonfinite-critic",
        "logits-ran-away",
        (_BAD, LINEAR, above("bad_logit", 2.0), below("penalised", 0.5), below("bad_input", 0.5)),
        "before step {bad_step:.0f} the mean logits reached {ten_bad_logit:.0e}",
        "chapter 9: a critic that nothing bounds",
    ),
    Rule(
        "nonfinite-critic",
        "large-steps-without-a-penalty",
        (_BAD, LINEAR, above("bad_update", -0.7), below("penalised", 0.5), below("bad_input", 0.5)),
        "before step {bad_step:.0f} a step was {ten_bad_update:.2g} of the weights' size, and nothing bounds the "
        "critic",
        "chapter 9: a critic that nothing bounds",
    ),
    Rule(
        "nonfinite-rate",
        "large-step-at-once",
        (
            above("bad_forward", 0.5),
            below("bad_step", 1.5),
            above("D_update_most", 0.3),
            below("bad_input", 0.5),
            below("bad_weights", 0.5),
        ),
        "the first step of D was {ten_D_update_most:.0e} of its weights' size, and the next output was not finite",
        "chapter 8: SGD's divergence",
    ),
    Rule(
        "nonfinite-rate",
        "large-steps-under-a-penalty",
        (_BAD, LINEAR, above("bad_update", -0.7), above("penalised", 0.5), below("bad_input", 0.5)),
        "before step {bad_step:.0f} a step was {ten_bad_update:.2g} of the weights' size, with a penalty",
        "chapter 8: SGD's divergence",
    ),
    Rule(
        "nonfinite-half",
        "bad-weights",
        (above("bad_weights", 0.5), below("bad_update", -0.7)),
        "at step {bad_step:.0f} the optimizer made weights that are not finite of finite gradients",
        "arithmetic: Adam's eps of 1e-8 is 0 in float16",
    ),
    Rule(
        "nonfinite-half",
        "forward-overflow",
        (
            above("bad_forward", 0.5),
            below("bad_input", 0.5),
            below("bad_logit", 4.9),
            below("bad_update", -0.7),
            *within("bad_rms", 2.0, 4.9),
        ),
        "at step {bad_step:.0f} an output was not finite, after outputs of {ten_bad_rms:.0e}: float16 ends at 7e4",
        "arithmetic: 65,504",
    ),
]
