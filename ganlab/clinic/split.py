"""What the doctor's thresholds may be set on, and what it is judged on. Fixed before any feature was recorded.

Thresholds are set on the settings of `SET_ON` with even seeds. Held out are, from the widest to the narrowest: nearly
half of the causes, with all their games; a quarter of the games, sick and healthy; three settings, whose pairs of data
and networks the others have not; odd seeds. Which causes and games, a checksum of their names says, so nobody chose.
"""

from binascii import crc32

from ganlab.clinic.games import GAMES, Case
from ganlab.diagnosis import CAUSES

SET_ON = ("ring-mlp", "digits-dcgan", "garments-resnet")  # settings
HELD_OUT_CAUSES = tuple(cause for cause in CAUSES if crc32(cause.encode()) % 3 == 0)
HELD_OUT_GAMES = tuple(name for name in GAMES if crc32(name.encode()) % 4 == 0)
PARTS = ("set", "seeds", "settings", "games", "causes")


def part(case: Case, seed: int) -> str:
    """Where a run belongs: "set", or what of it is held out, the widest: "causes", "games", "settings" or "seeds".

    >>> from ganlab.clinic import Case
    >>> from ganlab.clinic.split import part
    >>> [part(Case("plain", setting, "hinge"), seed) for setting, seed in [("ring-mlp", 0), ("ring-mlp", 1)]]
    ['set', 'seeds']
    >>> part(Case("plain", "digits-mlp", "hinge"), 0)
    'settings'

    Raises:
        KeyError: an unknown game.
    """
    if GAMES[case.game].cause in HELD_OUT_CAUSES:
        return "causes"
    if case.game in HELD_OUT_GAMES:
        return "games"
    if case.setting not in SET_ON:
        return "settings"
    return "seeds" if seed % 2 else "set"
