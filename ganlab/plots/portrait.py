"""A phase portrait that the reader drags, with no kernel: SymPy prints the game and the rules as JavaScript.

It works on a built page, in Colab and offline. Where there is no script, a picture stands in its place.
"""

import base64
import html
import io
import json
import re
from collections.abc import Mapping

from ganlab.plots._javascript import PRELUDE, printed_game, printed_rule
from ganlab.plots._portrait_template import TEMPLATE
from ganlab.plots.house_style import COLORS, FACE, INK, plt
from ganlab.theory.dynamics import METHODS, TIMINGS
from ganlab.theory.games import Game


class PhasePortrait:
    """A phase portrait for a notebook's output. Made by `phase_portrait`.

    >>> import matplotlib.pyplot as plt
    >>> from ganlab.plots import phase_portrait
    >>> from ganlab.theory.games import bilinear
    >>> shown = phase_portrait({"bilinear": bilinear()}, plt.figure(figsize=(2, 2)), name="demo", alt="A circle.")
    >>> "vG: (theta, psi, gamma) => -psi, vD: (theta, psi, gamma) => theta" in shown.html()
    True

    Attributes:
        games: by the name on the page.
        picture: a PNG file.
        name, alt, step, weight: as in `phase_portrait`.
    """

    def __init__(self, games: Mapping[str, Game], picture: bytes, *, name: str, alt: str, step: float, weight: float):
        self.games, self.picture, self.name, self.alt = dict(games), picture, name, alt
        self.step, self.weight = step, weight

    def __repr__(self) -> str:
        return f"PhasePortrait({self.name!r}, {len(self.games)} games)"

    def html(self) -> str:
        """The whole thing as one piece of HTML."""
        rules = {f"{method} {timing}": printed_rule(method, timing) for method in METHODS for timing in TIMINGS}
        fields = {name: printed_game(game) for name, game in self.games.items()}
        return TEMPLATE.substitute(
            name=self.name,
            width=640,
            alt=html.escape(self.alt),
            picture=f"data:image/png;base64,{base64.b64encode(self.picture).decode()}",
            games=_options(self.games),
            methods=_options(METHODS),
            timings=_options(TIMINGS),
            h=self.step,
            gamma=self.weight,
            prelude=PRELUDE,
            fields=_entries(fields),
            rules=_entries(rules),
            face=FACE,
            ink=INK,
            axis="#b9bdc1",
            arrow="#a3a8ad",
            path=COLORS["real"],
            start=COLORS["fake"],
        )

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        png = base64.b64encode(self.picture).decode()
        return {"text/plain": repr(self), "text/html": self.html(), "image/png": png}


def _options(names) -> str:
    return "".join(f'<option value="{html.escape(name)}">{html.escape(name)}</option>' for name in names)


def _entries(code: Mapping[str, str]) -> str:
    return "\n".join(f"    {json.dumps(name)}: {text}," for name, text in code.items()).replace("</", "<\\/")


def phase_portrait(
    games: Mapping[str, Game], picture, *, name: str, alt: str, step: float = 0.2, weight: float = 0.3, dpi: int = 80
) -> PhasePortrait:
    """A live phase portrait, for the last line of a cell: a starting point to drag, every method of `dynamics`.

    >>> import matplotlib.pyplot as plt
    >>> from ganlab.plots import phase_portrait
    >>> from ganlab.theory.games import dirac
    >>> games = {"plain": dirac("minimax"), "with R1": dirac("minimax", "r1")}
    >>> phase_portrait(games, plt.figure(figsize=(2, 2)), name="spiral", alt="A spiral around the solution.")
    PhasePortrait('spiral', 2 games)

    Args:
        games: what the reader may choose from, by the name on the page.
        picture: a matplotlib figure or axes that stands in where there is no script. It is closed.
        name: names this figure on its page: a-z, 0-9 and `-`.
        alt: what the picture shows, for who cannot see it.
        step, weight: where the sliders of the step size (0.01 to 1) and of gamma (0.05 to 3) start.
        dpi: of the picture.

    Raises:
        ValueError: no games, a bad name, empty alt text, a slider's start out of range.
    """
    if not games:
        raise ValueError("games is empty: give at least one")
    if not re.fullmatch("[a-z0-9-]+", name):
        raise ValueError(f"name={name!r}: use only a-z, 0-9 and '-'")
    if not (isinstance(alt, str) and alt.strip()):
        raise ValueError(f"alt={alt!r}: say in a sentence what the picture shows")
    for label, value, low, high in (("step", step, 0.01, 1), ("weight", weight, 0.05, 3)):
        if not low <= value <= high:
            raise ValueError(f"{label}={value}: the slider goes from {low} to {high}")
    figure, buffer = getattr(picture, "figure", picture), io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    plt.close(figure)
    return PhasePortrait(games, buffer.getvalue(), name=name, alt=alt, step=step, weight=weight)
