"""How long a chapter will take: said at its start, with a bar that its studies move.

efforts.csv holds, of each recorded study, what recording it took, and which part of that is left at the scale `colab`;
0: it would take its chapter past ten minutes, and there the recorded table stands in. `python book/_ext/efforts.py`
writes it from the recordings.
"""

import csv
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from ganlab._progress import bar
from ganlab.study.scales import scale

# How much longer a study takes on a T4 than it took where it was recorded, by what it waits for. Small networks wait
# for launches and for Python, networks on images for arithmetic. On the H100 some fifteen processes shared the machine:
# networks on images took some ten times longer than alone, small ones two to three times. A T4 alone is slower than an
# H100 alone by about ten and three. Estimates: no T4 was at hand.
T4_OVER = {("H100", "small"): 1.2, ("H100", "images"): 1.0, ("CPU", "small"): 0.3, ("CPU", "images"): 0.1}


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
    listed = [effort for effort in efforts() if effort.chapter == chapter]
    seconds = {effort.study: effort.t4_seconds(scale()) for effort in listed}
    longer = {effort.study for effort in listed if effort.colab == 0 and scale() == "colab"}
    total = sum(seconds.values())
    rest = f"; of {len(longer)} longer ones the recorded tables are shown" if longer else ""
    count = len(seconds) - len(longer)
    print(f"{chapter} at scale {scale()!r}: an estimated {total / 60:.0f} minutes on a T4 for {count} studies{rest}")
    _running.update(seconds=seconds, longer=longer, bar=bar(total=round(total), desc=chapter, unit="s"))


def efforts() -> list[Effort]:
    """What every recorded study took."""
    lines = csv.DictReader((files("ganlab.study") / "efforts.csv").read_text().splitlines())
    return [Effort(**line | {"seconds": float(line["seconds"]), "colab": float(line["colab"])}) for line in lines]


def stands_recorded(study: str) -> bool:
    """Whether a study of the chapter under way is too long for this scale, so that its recorded table stands in."""
    return study in _running.get("longer", ())


def passed(study: str, share: float) -> None:
    """Move the chapter's bar by `share` of what the study takes."""
    if _running:
        _running["bar"].update(share * _running["seconds"].get(study, 0.0))
