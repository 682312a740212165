"""How the accounts average: by the kind of number, never beyond the possible, and not from three seeds."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import quantile_test

import accounts
import measures
import values
from ganlab.study import wilson
from values import AccountError, Value, band, difference, over_seeds, ratio

MEASURES = [(claim.id, m) for claim in accounts.claims().values() for m in claim.measures if not m.awaited]
MEASURES += [(entry.id, entry.measure) for entry in accounts.reproductions().values()]
ANY, SHARE, POSITIVE = (-np.inf, np.inf), (0.0, 1.0), (0.0, np.inf)


@pytest.mark.parametrize(("name", "measure"), MEASURES)
def test_no_interval_says_that_the_impossible_is_possible(name, measure):
    """Caught: ratios below 0 (C4.6, C5.4, C12.4, C12.5), shares below 0 or above 1 (C16.1, C16.2), 8.17 of 8 modes
    (C7.5), a negative norm (C9.2)."""
    value = measure.compute()
    slack = 1e-12 * (1 + abs(value.mean))
    assert value.low - slack <= value.mean <= value.high + slack
    if measure.kind == "ratio":
        assert value.low >= 0  # a median may be 0
    low, high = measure.bounds
    if measure.against is None:
        assert low <= value.low and value.high <= high
    elif measure.kind in ("share", "mean"):
        assert low - high <= value.low and value.high <= high - low


def test_three_seeds_decide_nothing():
    """Caught: S2.3, S1.12, C12.4 to C12.8, S1.10 and a measure of S1.13 rest on three."""
    assert band("> 0").judge(Value(5, 4.9, 5.1, 3)) == "open"
    assert band("> 0").judge(Value(5, 4.9, 5.1, 4)) == "holds"
    assert band("> 0").judge(Value(5, 5, 5)) == "holds"


@pytest.mark.parametrize(("name", "measure"), MEASURES)
def test_three_seeds_decide_nothing_in_the_book(name, measure):
    if measure.threshold and (measure.compute().seeds or values.FEW) < values.FEW:
        assert measure.verdict() == "open"


def test_a_ratio_is_averaged_on_logarithms():
    """A half and a double cancel; arithmetic had printed 4.76 for C6.1 where the geometric mean is 3.41."""
    value = ratio(np.array([0.5, 2.0, 1.0, 1.0]), np.ones(4))
    assert value.mean == pytest.approx(1) and value.low * value.high == pytest.approx(1)
    with pytest.raises(AccountError, match="positive"):
        ratio(np.array([-0.1, 1.0]), np.ones(2))
    c61 = accounts.claims()["C6.1"].measures[0].compute()
    assert c61.mean == pytest.approx(3.41, abs=0.005)


@pytest.mark.parametrize("n", [3, 5, 6, 8, 10, 16, 25])
def test_interval_of_a_median_is_that_of_scipys_sign_test(n):
    numbers = np.random.default_rng(n).exponential(size=n)
    found, theirs = values.median(numbers), quantile_test(numbers).confidence_interval(0.95)
    assert found.mean == np.median(numbers)
    if n < 6:
        assert (found.low, found.high) == (0, np.inf)  # scipy says nan
    else:
        assert (found.low, found.high) == (theirs.low, theirs.high)


def test_a_ratio_with_zeros_is_a_median():
    """Three plain GANs of C9.18 are dead and do not swing at all: no logarithm, but an order."""
    control = np.array([0, 0, 0, *[1.0] * 13])
    value = ratio(np.full(16, 0.5), control)
    assert (value.mean, value.low, value.high) == (0.5, 0.5, 0.5)
    assert str(value).startswith("median 0.5") and str(ratio(np.full(16, 0.5), np.ones(16))).startswith("0.5")
    assert band("< 0.8").judge(value) == "holds"
    half = ratio(np.full(16, 0.5), np.repeat([0.0, 1.0], 8))
    assert half.high == np.inf and band("< 0.8").judge(half) == "open"
    assert over_seeds("ratio", np.array([0.0, 0.2, 3, 4, 5]), POSITIVE).high == np.inf
    with pytest.raises(AccountError, match="0 / 0"):
        ratio(np.array([0.0, 1.0]), np.array([0.0, 1.0]))


def test_none_of_eight_is_not_never():
    none = over_seeds("share", np.zeros(8), SHARE, events=True)
    assert (none.low, none.high) == (0, pytest.approx(0.3244, abs=1e-4))


def test_difference_of_two_shares_of_runs_is_newcombes():
    """His example (1998): 56 of 70 less 48 of 80 is 0.2, from 0.0524 to 0.3339."""
    first, second = np.repeat([1.0, 0.0], [56, 14]), np.repeat([1.0, 0.0], [48, 32])
    value = values._newcombe(wilson(first), wilson(second))
    assert (value.mean, value.low, value.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    extreme = difference("share", np.ones(8), np.zeros(8), SHARE, events=True)
    assert (extreme.high, extreme.low) == (1, pytest.approx(1 - np.hypot(0.3244, 0.3244), abs=1e-3))


def test_the_interval_ends_where_the_possible_ends():
    assert over_seeds("mean", np.array([8, 8, 8, 7.0]), (0, 8)).high == 8
    assert difference("share", np.array([1, 1, 0.9, 1]), np.zeros(4), SHARE).high == 1


@pytest.mark.parametrize(
    ("kind", "numbers", "possible", "message"),
    [
        ("share", [0.5, 1.2], SHARE, r"lies in \[0, 1\], these in \[0.5 to 1.2\]"),
        ("ratio", [0.0, 1.0, 1.0], POSITIVE, "take kind share"),
        ("ratio", [-0.1, 1.2], POSITIVE, "lies in"),
        ("mean", [-1.0, 1.2], (0, 8), "lies in"),
    ],
)
def test_a_kind_that_its_numbers_contradict_is_refused(kind, numbers, possible, message):
    with pytest.raises(AccountError, match=message):
        over_seeds(kind, np.array(numbers), possible)


def test_the_kind_is_checked_against_the_column(monkeypatch):
    table = pd.DataFrame({"seed": range(4), "net": "a", "won": [0, 1, 1, 0], "share": [0.1, 0.2, 0.3, 0.25]})
    monkeypatch.setattr(measures, "_recorded", {"s": table}.__getitem__)

    def made(column, kind):
        return measures.Measure(study="s", column=column, kind=kind).compute()

    assert made("won", "share").high < 1 and made("won", "share").low == pytest.approx(0.15, abs=1e-3)  # Wilson
    assert made("share", "share").high == pytest.approx(0.348, abs=1e-3)  # Student's t
    with pytest.raises(AccountError, match="take kind share"):
        made("won", "ratio")


def test_a_check_without_seeds_is_exact(monkeypatch):
    monkeypatch.setattr(measures, "checks", lambda: {"one": lambda: 2.0, "many": lambda: np.arange(1.0, 6)})
    measures._from_check.cache_clear()
    for name, kind in (("one", "mean"), ("many", "exact")):
        with pytest.raises(AccountError, match="`kind: exact` is for one without seeds"):
            measures.Measure(check=name, kind=kind).compute()
    measures._from_check.cache_clear()
