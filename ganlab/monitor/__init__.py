"""What do the gradients do? Measured while training goes on, in any loop, or at one look.

`Monitor` hooks the optimizers' `step` and leaves the loop as it is; `snapshot` looks at a network as it stands; `units`
counts dead and saturated units. Numbers stay on the device until a table is asked for. This wing knows nothing of
ganlab's own loop, data or losses: it reads networks and optimizers of any kind. Only its tables need pandas.

monitor.py: hooks on the optimizers.
_to_ask.py: the tables to ask for.
snapshots.py: one look at a network, layer by layer.
dead_units.py: units that pass no gradient on.
_updates.py: one player, its gradients and updates at each step.
_sheet.py: all gradients and weights of a network on one sheet.
_layers.py: taps on the layers, forward and backward.
_passes.py: what passes there, measured many passes at a time.
_activity.py: and as the numbers of a point.
_game.py: D's accuracy and logits, what it is shown, and the gradient that it hands to G.
_listening.py, _parts.py: hooks on the networks' passes, or on those of their parts.
_calls.py: D's calls, and the slopes of the loss there; _own.py: those that its own loss is made of.
_made.py: what the generators gave, by which those calls are known; _apart.py, _halves.py: or not at once.
_samples.py: real and generated samples beside each other, and whether they were there before.
_moves.py: whom a step moved, and the modes of the networks.
_remains.py: gradients that nobody had cleared.
_origin.py: the first number that is not finite.
_disorder.py: what is out of order, in words.
_series.py: numbers over time that stay on the device, within a bound.
_points.py, _tables.py, _line.py: all of that as arrays, as tables, as one line.
"""

from ganlab.monitor.dead_units import units
from ganlab.monitor.monitor import Monitor
from ganlab.monitor.snapshots import snapshot

__all__ = ["Monitor", "snapshot", "units"]
