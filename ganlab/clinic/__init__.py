"""Would a doctor find it? Sick and healthy games with known causes, to measure one by.

A list of games: the plain loop of two networks, and what becomes of it with a few lines changed, by a fault (`CAUSES`)
or by a choice that only looks odd. `cases` says where each is played, `listing` shows its lines, `examine` plays it
under a monitor. Labels are by construction; `labels` says which of them a long run bears out.

games.py: the registry `GAMES`, and where each game applies.
plain.py: the loop that all others differ from.
causes.py: what can be wrong.
settings.py: data and networks.
playing.py: a game under a monitor.
_games/: the games themselves.
"""

from ganlab.clinic import _games  # noqa: F401 (enters the games)
from ganlab.clinic.causes import CAUSES, Cause
from ganlab.clinic.games import GAMES, Case, Game, cases, listing
from ganlab.clinic.plain import Plain
from ganlab.clinic.playing import examine
from ganlab.clinic.settings import SETTINGS, Setting

__all__ = ["CAUSES", "GAMES", "SETTINGS", "Case", "Cause", "Game", "Plain", "Setting", "cases", "examine", "listing"]
