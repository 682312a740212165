"""Rules on the wiring: what reaches what, which net a step moves, what is cleared, and which mode a net is in."""

from ganlab.diagnosis.rules import Rule, above, below, within

_ARITHMETIC = "arithmetic: in a loop without the fault this is exactly 0"

RULES = [
    Rule(
        "detached",
        "G-detached",
        (above("G_detached", 0.5),),
        "in {G_detached:.0%} of the measurements no gradient reached any parameter of G",
        _ARITHMETIC,
    ),
    Rule(
        "detached",
        "G-stale",
        (above("G_stale", 0.5),),
        "in {G_stale:.0%} of the measurements G's gradients were left over from an earlier step",
        _ARITHMETIC,
    ),
    Rule(
        "frozen-generator",
        "G-frozen",
        (above("G_frozen", 0.9),),
        "all parameters of G have requires_grad off",
        _ARITHMETIC,
    ),
    Rule(
        "frozen-generator",
        "G-still",
        (below("G_update_most", -9.0), below("G_detached", 0.5), below("G_frozen", 0.5)),
        "the largest step of G was {ten_G_update_most:.0e} of its weights",
        "float32 resolves 6e-8",
    ),
    Rule(
        "discriminator-frozen",
        "D-partly-frozen",
        (*within("D_frozen", 0.4, 0.9),),
        "{D_frozen:.0%} of D's layers have requires_grad off",
        _ARITHMETIC,
    ),
    Rule(
        "discriminator-frozen",
        "D-frozen",
        (above("D_frozen", 0.9),),
        "all parameters of D have requires_grad off",
        _ARITHMETIC,
    ),
    Rule(
        "discriminator-frozen",
        "D-still",
        (below("D_update_most", -9.0), below("D_bad", 0.5)),
        "the largest step of D was {ten_D_update_most:.0e} of its weights",
        "float32 resolves 6e-8",
    ),
    Rule(
        "discriminator-eval",
        "D-eval",
        (above("D_eval", 0.5),),
        "D was in eval mode in {D_eval:.0%} of its steps",
        _ARITHMETIC,
    ),
    Rule(
        "generator-eval",
        "G-eval",
        (above("G_eval", 0.5),),
        "G was in eval mode in {G_eval:.0%} of its steps",
        _ARITHMETIC,
    ),
    Rule(
        "gradients-not-cleared",
        "both-carried",
        (above("D_carried", 0.02), above("G_carried", 0.02)),
        "when backward began, .grad of G held {G_carried:.1f} of the gradient then used, and that of D {D_carried:.1f}",
        _ARITHMETIC,
    ),
    Rule(
        "gradients-not-cleared",
        "G-carried",
        (above("G_carried", 0.02), below("D_carried", 0.02)),
        "when a backward pass began, .grad of G held {G_carried:.1f} of the gradient then used",
        _ARITHMETIC,
    ),
    Rule(
        "discriminator-gradients-leak",
        "D-carried",
        (above("D_carried", 0.02), below("G_carried", 0.02)),
        "when D's backward pass began, its .grad held {D_carried:.1f} of the gradient then used, and G's was cleared",
        _ARITHMETIC,
    ),
    Rule(
        "foreign-optimizer",
        "G-moves-D",
        (above("G_moves_other", -8.0),),
        "G's step moved D by {ten_G_moves_other:.0e} of its weights",
        _ARITHMETIC,
    ),
    Rule(
        "foreign-optimizer",
        "D-moves-G",
        (above("D_moves_other", -8.0),),
        "D's step moved G by {ten_D_moves_other:.0e} of its weights",
        _ARITHMETIC,
    ),
    Rule(
        "one-batch",
        "same-reals",
        (above("repeat", 0.97),),
        "{repeat:.0%} of the real samples were in the batch before, too",
        _ARITHMETIC,
    ),
    Rule(
        "fixed-latents",
        "same-latents",
        (above("repeat_z", 0.9),),
        "{repeat_z:.0%} of G's inputs were in the batch before, too",
        _ARITHMETIC,
    ),
    Rule(
        "discriminator-memorises",
        "few-reals",
        (above("repeat", 0.25), below("repeat", 0.97)),
        "{repeat:.0%} of the real samples were in the batch before, too: there are few of them",
        "chapter 15: D tells 100 digits by heart",
    ),
]
