"""Published rule sets: their thresholds, and whom they may be credited with."""

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest

from ganlab.clinic import examine
from ganlab.clinic.rivals import RIVALS, alarms, judged
from ganlab.diagnosis import CAUSES, features


def said(rival: str, **found: float) -> list[str]:
    return [alarm.says for alarm in alarms(rival, defaultdict(lambda: float("nan"), found))]


@pytest.mark.parametrize(
    ("rival", "feature", "quiet", "loud", "says"),
    [
        ("SageMaker Debugger", "bad", 0, 1, "ExplodingTensor"),
        ("SageMaker Debugger", "G_grad", -4.9, -5.1, "VanishingGradient"),
        ("SageMaker Debugger", "D_dead", 0.5, 0.51, "DeadRelu"),
        ("SageMaker Debugger", "G_saturated", 0.5, 0.51, "SaturatedActivation"),
        ("SageMaker Debugger", "D_update", 0.9, 1.1, "WeightUpdateRatio"),
        ("SageMaker Debugger", "D_update", -7.9, -8.1, "WeightUpdateRatio"),
        ("SageMaker Debugger", "G_forward", -0.4, -0.6, "PoorWeightInitialization"),
        ("AUTOTRAINER", "bad", 0, 1, "explode"),
        ("AUTOTRAINER", "G_zeros", 0.69, 0.7, "dying ReLU"),
        ("AUTOTRAINER", "D_slope_first", 1.84, 1.85, "explode"),  # log10 of 70 is 1.845
        ("AUTOTRAINER", "G_slope_first", -2.9, -3.1, "vanish"),
        ("AUTOTRAINER", "pair_accuracy_swing", 0.014, 0.016, "oscillating"),
        ("forums", "bad", 0, 1, "NaN"),
        ("forums", "margin", 5.9, 6.1, "D's loss is near 0"),
        ("forums", "pair_accuracy", 0.56, 0.54, "D cannot tell"),
    ],
)
def test_each_threshold(rival, feature, quiet, loud, says):
    assert said(rival, **{feature: quiet}) == []
    assert said(rival, **{feature: loud}) == [says]


def test_slow_convergence_is_an_accuracy_that_does_not_grow():
    assert said("AUTOTRAINER", pair_accuracy=0.7, pair_accuracy_early=0.6) == []
    assert said("AUTOTRAINER", pair_accuracy=0.7, pair_accuracy_early=0.7) == ["slow convergence"]


@pytest.mark.parametrize("rival", RIVALS)
def test_nothing_measured_is_no_alarm(rival):
    assert said(rival) == []


@pytest.mark.parametrize("rival", RIVALS)
def test_they_are_credited_with_causes_that_exist(rival):
    assert all(set(alarm.credited) <= set(CAUSES) and alarm.credited for alarm in RIVALS[rival].alarms)


@pytest.mark.parametrize("rival", RIVALS)
def test_a_table_is_judged_as_its_rows_are(rival):
    rows = []
    for name in ("plain", "dead-units: generator", "nonfinite-penalty-at-zero"):
        loss = "wasserstein"
        rows.append({"label": name.split(":")[0], **features(examine(f"{name} / ring-mlp / {loss}", steps=20))})
    found = judged(rival, pd.DataFrame(rows))
    for number, row in enumerate(rows):
        raised = alarms(rival, row)
        assert found["alarm"][number] == bool(raised)
        assert found["right"][number] == any(row["label"] in alarm.credited for alarm in raised)
        assert found["meanings"][number] == len({cause for alarm in raised for cause in alarm.credited})
    assert found["right"][2] and not found["right"][0]  # NaN is found by all


def test_it_needs_a_known_rule_set():
    with pytest.raises(ValueError, match="unknown rule set 'oracle'"):
        judged("oracle", {"label": np.array([])})
    with pytest.raises(ValueError, match="unknown rule set"):
        alarms("oracle", {})
