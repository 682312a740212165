"""How sure the rules are, counted on the games that they were set on."""

import csv
import io
from importlib.resources import files
from pathlib import Path

from ganlab._files import replace
from ganlab.clinic.labels import borne_out
from ganlab.clinic.runs import runs
from ganlab.clinic.scores import counts
from ganlab.diagnosis.certainty import rows

STEP = 200
SHIPPED = Path(str(files("ganlab.diagnosis").joinpath("certainty.csv")))


def counted() -> dict[str, tuple[float, ...]]:
    """Of each rule how often it spoke, and was right, after 200 steps of the recorded games of the part "set" whose
    label a long run bears out. A certainty that is said later in a run, or earlier, is that one too.

    >>> from ganlab.clinic.certainties import counted
    >>> first_right, first, _, _ = counted()["same-latents"]
    >>> first_right == first > 1
    True
    """
    table = runs()
    kept = (table.part == "set") & (table.step == STEP) & borne_out(table)
    return counts(table[kept].reset_index(drop=True))


def write(path: str | Path | None = None) -> None:
    """Write them where the doctor reads them, or to another file.

    >>> import os, tempfile
    >>> from ganlab.clinic import certainties
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     certainties.write(path := os.path.join(folder, "certainty.csv"))
    ...     open(path).readline().split(",")[:2]
    ['rule', 'first_right']
    """
    path = SHIPPED if path is None else Path(path)
    lines = list(rows(counted()))
    replace(path, lambda file: file.write(_text(lines).encode()))


def _text(lines: list[dict[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["rule", "first_right", "first", "later_right", "later"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()
