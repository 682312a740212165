"""A game beside its twin, line by line: what somebody typed, and what belongs there."""

import inspect
import re
import textwrap
from difflib import ndiff

from ganlab._check import lookup
from ganlab.clinic.games import GAMES
from ganlab.clinic.plain import Plain


def difference(game: str) -> str:
    """The methods in which a game differs from its twin: + is the game's own line, - the twin's, in place of it.

    >>> from ganlab.clinic import difference
    >>> print(difference("sign-turned: generator"))
      def g_loss(self, fake):
    -     return self.loss.g_loss(fake)
    +     return -self.loss.g_loss(fake)

    Returns:
        For each method or setting of the game its lines; a blank line between two.

    Raises:
        ValueError: an unknown game.
    """
    one = lookup(GAMES, game, "game")
    names = [name for name in vars(one.play) if not (name.startswith("__") and name != "__init__")]
    return "\n\n".join(_beside(_lines(one.twin, name), _lines(one.play, name)) for name in names)


def _beside(good: list[str], bad: list[str]) -> str:
    return "\n".join(line.rstrip() for line in ndiff(good, bad) if not line.startswith("?"))


def _lines(play: type[Plain], name: str) -> list[str]:
    """A method's code, without its docstring and the types of what it takes; of a setting, its assignment."""
    if not hasattr(play, name):
        return []
    value = getattr(play, name)
    if not inspect.isfunction(value):
        return [f"{name} = {value!r}"]
    source = textwrap.dedent(inspect.getsource(value))
    source = re.sub(r'^( +)""".*?"""\n', "", source, count=1, flags=re.DOTALL | re.MULTILINE)
    head, colon, body = source.partition(":\n")
    return (re.sub(r": [A-Z]\w*| -> .*", "", head) + colon + body).rstrip().splitlines()
