"""Published rule sets, rebuilt from their descriptions, on the features that the doctor reads.

Each alarm says which causes it may be credited with, generously: whatever its text could be taken to mean. A training
loss and an accuracy on a test set, which some of their rules read, a GAN has not; where a feature stands in for what a
rule reads, its comment says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganlab._check import lookup

Fires = Callable[[Mapping[str, Any]], Any]  # of the features, numbers or columns, to true or false


@dataclass(frozen=True)
class Alarm:
    """says: its published name. fires: on which features. credited: causes that it may mean.

    >>> from ganlab.clinic.rivals import FORUMS
    >>> alarm = FORUMS.alarms[1]
    >>> alarm.says, bool(alarm.fires({"margin": 5.0})), "saturation" in alarm.credited
    ("D's loss is near 0", False, True)
    """

    says: str
    fires: Fires
    credited: tuple[str, ...]


@dataclass(frozen=True)
class Rival:
    """name, source, and the alarms in the order in which they are looked at.

    >>> from ganlab.clinic.rivals import RIVALS
    >>> {name: len(rival.alarms) for name, rival in RIVALS.items()}
    {'SageMaker Debugger': 7, 'AUTOTRAINER': 6, 'forums': 3}
    """

    name: str
    source: str
    alarms: tuple[Alarm, ...]


NO_GRADIENT = (
    "depth-vanishing", "saturation", "detached", "frozen-generator", "dead-units", "saturated-units",
    "discriminator-too-strong", "clip-always-on", "weights-at-clip-bound", "discriminator-frozen",
)  # fmt: skip
NOT_FINITE = (
    "nonfinite-log-sigmoid", "nonfinite-half", "nonfinite-critic", "nonfinite-penalty-at-zero", "nonfinite-rate",
    "nonfinite-data", "explosion", "rate-too-large", "critic-unbounded",
)  # fmt: skip
TOO_SLOW = ("rate-too-small", "frozen-generator", "discriminator-frozen", "clip-always-on", "detached")
UNSTEADY = ("rate-too-large", "momentum-too-high", "rotation", "collapse", "gradients-not-cleared")
STARTS = ("depth-vanishing", "explosion", "dead-units", "saturated-units")


def _either(name: str, test: Callable[[Any], Any]) -> Fires:
    """Whether a feature of D or of G passes. What was not measured passes no test."""
    return lambda features: np.logical_or(test(features[f"D_{name}"]), test(features[f"G_{name}"]))


# Amazon SageMaker Developer Guide, "List of Debugger Built-in Rules", with the defaults printed there.
SAGEMAKER = Rival(
    "SageMaker Debugger",
    "Amazon SageMaker Developer Guide, List of Debugger Built-in Rules",
    (
        # NaN or infinite.
        Alarm("ExplodingTensor", lambda features: np.asarray(features["bad"]) > 0, NOT_FINITE),
        # A mean absolute gradient below 1e-7. Of ten thousand weights, as many as a network here has, the mean
        # absolute value is about a hundredth of the norm.
        Alarm("VanishingGradient", _either("grad", lambda x: np.asarray(x) < -5), NO_GRADIENT),
        # More than half of the ReLUs of a layer are inactive.
        Alarm("DeadRelu", _either("dead", lambda x: np.asarray(x) > 0.5), ("dead-units", "depth-vanishing")),
        # More than half of the tanh or sigmoid units of a layer are at a bound; within half a percent of their range
        # here, within 1e-7 there.
        Alarm("SaturatedActivation", _either("saturated", lambda x: np.asarray(x) > 0.5), ("saturated-units",)),
        # A ratio of update to weight above 10, or below 1e-8.
        Alarm("WeightUpdateRatio", _either("update", lambda x: np.asarray(x) > 1), ("rate-too-large", *NOT_FINITE)),
        Alarm("WeightUpdateRatio", _either("update", lambda x: np.asarray(x) < -8), TOO_SLOW),
        # Variances of the layers' inputs more than a factor of 10 apart.
        Alarm("PoorWeightInitialization", _either("forward", lambda x: np.abs(x) > 0.5), STARTS),
    ),
)

# Zhang et al. 2021 with the defaults of the authors' code: beta_1 1e-3, beta_3 70, gamma 0.7, zeta 0.03, delta 0.01.
# Its second condition on a vanishing gradient, a first layer's norm below 1e-4, is left out, so that it is found more
# often; and so is the first of all, that the accuracy is not what one asks for: a discriminator should not reach it.
AUTOTRAINER = Rival(
    "AUTOTRAINER",
    "Zhang et al. 2021, AUTOTRAINER: An Automatic DNN Training Problem Detection and Repair System, ICSE",
    (
        Alarm("explode", lambda features: np.asarray(features["bad"]) > 0, NOT_FINITE),
        # At least 0.7 of the gradient's numbers are exactly 0.
        Alarm("dying ReLU", _either("zeros", lambda x: np.asarray(x) >= 0.7), ("dead-units", "detached")),
        # The first layer's norm over the last's.
        Alarm("explode", _either("slope_first", lambda x: np.asarray(x) > np.log10(70)), ("explosion", *NOT_FINITE)),
        Alarm("vanish", _either("slope_first", lambda x: np.asarray(x) < -3), NO_GRADIENT),
        # The accuracy goes up and down by 0.03: twice a standard deviation here. D's accuracy on pairs stands for it.
        Alarm("oscillating", lambda features: 2 * np.asarray(features["pair_accuracy_swing"]) >= 0.03, UNSTEADY),
        # The accuracy never grows by 0.01: late less early here.
        Alarm(
            "slow convergence",
            lambda features: np.asarray(features["pair_accuracy"]) - features["pair_accuracy_early"] < 0.01,
            TOO_SLOW,
        ),
    ),
)

# What question-and-answer pages say of a discriminator's loss near 0, and of one that is right half of the time.
FORUMS = Rival(
    "forums",
    "question-and-answer pages: a discriminator's loss near 0 is failure, an accuracy of a half for ever too",
    (
        Alarm("NaN", lambda features: np.asarray(features["bad"]) > 0, NOT_FINITE),
        # log(1 + exp(-3)) = 0.05 for each kind of samples: a margin of 6.
        Alarm(
            "D's loss is near 0",
            lambda features: np.asarray(features["margin"]) > 6,
            ("discriminator-too-strong", "saturation", "range-mismatch", "rate-too-large", "discriminator-memorises"),
        ),
        Alarm(
            "D cannot tell",
            lambda features: np.abs(np.asarray(features["pair_accuracy"]) - 0.5) < 0.05,
            ("discriminator-too-weak", "rate-too-small", "discriminator-frozen"),
        ),
    ),
)

# Name -> rule set.
RIVALS: dict[str, Rival] = {rival.name: rival for rival in (SAGEMAKER, AUTOTRAINER, FORUMS)}


def alarms(rival: str, features: Mapping[str, float]) -> list[Alarm]:
    """The alarms that a rule set raises on the features of one run; [] where it finds nothing.

    >>> from collections import defaultdict
    >>> from ganlab.clinic.rivals import alarms
    >>> features = defaultdict(lambda: float("nan"), margin=9.0)
    >>> [alarm.says for alarm in alarms("forums", features)]
    ["D's loss is near 0"]

    Raises:
        ValueError: an unknown rule set.
    """
    return [alarm for alarm in lookup(RIVALS, rival, "rule set").alarms if bool(alarm.fires(features))]


def judged(rival: str, table: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """For each row of a table of features with a column `label`: whether any alarm was raised, whether one that was may
    be credited with the label, and how many causes the alarms that were raised may mean.

    >>> import pandas
    >>> from ganlab.clinic.rivals import RIVALS, judged
    >>> rows = {"label": ["saturation", "healthy"], "margin": [9.0, 1.0], "pair_accuracy": [1.0, 0.7], "bad": 0.0}
    >>> {name: values.tolist() for name, values in judged("forums", pandas.DataFrame(rows)).items()}
    {'alarm': [True, False], 'right': [True, False], 'meanings': [5, 0]}

    Raises:
        ValueError: an unknown rule set.
    """
    found = lookup(RIVALS, rival, "rule set").alarms
    labels = np.asarray(table["label"], dtype=object)
    fires = np.array([np.broadcast_to(alarm.fires(table), labels.shape) for alarm in found])
    right = [fired & np.isin(labels, alarm.credited) for fired, alarm in zip(fires, found, strict=True)]
    meanings = [len({cause for fired, alarm in zip(row, found, strict=True) if fired for cause in alarm.credited})
                for row in fires.T]  # fmt: skip
    return {"alarm": fires.any(axis=0), "right": np.any(right, axis=0), "meanings": np.array(meanings)}
