"""Rules on the first number that was not finite: where it began, and what was large just before."""

from ganlab.diagnosis.rules import Rule, above

RULES = [
    Rule(
        "nonfinite-data",
        "bad-input",
        (above("bad_input", 0.5),),
        "a batch that D was shown holds numbers that are not finite",
        "arithmetic",
    ),
]
