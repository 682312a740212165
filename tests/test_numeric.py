"""Norms of any size, looked at on a CPU and not looked at elsewhere, against float64."""

import pytest
import torch

from ganlab._numeric import may_look, norm, norms, pooled, recording, total, wide

INF, NAN = float("inf"), float("nan")
places = pytest.mark.parametrize("host", [{"cpu"}, set()], ids=["here", "elsewhere"])


@pytest.fixture
def place(host, monkeypatch):
    """With no host, tensors of the CPU are treated as those of another device are."""
    monkeypatch.setattr("ganlab._numeric.HOST", host)


@places
@pytest.mark.parametrize("size", [1e-40, 1e-25, 1.0, 1e25, 1e38])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_at_any_size(place, size, dtype):
    values = (size * torch.randn(3, 50, dtype=torch.float64).clamp(-3, 3)).to(dtype)
    exact = values.double().square().sum(1).sqrt()
    for found in (norm(values, (1,), tiny=True), wide(values, (1,)), norms(list(values), tiny=True)):
        torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=0)
    torch.testing.assert_close(norm(values, tiny=True).double(), total(exact), rtol=1e-5, atol=0)


@places
@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_a_double_that_has_no_square(place, size):
    values = torch.full((4, 4), size, dtype=torch.float64)
    for found in (norm(values, tiny=True), norms([values, values], tiny=True)[1], wide(values)):
        assert found.item() == pytest.approx(4 * size)


@places
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, INF])
def test_orders_and_lists(place, p):
    tensors = [torch.randn(4, 5), torch.randn(7), torch.randn(2, 3, 4)]
    expected = torch.stack([torch.linalg.vector_norm(t.double(), p) for t in tensors])
    for foreach in (None, True, False):
        torch.testing.assert_close(norms(tensors, None, p, foreach=foreach).double(), expected, rtol=1e-6, atol=0)
    expected = torch.linalg.vector_norm(tensors[2].double(), p, dim=(0, 2))
    torch.testing.assert_close(norm(tensors[2], (0, 2), p).double(), expected, rtol=1e-6, atol=0)


def test_a_high_order_has_room_too():
    assert wide(torch.full((2,), 1e38), p=20.0).item() == pytest.approx(1e38 * 2 ** (1 / 20))


@places
def test_nothing_and_what_is_not_finite(place):
    assert norm(torch.zeros(3), tiny=True) == 0
    assert not norm(torch.tensor([1.0, INF]), tiny=True).isfinite()
    assert norm(torch.tensor([1.0, NAN]), tiny=True).isnan()
    assert norms([torch.ones(2), torch.empty(0)]).tolist() == pytest.approx([2**0.5, 0])


@places
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(place, dtype):
    assert norm(torch.full((100,), 300.0, dtype=dtype)).item() == 3000  # 300^2 overflows in float16


@places
def test_types_side_by_side(place):
    found = norms([torch.full((4,), 1e30), torch.ones(4, dtype=torch.float64)], alike=False)
    assert found.tolist() == pytest.approx([2e30, 2])


@pytest.mark.parametrize("dims", [None, [None, (0,)]])
def test_a_recorded_norm_is_the_looked_at_one(dims):
    """Type, shape and every bit; also where float32 cannot hold the norm, though it holds the numbers."""
    for size in (1e-25, 1.0, 1e30, 2e38):
        tensors = [size * torch.rand(5).clamp(0.5), torch.rand(3, 2)]

        def join(values):
            return torch.cat([value.reshape(-1) for value in values])

        with recording():
            assert not may_look(torch.device("cpu"))
            recorded = norms(tensors, dims, join=join)
        looked = norms(tensors, dims, join=join)
        assert recorded.dtype == looked.dtype and torch.equal(recorded, looked)


def test_sums_over_runs():
    values, ends = torch.arange(6.0), torch.tensor([0, 2, 2, 6])
    assert pooled(values, ends).tolist() == [1, 0, 14]
