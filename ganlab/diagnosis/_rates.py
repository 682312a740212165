"""Rules on the size of the steps: learning rates, clipping, decay, and weights at a bound."""

from ganlab.diagnosis.rules import Rule, above, below, for_players, within

RULES = [
    *for_players(
        lambda player: Rule(
            "clip-always-on",
            f"{player}-clipped",
            (
                below(f"{player}_grad_cv", 0.02),
                below(f"{player}_grad", -1.3),
                below(f"{player}_dead", 0.9),
                above("measured", 7),
            ),
            f"the norm of {player}'s gradient is {{ten_{player}_grad:.2g}} in every step",
            "arithmetic: a gradient that is clipped has the norm of the clip",
        )
    ),
    *for_players(
        lambda player: Rule(
            "rate-too-small",
            f"{player}-small-rate",
            (
                *within(f"{player}_rate", -12.0, -4.4),
                above(f"{player}_adaptive", 0.5),
                below(f"{player}_update", -3.0),
                above(f"{player}_update_most", -9.0),
            ),
            f"the rate of {player} is {{ten_{player}_rate:.0e}}, and a step moves its weights by "
            f"{{ten_{player}_update:.0e}} of their size",
            "a fifth of the 2e-4 of Radford et al. (2016); chapter 14",
            fix=f'optimizer_{player.lower()}.param_groups[0]["lr"] *= 10',
        )
    ),
    *for_players(
        lambda player: Rule(
            "rate-too-small",
            f"{player}-slow",
            (
                below(f"{player}_update", -4.0),
                below(f"{player}_update_early", -4.0),
                above(f"{player}_update_most", -9.0),
                below(f"{player}_adaptive", 0.5),
            ),
            f"a step of {player} moves its weights by {{ten_{player}_update:.0e}} of their size",
            "arithmetic: ten thousand such steps for a weight to change by its own size",
            fix=f'optimizer_{player.lower()}.param_groups[0]["lr"] *= 10',
        )
    ),
    *for_players(
        lambda player: Rule(
            "rate-too-small",
            f"{player}-crawls",
            (
                *within(f"{player}_adaptive", 0.1, 0.9),
                *within(f"{player}_update", -7.0, -3.8),
                above(f"{player}_grad", -20.0),
            ),
            f"the steps of an optimizer as Adagrad shrink, and one of {player} moves its weights by "
            f"{{ten_{player}_update:.0e}} of their size",
            "chapter 17: in the healthy game with Adagrad it is 3e-3 at least",
            fix=f'optimizer_{player.lower()}.param_groups[0]["lr"] *= 10',
        )
    ),
    Rule(
        "rate-too-small",
        "both-stopped",
        (
            below("G_update", -7.0),
            below("D_update", -7.0),
            above("G_update_early", -5.0),
            above("D_update_early", -5.0),
            above("G_grad", -20.0),
            above("D_grad", -20.0),
        ),
        "both players have come to a stop: at first G's steps were {ten_G_update_early:.0e} of its weights, and now "
        "they are {ten_G_update:.0e}",
        "float32 resolves 6e-8",
        title="The rates have faded to nothing: the schedule ends too early.",
    ),
    *for_players(
        lambda player: Rule(
            "rate-too-large",
            f"{player}-large-rate",
            (above(f"{player}_rate", -2.1), above(f"{player}_adaptive", 0.5)),
            f"the rate of {player} is {{ten_{player}_rate:.2g}}, and its optimizer's steps are as large as that",
            "arithmetic: weights of 0.05 change by a sixth in one step of 0.008; chapter 14",
            fix=f'optimizer_{player.lower()}.param_groups[0]["lr"] /= 10',
        )
    ),
    *for_players(
        lambda player: Rule(
            "rate-too-large",
            f"{player}-fast",
            (above(f"{player}_update", -0.9), above("energy_fall", 0.4)),
            f"a step of {player} moves its weights by {{ten_{player}_update:.0e}} of their size, and the samples do "
            "not come nearer",
            "chapter 17: in healthy games that rules were set on it is 0.08 at most, or the samples come nearer",
            fix=f'optimizer_{player.lower()}.param_groups[0]["lr"] /= 10',
        )
    ),
    *for_players(
        lambda player: Rule(
            "momentum-too-high",
            f"{player}-momentum",
            (above(f"{player}_momentum", 0.95),),
            f"the optimizer of {player} has momentum (or a first beta) {{{player}_momentum:.3g}}",
            "chapters 6 and 14: momentum against a player that moves",
            exact=True,
        )
    ),
    *for_players(
        lambda player: Rule(
            "weight-decay-too-large",
            f"{player}-decay",
            # A critic whose loss is linear in its logits may have no other bound than its decay.
            (above(f"{player}_decay", 0.3), *([below("linear", 0.5)] if player == "D" else [])),
            f"the optimizer of {player} has weight decay {{{player}_decay:.2g}}",
            "chapter 15: weight decay",
            exact=True,
        )
    ),
    *for_players(
        lambda player: Rule(
            "weight-decay-too-large",
            f"{player}-shrinks",
            (
                below(f"{player}_weights_growth", -0.18),
                below(f"{player}_evenness", 0.88),
                below(f"{player}_at_bound", 1e-5),
            ),
            f"the weights of {player} have shrunk to {{ten_{player}_weights_growth:.2f}} of their first size",
            "chapter 15: weight decay",
        )
    ),
    Rule(
        "weights-at-clip-bound",
        "D-many-at-bound",
        (above("D_at_bound", 0.12), below("D_weights_growth", 0.1)),
        "{D_at_bound:.0%} of D's weights are, to the last bit, as large as the largest beside them",
        "chapter 9: weights at the bound of a clip",
    ),
    Rule(
        "weights-at-clip-bound",
        "D-at-bound",
        (above("D_at_bound", 1e-5), above("D_evenness", 0.9), below("D_weights_growth", 0.1)),
        "the weights of D are nearly all of one size: the mean is {D_evenness:.2f} of the root mean square, and "
        "{D_at_bound:.2%} are, to the last bit, as large as the largest beside them",
        "chapter 9: weights at the bound of a clip; uniform weights have 0.87",
    ),
]
