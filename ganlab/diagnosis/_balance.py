"""Rules on the balance of the players: who has won, who circles, and what bounds the critic."""

from ganlab.diagnosis._targets import LINEAR, LOGISTIC
from ganlab.diagnosis.rules import FINITE, Rule, above, below, within

_FAR = above("energy_fall", 0.7)
# A G that hardly steps has another trouble.
_G_MOVES = (above("G_update", -3.5), above("G_rate", -4.7))
_REACHES = above("G_slope_first_early", -3.0)  # the gradient comes to its first layer
_NO_RATE = below("D_rate", -1.5)  # at which no penalty binds
_LATE = above("steps", 149)  # a lead of D in the first steps passes

RULES = [
    Rule(
        "saturation",
        "flat-loss",
        (below("same_slopes", 0.05), below("loss_slope", 0.1), above("pair_accuracy", 0.8)),
        "D is sure, and the slope of G's loss on its logits is {loss_slope:.1e}",
        "chapter 5: the slope of the minimax loss",
    ),
    Rule(
        "discriminator-too-strong",
        "won",
        (*within("margin", 10.0, 60.0), LOGISTIC, _FAR, _LATE, *_G_MOVES, _REACHES),
        "real logits are {margin:.0f} above generated ones, and the samples do not come nearer",
        "chapter 5: the margin, 5 where players are equal",
    ),
    Rule(
        "discriminator-too-strong",
        "far-ahead",
        (*within("margin", 12.0, 60.0), LOGISTIC, above("energy_fall", 0.35), above("steps", 49), *_G_MOVES, _REACHES),
        "real logits are {margin:.0f} above generated ones",
        "chapter 17: in healthy games of the first list the margin is 10 at most at 200 steps",
    ),
    Rule(
        "discriminator-too-strong",
        "nothing-to-learn",
        (
            *within("fake_slope", -0.01, 0.03),
            above("real_slope", -0.03),
            _FAR,
            _LATE,
            above("pair_accuracy", 0.99),
            above("loss_slope", 0.5),
            *_G_MOVES,
        ),
        "D is right by so much that its own loss is flat, and the samples do not come nearer",
        "chapter 5: D has won",
    ),
    Rule(
        "discriminator-too-weak",
        "cannot-tell",
        (
            above("steps", 99),
            below("pair_accuracy", 0.57),
            below("pair_high", 0.75),
            above("energy", 0.1),
            above("energy_fall", 0.8),
            above("D_update", -6.0),
            below("logit_size", 2.0),
        ),
        "D orders {pair_accuracy:.0%} of the pairs rightly, though samples and data are apart",
        "chapter 16: accuracy",
    ),
    Rule(
        "discriminator-too-weak",
        "hardly-tells",
        (
            above("steps", 149),
            below("pair_accuracy", 0.66),
            below("pair_high", 0.87),
            above("energy", 0.1),
            above("energy_fall", 0.9),
            above("D_update", -6.0),
            below("logit_size", 2.0),
        ),
        "D orders {pair_accuracy:.0%} of the pairs rightly, {pair_high:.0%} at its best, and the samples do not "
        "come nearer",
        "chapter 17: one of 754 healthy cases that rules were set on does that at 200 steps",
    ),
    Rule(
        "discriminator-too-weak",
        "seldom-steps",
        (*within("D_rounds", 0.001, 0.2), above("G_rounds", 0.9)),
        "D has stepped in {D_rounds:.0%} of the rounds",
        "chapter 16: steps of D",
        exact=True,
    ),
    Rule(
        "discriminator-frozen",
        "never-steps",
        (below("D_rounds", 0.001), above("G_rounds", 0.9), FINITE),
        "D's optimizer has not stepped",
        "arithmetic",
        exact=True,
    ),
    Rule(
        "rotation",
        "turns",
        (
            LINEAR,
            below("penalised", 0.5),
            above("mean_turns", 1.5),
            above("energy", 0.2),
            above("energy_fall", 0.8),
            above("spread", 0.01),
        ),
        "the mean of the samples has come out on the other side of that of the data {mean_turns:.0f} times",
        "chapter 6: players that circle",
    ),
    Rule(
        "critic-unbounded",
        "no-penalty",
        (
            LINEAR,
            below("penalised", 0.5),
            below("D_at_bound", 1e-5),
            below("D_decay", 0.05),
            below("D_bounded", 0.5),
            above("logit_size", 0.15),
        ),
        "the loss is linear in logits of up to {ten_logit_size:.0f}, and nothing bounds D's slope: D pays no penalty, "
        "no weight is at a bound, no layer is spectrally normalised, no decay holds the weights",
        "chapter 9: a critic that nothing bounds",
    ),
    Rule(
        "penalty-wrong",
        "no-graph",
        (above("severed", 0.5),),
        "D's slope is asked for without create_graph, so that the penalty is a number that moves nothing",
        "arithmetic: the gradient of the penalty with respect to D's weights is then exactly 0",
        exact=True,
    ),
    Rule(
        "penalty-wrong",
        "points-outside",
        (above("reach", 1.0),),
        "the penalty asks for D's slope at points that lie {reach:.1f} widths outside of both batches",
        "chapter 9: the points lie between real and generated samples",
        exact=True,
    ),
    Rule(
        "penalty-wrong",
        "never-asked",
        (
            *within("real_calls", 1.5, 2.5),
            *within("fake_calls", 0.5, 1.5),
            below("penalised", 0.5),
            *within("between", 0.98, 1.02),
            *within("loss_slope", 0.98, 1.02),
            below("D_bounded", 0.5),
            below("D_evenness", 0.9),
        ),
        "D is called a third time in its step, and nobody asks for its slope there",
        "chapter 9: a penalty is on the slope, not on the logit",
        exact=True,
    ),
    Rule(
        "penalty-wrong",
        "runs-away",
        (LINEAR, above("penalised", 0.5), above("margin", 100.0), _NO_RATE),
        "there is a penalty, and real logits are {margin:.0f} above generated ones",
        "chapter 9: twelve mistakes",
    ),
    Rule(
        "penalty-wrong",
        "one-norm",
        (
            LINEAR,
            above("penalised", 0.5),
            *within("batch_slope", 0.75, 1.33),
            *within("input_slope_growth", 0.5, 2.0),
            above("batch", 7.0),
        ),
        "there is a penalty, and D's slope at the samples is {input_slope:.2f}: 1 over the root of the batch",
        "arithmetic: where one norm of the slopes of all samples is held at 1, each has that slope",
    ),
    Rule(
        "penalty-wrong",
        "flattens",
        (LINEAR, above("penalised", 0.5), below("input_slope", 0.05)),
        "there is a penalty, and D's slope at the samples is {input_slope:.3f}, where it asks for 1",
        "chapter 9: twelve mistakes",
    ),
    Rule(
        "penalty-wrong",
        "does-not-bind",
        (LINEAR, above("penalised", 0.5), above("input_slope", 12.0), _NO_RATE),
        "there is a penalty, and D's slope at the samples is {input_slope:.1f}, where it asks for 1",
        "chapter 9: twelve mistakes",
    ),
]
