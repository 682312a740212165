"""Would the next seed say the same? Trials over a grid and over seeds, live or recorded, and their intervals.

`Study` measures a function at each point of a grid and with each seed; `interval`, `geometric` (of ratios), `wilson`
(of yes and no) and `summary` say what the seeds say together; `at_scale` chooses between a quick run, one for Colab and
a full one, and `announce` says how long that takes; `recorded` reads a full run that ships with the package, and
`caption` where it comes from. This wing knows nothing of GANs.
"""

from ganlab.study._efforts import announce
from ganlab.study.intervals import Interval, geometric, interval, summary, wilson
from ganlab.study.recordings import caption, provenance, recorded
from ganlab.study.scales import at_scale, scale
from ganlab.study.study import Study

__all__ = [
    "Interval",
    "Study",
    "announce",
    "at_scale",
    "caption",
    "geometric",
    "interval",
    "provenance",
    "recorded",
    "scale",
    "summary",
    "wilson",
]
