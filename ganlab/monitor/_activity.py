"""From what passed through the layers of a net to the numbers of a point. On the host, when a table is asked for."""

import numpy as np

from ganlab._numeric import NAN
from ganlab.monitor._passes import Entry

# The rows of a point, in this order.
ACTIVITY = ("rms", "dead_share", "saturated_share", "grad_rms")

# Of what a point is made: the number of layers, and for each batch of passes its entries, in the order of the rows, how
# many rows it has, and which layers' outputs alone are meant, where the batch is an older one.
Layout = tuple[int, tuple[tuple[tuple[Entry, ...], int, frozenset[int] | None], ...]]


@np.errstate(all="ignore")  # NaN and infinity are what the numbers may be
def activity(values: np.ndarray, layout: Layout) -> np.ndarray:
    """(K,) or (K, N) to (4, L, N): the rows of `ACTIVITY` for each layer.

    Several passes are averaged, RMS values in the square. What is not finite has an RMS of NaN.
    """
    values = values.reshape(len(values), -1).astype(float)
    nothing = np.full(values.shape[1], NAN)
    count, batches = layout
    passes: list[list[list[np.ndarray]]] = [[] for _ in range(2 * count)]
    start = 0
    for entries, rows, only in batches:
        here = values[start : start + rows]
        start += rows
        for key, size, norm, units, alive, saturated in entries:
            if only is None or (key % 2 == 0 and key // 2 in only):
                square = here[norm] ** 2 / size if norm >= 0 else nothing
                passes[key].append([
                    np.where(np.isfinite(square), square, NAN),
                    1 - here[alive] / units if alive >= 0 else nothing,
                    here[saturated] / size if saturated >= 0 else nothing,
                ])  # fmt: skip
    means = [np.mean(one, axis=0) if one else np.stack([nothing] * 3) for one in passes]
    points = [
        [np.sqrt(square), dead, saturated, np.sqrt(back[0])]
        for (square, dead, saturated), back in zip(means[::2], means[1::2], strict=True)
    ]
    return np.array(points).swapaxes(0, 1)
