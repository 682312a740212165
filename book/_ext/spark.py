"""A number of the accounts as a small drawing: the band that was claimed, the 95 % interval, the mean."""

import math
from collections.abc import Callable

from values import Band, Value

WIDTH, HEIGHT, MARGIN = 120, 14, 6  # pixels
DECADES = 2  # positive numbers that span more than this are drawn on a logarithmic axis


def svg(value: Value, band: Band) -> str:
    """An inline picture, hidden from screen readers: the text beside it says the same.

    The axis spans the interval and the band; a side on which the band goes on for ever has room to show it.
    """
    numbers = [x for x in (value.low, value.mean, value.high, band.low, band.high) if math.isfinite(x)]
    place = _axis(numbers, math.isinf(band.low), math.isinf(band.high))
    left, right = place(band.low), place(band.high)
    low, mean, high = place(value.low), place(value.mean), place(value.high)
    middle = HEIGHT / 2
    return (
        f'<svg class="spark" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f'<line class="spark-axis" x1="0" x2="{WIDTH}" y1="{HEIGHT - 1}" y2="{HEIGHT - 1}"/>'
        f'<rect class="spark-band" x="{left:.1f}" y="1" width="{max(right - left, 1):.1f}" height="{HEIGHT - 2}"/>'
        f'<line class="spark-interval" x1="{low:.1f}" x2="{high:.1f}" y1="{middle:g}" y2="{middle:g}"/>'
        f'<circle class="spark-mean" cx="{mean:.1f}" cy="{middle:g}" r="3"/></svg>'
    )


def _axis(numbers: list[float], left_open: bool, right_open: bool) -> Callable[[float], float]:
    """From a number to a place in pixels; infinity is an end of the picture."""
    positive = min(numbers) > 0 and max(numbers) / min(numbers) > 10**DECADES
    scale = math.log10 if positive else float
    low, high = scale(min(numbers)), scale(max(numbers))
    room = (high - low or 1.0) / 2
    low, high = low - room * left_open, high + room * right_open

    def place(x: float) -> float:
        if math.isinf(x):
            return 0.0 if x < 0 else float(WIDTH)
        return MARGIN + (WIDTH - 2 * MARGIN) * (scale(x) - low) / (high - low or 1.0)

    return place
