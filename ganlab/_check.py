"""Checks that several files share: unknown names, missing extras, and numbers of NumPy's."""

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def plain(value: Any) -> Any:
    """A number of NumPy's as Python's own, which checkpoints hold; anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def lookup(registry: Mapping[str, T], name: str, what: str) -> T:
    """`registry[name]`, or a ValueError that lists the known names."""
    if name not in registry:
        raise ValueError(f"unknown {what} {name!r}; known: {', '.join(registry)}")
    return registry[name]


def check_positive(**sizes: int) -> None:
    """Raise a ValueError for the first of the named sizes that is not a positive integer."""
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"{name} is {size!r}: give a positive integer")


def optional(module: str, extra: str) -> ModuleType:
    """Import `module`, or say which extra of ganlab brings it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"{module} is needed here: pip install '.[{extra}]' in ganlab's folder brings it") from error
