"""Clipping by value, norm and layer: against torch on random gradients, members, and where torch is treacherous."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from second_device import pretended_gpu
from torch import nn

from ganlab.clipping import (
    PercentileClip,
    Report,
    clip_grad_adaptive_,
    clip_grad_layerwise_,
    clip_grad_norm_,
    clip_grad_value_,
    clip_weights_,
)
from ganlab.nets import mlp_discriminator
from ganlab.population import Population

INF, NAN = float("inf"), float("nan")
# Each with a threshold that clips the gradients of `net()`.
CLIPPERS = {
    "norm": lambda parameters, **more: clip_grad_norm_(parameters, 0.1, **more),
    "value": lambda parameters, **more: clip_grad_value_(parameters, 0.01, **more),
    "layerwise": lambda parameters, **more: clip_grad_layerwise_(parameters, 0.05, **more),
    "adaptive": lambda parameters, **more: clip_grad_adaptive_(parameters, 0.01, **more),
    "percentile": lambda parameters, report=None, **more: at_a_tenth(parameters, report, **more),
}
every_clipper = pytest.mark.parametrize("clip", CLIPPERS.values(), ids=CLIPPERS)


def at_a_tenth(parameters, report, **more):
    """A percentile clip whose window already holds a small norm."""
    clip = PercentileClip(0, **more)
    norms = torch.full((clip.window, *([parameters.size] if isinstance(parameters, Population) else [])), NAN)
    norms[0] = 0.1
    clip.load_state_dict({"norms": norms, "calls": 1})
    return clip(parameters, report=report)


def tensors(seed, *shapes, dtype=torch.float32):
    """Parameters with random gradients."""
    generator = torch.Generator().manual_seed(seed)
    parameters = [nn.Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in shapes]
    for p in parameters:
        p.grad = torch.randn(p.shape, generator=generator).to(dtype)
    return parameters


def net(seed=0):
    torch.manual_seed(seed)
    made = mlp_discriminator((2,), width=8)
    made(torch.randn(16, 2)).square().sum().backward()
    return made


def grads(parameters):
    parameters = parameters.parameters() if isinstance(parameters, nn.Module) else parameters
    return [p.grad.clone() for p in parameters]


def same(one, other, **tolerance):
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, **tolerance)


shapes = st.lists(st.lists(st.integers(1, 5), max_size=4).map(tuple), min_size=1, max_size=6)


@settings(max_examples=1000)
@given(
    shapes=shapes, seed=st.integers(0, 2**20), bound=st.floats(0, 20), scale=st.sampled_from([1e-12, 1e-3, 1.0, 1e6]),
    norm_type=st.sampled_from([1.0, 2.0, 3.0, INF]), foreach=st.sampled_from([None, True, False]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)  # fmt: skip
def test_equal_to_torch_bit_for_bit(shapes, seed, bound, scale, norm_type, foreach, dtype):
    for ours, theirs, more in (
        (clip_grad_norm_, nn.utils.clip_grad_norm_, (norm_type,)),
        (clip_grad_value_, nn.utils.clip_grad_value_, ()),
    ):
        a, b = (tensors(seed, *shapes, dtype=dtype) for _ in range(2))
        for p in (*a, *b):
            p.grad *= scale
        norms = [clip(p, bound, *more, foreach=foreach) for clip, p in ((ours, a), (theirs, b))]
        same(grads(a), grads(b), rtol=0, atol=0)
        if ours is clip_grad_norm_:
            assert torch.equal(*norms)


@settings(max_examples=200)
@given(shapes=shapes, seed=st.integers(0, 2**20), bound=st.floats(1e-3, 20))
def test_after_clipping_the_norm_is_within_the_bound_and_the_direction_stays(shapes, seed, bound):
    parameters = tensors(seed, *shapes)
    before = torch.cat([g.flatten() for g in grads(parameters)])
    norm = clip_grad_norm_(parameters, bound)
    after = torch.cat([g.flatten() for g in grads(parameters)])
    torch.testing.assert_close(norm, before.norm())
    assert after.norm() <= bound * (1 + 1e-5)
    torch.testing.assert_close(after * before.norm(), before * after.norm(), rtol=1e-4, atol=1e-5)
    clip_grad_norm_(parameters, bound)
    same([after], [torch.cat([g.flatten() for g in grads(parameters)])], rtol=1e-5, atol=1e-6)


def test_layers_are_clipped_apart():
    model = net()
    before = {name: p.grad.clone() for name, p in model.named_parameters()}
    clip_grad_layerwise_(model, 0.05)
    for layer in {name.rpartition(".")[0] for name in before}:
        ours = [p.grad for p in model.get_submodule(layer).parameters()]
        expected = [nn.Parameter(torch.zeros_like(g)) for g in ours]
        for p, (_, g) in zip(expected, (i for i in before.items() if i[0].startswith(f"{layer}.")), strict=True):
            p.grad = g
        nn.utils.clip_grad_norm_(expected, 0.05)
        same(ours, grads(expected), rtol=1e-6, atol=0)


def test_bare_tensors_are_a_layer_each():
    parameters = tensors(0, (3,), (4, 5))
    expected = copy.deepcopy(parameters)
    for p, q in zip(parameters, expected, strict=True):
        q.grad = p.grad.clone()
        nn.utils.clip_grad_norm_(q, 0.5)
    clip_grad_layerwise_(parameters, 0.5)
    same(grads(parameters), grads(expected))


@every_clipper
def test_members_are_clipped_each_by_itself(clip):
    members = [net(seed) for seed in range(3)]
    population = Population(members)
    for k, member in enumerate(members):
        for name, p in member.named_parameters():
            p.grad *= 10.0 ** (-4 * k)  # the last ones are too small to be clipped, whatever the first one does
            stacked = population._parameters[population._parameter_names[name]]
            stacked.grad = torch.zeros_like(stacked) if stacked.grad is None else stacked.grad
            stacked.grad[k] = p.grad
    together, alone = Report(), [Report() for _ in members]
    norms = clip(population, report=together)
    expected = torch.stack([clip(member, report=report) for member, report in zip(members, alone, strict=True)])
    torch.testing.assert_close(norms, expected)
    for name, own in population._parameter_names.items():
        stacked = torch.stack([dict(member.named_parameters())[name].grad for member in members])
        torch.testing.assert_close(population._parameters[own].grad, stacked)
    assert together.last.to_numpy() == pytest.approx(
        torch.cat([torch.tensor(r.last.to_numpy()) for r in alone]).numpy(), rel=1e-5
    )


@every_clipper
def test_one_diverged_member_leaves_the_others_alone(clip):
    members = [net(0), net(1)]
    population = Population(members)
    for name, own in population._parameter_names.items():
        parts = [dict(member.named_parameters())[name].grad for member in members]
        population._parameters[own].grad = torch.stack([parts[0], torch.full_like(parts[1], NAN)])
    clip(population)
    clip(members[0])
    for name, own in population._parameter_names.items():
        torch.testing.assert_close(population._parameters[own].grad[0], dict(members[0].named_parameters())[name].grad)


@every_clipper
def test_whatever_it_is_handed(clip):
    results = []
    for handed in (
        lambda m: m, lambda m: m.parameters(), lambda m: list(m.parameters()), lambda m: m.named_parameters(),
        lambda m: [*m.parameters(), *m.parameters()],  # listed twice, counted once
    ):  # fmt: skip
        model = net()
        norm = clip(handed(model))
        results.append((norm, grads(model)))
    assert all(torch.equal(norm, results[0][0]) for norm, _ in results)
    if clip is not CLIPPERS["layerwise"]:  # without names, a layer is a tensor
        for _, after in results[1:]:
            same(after, results[0][1], rtol=0, atol=0)


def test_a_single_tensor_and_parameters_without_gradients():
    (p,) = tensors(0, (5,))
    norm = clip_grad_norm_(p, 0.1)
    assert norm > 0.1
    frozen = nn.Parameter(torch.ones(3))
    (q,) = tensors(0, (5,))
    assert torch.equal(clip_grad_norm_([frozen, q], 0.1), norm)
    assert torch.equal(q.grad, p.grad)
    assert frozen.grad is None


@every_clipper
def test_no_gradients_have_norm_zero(clip):
    model = net()
    model.zero_grad()
    assert clip(model) == 0
    members = Population([net(), net()])
    assert clip(members).tolist() == [0, 0]


@every_clipper
def test_a_generator_that_was_used_up_is_refused(clip):
    used = net().parameters()
    list(used)
    with pytest.raises(ValueError, match="a generator can be used once only"):
        clip(used)


@every_clipper
def test_zero_gradients_stay_zero(clip):
    model = net()
    for p in model.parameters():
        p.grad.zero_()
    assert clip(model) == 0
    assert all((g == 0).all() for g in grads(model))


# --- Gradients that are not finite.


def spoiled(value):
    model = net()
    model.body[1].weight.grad[0, 0] = value
    return model


@every_clipper
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_raise_names_the_parameter_and_changes_nothing(clip, value):
    model = spoiled(value)
    before = grads(model)
    with pytest.raises(RuntimeError, match=r"not finite \(body\.1\.weight\): nothing was clipped"):
        clip(model, nonfinite="raise")
    same(grads(model), before, rtol=0, atol=0, equal_nan=True)


@every_clipper
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_skip_makes_the_whole_gradient_zero(clip, value):
    model, report = spoiled(value), Report()
    clip(model, nonfinite="skip", report=report)
    assert all((g == 0).all() for g in grads(model))
    assert report.last.nonfinite.item() == 1
    healthy, plain = net(), net()
    clip(healthy, nonfinite="skip")
    clip(plain)
    same(grads(healthy), grads(plain), rtol=0, atol=0)


@pytest.mark.parametrize("where", ["cpu", "cuda"])
def test_zero_by_hand(where):
    """What is left of (3, -inf, inf, 4, nan) is (3, 0, 0, 4, 0), of norm 5."""
    report = Report()
    with pretended_gpu():
        p = nn.Parameter(torch.zeros(5, device=where))
        p.grad = torch.tensor([3.0, -INF, INF, 4.0, NAN], device=where)
        assert clip_grad_norm_(p, 1.0, nonfinite="zero", report=report).item() == 5
        torch.testing.assert_close(p.grad.cpu(), torch.tensor([0.6, 0.0, 0.0, 0.8, 0.0]))
        assert report.last.iloc[0].round(5).tolist() == [5, 0.2, 1, 1, 1]


@every_clipper
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_zero_drops_the_bad_entries_and_clips_the_rest(clip, value):
    model, expected, report = spoiled(value), spoiled(0.0), Report()
    norm = clip(model, nonfinite="zero", report=report)
    torch.testing.assert_close(norm, clip(expected))
    same(grads(model), grads(expected), rtol=0, atol=0)
    assert norm.isfinite()
    assert report.last.nonfinite.item() == 1


@pytest.mark.parametrize("value", [NAN, INF])
@pytest.mark.parametrize("pair", [
    (lambda p: clip_grad_norm_(p, 0.1), lambda p: nn.utils.clip_grad_norm_(p, 0.1)),
    (lambda p: clip_grad_value_(p, 0.1), lambda p: nn.utils.clip_grad_value_(p, 0.1)),
])  # fmt: skip
def test_propagate_is_what_torch_does(pair, value):
    ours, theirs = spoiled(value), spoiled(value)
    pair[0](ours)
    pair[1](theirs.parameters())
    same(grads(ours), grads(theirs), rtol=0, atol=0, equal_nan=True)


def test_the_name_that_torch_has_for_raise():
    with pytest.raises(RuntimeError, match="not finite"):
        clip_grad_norm_(spoiled(NAN), 1.0, error_if_nonfinite=True)


# --- Norms that overflow.


@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        (torch.float32, 1e25),
        (torch.float32, 3e38),
        (torch.float16, 6e4),
        (torch.bfloat16, 1e30),
        (torch.float64, 1e200),
    ],
)
@pytest.mark.parametrize("clip", [clip_grad_norm_, clip_grad_layerwise_])
def test_an_overflowing_norm_is_clipped_like_any_other(clip, dtype, size):
    (p,) = tensors(0, (4, 4), dtype=dtype)
    p.grad.fill_(size)
    if dtype != torch.float64:
        (q,) = tensors(0, (4, 4), dtype=dtype)
        q.grad.fill_(size)
        nn.utils.clip_grad_norm_(q, 1.0)
        assert (q.grad == 0).all() or dtype == torch.bfloat16  # the control: torch zeroes it without a word
    norm = clip(p, 1.0)
    torch.testing.assert_close(p.grad, torch.full_like(p, 0.25), rtol=1e-2 if size < 1e38 else 1e-5, atol=0)
    if size * 4 < torch.finfo(norm.dtype).max:
        assert norm.item() == pytest.approx(4 * size, rel=1e-2)


def test_an_overflowing_member_among_others():
    p = nn.Parameter(torch.ones(2, 4))
    p.grad = torch.tensor([[1e30] * 4, [0.1] * 4])
    norms = clip_grad_norm_(p, 1.0, members=True)
    assert norms.tolist() == pytest.approx([2e30, 0.2])
    torch.testing.assert_close(p.grad, torch.tensor([[0.5] * 4, [0.1] * 4]))


@pytest.mark.parametrize("clip", [
    lambda p: clip_grad_norm_(p, 1.0, members=True), lambda p: clip_grad_value_(p, 1.0, members=True),
    lambda p: clip_grad_layerwise_(p, 1.0, members=True), lambda p: clip_grad_adaptive_(p, 0.1, members=True),
])  # fmt: skip
def test_members_of_a_single_number(clip):
    p = nn.Parameter(torch.tensor([2.0, 3.0]))
    p.grad = torch.tensor([5.0, 0.01])
    norms = clip([p])
    assert norms.tolist() == pytest.approx([5.0, 0.01])
    assert p.grad[0] <= 1
    assert p.grad[1].item() == pytest.approx(0.01)


def test_half_gradients_have_a_norm_in_float32():
    (p,) = tensors(0, (1000,), dtype=torch.float16)
    assert clip_grad_norm_(p, 1.0).dtype == torch.float32


# --- Sparse gradients, mixtures, and what is refused.


def embedding():
    torch.manual_seed(0)
    table = nn.Embedding(6, 3, sparse=True)
    table(torch.tensor([1, 4, 4])).square().sum().backward()
    return table


@pytest.mark.parametrize("clip", [
    lambda p: clip_grad_norm_(p, 0.1), lambda p: clip_grad_value_(p, 0.01), lambda p: clip_grad_layerwise_(p, 0.1),
])  # fmt: skip
def test_sparse_gradients_are_clipped_as_dense_ones(clip):
    sparse, dense = embedding(), embedding()
    dense.weight.grad = dense.weight.grad.to_dense()
    torch.testing.assert_close(clip(sparse), clip(dense))
    torch.testing.assert_close(sparse.weight.grad.to_dense(), dense.weight.grad)


def test_sparse_gradients_that_cannot_be_clipped_say_why():
    with pytest.raises(TypeError, match="sparse=False"):
        clip_grad_adaptive_(embedding())
    with pytest.raises(TypeError, match=r"sparse COO ones without members.*sparse=False"):
        clip_grad_norm_(embedding(), 1.0, members=True)


def test_mixed_types():
    a, b = tensors(0, (3,))[0], tensors(1, (4,), dtype=torch.float64)[0]
    both = torch.cat([a.grad.double(), b.grad])
    norm = clip_grad_norm_([a, b], 0.5)
    assert norm.item() == pytest.approx(both.norm().item(), rel=1e-6)
    torch.testing.assert_close(torch.cat([a.grad.double(), b.grad]), 0.5 * both / both.norm(), rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    "clip", [clip_grad_norm_, clip_grad_value_, clip_grad_layerwise_, clip_grad_adaptive_, clip_weights_]
)
@pytest.mark.parametrize("bound", [-1.0, NAN])
def test_a_negative_threshold_is_refused(clip, bound):
    model = net()
    with pytest.raises(ValueError, match=f"={bound}: a threshold is at least 0"):
        clip(model, bound)
    same(grads(model), grads(net()), rtol=0, atol=0)


def test_bad_input():
    with pytest.raises(TypeError, match="parameters holds a str"):
        clip_grad_norm_(["weight"], 1.0)
    with pytest.raises(ValueError, match="nonfinite='ignore': one of propagate"):
        clip_grad_norm_(net(), 1.0, nonfinite="ignore")
    with pytest.raises(ValueError, match="norm_type=0"):
        clip_grad_norm_(net(), 1.0, norm_type=0)
    with pytest.raises(ValueError, match="all must be the number of members"):
        clip_grad_norm_(tensors(0, (2, 3), (3, 2)), 1.0, members=True)


# --- Weights, reports, and the loop around the clip.


def test_weights_are_clamped():
    model, report = net(), Report()
    before = [p.detach().clone() for p in model.parameters()]
    assert clip_weights_(model, 0.1, report=report) is None
    for p, old in zip(model.parameters(), before, strict=True):
        assert torch.equal(p.detach(), old.clamp(-0.1, 0.1))
    flat = torch.cat([old.flatten() for old in before])
    assert report.last.share.item() == pytest.approx((flat.abs() > 0.1).double().mean().item())
    population = Population([net(), net(1)])
    clip_weights_(population, 0.1, report=(both := Report()))
    assert both.last.share[0] == report.last.share[0]
    assert all(p.abs().max() <= 0.1 for p in population.parameters())


def test_reports():
    report, model = Report(), net()
    assert report.last.empty
    assert report.mean.empty
    norm = clip_grad_norm_(model, 0.1, report=report).item()
    row = report.last.iloc[0]
    assert row.to_dict() == pytest.approx(
        {"norm": norm, "coefficient": 0.1 / norm, "share": 1, "clipped": 1, "nonfinite": 0}, rel=1e-4
    )
    clip_grad_norm_(model, 10.0, report=report)
    assert report.last[["coefficient", "share"]].to_numpy().tolist() == [[1, 0]]
    assert report.mean.clipped.item() == 0.5
    assert report.calls == 2
    clip_grad_norm_(spoiled(NAN), 1.0, report=report)
    assert report.mean.nonfinite.item() == pytest.approx(1 / 3)
    assert report.mean.norm.item() == pytest.approx((norm + 0.1) / 2, rel=1e-4)  # of the calls with a finite norm


def test_the_report_of_a_value_clip_counts_entries():
    (p,) = tensors(0, (4,))
    p.grad = torch.tensor([3.0, -0.5, -4.0, 0.0])
    report = Report()
    norm = clip_grad_value_(p, 1.0, report=report)
    assert norm.item() == pytest.approx(25.25**0.5)
    assert report.last.share.item() == 0.5
    assert report.last.coefficient.item() == pytest.approx((2.25 / 25.25) ** 0.5)


@every_clipper
def test_a_report_changes_nothing(clip):
    with_report, without = net(), net()
    clip(with_report, report=Report())
    clip(without)
    same(grads(with_report), grads(without), rtol=0, atol=0)


COMPILED = [clipper for name, clipper in CLIPPERS.items() if name != "percentile"]


@pytest.mark.parametrize("clip", COMPILED)
def test_compiled_equals_eager(clip):
    ours, theirs = net(), net()
    norm = torch.compile(lambda: clip(ours), backend="aot_eager", fullgraph=True)()
    torch.testing.assert_close(norm, clip(theirs), check_dtype=False)
    same(grads(ours), grads(theirs))


def scaled_step(order):
    """One SGD step with a GradScaler; `order` says when to clip."""
    torch.manual_seed(0)
    model, x = mlp_discriminator((2,), width=8), torch.randn(16, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    start = torch.cat([p.detach().clone().flatten() for p in model.parameters()])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(x)
        loss = logits.square().sum()
    assert logits.dtype == torch.bfloat16  # autocast is at work
    scaler.scale(loss).backward()
    if order == "unscale, clip":
        scaler.unscale_(optimizer)
    clip_grad_norm_(model, 0.1)
    scaler.step(optimizer)
    scaler.update()
    return (torch.cat([p.detach().flatten() for p in model.parameters()]) - start).norm().item()


def test_with_a_scaler_unscale_comes_first():
    assert scaled_step("unscale, clip") == pytest.approx(0.1, rel=1e-3)
    assert scaled_step("clip alone") == pytest.approx(0.1 / 2**10, rel=1e-3)  # clipped 1,024 times too hard


def test_with_a_scaler_an_overflow_still_skips_the_step():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    scaler.scale(torch.zeros(()))
    before = [p.detach().clone() for p in model.parameters()]
    model.body[1].weight.grad[0, 0] = INF
    scaler.unscale_(optimizer)
    clip_grad_norm_(model, 0.1, nonfinite="zero")
    scaler.step(optimizer)
    scaler.update()
    same([p.detach() for p in model.parameters()], before, rtol=0, atol=0)
    assert scaler.get_scale() == 2.0**9


def test_accumulated_gradients_are_clipped_once():
    parts = [torch.randn(8, 2, generator=torch.Generator().manual_seed(k)) for k in range(2)]
    results = []
    for batches in ([torch.cat(parts)], parts):
        torch.manual_seed(0)
        model = mlp_discriminator((2,), width=8)
        for x in batches:
            model(x).square().sum().backward()
        clip_grad_norm_(model, 0.1)
        results.append(grads(model))
    same(*results, rtol=1e-4, atol=1e-7)


def test_with_accelerate():
    accelerate = pytest.importorskip("accelerate")
    accelerator = accelerate.Accelerator(cpu=True)
    model = net()
    prepared, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=1.0))
    optimizer.zero_grad()
    accelerator.backward(prepared(torch.randn(4, 2)).sum())
    clip_grad_norm_(prepared, 1e-3)
    before = [p.detach().clone() for p in model.parameters()]
    optimizer.step()
    moved = torch.cat([(p.detach() - old).flatten() for p, old in zip(model.parameters(), before, strict=True)])
    assert moved.norm().item() == pytest.approx(1e-3, rel=1e-2)


def test_where_there_is_no_gradient_the_norm_is_0_where_the_parameters_are():
    """ "meta" is the one device that every machine has beside its own."""
    for device in ("cpu", "meta"):
        norm = clip_grad_norm_(nn.Parameter(torch.zeros(2, device=device)), 1.0)
        assert norm.device.type == device and norm.shape == ()
    assert clip_grad_norm_(nn.Parameter(torch.zeros(3, 2)), 1.0, members=True).tolist() == [0, 0, 0]


def test_two_norms_whose_squares_are_too_large_for_float64():
    """1e308 and 1e308 make 1.414e308, of which one keeps a half."""
    pair = [nn.Parameter(torch.zeros(1, dtype=torch.float64)) for _ in range(2)]
    for p in pair:
        p.grad = torch.tensor([1e308], dtype=torch.float64)
    assert clip_grad_norm_(pair, 0.5e308 * 2**0.5).item() == pytest.approx(2**0.5 * 1e308)
    assert [p.grad.item() for p in pair] == pytest.approx([0.5e308] * 2)
