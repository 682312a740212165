"""Files that are written whole or not at all."""

import contextlib
import glob
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

STALE = 600  # seconds after which a temporary file is not being written any more


def replace(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Let `fill` write a temporary file beside `path`, then move it there in one step.

    A kill, a crash or a full disk in between leaves the old file as it was, and no half of the new one. What a kill has
    left behind is taken away by the next call.

    Raises OSError, of the kind that it is (`PermissionError`, say), with the path in its message.
    """
    try:
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
        for left in _left_behind(path):
            left.unlink(missing_ok=True)
    except OSError as error:
        raise _told(error, path, error.strerror or str(error)) from error


def check_writable(path: Path) -> None:
    """Raise the OSError of `replace` now and not at the end of the first hour."""
    probe = path.with_name(f"{path.name}.probe")
    try:
        replace(probe, lambda file: None)
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise _told(error, path, os.strerror(error.errno) if error.errno else str(error)) from error


def _told(error: OSError, path: Path, reason: str) -> OSError:
    said = f"{path} cannot be written ({reason})"
    return OSError(error.errno, said) if error.errno else OSError(said)


def _left_behind(path: Path) -> Iterator[Path]:
    """Temporary files of processes that are no more. One that was written lately may be of another machine."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        number = left.name.rpartition(".")[2]
        with contextlib.suppress(FileNotFoundError):
            if number.isdecimal() and time.time() - left.stat().st_mtime > STALE and not _runs(int(number)):
                yield left


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
