"""What a measure would be if nothing worked and if all worked, and which thresholds cannot tell the two apart.

A difference of bounded numbers has its anchors from its own control: no effect is 0, the most that is possible is an
end of the column less the control's mean. Other anchors are written in claims.yml, as numbers or as a cell of a study.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from measures import Measure, cell
from values import AccountError, band

NARROW = 1 / 4  # an equivalence margin, as a share of the way from nothing to all
CEILING = 3 / 4  # a threshold further up the way than this, where the control leaves little room, is a ceiling


class Anchors(NamedTuple):
    nothing: float | None
    all: float | None


def anchors(measure: Measure) -> Anchors:
    """Both anchors in the measure's own unit; None where none can be given."""
    nothing, everything = _from_control(measure)
    written = measure.anchors or {}
    if unknown := set(written) - {"nothing", "all"}:
        raise AccountError(f"`anchors` has unknown keys {sorted(unknown)}; known: nothing, all")
    return Anchors(_number(written.get("nothing", nothing)), _number(written.get("all", everything)))


def refusal(measure: Measure) -> str:
    """Why the threshold decides nothing, in words; empty where it may decide."""
    nothing, everything = anchors(measure)
    if nothing is None or everything is None or not measure.threshold:
        return ""
    claimed = band(measure.threshold)
    if claimed.contains(nothing) == claimed.contains(everything):
        return "both anchors lie on the same side of the threshold"
    way, ends = _way(measure, nothing, everything), [x for x in (claimed.low, claimed.high) if math.isfinite(x)]
    if everything == _no_effect(measure):  # claimed: no difference, or none beyond a margin
        width = max(_way(measure, everything, end) for end in ends)
        too_wide = 0 < NARROW * way < width and measure.verdict() != "fails"
        return "the margin is more than a quarter of what is at stake" if too_wide else ""
    if measure.against is not None and measure.effect == "difference" and len(ends) == 1:
        too_far = _way(measure, nothing, ends[0]) > CEILING * way and measure.verdict() != "holds"
        return "the control leaves hardly more room than the threshold asks for" if too_far else ""
    return ""


def _no_effect(measure: Measure) -> float | None:
    """The value of a comparison whose two sides are equal."""
    return None if measure.against is None else 1.0 if measure.effect == "ratio" else 0.0


def _from_control(measure: Measure) -> tuple[float | None, float | None]:
    if measure.against is None or not measure.threshold:
        return None, None
    claimed = band(measure.threshold)
    if measure.effect == "ratio":
        return (None, 1.0) if claimed.contains(1.0) else (1.0, None)
    control, (low, high) = float(measure.control().mean()), measure.bounds
    least, most = _finite(low - control), _finite(high - control)
    if claimed.contains(0.0):  # no worse, no better, or equal
        return (least if claimed.low > -math.inf else most), 0.0
    return 0.0, most if claimed.low >= 0 else least


def _way(measure: Measure, start: float, end: float) -> float:
    if measure.kind == "ratio":
        return abs(math.log(start / end)) if start > 0 and end > 0 else math.inf
    return abs(start - end)


def _finite(x: float) -> float | None:
    return x if math.isfinite(x) else None


def _number(written: float | Mapping[str, Any] | None) -> float | None:
    if isinstance(written, Mapping):
        return float(cell(written["study"], written["column"], written.get("where", {})).mean())
    return None if written is None else float(written)
