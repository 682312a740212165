"""What do the gradients do? Measured while training goes on, in any loop, or at one look.

`Monitor` hooks the optimizers' `step` and leaves the loop as it is; `snapshot` looks at a network as it stands; `units`
counts dead and saturated units. Numbers stay on the device until a table is asked for. This wing knows nothing of
ganlab's own loop, data or losses: it reads networks and optimizers of any kind.
"""

from ganlab.monitor.dead_units import units
from ganlab.monitor.monitor import Monitor
from ganlab.monitor.snapshots import snapshot

__all__ = ["Monitor", "snapshot", "units"]
