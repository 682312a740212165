"""Norms and counts of gradients, against float64 and by counting."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ganlab._numeric import MEASURES, measure, rms


def with_grad(values):
    parameter = nn.Parameter(torch.ones_like(values))
    parameter.grad = values
    return parameter


def measured(parameters, members=None):
    return dict(zip(MEASURES, measure(parameters, members), strict=True))


@settings(deadline=None)
@given(st.integers(0, 10_000), st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4), min_size=1, max_size=4))
def test_norms_and_counts_agree_with_counting_in_float64(seed, shapes):
    dice = torch.Generator().manual_seed(seed)
    grads = [torch.randn(shape, generator=dice) * (torch.rand(shape, generator=dice) < 0.7) for shape in shapes]
    found = measured([with_grad(grad) for grad in grads])
    for i, grad in enumerate(grads):
        torch.testing.assert_close(found["grad_norm"][i], grad.double().norm(), rtol=1e-12, atol=0)
        assert found["zeros"][i].item() == (grad == 0).double().mean().item()
        assert found["nonfinite"][i] == 0
        torch.testing.assert_close(found["weight_norm"][i].item(), grad.numel() ** 0.5)


def test_members_are_measured_apart():
    grads = [torch.randn(3, 4, 2), torch.randn(3, 5)]
    grads[0][1] = 0
    found = measure([with_grad(g) for g in grads], members=3)
    for k in range(3):
        torch.testing.assert_close(found[..., k], measure([with_grad(g[k].clone()) for g in grads]))


def test_a_norm_that_float32_cannot_hold():
    grad = torch.full((4, 4), 1e30)
    assert measured([with_grad(grad)])["grad_norm"].item() == torch.tensor(4e30, dtype=torch.float32).double().item()
    tiny = torch.full((4,), 1e-30)  # its squares are 0 in float32
    torch.testing.assert_close(measured([with_grad(tiny)])["grad_norm"].item(), 2e-30, rtol=1e-6, atol=0)


def test_what_is_not_finite_is_counted():
    grad = torch.tensor([1.0, float("nan"), float("inf"), 0.0, -float("inf")])
    found = measured([with_grad(grad), with_grad(torch.ones(2))])
    assert found["nonfinite"].tolist() == [3, 0]
    assert found["zeros"].tolist() == [0.2, 0]
    assert not found["grad_norm"][0].isfinite() and found["grad_norm"][1].isfinite()


def test_no_gradient_is_not_zero():
    found = measured([nn.Parameter(torch.full((4,), 2.0)), with_grad(torch.zeros(3))])
    assert found["grad_norm"].isnan().tolist() == [True, False]
    assert found["grad_norm"][1] == 0 and found["zeros"][1] == 1
    assert found["weight_norm"][0] == 4
    assert measured([nn.Parameter(torch.ones(1))])["grad_norm"].isnan().all()


def test_a_sparse_gradient_is_read_from_its_entries():
    table = nn.Embedding(10, 3, sparse=True)
    table(torch.tensor([2, 2, 5])).sum().backward()
    dense = table.weight.grad.to_dense()
    found = measured([table.weight])
    torch.testing.assert_close(found["grad_norm"][0], dense.double().norm())
    torch.testing.assert_close(found["zeros"][0].item(), 0.8)


def test_half_precision_gradients():
    found = measured([with_grad(torch.full((100,), 300.0, dtype=torch.float16))])  # 300^2 overflows in float16
    assert found["grad_norm"].item() == 3000


@pytest.mark.parametrize("size", [1e-40, 1e-25, 1.0, 1e25, 1e38])
def test_root_mean_square_at_any_size(size):
    values = size * torch.randn(3, 50).clamp(-3, 3)
    expected = values.double().square().mean(1).sqrt()
    torch.testing.assert_close(rms(values, 3), expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(rms(values), expected.square().mean().sqrt(), rtol=1e-5, atol=0)


def test_root_mean_square_of_nothing_and_of_what_is_not_finite():
    assert rms(torch.zeros(3)) == 0
    assert not rms(torch.tensor([1.0, float("inf")])).isfinite()
    assert rms(torch.tensor([1.0, float("nan")])).isnan()
