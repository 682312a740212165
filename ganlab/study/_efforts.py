"""How long a chapter will take: said at its start, with a bar that its studies move.

efforts.csv holds, of each recorded study, what recording it took, and by which part of that it is shorter at the scale
`colab`. `python book/_ext/efforts.py` writes it from the recordings.
"""

import csv
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from ganlab._progress import bar
from ganlab.study.scales import scale

# How much longer a study takes on a T4 than it took where it was recorded, by what it waits for. Small networks wait
# for launches and for Python, networks on images for arithmetic. On the H100 some fifteen processes shared the machine,
# so that each took several times longer than alone. Estimates: no T4 was at hand.
T4_OVER = {("H100", "small"): 1.5, ("H100", "images"): 2.0, ("CPU", "small"): 0.3, ("CPU", "images"): 0.1}


@dataclass(frozen=True)
class Effort:
    """What a study took at full scale, in seconds, on which device, and how much of that is left at colab."""

    chapter: str
    study: str
    kind: str
    device: str
    seconds: float
    colab: float

    def t4_seconds(self, at: str) -> float:
        """An estimate of what it takes on a T4 at the scale `at`."""
        return self.seconds * T4_OVER[self.device, self.kind] * (self.colab if at == "colab" else 1.0)


_running: dict[str, Any] = {}


def announce(chapter: str) -> None:
    """Print how long the chapter's studies take on a T4, above a bar that `Study.run` moves. Silent at quick scale.

    >>> import os
    >>> from unittest import mock
    >>> from ganlab.study import announce
    >>> with mock.patch.dict(os.environ, GANLAB_SCALE="quick"):
    ...     announce("11-residual")

    Args:
        chapter: the notebook's name without its ending.
    """
    _running.clear()
    if scale() == "quick":
        return
    seconds = {effort.study: effort.t4_seconds(scale()) for effort in efforts() if effort.chapter == chapter}
    total = sum(seconds.values())
    print(f"{chapter} at scale {scale()!r}: an estimated {total / 60:.0f} minutes on a T4 for {len(seconds)} studies")
    _running.update(seconds=seconds, bar=bar(total=round(total), desc=chapter, unit="s"))


def efforts() -> list[Effort]:
    """What every recorded study took."""
    lines = csv.DictReader((files("ganlab.study") / "efforts.csv").read_text().splitlines())
    return [Effort(**line | {"seconds": float(line["seconds"]), "colab": float(line["colab"])}) for line in lines]


def passed(study: str, share: float) -> None:
    """Move the chapter's bar by `share` of what the study takes."""
    if _running:
        _running["bar"].update(share * _running["seconds"].get(study, 0.0))
