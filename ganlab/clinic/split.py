"""What the doctor's rules may be set on, and what they are judged on.

There are three lists of games. On the first the rules were set in two rounds. In the first round a part of it was held
out, by checksums of the names of causes, games and settings, and the rules were judged on that part once: the recorded
tables `clinic-causes`, `clinic-sick` and `clinic-healthy` have what was found. Then it was opened, and rules were set
on all of the first list with even seeds. The second list was written meanwhile, by three writers who had not read the
rules; the rules were judged on it once (`clinic-judged-causes`, `-sick` and `-healthy`). Then it was opened too, and
rules were set on both lists. The third list was written in the same way before that, and nothing was set on it.
"""

from ganlab.clinic.games import GAMES, Case

PARTS = ("set", "seeds", "third")


def part(case: Case, seed: int) -> str:
    """Where a run belongs: "set", or what is held out: odd "seeds" of the games of the first two lists, and the "third"
    list.

    >>> from ganlab.clinic import Case
    >>> from ganlab.clinic.split import part
    >>> [part(Case("plain", "ring-mlp", "hinge"), seed) for seed in (0, 1)]
    ['set', 'seeds']

    Raises:
        KeyError: an unknown game.
    """
    if GAMES[case.game].listed == "third":
        return "third"
    return "seeds" if seed % 2 else "set"
