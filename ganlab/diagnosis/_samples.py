"""Rules on the samples: beside the data, and beside each other."""

from ganlab.diagnosis.rules import Rule, above, below, for_players, unknown, within

_BOUNDS = "arithmetic: tanh ends at -1 and 1, a sigmoid at 0 and 1"
_AS_MADE = unknown("loudness")  # D is shown what G gave, without noise or augmentation

RULES = [
    Rule(
        "z-unused",
        "one-sample",
        (
            below("spread", 1e-3),
            below("repeat_z", 0.5),
            below("alike_z", 0.5),
            above("G_back_early", -2.0),
            below("G_dead", 0.9),
        ),
        "the samples of a batch are the same one: their distance is {spread:.0e} of that of the data",
        "arithmetic: without z a batch has one sample; so it has behind dead units or a hundred layers",
    ),
    Rule(
        "z-unused",
        "nothing-comes-back-to-the-first-layer",
        (below("G_back_early", -25.0), below("G_dead", 0.9), below("G_saturated", 0.5), above("G_grad", -20.0)),
        "dL/dh at G's first layer is 0, and other layers have a gradient: what the first one gives is not used",
        "arithmetic: where z is used its layer has a gradient; behind dead units, or a hundred layers, too it is 0",
        title="The output does not depend on the latents.",
    ),
    Rule(
        "z-unused",
        "first-layer-silent",
        (below("G_rms_first", -20.0),),
        "the first layer of G gives 0",
        "arithmetic: its weights are 0",
        exact=True,
    ),
    Rule(
        "collapse",
        "spread-has-fallen",
        (*within("spread", 1e-3, 0.35), below("spread_fall", 0.5)),
        "the samples lie {spread:.2f} as far from each other as the data do, and were {spread_early:.2f}",
        "chapter 7: while it collapses, G's samples draw together",
    ),
    Rule(
        "collapse",
        "alike-and-farther",
        (
            *within("spread", 1e-3, 0.3),
            above("energy_fall", 1.1),
            above("steps", 99),
            above("pair_high", 0.7),
            below("D_frozen", 0.4),
            below("mean_turns", 2.5),
        ),
        "the samples lie {spread:.2f} as far from each other as the data do, and {energy_fall:.1f} times as far from "
        "the data as at first",
        "chapter 7: samples that travel together; chapter 17",
    ),
    Rule(
        "labels-shuffled",
        "labels-say-nothing",
        (*within("label_gap", 0.93, 1.1), above("measured", 7)),
        "two real samples of one label lie as far apart as two of different ones: {label_gap:.2f} of their squared "
        "distance",
        "arithmetic: of labels that were shuffled it is 1",
    ),
    Rule(
        "range-mismatch",
        "tanh-cannot-reach",
        (*within("G_out_kind", 0.5, 1.5), above("real_high", 1.1), below("fake_high", 1.05), _AS_MADE),
        "G ends with tanh, and the data reach {real_high:.2g}",
        _BOUNDS,
        exact=True,
    ),
    Rule(
        "range-mismatch",
        "tanh-far-off",
        (*within("G_out_kind", 0.5, 1.5), above("real_high", 3.0), below("fake_high", 1.5)),
        "G ends with tanh, and the data reach {real_high:.2g}",
        _BOUNDS,
        exact=True,
    ),
    Rule(
        "range-mismatch",
        "tanh-cannot-reach-down",
        (*within("G_out_kind", 0.5, 1.5), below("real_low", -1.1), above("fake_low", -1.05), _AS_MADE),
        "G ends with tanh, and the data reach {real_low:.2g}",
        _BOUNDS,
        exact=True,
    ),
    Rule(
        "range-mismatch",
        "tanh-half-used",
        (*within("G_out_kind", 0.5, 1.5), above("real_low", -0.05), *within("real_high", 0.5, 1.1)),
        "G ends with tanh, and no number of the data is below {real_low:.2g}",
        _BOUNDS,
        exact=True,
    ),
    Rule(
        "range-mismatch",
        "sigmoid-cannot-reach",
        (above("G_out_kind", 1.5), below("real_low", -0.1), _AS_MADE),
        "G ends with a sigmoid, and the data reach down to {real_low:.2g}",
        _BOUNDS,
        exact=True,
    ),
    Rule(
        "range-mismatch",
        "sigmoid-cannot-reach-up",
        (above("G_out_kind", 1.5), above("real_high", 1.1), _AS_MADE),
        "G ends with a sigmoid, and the data reach {real_high:.2g}",
        _BOUNDS,
        exact=True,
    ),
    Rule(
        "range-mismatch",
        "stays-in-the-unit-range",
        (*within("fake_high", 0.9, 1.001), above("fake_low", -1.001), above("real_high", 5.0)),
        "the data reach {real_high:.3g}, and no sample is beyond 1",
        _BOUNDS,
    ),
    Rule(
        "range-mismatch",
        "stays-above-0",
        (*within("fake_low", -1e-6, 0.02), below("real_low", -0.3), above("fake_high", 0.1), below("G_out_kind", 0.5)),
        "the data reach down to {real_low:.2g}, and no sample is below {fake_low:.2g}",
        "arithmetic: a ReLU and a sigmoid end at 0",
        fix="G = torch.nn.Sequential(G, torch.nn.Tanh())   # without the function that G ends in now",
    ),
    Rule(
        "noise-too-large",
        "beyond-tanh",
        (*within("G_out_kind", 0.5, 1.5), above("fake_high", 3.0)),
        "G ends with tanh, and D is shown {fake_high:.1f}: the rest is noise",
        "arithmetic: the largest of a thousand numbers is 3.2 deviations out, so those of the noise are above 0.6",
        exact=True,
    ),
    Rule(
        "noise-too-large",
        "louder-than-samples",
        (above("loudness", 2.0), above("fake_calls", 0.5)),
        "the quieter of D's two batches is {loudness:.1f} times as loud as what G gave: the rest is noise",
        "arithmetic: noise of 1.7 times the size of the samples",
    ),
    Rule(
        "batch-statistics",
        "one-batch-for-both",
        (*within("real_calls", 0.5, 1.5), below("fake_calls", 0.5), above("D_batch_norms", 0.5), below("blind", 0.5)),
        "D has batch norm, and is called once in its step, on real and generated samples together",
        "chapter 10: statistics of real and generated samples together",
        exact=True,
    ),
    *for_players(
        lambda player: Rule(
            "batch-statistics",
            f"{player}-few",
            (below("batch", 3.5), above(f"{player}_flat_norms", 0.5)),
            f"{player} has BatchNorm1d, and a batch has {{batch:.0f}} samples",
            "arithmetic: the variance of two samples has one degree of freedom",
            exact=True,
        )
    ),
    *for_players(
        lambda player: Rule(
            "batch-statistics",
            f"{player}-two",
            (*within("batch", 1.5, 2.5), above(f"{player}_batch_norms", 0.5), below("width", 1.5)),
            f"{player} has batch norm, and a batch has {{batch:.0f}} samples",
            "arithmetic: half of what it normalises by is the sample itself",
        )
    ),
    *for_players(
        lambda player: Rule(
            "batch-statistics",
            f"{player}-epsilon",
            (above(f"{player}_norm_eps", 0.05),),
            f"a normalising layer of {player} adds {{{player}_norm_eps:.2g}} to the variance",
            "arithmetic: 1e-5 is usual",
            exact=True,
            title="A normalising layer adds a large number to the variance, and no longer normalises.",
            fix=f"for layer in {player}.modules():   # BatchNorm2d's second argument is eps\n"
            '    if "Norm" in type(layer).__name__: layer.eps = 1e-5',
        )
    ),
]
