"""Files that are written whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def replace(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Let `fill` write a temporary file beside `path`, then move it there in one step.

    A kill, a crash or a full disk in between leaves the old file as it was, and no half of the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())  # on the disk before its name is: a crash must not leave an empty file
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
