"""How long a chapter will take: said at its start, with a bar that its studies move."""

import csv
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from ganlab._progress import bar
from ganlab.study.scales import scale

# Small networks wait for launches and for Python, which a T4's machine does a few times slower than an H100's. Image
# networks wait for arithmetic, of which a T4 does a tenth.
T4_OVER_H100 = {"small": 4.0, "images": 10.0}


@dataclass(frozen=True)
class Effort:
    """What a study took on an H100 at one scale, in seconds, and what it waited for: "small" or "images"."""

    chapter: str
    study: str
    scale: str
    kind: str
    seconds: float

    @property
    def t4_seconds(self) -> float:
        """An estimate: the H100's seconds, and how much slower a T4 is at this kind."""
        return self.seconds * T4_OVER_H100[self.kind]


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
    known = efforts(chapter, scale())
    minutes = sum(effort.t4_seconds for effort in known) / 60
    print(f"{chapter} at scale {scale()!r}: its {len(known)} timed studies take about {minutes:.0f} minutes on a T4.")
    _running["seconds"] = {effort.study: effort.t4_seconds for effort in known}
    _running["bar"] = bar(total=round(60 * minutes), desc=chapter, unit="s")


def efforts(chapter: str, at: str) -> list[Effort]:
    """What the chapter's studies took at this scale; full's where colab's is no other."""
    table = files("ganlab.study") / "efforts.csv"
    lines = csv.DictReader(table.read_text().splitlines())
    rows = [Effort(**{**line, "seconds": float(line["seconds"])}) for line in lines if line["chapter"] == chapter]
    full = {row.study: row for row in rows if row.scale == "full"}
    return list((full | {row.study: row for row in rows if row.scale == at}).values())


def passed(study: str, share: float) -> None:
    """Move the chapter's bar by `share` of what the study takes."""
    if _running:
        _running["bar"].update(share * _running["seconds"].get(study, 0.0))
