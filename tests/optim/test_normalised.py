"""Normalised SGD against its formula written out in NumPy, over several steps."""

import numpy as np
import pytest
import torch
from torch import nn

from ganlab.optim import NormalisedSGD

SHAPES = [(2, 3), (2,), (2, 2, 2)]


def gradients(steps=5, seed=0):
    dice = np.random.default_rng(seed)
    return [[dice.normal(size=shape) for shape in SHAPES] for _ in range(steps)]


def by_hand(starts, given, lr, momentum, decay, sign, members):
    """p <- p - lr b / |b|, with b <- momentum b + (1 - momentum) g, and b = g at first; |b| over all, or per member."""
    p, b = [start.copy() for start in starts], None
    for grads in given:
        g = [sign * grad + decay * one for grad, one in zip(grads, p, strict=True)]
        b = g if b is None else [momentum * old + (1 - momentum) * new for old, new in zip(b, g, strict=True)]
        for k in range(members or 1):
            rows = [k if members else ...] * len(SHAPES)
            length = np.sqrt(sum((one[row] ** 2).sum() for one, row in zip(b, rows, strict=True)))
            for one, row, direction in zip(p, rows, b, strict=True):
                one[row] -= lr * direction[row] / length
    return p


@pytest.mark.parametrize("members", [None, 2])
@pytest.mark.parametrize("options", [
    {}, {"momentum": 0.8}, {"momentum": 0.8, "weight_decay": 0.3}, {"maximize": True}, {"weight_decay": 0.3},
    {"momentum": 0.6, "maximize": True, "weight_decay": 0.1},
], ids=str)  # fmt: skip
def test_against_the_formula(double, options, members):
    starts = gradients(1, seed=1)[0]
    weights = [nn.Parameter(torch.tensor(start)) for start in starts]
    optimizer = NormalisedSGD(weights, lr=0.1, members=members, **options)
    for grads in gradients():
        for p, grad in zip(weights, grads, strict=True):
            p.grad = torch.tensor(grad)
        optimizer.step()
    momentum, decay = options.get("momentum", 0.0), options.get("weight_decay", 0.0)
    sign = -1 if options.get("maximize") else 1
    expected = by_hand(starts, gradients(), 0.1, momentum, decay, sign, members)
    for p, one in zip(weights, expected, strict=True):
        np.testing.assert_allclose(p.detach(), one, rtol=1e-6)


def test_what_it_remembers_holds_no_graph():
    weight = nn.Parameter(torch.ones(2))
    weight.grad = torch.ones(2)
    optimizer = NormalisedSGD([weight], lr=0.1, momentum=0.5, weight_decay=0.1)
    optimizer.step()
    (memory,) = (state["momentum_buffer"] for state in optimizer.state.values())
    assert not memory.requires_grad and memory.tolist() == pytest.approx([1.1, 1.1])
    assert weight.grad.tolist() == [1, 1]
