"""Features are what their descriptions say, by numbers computed here."""

import math

import numpy as np
import pandas as pd
import pytest
from by_hand import activations, game, gradients, moves
from hypothesis import given
from hypothesis import strategies as st

from ganlab.diagnosis import charts, features
from ganlab.diagnosis._windows import least, log, median, most


def test_of_the_game():
    found = features({"game": game()})
    assert found["margin"] == pytest.approx(5.0)  # late: steps 3 and 4, margins 4 and 6
    assert found["margin_first"] == 0.0
    assert found["swing"] == pytest.approx(0.0)
    assert (found["logit_low"], found["logit_high"]) == (-3.0, 3.0)
    assert found["energy"] == pytest.approx(0.1)
    assert found["energy_first"] == 0.8
    assert found["energy_fall"] == pytest.approx(0.125)
    assert found["energy_least"] == 0.0
    assert found["spread_fall"] == pytest.approx(0.9 / 0.1)
    assert found["low_gap"] == pytest.approx(0.5)  # one below, of a range of two
    assert found["high_gap"] == pytest.approx(0.25)
    assert found["opposite_slopes"] == pytest.approx(0.0)  # 0.9 + 0.1 - 1
    assert found["same_slopes"] == pytest.approx(0.8)
    assert found["real_slope_apart"] == pytest.approx(0.2)
    assert found["input_slope_growth"] == pytest.approx(3.5)


def test_logits_grow_by_size_whatever_their_sign():
    table = game(real_logit=[1.0, 1.0, 1.0, 1.0], fake_logit=[-10.0, -10.0, -1000.0, -1000.0])
    assert features({"game": table})["logit_growth"] == pytest.approx(2.0)


def test_as_it_was_at_an_earlier_step():
    assert features({"game": game()}, upto=2) == pytest.approx(features({"game": game().head(2)}), nan_ok=True)
    assert features({"game": game()}, upto=1)["margin"] == 0.0


def test_of_the_steps():
    found = features({"game": game(), "gradients": gradients({"a": [3.0] * 4, "b": [4.0] * 4})})
    assert found["G_grad"] == pytest.approx(math.log10(5.0))
    assert found["G_grad_cv"] == pytest.approx(0.0)
    assert found["G_grad_growth"] == pytest.approx(0.0)
    assert found["G_update"] == pytest.approx(-2.0)
    assert found["G_slope_range"] == pytest.approx(math.log10(4 / 3))
    assert found["G_slope_first"] == pytest.approx(math.log10(3 / 4))
    assert found["G_detached"] == 0.0
    assert math.isnan(found["D_grad"])


def test_growth_and_spikes_are_in_powers_of_ten():
    found = features({"game": game(), "gradients": gradients({"a": [1.0, 1.0, 100.0, 100.0]})})
    assert found["G_grad_growth"] == pytest.approx(2.0)
    assert features({"game": game(), "gradients": gradients({"a": [1.0, 1000.0, 1.0, 1.0]})})["G_grad_spike"] == 3.0


def test_a_player_without_gradients_is_detached():
    table = gradients({"a": [math.nan] * 4}, status="detached")
    assert features({"game": game(), "gradients": table})["G_detached"] == 1.0


def test_of_the_moves():
    parts = pd.concat([moves(carried=0.3), moves(moved=1e-3, carried=math.nan, mode="eval", net="D")])
    found = features({"game": game(), "moves": parts})
    assert found["G_carried"] == pytest.approx(0.3)
    assert found["G_moves_other"] == pytest.approx(-3.0)
    assert (found["G_eval"], found["G_eval_other"]) == (0.0, 1.0)


def test_of_the_layers():
    layers = {
        "0": ("Linear", 1.0, 1e-4),
        "1": ("ReLU", 0.5, 1e-3),
        "2": ("Linear", 10.0, 1e-1),
        "3": ("Tanh", 0.9, 1.0),
    }
    found = features({"game": game(), "activations": activations(layers)})
    assert found["G_depth"] == 2
    assert found["G_back"] == pytest.approx(-4.0)
    assert found["G_forward"] == pytest.approx(1.0)
    assert found["G_dead"] == 0.25
    assert found["G_saturated"] == 0.0
    assert found["G_out_saturated"] == 0.5


def test_where_it_was_not_finite_first():
    origin = pd.DataFrame([{"step": 3, "phase": "D", "net": "D", "layer": "4", "where": "forward"}])
    table = gradients({"a": [1.0, 10.0, 1e9, 1e9]}, phase="D")
    found = features({"game": game(), "gradients": table, "origin": origin})
    assert found["bad"] == found["bad_forward"] == found["bad_D"] == 1.0
    assert found["bad_G"] == found["bad_backward"] == found["bad_input"] == 0.0
    assert found["bad_grad"] == pytest.approx(1.0)  # before it, not at it
    assert features({"game": game(), "gradients": table, "origin": origin}, upto=2)["bad"] == 0.0


def test_each_member_has_its_own_chart():
    both = pd.concat([game(), game(seed=1, energy=[0.8, 0.8, 0.8, 0.8])])
    first, second = charts({"game": both})
    assert features(first)["energy_fall"] == pytest.approx(0.125)
    assert features(second)["energy_fall"] == 1.0
    with pytest.raises(ValueError, match="source holds 2 networks"):
        features({"game": both})


def test_rows_may_come_in_any_order():
    table = gradients({"a": [3.0, 1.0, 2.0, 5.0], "b": [4.0] * 4})
    mixed = table.sample(frac=1, random_state=0)
    kept = mixed.sort_values("depth", kind="stable")
    assert features({"game": game(), "gradients": kept}) == pytest.approx(
        features({"game": game(), "gradients": table}), nan_ok=True
    )


@pytest.mark.parametrize(
    ("source", "error", "says"),
    [
        (3, TypeError, "source is a int: give a ganlab.monitor.Monitor"),
        ({"gam": game()}, ValueError, "tables has gam"),
        ({"game": game().head(0)}, ValueError, "nothing was measured yet"),
    ],
)
def test_refused(source, error, says):
    with pytest.raises(error, match=says):
        features(source)


def test_a_step_before_the_first_is_refused():
    with pytest.raises(ValueError, match="nothing was measured up to step 0"):
        features({"game": game()}, upto=0)


@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(math.nan)), min_size=1, max_size=20))
def test_extremes_and_median_leave_nan_out(values):
    array = np.array(values)
    known = array[~np.isnan(array)]
    if not len(known):
        assert math.isnan(most(array)) and math.isnan(least(array)) and math.isnan(median(array[:, None])[0])
    else:
        assert (most(array), least(array)) == (known.max(), known.min())
        assert median(array[:, None])[0] == pytest.approx(np.median(known))


def test_a_logarithm_of_zero_is_finite():
    assert log(0.0) == pytest.approx(-38)


def test_the_same_features_whatever_was_measured():
    layers = activations({"0": ("Linear", 1.0, 1.0), "1": ("Tanh", 1.0, 1.0)})
    parts = {"gradients": gradients({"a": [1.0] * 4}), "activations": layers, "moves": moves()}
    assert list(features({"game": game(), **parts})) == list(features({"game": game()}))
    assert set(features({"gradients": parts["gradients"]})) == set(features({"game": game()}))
