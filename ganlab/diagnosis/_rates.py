"""Rules on the size of the steps: learning rates, momentum, clipping, decay."""

from ganlab.diagnosis.rules import Rule, above, below, for_players

RULES = [
    *for_players(
        lambda player: Rule(
            "clip-always-on",
            f"{player}-clipped",
            (below(f"{player}_grad_cv", 1e-4),),
            f"the norm of {player}'s gradient is {{ten_{player}_grad:.2g}} in every step",
            "chapter 8: the share of steps clipped",
        )
    ),
    *for_players(
        lambda player: Rule(
            "rate-too-small",
            f"{player}-slow",
            (below(f"{player}_update", -4.5),),
            f"a step of {player} moves its weights by {{ten_{player}_update:.0e}} of their size",
            "chapter 14: rates",
        )
    ),
    *for_players(
        lambda player: Rule(
            "rate-too-large",
            f"{player}-fast",
            (above(f"{player}_update", -1.2),),
            f"a step of {player} moves its weights by {{ten_{player}_update:.0e}} of their size",
            "chapter 14: rates",
        )
    ),
]
