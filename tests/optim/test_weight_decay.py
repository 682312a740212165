"""L2 and decoupled weight decay against torch's optimizers, a loop in plain Python, autograd and SymPy."""

import math

import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st
from small import D, G, TwoModes

from ganlab.optim import regularise
from ganlab.population import build
from ganlab.train import OPTIMIZERS, Recipe, Trainer

BOTH = {"l2_g": 0.1, "l2_d": 0.2, "weight_decay_g": 3.0, "weight_decay_d": 5.0}


def walk(optimizer_class, steps=50, l2=0.0, weight_decay=0.0, loss=None, **options):
    """Where a parameter goes in float64 that starts at (1, -2, 3) and is pulled to the cosine of the step."""
    p = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64, requires_grad=True)
    optimizer = regularise(optimizer_class([p], **options), l2, weight_decay)
    for step in range(steps):
        optimizer.zero_grad()
        value = (p - math.cos(step) * torch.tensor([1.0, 10.0, 0.1], dtype=torch.float64)).square().sum()
        (value if loss is None else value + loss(p)).backward()
        optimizer.step()
    return p.detach()


ADAM, SGD = torch.optim.Adam, torch.optim.SGD


@pytest.mark.parametrize("kind", [SGD, ADAM, torch.optim.RMSprop, torch.optim.Adagrad])
def test_l2_is_the_term_in_the_loss_and_torchs_setting(kind):
    ours = walk(kind, l2=0.3, lr=0.01)
    assert torch.allclose(ours, walk(kind, lr=0.01, loss=lambda p: 0.15 * p.square().sum()), rtol=0, atol=1e-13)
    assert torch.equal(ours, walk(lambda p: kind(p, lr=0.01, weight_decay=0.3)))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_of_a_recipe_takes_l2_or_says_that_it_does_not(name):
    """Those with weight decay of their own in the gradient give what the term in the loss gives."""

    def make(parameters):
        return OPTIMIZERS[name](parameters, 0.01, Recipe())

    try:
        ours = walk(make, steps=20, l2=0.3)
    except ValueError as refused:
        assert "has no L2, or its own" in str(refused)
        assert name in ("adamw", "normalised_sgd", "extra_sgd", "extra_adam")
        return
    assert torch.allclose(ours, walk(make, steps=20, loss=lambda p: 0.15 * p.square().sum()), rtol=0, atol=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_adamw_in_a_recipe_decays_as_the_recipe_says(decay):
    """Adam's first step has the length of the rate, 0.1. Before it, 1 - 0.1 x decay of each weight is left, no less."""
    trainer = Trainer(G(), D(), TwoModes(), Recipe(batch=16, optimizer_g="adamw", lr_g=0.1, weight_decay_g=decay))
    p = next(trainer.G.parameters())
    p.data.fill_(3.0)
    p.grad = torch.ones_like(p)
    trainer.optimizer_g.step()
    assert p.unique().item() == pytest.approx(3 * (1 - 0.1 * decay) - 0.1, rel=1e-6)


def test_weight_decay_is_torchs_adamw():
    ours = walk(ADAM, weight_decay=0.7, lr=0.01)
    theirs = walk(lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.7))
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-14)
    assert (ours - walk(ADAM, lr=0.01)).abs().min() > 1e-3


@given(lr=st.floats(1e-4, 0.3), strength=st.floats(0, 3), steps=st.integers(1, 30))
def test_they_are_the_same_for_gradient_descent(lr, strength, steps):
    one = walk(SGD, steps, l2=strength, lr=lr)
    assert torch.allclose(one, walk(SGD, steps, weight_decay=strength, lr=lr), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("options", [{"momentum": 0.9}, {}])
def test_and_differ_with_momentum_and_with_adam(options):
    kind = SGD if options else ADAM
    one, other = walk(kind, l2=0.5, lr=0.01, **options), walk(kind, weight_decay=0.5, lr=0.01, **options)
    assert (one - other).norm() > 0.01 * one.norm()


def test_one_step_of_each_in_symbols():
    p, g, lr, strength, v = sympy.symbols("p g eta lambda v", positive=True)
    in_loss = sympy.diff(g * p + strength * p**2 / 2, p)
    assert sympy.simplify((p - lr * in_loss) - ((1 - lr * strength) * p - lr * g)) == 0
    # With a step divided by sqrt(v), L2 decays by eta lambda / sqrt(v), and not by eta lambda.
    adaptive = sympy.simplify((p - lr * in_loss / sympy.sqrt(v)) - ((1 - lr * strength) * p - lr * g / sympy.sqrt(v)))
    assert sympy.simplify(adaptive - lr * strength * p * (1 - 1 / sympy.sqrt(v))) == 0


def test_a_plain_loop():
    """Adam with both, written out."""
    p, m, v, lr, l2, decay = 3.0, 0.0, 0.0, 0.01, 0.4, 2.0
    for step in range(50):
        g = 2 * (p - 0.1 * math.cos(step))
        p *= 1 - lr * decay  # the gradient is that of the loss at the old place; torch adds L2 at the new one
        g += l2 * p
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        p -= lr * m / (1 - 0.9 ** (step + 1)) / (math.sqrt(v / (1 - 0.999 ** (step + 1))) + 1e-8)
    assert walk(ADAM, l2=l2, weight_decay=decay, lr=lr)[2].item() == pytest.approx(p, rel=1e-12)


def trainer(recipe, seeds=0):
    return Trainer(*build(G, D, seeds), TwoModes(), recipe, seeds=seeds)


def test_each_player_gets_its_own():
    t = trainer(Recipe(optimizer_g="sgd", optimizer_d="sgd", lr_g=0.1, lr_d=0.01, l2_d=0.2, weight_decay_g=2.0))
    plain = trainer(Recipe(optimizer_g="sgd", optimizer_d="sgd", lr_g=0.1, lr_d=0.01))
    start = {player: [p.detach().clone() for p in getattr(t, player).parameters()] for player in "GD"}
    t._descend(t.D(t.G(torch.ones(4, 4))).sum(), "D"), plain._descend(plain.D(plain.G(torch.ones(4, 4))).sum(), "D")
    for new, bare, old in zip(t.D.parameters(), plain.D.parameters(), start["D"], strict=True):
        torch.testing.assert_close(bare - new, 0.01 * 0.2 * old)
    t.D.load_state_dict(plain.D.state_dict())
    t._descend(t.D(t.G(torch.ones(4, 4))).sum(), "G"), plain._descend(plain.D(plain.G(torch.ones(4, 4))).sum(), "G")
    for new, bare, old in zip(t.G.parameters(), plain.G.parameters(), start["G"], strict=True):
        torch.testing.assert_close(bare - new, 0.1 * 2.0 * old)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_member_equals_its_solo_run(double, optimizer):
    recipe = Recipe(batch=16, optimizer_g=optimizer, optimizer_d=optimizer, lr_g=1e-2, lr_d=1e-2, **BOTH)
    population = trainer(recipe, [3, 1]).fit(20, progress=False)
    for k, seed in enumerate([3, 1]):
        solo = trainer(recipe, seed).fit(20, progress=False)
        for name, value in population.D.member(k).state_dict().items():
            torch.testing.assert_close(value, solo.D.state_dict()[name], rtol=0, atol=1e-9)


def test_no_strength_changes_nothing():
    for name, make in OPTIMIZERS.items():
        optimizer = make([torch.zeros(2, requires_grad=True)], 0.1, Recipe())
        before = dict(optimizer.param_groups[0])
        assert regularise(optimizer).param_groups[0] == before, name
        assert not optimizer._optimizer_step_pre_hooks


def test_a_parameter_without_a_gradient_stays():
    p, q = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    optimizer = regularise(SGD([p, q], lr=0.1), weight_decay=1.0)
    p.sum().backward()
    optimizer.step()
    assert torch.equal(q.detach(), torch.ones(2)) and torch.allclose(p.detach(), torch.full((2,), 0.8))


def test_saved_and_resumed_equals_uninterrupted(tmp_path):
    recipe = Recipe(batch=16, **BOTH)
    whole = trainer(recipe).fit(12, progress=False)
    trainer(recipe).fit(7, checkpoint=tmp_path / "run.pt", progress=False)
    resumed = trainer(recipe).fit(12, checkpoint=tmp_path / "run.pt", progress=False)
    assert all(torch.equal(p, q) for p, q in zip(whole.D.parameters(), resumed.D.parameters(), strict=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"l2_g": -1.0}, "l2_g=-1.0: a strength is finite and not negative"),
        ({"l2_d": float("nan")}, "l2_d=nan"),
        ({"weight_decay_g": float("inf")}, "weight_decay_g=inf"),
        ({"weight_decay_d": 100.0, "lr_d": 0.01}, r"weight_decay_d=100.0: .* below 1/lr = 100"),
    ],
)
def test_a_recipe_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**arguments)


def test_an_optimizer_without_l2_is_refused():
    p = [torch.zeros(2, requires_grad=True)]
    for optimizer in (torch.optim.AdamW(p), torch.optim.AdamW(p, weight_decay=0), ADAM(p, weight_decay=0.1)):
        before = optimizer.param_groups[0]["weight_decay"]
        with pytest.raises(ValueError, match=r"l2=0.1: Adam.* has no L2, or its own"):
            regularise(optimizer, l2=0.1)
        assert optimizer.param_groups[0]["weight_decay"] == before
    with pytest.raises(ValueError, match="has no L2"):
        regularise(torch.optim.Rprop(p), l2=0.1)
    with pytest.raises(ValueError, match="keep it below 1/lr = 10"):
        regularise(SGD(p, lr=0.1), weight_decay=10)
