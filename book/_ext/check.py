"""The register of exact checks: small computations, in book/checks, that claims and reproductions rest on.

Each takes no argument, is deterministic and takes at most two seconds. It returns a number, or one number per seed.
"""

from collections.abc import Callable

CHECKS: dict[str, Callable] = {}


def check(function: Callable) -> Callable:
    """Register `function` under its own name, for `check:` in claims.yml and reproductions.yml.

    Raises:
        ValueError: another check has this name.
    """
    if function.__name__ in CHECKS:
        raise ValueError(f"two checks are called {function.__name__!r}: give one another name")
    CHECKS[function.__name__] = function
    return function
