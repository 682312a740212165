"""Rules on the samples: beside the data, and beside each other."""

from ganlab.diagnosis.rules import Rule, above, below

_CLINIC = "chapter 17: the zoo of games"

RULES = [
    Rule(
        "z-unused",
        "one-sample",
        (below("spread", 1e-3),),
        "the samples of a batch are the same one: their distance is {spread:.0e} of that of the data",
        "arithmetic: without z a batch has one sample",
    ),
    Rule(
        "collapse",
        "small-spread",
        (below("spread", 0.25), above("spread", 1e-3)),
        "the samples lie {spread:.2f} as far from each other as the data do",
        _CLINIC,
    ),
    Rule(
        "range-mismatch",
        "out-of-range-low",
        (above("real_low", -0.05), below("fake_low", -0.5)),
        "the data lie in [{real_low:.2g}, {real_high:.2g}], the samples in [{fake_low:.2g}, {fake_high:.2g}]",
        _CLINIC,
    ),
]
