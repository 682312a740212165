"""Play a game under a monitor, as somebody with a GAN of their own would."""

from collections.abc import Callable

import torch

from ganlab._check import check_positive, lookup
from ganlab.clinic import settings
from ganlab.clinic.games import GAMES, Case
from ganlab.clinic.plain import Plain
from ganlab.monitor import Monitor

EVERY = 1  # every step is measured, as in the two lines of the README


def start(case: Case, seed: int) -> Plain:
    """A case's game before its first round. Sets torch's global random numbers.

    >>> from ganlab.clinic import Case
    >>> from ganlab.clinic.playing import start
    >>> start(Case("batch 16", "ring-mlp", "hinge"), seed=0).real().shape
    torch.Size([16, 2])

    Raises:
        ValueError: an unknown game or setting.
    """
    play = lookup(GAMES, case.game, "game").play
    torch.manual_seed(seed)
    return play(settings.get(case.setting), case.loss)


def examine(
    case: Case | str, seed: int = 0, steps: int = 200, *, every: int = EVERY,
    look: Callable[[Monitor, int], None] | None = None,
) -> Monitor:  # fmt: skip
    """Play a case for `steps` steps of G, watched by a `ganlab.monitor.Monitor` with all that it can see.

    A game that meets NaN plays on. The random numbers are those of the seed; torch's global ones are left as they were.

    Args:
        case: a `Case`, or its text "game / setting / loss".
        seed: of the weights, the data and the latents.
        steps: of G; a round may have several, and ends with its last.
        every: the monitor measures the first step and each that this divides.
        look: called as `look(monitor, step)` behind each round.

    Returns:
        the monitor, closed: its tables stay.

    Raises:
        ValueError: an unknown case, or fewer than one step.

    >>> from ganlab.clinic import examine
    >>> monitor = examine("frozen-generator / ring-mlp / hinge", steps=10)
    >>> monitor.gradients().query("phase == 'G'")["status"].unique().tolist()
    ['frozen']
    """
    case = Case.read(str(case))
    check_positive(steps=steps, every=every)
    with torch.random.fork_rng(devices=[]):
        game = start(case, seed)
        players = {"D": (game.D, game.step_d), "G": (game.G, game.step_g)}
        with Monitor(players, activations=True, every=every, seeds=[seed]) as monitor:
            while monitor.step < steps:
                game.round()
                if look is not None:
                    look(monitor, monitor.step)
    return monitor
