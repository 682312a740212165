"""The list of games, sick and healthy, and where each applies."""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ganlab._check import lookup
from ganlab.clinic import settings
from ganlab.clinic.plain import Plain
from ganlab.clinic.settings import SETTINGS, Setting
from ganlab.diagnosis import CAUSES

# The three losses that every game is played with, unless it is about one loss.
STANDARD = ("nonsaturating", "wasserstein", "hinge")


@dataclass(frozen=True)
class Game:
    """A way to train a GAN, with what is known of it by construction.

    name: of a sick game "cause" or "cause: variant"; of a healthy one what is unusual about it.
    play: the loop.
    cause: an id in `ganlab.diagnosis.CAUSES`; None for a healthy game.
    twin: the loop without the fault, which is in the list too. Of a healthy game the plain one.
    settings: which it applies to. losses: names, of `STANDARD` unless said.

    >>> from ganlab.clinic import GAMES, SETTINGS
    >>> game = GAMES["one-batch"]
    >>> game.sick, game.cause, game.under(SETTINGS["garments-dcgan"])
    (True, 'one-batch', ('nonsaturating', 'wasserstein'))
    """

    name: str
    play: type[Plain]
    cause: str | None
    twin: type[Plain]
    settings: Callable[[Setting], bool]
    losses: tuple[str, ...]

    @property
    def sick(self) -> bool:
        return self.cause is not None

    @property
    def listed(self) -> str:
        """In which list it is, "first" to "fourth": see `ganlab.clinic.split`."""
        return next((name for name in ("second", "third", "fourth") if f".{name}." in self.play.__module__), "first")

    def under(self, setting: Setting) -> tuple[str, ...]:
        """The losses with which it is played in a setting; none where it does not apply."""
        if not self.settings(setting):
            return ()
        return tuple(loss for loss in self.losses if loss in setting.losses or loss not in STANDARD)


# Name -> game. `sick` and `healthy` enter the classes below them.
GAMES: dict[str, Game] = {}


def _everywhere(setting: Setting) -> bool:
    return True


def only(*names: str) -> Callable[[Setting], bool]:
    """A predicate for `sick` and `healthy`: it is one of these settings.

    >>> from ganlab.clinic import SETTINGS
    >>> from ganlab.clinic.games import only
    >>> only("ring-mlp", "digits-mlp")(SETTINGS["ring-mlp"])
    True
    """
    return lambda setting: setting.name in names


def sick(cause: str, variant: str = "", *, twin: type[Plain] = Plain, settings=_everywhere, losses=STANDARD):
    """A decorator that enters a loop into `GAMES` as a sick game, called by its cause, or "cause: variant".

    >>> from ganlab.clinic import GAMES, Plain
    >>> from ganlab.clinic.games import sick
    >>> @sick("rate-too-small", "an example", losses=("hinge",))
    ... class Still(Plain):
    ...     rate_g = 1e-9
    >>> GAMES.pop("rate-too-small: an example").play is Still
    True

    Raises:
        ValueError: an unknown cause, or a name that is taken.
    """
    lookup(CAUSES, cause, "cause")
    return _enter(f"{cause}: {variant}" if variant else cause, cause, twin, settings, losses)


def healthy(name: str, *, settings=_everywhere, losses=STANDARD):
    """A decorator that enters a loop into `GAMES` as a healthy game.

    >>> from ganlab.clinic import GAMES, Plain
    >>> from ganlab.clinic.games import healthy
    >>> @healthy("an example")
    ... class Quick(Plain):
    ...     rate_d = rate_g = 1.5
    >>> GAMES.pop("an example").sick
    False

    Raises:
        ValueError: a name that is taken.
    """
    return _enter(name, None, Plain, settings, losses)


def _enter(name: str, cause: str | None, twin: type[Plain], settings, losses):
    if name in GAMES:
        raise ValueError(f"a game called {name!r} is there already")

    def entered(play: type[Plain]) -> type[Plain]:
        GAMES[name] = Game(name, play, cause, twin, settings, losses)
        return play

    return entered


@dataclass(frozen=True, order=True)
class Case:
    """A game in a setting under a loss. Text: "game / setting / loss".

    >>> from ganlab.clinic import Case
    >>> case = Case("one-batch", "ring-mlp", "hinge")
    >>> str(case), Case.read("one-batch / ring-mlp / hinge") == case
    ('one-batch / ring-mlp / hinge', True)
    """

    game: str
    setting: str
    loss: str

    def __str__(self) -> str:
        return f"{self.game} / {self.setting} / {self.loss}"

    @classmethod
    def read(cls, text: str) -> "Case":
        """The case that a text names. Raises ValueError for another text, an unknown game or setting, or a game that
        does not apply there."""
        parts = text.split(" / ")
        if len(parts) != 3:
            raise ValueError(f"case={text!r}: write 'game / setting / loss'")
        case = cls(*parts)
        game, setting = lookup(GAMES, case.game, "game"), settings.get(case.setting)
        if case.loss not in game.under(setting):
            raise ValueError(f"case={text!r}: {case.game} is not played there; see ganlab.clinic.cases")
        return case


def cases(game: str | None = None) -> Iterator[Case]:
    """Every case, of one game or of all.

    >>> from ganlab.clinic import cases
    >>> [str(case) for case in cases("targets-swapped")][0]
    'targets-swapped / ring-mlp / nonsaturating'

    Raises:
        ValueError: an unknown game.
    """
    for one in GAMES.values() if game is None else [lookup(GAMES, game, "game")]:
        for setting in SETTINGS.values():
            yield from (Case(one.name, setting.name, loss) for loss in one.under(setting))


def listing(game: str) -> str:
    """The lines in which a game differs from the plain one, as somebody would have written them.

    >>> from ganlab.clinic import listing
    >>> print(listing("sign-turned: generator"))
    def g_loss(self, fake):
        return -self.loss.g_loss(fake)

    Raises:
        ValueError: an unknown game.
    """
    source = textwrap.dedent(inspect.getsource(lookup(GAMES, game, "game").play))
    body = re.split(r"^class .*:\n", source, maxsplit=1, flags=re.MULTILINE)[1]
    return textwrap.dedent(re.sub(r'\A\s*""".*?"""\n', "", body, flags=re.DOTALL)).strip("\n")
