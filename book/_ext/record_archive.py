"""What a run of record_all leaves: at most eight files, each small enough to carry away."""

import csv
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from record_queue import Part

KINDS = ("recorded", "again", "partial")
LARGEST = 14_000_000  # bytes of an archive
IMAGES = ("fashion_mnist", "faces", "dcgan", "resnet")


def pack(out: Path) -> None:
    """Put the tables of `out` into archives; what needs more than one gets several, the first files first."""
    for name in KINDS:
        for old in out.glob(f"{name}*.tar.gz"):
            old.unlink()
        for number, files in enumerate(_shares(sorted((out / name).iterdir())), 1):
            with tarfile.open(out / f"{name}-{number}.tar.gz", "w:gz") as archive:
                for file in files:
                    archive.add(file, arcname=f"{name}/{file.name}")


def unpack(folder: Path, out: Path) -> None:
    """Put what an earlier run left in its archives where this run looks for it: tables, and calls that were kept.

    Raises:
        FileNotFoundError: there are none.
    """
    archives = [path for name in KINDS for path in sorted(folder.glob(f"{name}-*.tar.gz"))]
    if not archives:
        raise FileNotFoundError(
            f"{folder} holds no {', '.join(f'{name}-*.tar.gz' for name in KINDS)} of an earlier run"
        )
    for path in archives:
        with tarfile.open(path) as archive:
            for member in archive.getmembers():
                member.name = Path(member.name).name
                archive.extract(member, out / path.name.split("-")[0], filter="data")


def _shares(files: list[Path]) -> list[list[Path]]:
    """The files in groups that stay below the largest size even if nothing is compressed."""
    shares: list[list[Path]] = []
    size = LARGEST
    for file in files:
        if size + file.stat().st_size > LARGEST:
            shares.append([])
            size = 0
        shares[-1].append(file)
        size += file.stat().st_size
    return shares


def efforts(path: Path, done: Mapping[str, tuple[Part, dict[str, Any]]], scale: str) -> None:
    """A line for each finished study: the seconds of its calls, while the other processes worked beside it."""
    with path.open("w", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["chapter", "study", "scale", "kind", "seconds"])
        for study, (part, answer) in sorted(done.items(), key=lambda item: (item[1][0].chapter, item[0])):
            text = Path(part.script).read_text()
            kind = "images" if any(word in text for word in IMAGES) else "small"
            lines.writerow([part.chapter, study, scale, kind, answer["seconds"]])
