"""What would go wrong? One dry step before training, which changes nothing, told in sentences.

`check` takes the networks, the optimizers and a batch of a loop of your own. What it says are `Finding`s: an error (it
will not train like this), a warning (it often costs), or a note. This wing knows nothing of ganlab's own loop.

dry_step.py: the call, and its list of rules.
findings.py: a finding, and the report of all.
_rehearsal.py: the dry step, and everything put back behind it.
_losses.py: what the players minimise in it.
_probes.py: small experiments on the losses and on D beside it.
_graph.py: what the autograd graph tells of a network's end, and of a loss.
_data.py, _outputs.py, _owners.py, _modes.py, _minimised.py, _flow.py, _saving.py: the rules, by what they look at.
"""

from ganlab.preflight.dry_step import check
from ganlab.preflight.findings import Finding, Report

__all__ = ["Finding", "Report", "check"]
