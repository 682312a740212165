"""Checkpoints that survive: written whole or not at all, checked when read, never able to run code.

A file is one line, `ganlab-checkpoint 1 <sha256 of the rest>`, and then what `torch.save` writes.
"""

import hashlib
import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

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

    Raises:
        TypeError: something in `state` that `load` would refuse, with the keys that lead to it.
        OSError: the file cannot be written; the message has its path.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from ganlab.train import checkpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint.save({"steps": 3}, Path(folder) / "run.pt")
    ...     (Path(folder) / "run.pt").read_bytes()[:20]
    b'ganlab-checkpoint 1 '
    """
    _check(state, "state")
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getbuffer()
    header = MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n"
    replace(Path(path), lambda file: file.writelines([header, payload]))


# What `load` builds: these types themselves, not others made from them.
_PLAIN = (int, float, complex, bool, str, bytes, type(None), torch.Size, torch.dtype, torch.device)
_TENSORS = (Tensor, nn.Parameter, nn.Buffer)


def _check(value: Any, place: str) -> None:
    """Raise a TypeError for what `load` would refuse. place: where it stands, as one would write it in Python."""
    kind = type(value)
    if kind in (dict, OrderedDict):
        for key, item in value.items():
            _check(key, f"a key of {place}")
            _check(item, f"{place}[{key!r}]")
    elif kind in (list, tuple, set):
        for i, item in enumerate(value):
            _check(item, f"{place}[{i}]")
    elif kind not in _PLAIN and kind not in _TENSORS:
        advice = _ADVICE.get(kind.__module__.partition(".")[0], "make it of tensors, numbers, strings, lists and dicts")
        raise TypeError(
            f"{place} is a {kind.__module__}.{kind.__qualname__}, which a checkpoint that cannot run code does not "
            f"hold: {advice}"
        )


_ADVICE = {
    "numpy": "take .item() of a number, torch.from_numpy() of an array",
    "pathlib": "take str() of it",
    "collections": "take dict() or tuple() of it",
    "torch": "save the state_dict() of a module, and call a lazy one first",
}


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
