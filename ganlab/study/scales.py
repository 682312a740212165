"""Two scales, one source: a quick run that a page shows live, a full one that is recorded."""

import os
from typing import TypeVar

import torch

T = TypeVar("T")


def scale() -> str:
    """`"quick"` or `"full"`: the environment's GANLAB_SCALE, else full where there is a GPU and quick elsewhere.

    >>> import os
    >>> from unittest import mock
    >>> from ganlab.study import scale
    >>> with mock.patch.dict(os.environ, GANLAB_SCALE="quick"):
    ...     scale()
    'quick'

    Raises:
        ValueError: another word in GANLAB_SCALE.
    """
    chosen = os.environ.get("GANLAB_SCALE") or ("full" if torch.cuda.is_available() else "quick")
    if chosen not in ("quick", "full"):
        raise ValueError(f"GANLAB_SCALE={chosen!r}: set it to 'quick' or 'full'")
    return chosen


def at_scale(*, quick: T, full: T) -> T:
    """The value for the scale at hand, as `scale` says.

    >>> import os
    >>> from unittest import mock
    >>> from ganlab.study import at_scale
    >>> with mock.patch.dict(os.environ, GANLAB_SCALE="full"):  # usually set where the program starts
    ...     at_scale(quick=300, full=10_000)
    10000
    """
    return full if scale() == "full" else quick
