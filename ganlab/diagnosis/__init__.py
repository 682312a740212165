"""What is wrong, and how sure is that? A run's measurements, read by rules.

`diagnose` reads a monitor or its tables and returns findings, surest first: a cause, the numbers that speak for it, a
fix, a page, and a certainty that was measured on a zoo of games. "healthy" and "unknown" are answers. This wing reads
tables, and needs no network.

doctor.py: every rule looks, and what they say is put in order.
causes.py: the register of causes, from which the symptom page is made too; _causes_losses.py, _causes_gradients.py,
_causes_samples.py and _causes_code.py hold them.
quantities.py: what the features are, and what a rule looks at, in words.
report.py: what is said, as text, HTML and a dict.
rules.py: what a rule is.
_wiring.py, _targets.py, _samples.py, _nonfinite.py, _depth.py, _rates.py, _balance.py: the rules, a family a file.
certainty.py: how often each was right.
chart.py: a monitor's tables as arrays, one chart a network.
numbers.py: a chart in numbers; _game.py, _steps.py, _flow.py, _layers.py, _windows.py make them.
"""

from ganlab.diagnosis.causes import CAUSES, GROUPS, Cause, cause
from ganlab.diagnosis.chart import Chart, charts
from ganlab.diagnosis.doctor import RULES, diagnose, findings
from ganlab.diagnosis.numbers import features
from ganlab.diagnosis.quantities import conditions, looks_at, words
from ganlab.diagnosis.report import Diagnosis, Finding
from ganlab.diagnosis.rules import Condition, Rule

__all__ = [
    "CAUSES",
    "GROUPS",
    "RULES",
    "Cause",
    "Chart",
    "Condition",
    "Diagnosis",
    "Finding",
    "Rule",
    "cause",
    "charts",
    "conditions",
    "diagnose",
    "features",
    "findings",
    "looks_at",
    "words",
]  # fmt: skip
