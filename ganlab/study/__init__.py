"""Would the next seed say the same? Trials over a grid and over seeds, live or recorded, and their intervals.

`Study` measures a function at each point of a grid and with each seed; `interval` and `summary` say what the seeds say
together; `at_scale` chooses between a quick run and a full one; `recorded` reads a full run that ships with the
package, and `caption` where it comes from. This wing knows nothing of GANs.
"""

from ganlab.study.intervals import Interval, interval, summary
from ganlab.study.recordings import caption, provenance, recorded
from ganlab.study.scales import at_scale, scale
from ganlab.study.study import Study

__all__ = ["Interval", "Study", "at_scale", "caption", "interval", "provenance", "recorded", "scale", "summary"]
