"""Progress bars: off on request, and off where the environment has TQDM_DISABLE=1."""

from tqdm import tqdm


def bar(iterable=None, *, progress: bool = True, **options) -> tqdm:
    """`tqdm(iterable, **options)`. An explicit `disable=False` would override the environment: it is never passed."""
    return tqdm(iterable, **options, **({} if progress else {"disable": True}))
