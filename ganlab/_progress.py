"""Progress bars: off on request, off where the environment has TQDM_DISABLE=1, and none where tqdm is not installed."""

from collections.abc import Iterable, Iterator
from typing import Any


class _NoBar:
    """What stands in for tqdm's bar: it counts, and shows nothing."""

    def __init__(self, iterable: Iterable | None, initial: int):
        self.iterable, self.n = iterable, initial

    def __iter__(self) -> Iterator:
        return iter(self.iterable)

    def __enter__(self) -> "_NoBar":
        return self

    def __exit__(self, *_) -> None:
        pass

    def update(self, n: int = 1) -> None:
        self.n += n

    def set_postfix(self, *_, **__) -> None:
        pass

    def close(self) -> None:
        pass


def bar(iterable: Iterable | None = None, *, progress: bool = True, **options) -> Any:
    """`tqdm(iterable, **options)`. An explicit `disable=False` would override the environment: it is never passed."""
    try:
        from tqdm import tqdm
    except ImportError:
        return _NoBar(iterable, options.get("initial", 0))
    return tqdm(iterable, **options, **({} if progress else {"disable": True}))


def say(text: str) -> None:
    """Print a line, above a bar that may be shown."""
    try:
        from tqdm import tqdm
    except ImportError:
        print(text)
    else:
        tqdm.write(text)
