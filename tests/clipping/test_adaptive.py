"""Adaptive clipping against its formula written out, unit by unit, for each kind of layer."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ganlab.clipping import Report, clip_grad_adaptive_
from ganlab.nets import dcgan_generator
from ganlab.population import Population

# A layer, and for each output unit the index of its weights.
LAYERS = {
    "linear": (lambda: nn.Linear(5, 3), lambda w: [w[i] for i in range(3)]),
    "conv": (lambda: nn.Conv2d(4, 6, 3), lambda w: [w[i] for i in range(6)]),
    "grouped conv": (lambda: nn.Conv2d(4, 6, 3, groups=2), lambda w: [w[i] for i in range(6)]),
    "conv1d": (lambda: nn.Conv1d(4, 6, 3), lambda w: [w[i] for i in range(6)]),
    "transposed": (lambda: nn.ConvTranspose2d(4, 6, 3), lambda w: [w[:, i] for i in range(6)]),
    "grouped transposed": (
        lambda: nn.ConvTranspose2d(4, 6, 3, groups=2),
        lambda w: [w[2 * g : 2 * g + 2, i] for g in range(2) for i in range(3)],
    ),
    "embedding": (lambda: nn.Embedding(7, 3), lambda w: [w[i] for i in range(7)]),
}


def with_gradients(layer, seed=0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    for p in layer.parameters():
        p.grad = scale * torch.randn(p.shape, generator=generator)
    return layer


def by_hand(layer, units, clipping, eps):
    """What each gradient should become: views of a copy, scaled one by one."""
    expected = {}
    for name, p in layer.named_parameters():
        grad = p.grad.clone()
        pairs = zip(units(p.detach()), units(grad), strict=True) if name == "weight" else [(p.detach(), grad)]
        for weight, unit in pairs:
            allowed = clipping * max(weight.norm().item(), eps)
            if unit.norm() > allowed:
                unit *= allowed / unit.norm()
        expected[name] = grad
    return expected


@pytest.mark.parametrize(("make", "units"), LAYERS.values(), ids=LAYERS)
@given(seed=st.integers(0, 1000), clipping=st.floats(0, 3), eps=st.sampled_from([1e-3, 0.5]))
def test_each_unit_against_the_formula(make, units, seed, clipping, eps):
    torch.manual_seed(seed)
    layer = with_gradients(make(), seed)
    expected = by_hand(layer, units, clipping, eps)
    before = torch.cat([p.grad.flatten() for p in layer.parameters()]).norm()
    report = Report()
    torch.testing.assert_close(clip_grad_adaptive_(layer, clipping, eps, report=report), before)
    for name, p in layer.named_parameters():
        torch.testing.assert_close(p.grad, expected[name], rtol=1e-5, atol=1e-7)
    count = sum(len(units(p)) if name == "weight" else 1 for name, p in layer.named_parameters())
    assert (report.last.share.item() * count) == pytest.approx(round(report.last.share.item() * count), abs=1e-4)


def unitwise(x):
    """The unit norms of the loop that libraries have: along the first axis, whatever the layer."""
    return torch.linalg.vector_norm(x, dim=tuple(range(min(1, x.ndim - 1), x.ndim)), keepdim=True)


def common_loop(parameters, clipping, eps=1e-3):
    for p in parameters:
        allowed = unitwise(p.detach()).clamp(min=eps) * clipping
        norm = unitwise(p.grad)
        p.grad = torch.where(norm < allowed, p.grad, p.grad * (allowed / norm.clamp(min=1e-6)))


@pytest.mark.parametrize("kind", ["linear", "conv", "embedding", "transposed"])
def test_the_common_loop_agrees_but_for_transposed_convolutions(kind):
    torch.manual_seed(0)
    ours, theirs = nn.Sequential(LAYERS[kind][0]()), nn.Sequential(LAYERS[kind][0]())
    theirs.load_state_dict(ours.state_dict())
    clip_grad_adaptive_(with_gradients(ours), 0.1)
    common_loop(with_gradients(theirs).parameters(), 0.1)
    agree = torch.allclose(ours[0].weight.grad, theirs[0].weight.grad, rtol=1e-5, atol=1e-8)
    assert agree == (kind != "transposed")


def two_heads():
    torch.manual_seed(0)
    return nn.ModuleDict({"body": nn.Linear(3, 4), "head": nn.Linear(4, 2), "headless": nn.Linear(4, 2)})


@pytest.mark.parametrize("exclude", [["head"], ["head.weight", "head.bias"], "module"])
def test_layers_are_excluded_by_name_or_module(exclude):
    model, clipped = (with_gradients(two_heads()) for _ in range(2))
    clip_grad_adaptive_(clipped, 0.01, exclude=[clipped["head"]] if exclude == "module" else exclude)
    for (name, p), q in zip(model.named_parameters(), clipped.parameters(), strict=True):
        assert torch.equal(p.grad, q.grad) == name.startswith("head.")


def test_the_order_of_layers_does_not_matter():
    model = with_gradients(two_heads())
    turned = nn.ModuleDict({name: model[name] for name in ("headless", "head", "body")})
    clip_grad_adaptive_(turned, 0.01, exclude=["head"])
    other = with_gradients(two_heads())
    clip_grad_adaptive_(other, 0.01, exclude=["head"])
    for name, p in other.named_parameters():
        assert torch.equal(p.grad, dict(model.named_parameters())[name].grad)


def test_a_population_of_generators():
    def make(seed):
        torch.manual_seed(seed)
        return with_gradients(dcgan_generator((1, 8, 8), latent=3, width=4), seed)

    members = [make(seed) for seed in range(2)]
    population = Population(members)
    for name, own in population._parameter_names.items():
        parts = [dict(member.named_parameters())[name].grad for member in members]
        population._parameters[own].grad = torch.stack(parts)
    first = next(name for name, _ in members[0].named_modules() if name.startswith("body."))
    norms = clip_grad_adaptive_(population, 0.02, exclude=[first])
    expected = [clip_grad_adaptive_(member, 0.02, exclude=[first]) for member in members]
    torch.testing.assert_close(norms, torch.stack(expected))
    for name, own in population._parameter_names.items():
        parts = [dict(member.named_parameters())[name].grad for member in members]
        torch.testing.assert_close(population._parameters[own].grad, torch.stack(parts))


def test_a_bias_of_zero_is_held_to_clipping_times_eps():
    layer = with_gradients(nn.Linear(4, 3), scale=100.0)
    nn.init.zeros_(layer.bias)
    clip_grad_adaptive_(layer, 0.01, 1e-3)
    assert layer.bias.grad.norm().item() == pytest.approx(1e-5, rel=1e-4)
    again = with_gradients(nn.Linear(4, 3), scale=100.0)
    clip_grad_adaptive_(again, 0.01, exclude=["bias"])
    assert again.bias.grad.norm() > 10


def test_a_unit_whose_norm_overflows():
    layer = with_gradients(nn.Linear(4, 2))
    layer.weight.grad[0] = 1e30
    clip_grad_adaptive_(layer, 0.01)
    ratio = layer.weight.grad.norm(dim=1) / layer.weight.detach().norm(dim=1)
    torch.testing.assert_close(ratio, torch.full((2,), 0.01))


def test_a_bad_unit_leaves_the_others_alone():
    layer, clean = with_gradients(nn.Linear(4, 2)), with_gradients(nn.Linear(4, 2))
    clean.load_state_dict(layer.state_dict())
    layer.weight.grad[0, 0] = float("nan")
    clip_grad_adaptive_(layer, 0.01)
    clip_grad_adaptive_(clean, 0.01)
    torch.testing.assert_close(layer.weight.grad[1], clean.weight.grad[1])


def test_bad_input():
    model = with_gradients(two_heads())
    with pytest.raises(ValueError, match=r"'tail' matches nothing; parameters: body\.weight"):
        clip_grad_adaptive_(model, exclude=["tail"])
    with pytest.raises(ValueError, match="the Linear is no module of the network"):
        clip_grad_adaptive_(model, exclude=[nn.Linear(1, 1)])
    with pytest.raises(ValueError, match="bare tensors have no names"):
        clip_grad_adaptive_(list(model.parameters()), exclude=["head"])
    with pytest.raises(ValueError, match="pass the module itself"):
        clip_grad_adaptive_(with_gradients(nn.Conv2d(2, 3, 3)).parameters())
    with pytest.raises(ValueError, match="eps=-1"):
        clip_grad_adaptive_(model, eps=-1)
