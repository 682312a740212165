"""The games themselves, by family; importing them enters them into `ganlab.clinic.GAMES`.

signals.py, steps.py, clips.py, balance.py, parts.py, inputs.py, critics.py, overflow.py: what is wrong.
odd_rates.py, odd_losses.py, odd_nets.py, odd_loops.py, odd_clips.py: what only looks wrong.
second/, third/, fourth/: later lists, that the doctor is judged on; see `ganlab.clinic.split`.
"""

import importlib
import pkgutil

for _module in pkgutil.walk_packages(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
