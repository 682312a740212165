"""Three scales, one source: a quick run that a page shows live, one for a borrowed GPU, and one that is recorded."""

import os
from typing import TypeVar

import torch

T = TypeVar("T")
SCALES = ("quick", "colab", "full")


def scale() -> str:
    """`"quick"`, `"colab"` or `"full"`: the environment's GANLAB_SCALE, else colab with a GPU and quick without.

    quick takes about a minute a chapter on two CPU cores, colab at most ten on a T4, full as long as it takes.

    >>> import os
    >>> from unittest import mock
    >>> from ganlab.study import scale
    >>> with mock.patch.dict(os.environ, GANLAB_SCALE="quick"):
    ...     scale()
    'quick'

    Raises:
        ValueError: another word in GANLAB_SCALE.
    """
    chosen = os.environ.get("GANLAB_SCALE") or ("colab" if torch.cuda.is_available() else "quick")
    if chosen not in SCALES:
        raise ValueError(f"GANLAB_SCALE={chosen!r}: set it to 'quick', 'colab' or 'full'")
    return chosen


def at_scale(*, quick: T, full: T, colab: T | None = None) -> T:
    """The value for the scale at hand, as `scale` says; colab's is full's where there is none.

    >>> import os
    >>> from unittest import mock
    >>> from ganlab.study import at_scale
    >>> with mock.patch.dict(os.environ, GANLAB_SCALE="full"):  # usually set where the program starts
    ...     at_scale(quick=300, full=10_000)
    10000
    """
    values = {"quick": quick, "colab": full if colab is None else colab, "full": full}
    return values[scale()]
