"""What the doctor's rules may be set on, and what they are judged on.

There are four lists of games. On the first the rules were set in two rounds. In the first round a part of it was held
out, by checksums of the names of causes, games and settings, and the rules were judged on that part once: the recorded
tables `clinic-causes`, `clinic-sick` and `clinic-healthy` have what was found. Then it was opened, and rules were set
on all of the first list with even seeds. The second list was written meanwhile, by three writers who had not read the
rules; the rules were judged on it once (`clinic-judged-causes`, `-sick` and `-healthy`). Then it was opened too, and
rules were set on both lists. The third list was written in the same way before that; the rules were judged on it once
(`clinic-third-causes`, `-sick`, `-healthy` and `-findings`), and then set on all three. The fourth list was written
after that, in the structure of well-known repositories, by three writers who had not read the rules; the rules were
judged on it once (`clinic-fifth-causes`, `-sick`, `-healthy`, `-findings`; the fourth judgement was on what is held out
now). Then the monitor was taught to see its loops. No list is left that nobody has seen. What is held out now is less
than a new game: other seeds, and games of the first list under another loss than the one that the rules were set on.
"""

from ganlab.clinic.games import GAMES, Case
from ganlab.clinic.settings import SETTINGS

PARTS = ("set", "seeds", "losses")


def part(case: Case, seed: int) -> str:
    """Where a run belongs: "set", or what is held out: odd "seeds", and with any seed other "losses" than the first of
    a game of the first list.

    >>> from ganlab.clinic import Case
    >>> from ganlab.clinic.split import part
    >>> game = "discriminator-frozen / ring-mlp"
    >>> [part(Case.read(f"{game} / {loss}"), seed) for loss in ("nonsaturating", "wasserstein") for seed in (0, 1)]
    ['set', 'seeds', 'losses', 'losses']

    Raises:
        KeyError: an unknown game.
    """
    if rank(case) and GAMES[case.game].listed == "first":
        return "losses"
    return "seeds" if seed % 2 else "set"


def rank(case: Case) -> int:
    """The place of the loss among those of the game: 0 of the first.

    >>> from ganlab.clinic import Case
    >>> from ganlab.clinic.split import rank
    >>> rank(Case("discriminator-frozen", "ring-mlp", "wasserstein"))
    1
    """
    return GAMES[case.game].under(SETTINGS[case.setting]).index(case.loss)
