"""Would a doctor find it? Sick and healthy games with known causes, to measure one by.

A list of games: the plain loop of two networks, and what becomes of it with a few lines changed, by a fault (a cause of
`ganlab.diagnosis`) or by a choice that only looks odd. `cases` says where each is played, `listing` shows its lines,
`examine` plays it under a monitor. Labels are by construction; a long run says which of them it bears out.

games.py: the registry `GAMES`, and where each game applies.
plain.py: the loop that all others differ from.
settings.py: data and networks.
playing.py: a game under a monitor.
differences.py: a game beside its twin.
labels.py: the rule by which a long run bears a label out.
split.py: what thresholds are set on, and what is held out.
_recording.py, runs.py: all cases played, and their features as a recorded table. __main__.py: the commands for that.
scores.py: how good the doctor is. rivals.py: published rule sets beside it.
_games/: the games themselves, in three lists.
"""

from ganlab.clinic import _games  # noqa: F401 (enters the games)
from ganlab.clinic.differences import difference
from ganlab.clinic.games import GAMES, Case, Game, cases, listing
from ganlab.clinic.plain import Plain
from ganlab.clinic.playing import examine
from ganlab.clinic.settings import SETTINGS, Setting

__all__ = ["GAMES", "SETTINGS", "Case", "Game", "Plain", "Setting", "cases", "difference", "examine", "listing"]
