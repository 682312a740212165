"""Rules on the size of the steps: learning rates, clipping, decay, and weights at a bound."""

from ganlab.diagnosis.rules import Rule, above, below, for_players

_ADAM = "arithmetic: Adam's step is about its rate over the weights' size; the rates of chapter 14"

RULES = [
    *for_players(
        lambda player: Rule(
            "clip-always-on",
            f"{player}-clipped",
            (below(f"{player}_grad_cv", 0.005), below(f"{player}_grad", 0.5)),
            f"the norm of {player}'s gradient is {{ten_{player}_grad:.2g}} in every step",
            "arithmetic: a gradient that is clipped has the norm of the clip",
            exact=True,
        )
    ),
    *for_players(
        lambda player: Rule(
            "rate-too-small",
            f"{player}-slow",
            (below(f"{player}_update", -3.3), above(f"{player}_update_most", -9.0)),
            f"a step of {player} moves its weights by {{ten_{player}_update:.0e}} of their size",
            _ADAM,
        )
    ),
    *for_players(
        lambda player: Rule(
            "rate-too-large",
            f"{player}-fast",
            (above(f"{player}_update", -1.5),),
            f"a step of {player} moves its weights by {{ten_{player}_update:.0e}} of their size",
            _ADAM,
        )
    ),
    *for_players(
        lambda player: Rule(
            "rate-too-large",
            f"{player}-grows",
            (above(f"{player}_weights_growth", 0.25),),
            f"the weights of {player} have grown to {{ten_{player}_weights_growth:.1f}} times their first size",
            "chapter 17: healthy games of the set part grow by less than half of that",
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
            (above(f"{player}_decay", 0.3),),
            f"the optimizer of {player} has weight decay {{{player}_decay:.2g}}",
            "chapter 15: weight decay",
            exact=True,
        )
    ),
    *for_players(
        lambda player: Rule(
            "weight-decay-too-large",
            f"{player}-shrinks",
            (below(f"{player}_weights_growth", -0.18), below(f"{player}_evenness", 0.88)),
            f"the weights of {player} have shrunk to {{ten_{player}_weights_growth:.2f}} of their first size",
            "chapter 15: weight decay",
        )
    ),
    *for_players(
        lambda player: Rule(
            "weights-at-clip-bound",
            f"{player}-even",
            (above(f"{player}_evenness", 0.9),),
            f"the weights of {player} are nearly all of one size: the mean is {{{player}_evenness:.2f}} of the root "
            "mean square",
            "chapter 9: weights at the bound; uniform weights have 0.87",
        )
    ),
]
