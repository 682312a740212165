"""Clipping as it is on a GPU, on tensors of the CPU: few launches, no number looked at, and the same results."""

import pytest
import test_adaptive
import test_clippers
import test_percentile
import torch
from hypothesis import given
from hypothesis import strategies as st
from kernels import Launches
from test_clippers import CLIPPERS, grads, same, shapes, tensors
from torch import nn

from ganlab.clipping import PercentileClip, Report, clip_grad_norm_, clip_grad_value_


@pytest.fixture(autouse=True, scope="module")
def elsewhere():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganlab._numeric.HOST", set())
        yield


# Every promise holds there too. What is bit for bit torch's on a CPU is so to rounding.
for module in (test_clippers, test_percentile, test_adaptive):
    for name, found in vars(module).items():
        if name.startswith("test_") and name not in ("test_equal_to_torch_bit_for_bit", "test_with_accelerate"):
            globals().setdefault(f"{name}_elsewhere", found)


@given(shapes=shapes, seed=st.integers(0, 2**20), bound=st.floats(0, 20), scale=st.sampled_from([1e-12, 1.0, 1e6]))
def test_equal_to_torch(shapes, seed, bound, scale):
    a, b = (tensors(seed, *shapes) for _ in range(2))
    for p in (*a, *b):
        p.grad *= scale
    torch.testing.assert_close(clip_grad_norm_(a, bound), nn.utils.clip_grad_norm_(b, bound))
    same(grads(a), grads(b), rtol=1e-5, atol=0)


def used(call, parameters) -> Launches:
    call(parameters)
    for p in parameters:
        p.grad = torch.randn_like(p)
    with Launches() as launches:
        call(parameters)
    return launches


PERCENTILE = PercentileClip(10)
A_FEW = {
    "norm": (lambda p: clip_grad_norm_(p, 1.0), 12),
    "norm, skip": (lambda p: clip_grad_norm_(p, 1.0, nonfinite="skip"), 20),
    "norm, zero": (lambda p: clip_grad_norm_(p, 1.0, nonfinite="zero"), 16),
    "value": (lambda p: clip_grad_value_(p, 1.0), 8),
    "percentile": (PERCENTILE, 26),
}


@pytest.mark.parametrize(("call", "most"), A_FEW.values(), ids=A_FEW)
def test_a_few_launches_for_any_number_of_tensors(call, most):
    few, many = (used(call, tensors(0, *[(7,), (5, 3)] * pairs)) for pairs in (2, 30))
    assert few.kernels == many.kernels and many.total <= most


@pytest.mark.parametrize("nonfinite", ["propagate", "skip", "zero"])
@pytest.mark.parametrize("clip", CLIPPERS.values(), ids=CLIPPERS)
def test_nothing_is_read_and_nothing_uploaded(clip, nonfinite):
    model, report = test_clippers.net(), Report()
    percentile = PercentileClip(10, nonfinite=nonfinite)
    call = percentile if clip is CLIPPERS["percentile"] else lambda p, **more: clip(p, nonfinite=nonfinite, **more)
    call(model, report=report)
    with Launches() as launches:
        call(model, report=report)
    assert launches.waits == []


def test_the_types_of_a_factor():
    """A factor in float64 would be a launch for each gradient; for half precision it stays, as it may be tiny."""
    for dtype, launches in ((torch.float32, 1), (torch.float64, 1), (torch.float16, 60)):
        found = used(A_FEW["norm"][0], tensors(0, *[(7,)] * 60, dtype=dtype))
        assert found.kernels["_foreach_mul_"] == launches
