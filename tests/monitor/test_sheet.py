"""Norms and counts of all gradients at once, against float64 and by counting."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ganlab.monitor._sheet import MEASURES, WIDTH, Sheet
from ganlab.population import Population


@pytest.fixture(autouse=True, params=[{"cpu"}, set()], ids=["here", "elsewhere"], scope="module")
def place(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganlab._numeric.HOST", request.param)
        yield


def with_grad(values):
    parameter = nn.Parameter(torch.ones_like(values))
    parameter.grad = values
    return parameter


@torch.no_grad()
def measured(parameters, members=None, step=0.0, scale=None):
    sheet = Sheet(parameters, members)
    for _ in range(2):  # a sheet is kept, and must not remember
        sheet.before(sheet.gradients, [p.grad for p in parameters], parameters, scale)
        for p in parameters:
            p += step
        values = sheet.after(parameters)
    return dict(zip(MEASURES, values, strict=True))


shapes = st.lists(st.lists(st.integers(1, 9), max_size=4), min_size=1, max_size=5)


@given(st.integers(0, 10_000), shapes)
def test_norms_and_counts_agree_with_counting_in_float64(seed, shapes):
    dice = torch.Generator().manual_seed(seed)
    grads = [torch.randn(shape, generator=dice) * (torch.rand(shape, generator=dice) < 0.7) for shape in shapes]
    found = measured([with_grad(grad) for grad in grads], step=0.5)
    for i, grad in enumerate(grads):
        torch.testing.assert_close(found["grad_norm"][i], grad.double().norm(), rtol=1e-12, atol=0)
        assert found["nonzero"][i].item() == (grad != 0).sum().item()
        assert found["nonfinite"][i] == 0
        torch.testing.assert_close(found["weight_norm"][i].item(), 1.5 * grad.numel() ** 0.5)
        torch.testing.assert_close(found["update_norm"][i].item(), 0.5 * grad.numel() ** 0.5)


@pytest.mark.parametrize("size", [WIDTH - 1, WIDTH, WIDTH + 1, 3 * WIDTH + 5])
def test_a_tensor_of_several_lines(size):
    found = measured([with_grad(torch.full((size,), 2.0)), with_grad(torch.ones(3))])
    assert found["grad_norm"].tolist() == pytest.approx([2 * size**0.5, 3**0.5], rel=1e-12)
    assert found["nonzero"].tolist() == [size, 3]


def test_members_are_measured_apart():
    grads = [torch.randn(3, 4, 2), torch.randn(3, WIDTH + 7), torch.randn(3)]
    grads[0][1] = 0
    grads[1][2, 5] = float("nan")
    found = measured([with_grad(g) for g in grads], members=3)
    for k in range(3):
        alone = measured([with_grad(g[k].clone()) for g in grads])
        for name in MEASURES:
            torch.testing.assert_close(found[name][:, k], alone[name], equal_nan=True)


@pytest.mark.parametrize("members", [None, 2])
def test_layouts_with_the_channels_last_and_transposed(members):
    make = torch.randn(4, 3, 5, 5).to(memory_format=torch.channels_last), torch.randn(6, 4).t()
    grads = [g if members is None else torch.stack([g, 2 * g]) for g in make]
    found = measured([with_grad(g) for g in grads], members, step=1.0)
    dense = measured([with_grad(g.contiguous()) for g in grads], members, step=1.0)
    for name in MEASURES:
        torch.testing.assert_close(found[name], dense[name])


def test_a_norm_that_float32_cannot_hold():
    sizes = measured([with_grad(torch.full((4, 4), 1e30)), with_grad(torch.full((4,), 1e-30))])["grad_norm"]
    assert sizes.tolist() == pytest.approx([4e30, 2e-30], rel=1e-6)  # the squares of 1e-30 are 0 in float32


def test_what_is_not_finite_is_counted():
    grad = torch.tensor([1.0, float("nan"), float("inf"), 0.0, -float("inf")])
    found = measured([with_grad(grad), with_grad(torch.ones(2))])
    assert found["nonfinite"].tolist() == [3, 0]
    assert found["nonzero"].tolist() == [4, 2]
    assert not found["grad_norm"][0].isfinite() and found["grad_norm"][1].isfinite()


def test_types_side_by_side_and_half_precision():
    half, double = torch.full((100,), 300.0, dtype=torch.float16), torch.full((4,), 1e-9, dtype=torch.float64)
    found = measured([with_grad(half), with_grad(double)])  # 300^2 overflows in float16
    assert found["grad_norm"].tolist() == [3000, pytest.approx(2e-9, rel=1e-12)]


def test_a_sparse_gradient_is_measured_as_the_dense_one():
    table = nn.Embedding(10, 3, sparse=True)
    table(torch.tensor([2, 2, 5])).sum().backward()
    found = measured([table.weight])
    torch.testing.assert_close(found["grad_norm"][0], table.weight.grad.to_dense().double().norm())
    assert found["nonzero"][0] == 6


def test_a_scale_is_taken_out_of_the_gradient_alone():
    found = measured([with_grad(torch.full((4,), 8.0))], scale=torch.tensor(4.0))
    assert (found["grad_norm"].item(), found["weight_norm"].item()) == (4, 2)


def test_the_parameters_of_a_population():
    members = [nn.Sequential(nn.Linear(3, 5), nn.Conv1d(2, 3, 2)) for _ in range(2)]
    population = Population(members)
    for p in population.parameters():
        p.grad = torch.randn_like(p)
    found = measured(list(population.parameters()), members=2)
    expected = [p.grad.double().flatten(1).norm(dim=1) for p in population.parameters()]
    torch.testing.assert_close(found["grad_norm"], torch.stack(expected))
