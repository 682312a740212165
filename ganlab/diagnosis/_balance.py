"""Rules on the balance of the players: who has won, and how the loss takes it."""

from ganlab.diagnosis.rules import Rule, above, below

RULES = [
    Rule(
        "saturation",
        "flat-loss",
        (below("same_slopes", 0.05), below("loss_slope", 0.05)),
        "D is sure, and the slope of G's loss on its logits is {loss_slope:.1e}",
        "chapter 5: saturation",
    ),
    Rule(
        "discriminator-too-strong",
        "won",
        (above("margin", 12.0), above("energy_fall", 0.8)),
        "real logits are {margin:.0f} above generated ones, and the samples do not come nearer",
        "chapter 5: the margin",
    ),
    Rule(
        "discriminator-too-weak",
        "cannot-tell",
        (below("pair_accuracy", 0.6), above("energy", 0.2)),
        "D orders {pair_accuracy:.0%} of the pairs rightly, though samples and data are apart",
        "chapter 16",
    ),
]
