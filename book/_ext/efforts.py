"""Write ganlab/study/efforts.csv: what each study took to record, for the sentence at a chapter's start.

    python book/_ext/efforts.py

The column `colab` is written by hand: the part of the work that is left where a cell has a shorter `colab=` value.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import notebooks
import recording_ages
from ganlab.study._efforts import Effort, efforts
from ganlab.study.code import PACKAGE

FILE = PACKAGE / "study" / "efforts.csv"
IMAGES = ("fashion_mnist", "faces", "dcgan", "resnet")


def measured(folder: Path = recording_ages.RECORDED) -> Iterator[Effort]:
    """The effort of each recorded study, chapter by chapter."""
    colab = {effort.study: effort.colab for effort in efforts()}
    texts = {path.stem: "\n".join(notebooks.code_cells(path)) for path in notebooks.chapters()}
    for age in sorted(recording_ages.ages(folder), key=lambda age: (age.chapter, age.study)):
        if age.chapter:
            facts = json.loads((folder / f"{age.study}.json").read_text())
            kind = "images" if any(word in texts[age.chapter] for word in IMAGES) else "small"
            device = "CPU" if facts["device"].startswith("CPU") else "H100"
            yield Effort(age.chapter, age.study, kind, device, facts["seconds"], colab.get(age.study, 1.0))


def write(path: Path = FILE) -> None:
    rows = list(measured())
    with path.open("w", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["chapter", "study", "kind", "device", "seconds", "colab"])
        lines.writerows([e.chapter, e.study, e.kind, e.device, e.seconds, f"{e.colab:g}"] for e in rows)


def main() -> None:
    write()
    for chapter in dict.fromkeys(effort.chapter for effort in efforts()):
        minutes = [sum(e.t4_seconds(at) for e in efforts() if e.chapter == chapter) / 60 for at in ("colab", "full")]
        print(f"{chapter}: on a T4 about {minutes[0]:.0f} minutes at colab, {minutes[1]:.0f} at full")


if __name__ == "__main__":
    main()
