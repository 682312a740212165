"""Checkpoints that survive: written whole or not at all, checked when read, never able to run code.

A file is one line, `ganlab-checkpoint 1 <sha256 of the rest>`, and then what `torch.save` writes.
"""

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import torch

from ganlab._files import replace

MAGIC = b"ganlab-checkpoint 1 "


class CheckpointError(RuntimeError):
    """A file that is not a whole, unchanged checkpoint.

    >>> from ganlab.train import CheckpointError, checkpoint
    >>> try:
    ...     checkpoint.load(checkpoint.__file__)  # the source of a module
    ... except CheckpointError as error:
    ...     "is not a ganlab checkpoint" in str(error)
    True
    """


def save(state: dict[str, Any], path: str | Path) -> None:
    """Write `state` (tensors, numbers, strings, lists and dicts of these) to `path` in one step.

    A kill, a crash or a full disk on the way leaves the old file as it was.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from ganlab.train import checkpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint.save({"steps": 3}, Path(folder) / "run.pt")
    ...     (Path(folder) / "run.pt").read_bytes()[:20]
    b'ganlab-checkpoint 1 '
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getbuffer()
    header = MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n"
    replace(Path(path), lambda file: file.writelines([header, payload]))


def load(path: str | Path, map_location: torch.device | str = "cpu") -> dict[str, Any]:
    """Read what `save` wrote.

    Only tensors and plain containers are ever built (`weights_only=True`): a file from a stranger cannot run code.

    >>> import tempfile
    >>> import torch
    >>> from ganlab.train import checkpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint.save({"steps": 3, "weights": torch.ones(2)}, f"{folder}/run.pt")
    ...     checkpoint.load(f"{folder}/run.pt")["weights"].tolist()
    [1.0, 1.0]

    Args:
        path: the file.
        map_location: the device that the tensors go to.

    Raises:
        CheckpointError: not a checkpoint of ours, truncated, changed, or with something else than tensors in it.
        FileNotFoundError: there is no such file.
    """
    header, _, payload = Path(path).read_bytes().partition(b"\n")
    if not header.startswith(MAGIC):
        raise CheckpointError(f"{path} is not a ganlab checkpoint: it does not start with {MAGIC.decode()!r}")
    if hashlib.sha256(payload).hexdigest().encode() != header.removeprefix(MAGIC):
        raise CheckpointError(f"{path} is truncated or changed (its checksum does not fit): use an older checkpoint")
    try:
        return torch.load(io.BytesIO(payload), map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path} holds more than tensors and plain containers, and is not loaded") from error
