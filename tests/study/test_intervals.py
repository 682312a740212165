"""Intervals against SciPy's, and against what they may never say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ganlab.study import geometric, interval, wilson


@given(
    st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.8, 0.95, 0.99])
)
def test_wilson_is_scipys(counts, level):
    hits, n = counts
    found = wilson([1] * hits + [0] * (n - hits), level)
    theirs = stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert 0 <= found.low <= found.mean == hits / n <= found.high <= 1


@given(st.lists(st.floats(1e-9, 1e9), min_size=2, max_size=20))
def test_geometric_is_the_interval_of_the_logarithms(values):
    found, logs = geometric(values), interval(np.log(values))
    assert found.mean == pytest.approx(stats.gmean(values))
    assert np.log([found.low, found.high]) == pytest.approx([logs.low, logs.high], abs=1e-6) or found.high == np.inf
    assert 0 <= found.low <= found.mean * (1 + 1e-9)


def test_one_ratio_proves_nothing():
    assert geometric([2.0]) == (pytest.approx(2), 0, np.inf, 1)


@pytest.mark.parametrize(
    ("call", "values", "message"),
    [
        (geometric, [1, 0], "1 of 2 values are not positive"),
        (geometric, [], "values is empty"),
        (geometric, [1, np.nan], "not finite"),
        (wilson, [], "values is empty"),
        (wilson, [0.5, 1], "0 or 1"),
    ],
)
def test_refusals(call, values, message):
    with pytest.raises(ValueError, match=message):
        call(values)
