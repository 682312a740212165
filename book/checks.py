"""Exact checks: small computations that the claims and the reproductions rest on.

Each takes no argument, is deterministic and takes at most two seconds. It returns a number, or one number per seed.
"""

from collections.abc import Callable

CHECKS: dict[str, Callable] = {}


def check(function: Callable) -> Callable:
    """Register `function` under its own name, for `check:` in claims.yml and reproductions.yml."""
    CHECKS[function.__name__] = function
    return function


# 01-losses


# 02-measure


# 03-images
