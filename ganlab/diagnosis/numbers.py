"""What a chart says in numbers: a fixed set of features, each with a name, that the rules look at.

A name is `quantity` for the game, or `player_quantity`. *Late* is the second half of the steps, *early* the first
quarter. What was not measured is NaN, and no rule fires on NaN.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ganlab.diagnosis import _flow, _game, _layers, _steps
from ganlab.diagnosis.chart import Chart, charts

# Each gives a part of the features of a chart.
_PARTS: tuple[Callable[[Chart], dict[str, float]], ...] = (
    _game.features, _steps.features, _flow.features, _layers.features
)  # fmt: skip


def features(source: Any, upto: int | None = None) -> dict[str, float]:
    """The features of one GAN.

    >>> import pandas
    >>> from ganlab.diagnosis import features
    >>> game = pandas.DataFrame({"step": [1, 2], "seed": 0, "real_logit": [0.5, 2.0], "fake_logit": [0.0, -1.0]})
    >>> round(features({"game": game})["margin"], 2)
    3.0

    Args:
        source: a `Chart`, a monitor of single networks, or its tables (see `charts`).
        upto: as if the run had ended at this step; default: all of it.

    Returns:
        Name to number. NaN: it was not measured.

    Raises:
        ValueError: several networks, or nothing measured up to that step.
    """
    if isinstance(source, Chart):
        chart = source
    else:
        found = charts(source)
        if len(found) > 1:
            raise ValueError(f"source holds {len(found)} networks: give one of its charts")
        chart = found[0]
    chart = chart if upto is None else chart.upto(upto)
    if not chart.last:
        when = "at all" if upto is None else f"up to step {upto}"
        raise ValueError(f"nothing was measured {when}: have the optimizers that the monitor was given stepped?")
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a median of nothing is NaN, which says that
        return {name: float(value) for part in _PARTS for name, value in part(chart).items()}
