"""Penalties against autograd, closed forms and finite differences; members against solo runs; what is refused."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small import D, G, TwoModes
from torch import nn

from ganlab.nets import dcgan_discriminator, mlp_discriminator
from ganlab.penalties import PENALTIES, r1, r2, slopes
from ganlab.population import Population, build
from ganlab.train import Recipe, Trainer, checkpoint


def by_autograd(net, x):
    """Half the mean squared norm, sample by sample: nothing can leak from one sample to another."""
    squares = []
    for sample in x:
        sample = sample.detach().unsqueeze(0).requires_grad_()
        (slope,) = torch.autograd.grad(net(sample).sum(), sample, create_graph=True)
        squares.append(slope.square().sum())
    return torch.stack(squares).mean() / 2


def smooth(shape, seed=0):
    torch.manual_seed(seed)
    return mlp_discriminator(shape, width=6, activation="tanh").double()


@pytest.mark.parametrize("shape", [(2,), (1, 4, 4), (3, 5, 7)])
def test_value_and_gradient_are_those_of_autograd(shape):
    net, x = smooth(shape), torch.randn(5, *shape, dtype=torch.float64)
    ours, theirs = r1(net, x), by_autograd(net, x)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)
    ours, theirs = (torch.autograd.grad(v, net.parameters(), allow_unused=True) for v in (ours, theirs))
    for one, other in zip(ours, theirs, strict=True):
        assert (one is None) == (other is None)  # the last bias has no part in a slope
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-14)


def test_a_convolutional_discriminator():
    net = dcgan_discriminator((1, 16, 16), width=4, norm="layer").double()
    x = torch.randn(3, 1, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(r1(net, x), by_autograd(net, x), rtol=1e-10, atol=0)


@given(weight=st.lists(st.floats(-10, 10), min_size=1, max_size=6), batch=st.integers(1, 5))
def test_a_linear_critic_has_half_its_squared_norm_at_any_batch_size(weight, batch):
    w = torch.tensor(weight, dtype=torch.float64)
    x = torch.randn(batch, len(w), dtype=torch.float64)
    assert r1(lambda x: x @ w, x).item() == pytest.approx(w.square().sum().item() / 2, rel=1e-12, abs=1e-300)


def test_double_backward_by_finite_differences():
    net, x = smooth((2,)), torch.randn(3, 2, dtype=torch.float64)
    names, values = zip(*net.named_parameters(), strict=True)

    def penalty(*values):
        return r1(lambda x: torch.func.functional_call(net, dict(zip(names, values, strict=True)), x), x)

    assert torch.autograd.gradcheck(penalty, [v.detach().requires_grad_() for v in values[:-1]] + [values[-1].detach()])


def test_slopes_are_one_row_a_logit_with_the_logits():
    net, x = smooth((1, 4, 4)), torch.randn(5, 1, 4, 4, dtype=torch.float64)
    gradient, logits = slopes(net, x)
    assert gradient.shape == (5, 16)
    assert torch.equal(logits, net(x))


def test_a_population_has_one_value_a_member():
    members = [smooth((2,), seed) for seed in range(3)]
    x = torch.randn(3, 5, 2, dtype=torch.float64)
    expected = torch.stack([r1(member, x[k]) for k, member in enumerate(members)])
    torch.testing.assert_close(r1(Population(members), x), expected, rtol=1e-12, atol=0)


def test_inside_a_vmap_of_ones_own():
    w, x = torch.randn(4, 2, dtype=torch.float64), torch.randn(4, 7, 2, dtype=torch.float64)
    values = torch.vmap(lambda w, x: r1(lambda y: y @ w, x))(w, x)
    torch.testing.assert_close(values, w.square().sum(1) / 2)


def test_compiled_equals_eager():
    net, x = smooth((2,)), torch.randn(5, 2, dtype=torch.float64)
    parameters = list(net.parameters())[:-1]
    eager = torch.autograd.grad(r1(net, x), parameters)
    # Traced and differentiated as for any backend, but run by torch itself: no C++ compiler is needed.
    compiled = torch.compile(lambda x: r1(net, x), backend="aot_eager", fullgraph=True)
    for one, other in zip(torch.autograd.grad(compiled(x), parameters), eager, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_member_equals_its_solo_run(double, penalty):
    recipe = Recipe(penalty=penalty, gamma=0.5, penalty_every=2, batch=16, critic_steps=3, lr_g=1e-3, lr_d=1e-3)
    seeds = [3, 1]
    population = Trainer(*build(G, D, seeds), TwoModes(), recipe, seeds=seeds).fit(30, progress=False)
    for k, seed in enumerate(seeds):
        solo = Trainer(*build(G, D, seed), TwoModes(), recipe, seeds=seed).fit(30, progress=False)
        for name, value in population.D.member(k).state_dict().items():
            torch.testing.assert_close(value, solo.D.state_dict()[name], rtol=0, atol=1e-9)


def trained(recipe, steps):
    return Trainer(*build(G, D, 0), TwoModes(), recipe).fit(steps, progress=False)


def test_the_loop_adds_gamma_times_the_penalty():
    recipe = Recipe(penalty="r1_r2", gamma=3.0, optimizer_d="sgd", lr_d=0.1, batch=16)
    fresh = Trainer(*build(G, D, 0), TwoModes(), recipe)
    ((real, z),) = Trainer(*build(G, D, 0), TwoModes(), recipe).stream.next()
    fake = fresh.G(z).detach()
    loss = fresh.loss.d_loss(fresh.D(real), fresh.D(fake)) + 3 * (
        by_autograd(fresh.D, real) + by_autograd(fresh.D, fake)
    )
    gradients = torch.autograd.grad(loss, fresh.D.parameters())
    expected = [p.detach() - 0.1 * g for p, g in zip(fresh.D.parameters(), gradients, strict=True)]
    fresh.step()
    for value, wanted in zip(fresh.D.parameters(), expected, strict=True):
        torch.testing.assert_close(value.detach(), wanted)


def test_a_lazy_penalty_comes_in_every_kth_step_k_times_as_strong():
    t = Trainer(*build(G, D, 0), TwoModes(), Recipe(penalty="r1", gamma=2.0, penalty_every=3, batch=16))
    real = TwoModes().sample(16)
    values = [t.cures.penalty(t.D, real, real, d_step) for d_step in range(7)]
    assert [i for i, value in enumerate(values) if isinstance(value, torch.Tensor)] == [0, 3, 6]
    torch.testing.assert_close(values[3], 6 * r1(t.D, real))
    assert values[1] == 0


def test_no_weight_is_no_penalty_and_a_large_one_flattens_the_discriminator():
    x = TwoModes().sample(100, torch.Generator().manual_seed(0))
    plain, zero, strong = (
        trained(Recipe(batch=16, lr_d=1e-2, **more), 200)
        for more in ({}, {"penalty": "r1", "gamma": 0.0}, {"penalty": "r1", "gamma": 100.0})
    )
    assert torch.equal(slopes(plain.D, x)[0], slopes(zero.D, x)[0])
    assert r1(strong.D, x) < r1(plain.D, x) / 100


def test_history_has_the_loss_without_the_penalty():
    losses = [trained(Recipe(batch=16, **more), 1).history.d_loss for more in ({}, {"penalty": "r1", "gamma": 100.0})]
    assert losses[0].equals(losses[1])


def with_norm(norm):
    return nn.Sequential(nn.Linear(2, 4), norm, nn.Linear(4, 1), nn.Flatten(0))


@pytest.mark.parametrize("norm", [nn.BatchNorm1d(4), nn.BatchNorm1d(4, track_running_stats=False)])
def test_batch_norm_is_refused(norm):
    with pytest.raises(ValueError, match="use norm='layer'"):
        r1(with_norm(norm), torch.randn(5, 2))
    with pytest.raises(ValueError, match="use norm='layer'"):
        r1(Population([with_norm(norm)]), torch.randn(1, 5, 2))


def test_frozen_batch_norm_and_layer_norm_are_not():
    frozen, x = with_norm(nn.BatchNorm1d(4)).eval(), torch.randn(5, 2)
    torch.testing.assert_close(r1(frozen, x), by_autograd(frozen, x))
    layered = with_norm(nn.LayerNorm(4))
    torch.testing.assert_close(r2(layered, x), by_autograd(layered, x))


@pytest.mark.parametrize(
    "critic",
    [
        lambda x: x.flatten(1)[:, :1],  # (batch, 1)
        lambda x: x.mean(),  # already averaged
        lambda x: x.flatten(1)[:3, 0],  # 3 logits for 4 samples
        lambda x: x,
    ],
)
@pytest.mark.parametrize("shape", [(4, 2), (4, 1, 3, 3)])
def test_logits_of_another_shape_are_refused(critic, shape):
    with pytest.raises(ValueError, match="one logit a sample"):
        slopes(critic, torch.randn(shape))


def test_a_checkpoint_from_before_there_were_penalties_loads(tmp_path):
    new = Trainer(*build(G, D, 0), TwoModes(), Recipe(batch=16)).fit(3, checkpoint=tmp_path / "new.pt", progress=False)
    state = checkpoint.load(tmp_path / "new.pt")
    for name in ("gamma", "penalty_every"):
        del state["recipe"][name]
    checkpoint.save(state, tmp_path / "old.pt")
    old = trained(Recipe(batch=16), 1)
    old.load(tmp_path / "old.pt")
    assert old.steps == new.steps
    with pytest.raises(ValueError, match=r"gamma=1\.0 there and 2.0 here"):
        trained(Recipe(batch=16, penalty="r1", gamma=2.0), 1).load(tmp_path / "old.pt")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"penalty": "r3"}, "unknown penalty 'r3'; known: r1"),
        ({"penalty": "r1", "gamma": -1.0}, "gamma=-1.0"),
        ({"penalty": "r1", "gamma": float("nan")}, "gamma=nan"),
        ({"penalty": "r1", "penalty_every": 0}, "penalty_every=0"),
        ({"gamma": 2.0}, "there is no penalty; set penalty to one of r1"),
        ({"penalty_every": 4}, "there is no penalty; set penalty to one of r1"),
    ],
)
def test_a_recipe_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**arguments)
