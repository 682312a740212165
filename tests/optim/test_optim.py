"""The optimizers against torch's over 1,000 steps, against their papers, and one by one against a population."""

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small import D, G, TwoModes
from torch import nn

from ganlab import optim
from ganlab.population import build
from ganlab.theory import dynamics, games
from ganlab.train import OPTIMIZERS, Recipe, Trainer, checkpoint
from ganlab.train.optimizers import WITHOUT_MOMENTUM

SAME = {  # ours, torch's, options
    "sgd": (optim.SGD, torch.optim.SGD, {"lr": 0.01}),
    "sgd, damped": (
        optim.SGD, torch.optim.SGD, {"lr": 0.01, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1},
    ),
    "momentum": (optim.Momentum, torch.optim.SGD, {"lr": 0.01, "momentum": 0.9}),
    "nesterov": (optim.Nesterov, torch.optim.SGD, {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    "adagrad": (optim.Adagrad, torch.optim.Adagrad, {}),
    "adagrad, decay": (
        optim.Adagrad, torch.optim.Adagrad, {"lr_decay": 0.01, "initial_accumulator_value": 0.1, "weight_decay": 0.1},
    ),
    "rmsprop": (optim.RMSprop, torch.optim.RMSprop, {}),
    "rmsprop, centred": (optim.RMSprop, torch.optim.RMSprop, {"centered": True, "momentum": 0.5, "weight_decay": 0.1}),
    "adadelta": (optim.Adadelta, torch.optim.Adadelta, {}),
    "adadelta, decay": (optim.Adadelta, torch.optim.Adadelta, {"lr": 0.5, "rho": 0.95, "weight_decay": 0.1}),
    "adam": (optim.Adam, torch.optim.Adam, {}),
    "adam, options": (optim.Adam, torch.optim.Adam, {"betas": (0.0, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    "amsgrad": (optim.AMSGrad, torch.optim.Adam, {"amsgrad": True}),
    "adamw": (optim.AdamW, torch.optim.AdamW, {}),
    "adamw, amsgrad": (optim.AdamW, torch.optim.AdamW, {"amsgrad": True, "weight_decay": 0.2}),
}  # fmt: skip
ALL = [getattr(optim, name) for name in optim.__all__ if name not in ("Rule", "Tensors", "regularise")]
ALONE = [rule for rule in ALL if not issubclass(rule, (optim.ExtraSGD, optim.ExtraAdam))]


def own(rule, options):
    """What our class does not fix itself."""
    fixed = {optim.Nesterov: "nesterov", optim.AMSGrad: "amsgrad"}.get(rule)
    return {key: value for key, value in options.items() if key != fixed}


def parameters(seed=0, shapes=((3, 4), (5,), ())):
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


NOISE = torch.randn(1000, generator=torch.Generator().manual_seed(2)).tolist()


def descend(optimizer, params, steps, start=0, sign=1):
    """Down a noisy quartic; the third parameter has a gradient in every other step only."""
    for k in range(start, start + steps):
        for i, p in enumerate(params):
            # Noise of its own for each parameter and step.
            gradient = (p.detach() - 0.3).pow(3).mul_(0.4).add_(NOISE[(7 * k + i) % 1000])
            p.grad = sign * gradient if i < 2 or k % 2 else None
        optimizer.step()
    return torch.cat([p.detach().flatten() for p in params])


@pytest.mark.parametrize(("maximize", "steps"), [(False, 1000), (True, 50)])
@pytest.mark.parametrize("name", SAME)
def test_a_thousand_steps_are_torchs(name, maximize, steps, double):
    rule, theirs, options = SAME[name]
    ours, expected = parameters(), parameters()
    sign = -1 if maximize else 1
    a = descend(rule(ours, **own(rule, options), maximize=maximize), ours, steps, sign=sign)
    b = descend(theirs(expected, **options, maximize=maximize), expected, steps, sign=sign)
    assert (a - torch.cat([p.detach().flatten() for p in parameters()])).abs().max() > 1e-3
    torch.testing.assert_close(a, b, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", SAME)
def test_defaults_are_torchs(name):
    rule, theirs, _ = SAME[name]
    ours, expected = rule(parameters()).defaults, theirs(parameters(), **SAME[name][2]).defaults
    for key in set(ours) & set(theirs(parameters()).defaults) - set(SAME[name][2]):
        assert ours[key] == expected[key], key


@pytest.mark.parametrize("name", SAME)
def test_states_go_over_to_torch_and_back(name, double):
    rule, theirs, options = SAME[name]
    params, expected = parameters(), parameters()
    first = rule(params, **own(rule, options))
    descend(first, params, 7)
    second = theirs(params, **options)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    descend(second, params, 6, start=7)
    third = rule(params, **own(rule, options))
    third.load_state_dict(copy.deepcopy(second.state_dict()))
    a, b = descend(third, params, 7, start=13), descend(theirs(expected, **options), expected, 20)
    torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rule", ALL)
def test_a_state_saved_and_loaded_goes_on_the_same(rule, tmp_path):
    alternate = {"alternate": True} if rule not in ALONE else {}
    whole, parts = parameters(), parameters()
    expected = descend(rule(whole, **alternate), whole, 11)
    before = rule(parts, **alternate)
    descend(before, parts, 5)
    checkpoint.save({"optimizer": before.state_dict()}, tmp_path / "a.pt")
    after = rule(parts, **alternate)
    after.load_state_dict(checkpoint.load(tmp_path / "a.pt", torch.device("cpu"))["optimizer"])
    assert torch.equal(descend(after, parts, 6, start=5), expected)


def test_the_state_of_another_optimizer_is_refused():
    params = parameters()
    sgd = optim.Momentum(params)
    descend(sgd, params, 2)
    adam = optim.Adam(params)
    with pytest.raises(ValueError, match="no 'exp_avg': it is not that of Adam"):
        adam.load_state_dict(sgd.state_dict())
    assert not adam.state


@pytest.mark.parametrize("rates", [0.02, (0.01, 0.02, 0.05)])
@pytest.mark.parametrize("rule", ALL)
def test_a_population_is_its_members(rule, rates):
    alternate = {"alternate": True} if rule not in ALONE else {}
    members = [parameters(seed, ((3, 4), (5,), (1,))) for seed in range(3)]
    stacked = [nn.Parameter(torch.stack([p.detach() for p in same])) for same in zip(*members, strict=True)]
    each = rates if isinstance(rates, tuple) else (rates,) * 3
    together = rule(stacked, lr=torch.tensor(rates) if isinstance(rates, tuple) else rates, **alternate)
    for group in together.param_groups:
        if "members" in group:
            group["members"] = 3
    alone = [rule(params, lr=lr, **alternate) for params, lr in zip(members, each, strict=True)]
    generator = torch.Generator().manual_seed(1)
    for _ in range(10):
        for p, *same in zip(stacked, *members, strict=True):
            p.grad = torch.randn(p.shape, generator=generator)
            for k, q in enumerate(same):
                q.grad = p.grad[k].clone()
        for optimizer in (together, *alone):
            optimizer.step()
    for p, *same in zip(stacked, *members, strict=True):
        torch.testing.assert_close(p.detach(), torch.stack([q.detach() for q in same]))


def test_without_its_members_a_normalised_step_would_mix_them():
    """Negative control of the test above."""
    p, gradient = nn.Parameter(torch.zeros(2, 3)), torch.tensor([[3.0, 0, 4], [0, 0, 1]])
    for members, lengths in ((2, [1, 1]), (None, [5 / 26**0.5, 1 / 26**0.5])):
        p.grad, p.data = gradient.clone(), torch.zeros(2, 3)
        optim.NormalisedSGD([p], lr=1.0, members=members).step()
        torch.testing.assert_close(p.detach().norm(dim=1), torch.tensor(lengths, dtype=torch.float32))


@given(size=st.floats(1e-6, 1e6), lr=st.floats(1e-5, 1.0), momentum=st.sampled_from([0.0, 0.9]))
def test_a_normalised_step_has_the_length_of_the_rate(size, lr, momentum):
    params = parameters()
    before = torch.cat([p.detach().flatten() for p in params])
    for p in params:
        p.grad = size * torch.ones_like(p)
    optim.NormalisedSGD(params, lr=lr, momentum=momentum).step()
    length = (torch.cat([p.detach().flatten() for p in params]) - before).norm()
    assert length.item() == pytest.approx(lr, rel=0.01)


@given(size=st.floats(1e-4, 1e4), betas=st.tuples(st.floats(0, 0.99), st.floats(0, 0.999)))
def test_adams_first_step_is_the_rate_whatever_the_gradient(size, betas):
    p = nn.Parameter(torch.zeros(3, dtype=torch.float64))
    p.grad = torch.tensor([size, -size, 10 * size], dtype=torch.float64)
    optim.Adam([p], lr=0.1, betas=betas).step()
    torch.testing.assert_close(p.detach(), torch.tensor([-0.1, 0.1, -0.1], dtype=torch.float64), rtol=1e-3, atol=0)


def test_adams_first_step_without_the_correction():
    p = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    p.grad = torch.ones_like(p)
    optim.Adam([p], lr=0.1, correct_bias=False).step()
    assert -p.item() / 0.1 == pytest.approx(0.1 / math.sqrt(0.001), rel=1e-6)


def bilinear(rule, steps, **options):
    """min over x, max over y of x y, simultaneously; the path of (x, y)."""
    x, y = (nn.Parameter(torch.ones((), dtype=torch.float64)) for _ in range(2))
    players = rule([x], **options), rule([y], maximize=True, **options)
    path = []
    for _ in range(steps):
        for phase in ("extrapolate", "step") if hasattr(rule, "extrapolate") else ("step",):
            x.grad, y.grad = torch.autograd.grad(x * y, (x, y))
            for optimizer in players:
                getattr(optimizer, phase)()
        path.append((x.item(), y.item()))
    return torch.tensor(path)


def test_extragradient_moves_as_the_games_of_chapter_6():
    expected = torch.from_numpy(dynamics.trajectory(games.bilinear(), "extragradient", step=0.1, steps=50))
    torch.testing.assert_close(bilinear(optim.ExtraSGD, 50, lr=0.1), expected[1:].float())


def test_optimism_converges_at_the_rate_of_chapter_6():
    path = bilinear(optim.OptimisticSGD, 400, lr=0.1).double().norm(dim=1)
    rate = dynamics.growth(games.bilinear(), "optimistic", step=0.1)
    assert (path[-1] / path[200]).item() ** (1 / 199) == pytest.approx(rate, rel=1e-4)
    # Negative control: without the guess it diverges.
    assert bilinear(optim.SGD, 400, lr=0.1).norm(dim=1)[-1] > 2


def adam_by_hand(gradients, lr, betas, eps):
    """Adam's directions, number by number."""
    (beta1, beta2), m, v = betas, 0.0, 0.0
    for t, g in enumerate(gradients, start=1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        yield lr * m / (1 - beta1**t) / (math.sqrt(v / (1 - beta2**t)) + eps)


def test_optimistic_adam_is_the_papers_algorithm():
    gradients = torch.randn(20, generator=torch.Generator().manual_seed(0), dtype=torch.float64).tolist()
    p, expected, previous = nn.Parameter(torch.zeros((), dtype=torch.float64)), 0.0, 0.0
    optimizer = optim.OptimisticAdam([p], lr=0.1, betas=(0.5, 0.9))
    for g, d in zip(gradients, adam_by_hand(gradients, 0.1, (0.5, 0.9), 1e-8), strict=True):
        p.grad = torch.tensor(g, dtype=torch.float64)
        optimizer.step()
        expected, previous = expected - 2 * d + previous, d
        assert p.item() == pytest.approx(expected, abs=1e-12)


def test_extra_adam_is_the_papers_algorithm():
    """Both phases update the moments; the second moves from the point kept."""
    gradients = torch.randn(20, generator=torch.Generator().manual_seed(0), dtype=torch.float64).tolist()
    p, kept = nn.Parameter(torch.zeros((), dtype=torch.float64)), 0.0
    optimizer = optim.ExtraAdam([p], lr=0.1, betas=(0.5, 0.9))
    for k, (g, d) in enumerate(zip(gradients, adam_by_hand(gradients, 0.1, (0.5, 0.9), 1e-8), strict=True)):
        p.grad = torch.tensor(g, dtype=torch.float64)
        (optimizer.step if k % 2 else optimizer.extrapolate)()
        assert p.item() == pytest.approx(kept - d, abs=1e-12)
        kept = kept - d if k % 2 else kept


def test_phases_out_of_order_are_refused():
    params = parameters()
    optimizer = optim.ExtraSGD(params)
    for p in params:
        p.grad = torch.ones_like(p)
    with pytest.raises(RuntimeError, match=r"step\(\) without extrapolate"):
        optimizer.step()
    optimizer.extrapolate()
    with pytest.raises(RuntimeError, match="twice without a step"):
        optimizer.extrapolate()


def test_a_parameter_whose_gradient_goes_returns_all_the_same():
    params = parameters()
    before = params[2].detach().clone()
    optimizer = optim.ExtraSGD(params, lr=0.1)
    for p in params:
        p.grad = torch.ones_like(p)
    optimizer.extrapolate()
    params[2].grad = None
    optimizer.step()
    assert torch.equal(params[2], before) and not optimizer.extrapolated


@pytest.mark.parametrize("rule", ALL)
def test_a_closure_is_run_with_gradients_and_its_loss_returned(rule):
    (p,) = parameters(shapes=((4,),))
    optimizer = rule([p], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = p.square().sum()
        loss.backward()
        return loss

    before = p.square().sum().item()
    call = optimizer.extrapolate if hasattr(rule, "extrapolate") else optimizer.step
    assert call(closure).item() == pytest.approx(before)
    assert p.square().sum().item() < before


BAD = {"lr": -1.0, "eps": -1.0, "weight_decay": -1.0, "momentum": -1.0, "alpha": -1.0, "rho": 1.5, "betas": (0.9, 1.0),
       "lr_decay": -1.0, "initial_accumulator_value": -1.0}  # fmt: skip
CASES = [
    (name, option) for name, (rule, theirs, _) in SAME.items() for option in BAD
    if option in theirs(parameters()).defaults and (rule, option) != (optim.Nesterov, "momentum")
]  # fmt: skip


@pytest.mark.parametrize(("name", "option"), CASES)
def test_bad_options_are_refused_as_by_torch(name, option):
    (rule, theirs, options), value = SAME[name], BAD[option]
    with pytest.raises(ValueError) as expected:
        theirs(parameters(), **{**options, option: value})
    with pytest.raises(ValueError) as found:
        rule(parameters(), **{**own(rule, options), option: value})
    assert str(found.value).startswith(str(expected.value))
    assert f"{option}" in str(found.value).split("(", 1)[1]
    optimizer = rule(parameters())
    with pytest.raises(ValueError):
        optimizer.add_param_group({"params": parameters(1), option: value})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("options", [{"momentum": 0}, {"dampening": 0.1}])
def test_nesterov_without_momentum_is_refused_as_by_torch(options):
    for sgd in (optim.SGD, torch.optim.SGD):
        with pytest.raises(ValueError, match="Nesterov momentum requires a momentum and zero dampening"):
            sgd(parameters(), **{"momentum": 0.9, "nesterov": True, **options})


@pytest.mark.parametrize("lr", [torch.ones(3), torch.ones(2, 1), torch.tensor(0.1)])
def test_rates_that_do_not_fit_the_members_are_refused(lr):
    with pytest.raises(ValueError, match=r"lr is for .* members and a parameter has shape \(2, 4\)"):
        optim.Adam([nn.Parameter(torch.zeros(2, 4))], lr=lr)
    with pytest.raises(ValueError, match="members is for"):
        optim.NormalisedSGD([nn.Parameter(torch.zeros(2, 4))], members=3)


@pytest.mark.parametrize("rule", ALL)
def test_sparse_and_complex_gradients_are_refused_before_anything_moves(rule):
    call = "extrapolate" if hasattr(rule, "extrapolate") else "step"
    for bad, words in (
        (torch.ones(4).to_sparse(), "does not support sparse gradients"),
        (torch.ones(4, dtype=torch.complex64), "does not support complex"),
    ):
        good, other = nn.Parameter(torch.zeros(4)), nn.Parameter(torch.zeros(4, dtype=bad.dtype))
        good.grad, other.grad = torch.ones(4), bad
        optimizer = rule([good, other])
        with pytest.raises(RuntimeError, match=words):
            getattr(optimizer, call)()
        assert not good.any() and not optimizer.state


def test_groups_have_options_of_their_own_and_schedules_move_them():
    ours, theirs = parameters(), parameters()
    finals = []
    for params, adam in ((ours, optim.Adam), (theirs, torch.optim.Adam)):
        optimizer = adam([{"params": params[:1], "lr": 0.1}, {"params": params[1:], "betas": (0.5, 0.9)}])
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 5)
        for k in range(15):
            descend(optimizer, params, 1, start=k)
            schedule.step()
        finals.append(torch.cat([p.detach().flatten() for p in params]))
    torch.testing.assert_close(*finals)


def test_hooks_fire_once_a_step():
    params, seen = parameters(), []
    for rule in (optim.Adam, optim.ExtraAdam):
        optimizer = rule(params, **({"alternate": True} if rule is optim.ExtraAdam else {}))
        optimizer.register_step_post_hook(lambda *_: seen.append(1))
        descend(optimizer, params, 2)
    assert len(seen) == 4


def players(name, seeds, **recipe):
    recipe = Recipe(optimizer_g=name, optimizer_d=name, lr_g=0.05, lr_d=0.05, batch=16, **recipe)
    return Trainer(*build(G, D, seeds), TwoModes(), recipe, seeds=seeds)


@pytest.mark.parametrize("name", ["normalised_sgd", "extra_adam", "optimistic_adam"])
def test_a_trained_population_is_its_solo_runs(name):
    together = players(name, [0, 1, 2]).fit(6, progress=False)
    for k in range(3):
        alone = players(name, k).fit(6, progress=False)
        for part, whole in ((alone.G, together.G), (alone.D, together.D)):
            for p, q in zip(part.parameters(), whole.member(k).parameters(), strict=True):
                torch.testing.assert_close(p, q, rtol=1e-4, atol=1e-5)


def test_two_training_steps_make_one_of_extragradient():
    run = players("extra_sgd", 0)
    before = [p.detach().clone() for p in run.G.parameters()]
    run.step()
    assert run.optimizer_g.extrapolated and run.optimizer_d.extrapolated
    run.step()
    assert not run.optimizer_g.extrapolated
    for p, start in zip(run.G.parameters(), before, strict=True):
        torch.testing.assert_close(p.detach(), start - 0.05 * p.grad)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_recipe_hands_over_what_the_optimizer_uses(name):
    kept = Recipe(momentum=0.7, optimizer_g="sgd", betas=(0.3, 0.8))
    (group,) = OPTIMIZERS[name]([nn.Parameter(torch.zeros(2))], 0.25, kept).param_groups
    assert group["lr"] == 0.25
    assert group.get("betas", (0.3, 0.8)) == (0.3, 0.8)
    assert (group.get("momentum", 0.7) == 0.7) or name in WITHOUT_MOMENTUM
    assert ("momentum" in group) == (name not in WITHOUT_MOMENTUM)
