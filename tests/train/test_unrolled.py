"""Unrolling in the loop: against a loop of plain torch, and member by member."""

import copy

import pytest
import torch
from small import D, G, TwoModes
from torch.nn.functional import softplus

from ganlab.population import build
from ganlab.train import Recipe, Trainer


def trainer(recipe, seeds=0):
    return Trainer(*build(G, D, seeds), TwoModes(), recipe, seeds=seeds)


def test_the_gradient_of_g_is_that_of_the_unrolled_game(double):
    """Finite differences in one weight of G: what D's answer adds is in it."""
    t = trainer(Recipe(batch=16, optimizer_g="sgd", optimizer_d="sgd", lr_g=1.0, lr_d=1e-12, unroll=3, unroll_lr=0.3))
    twin = copy.deepcopy(t.stream)
    [(real, z)] = twin.next()
    weight = next(t.G.parameters())
    D0 = copy.deepcopy(t.D)

    def value(shift):
        with torch.no_grad():
            weight.view(-1)[0] += shift
        fake, D_ahead = t.G(z).detach(), copy.deepcopy(D0)
        for _ in range(3):
            loss = (softplus(-D_ahead(real)) + softplus(D_ahead(fake))).mean()
            slopes = torch.autograd.grad(loss, list(D_ahead.parameters()))
            with torch.no_grad():
                for p, slope in zip(D_ahead.parameters(), slopes, strict=True):
                    p -= 0.3 * slope
                weight.grad = None
        found = softplus(-D_ahead(fake)).mean().item()
        with torch.no_grad():
            weight.view(-1)[0] -= shift
        return found

    expected = (value(1e-5) - value(-1e-5)) / 2e-5
    before = weight.detach().clone()
    t.step()
    assert (before - weight.detach()).view(-1)[0].item() == pytest.approx(expected, rel=1e-4)


def test_members_and_recorded_steps_are_the_same_game(double):
    recipe = Recipe(batch=16, lr_g=1e-3, lr_d=1e-3, unroll=2)
    together, alone = trainer(recipe, [3, 1]).fit(8, progress=False, capture=True), trainer(recipe, 1)
    alone.fit(8, progress=False, capture=False)
    assert together.engine.replayed > 0
    for name, value in together.G.member(1).state_dict().items():
        torch.testing.assert_close(value, alone.G.state_dict()[name], rtol=0, atol=1e-9)


def test_what_is_no_number_of_steps_is_refused():
    for value in (-1, 0.5):
        with pytest.raises(ValueError, match="a whole number of steps"):
            Recipe(unroll=value)
