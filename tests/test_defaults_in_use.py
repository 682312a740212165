"""Defaults by what they do: a call that names none, against numbers worked out by hand or against torch's own."""

import inspect

import numpy as np
import pytest
import torch
from scipy import stats
from small import D, G, TwoModes
from torch import nn

from ganlab import clipping, data, latent, metrics, nets, optim, penalties, study
from ganlab.monitor import Monitor
from ganlab.train import Controller, Rule, Stream

NAN = float("nan")


def parameter(gradient, weight=0.0):
    p = nn.Parameter(torch.full_like(gradient, weight))
    p.grad = gradient.clone()
    return p


@pytest.mark.parametrize(
    "clip",
    [
        lambda p: clipping.clip_grad_norm_(p, 1.0),
        lambda p: clipping.clip_grad_value_(p, 1.0),
        lambda p: clipping.clip_grad_layerwise_(p, 1.0),
        lambda p: clipping.clip_grad_adaptive_(p),
        lambda p: clipping.PercentileClip()(p),
        *(lambda p, at=at: clipping.CLIPS[at](1.0)(p) for at in clipping.CLIPS),
    ],
)
def test_a_nan_is_handed_on(clip):
    """nonfinite="propagate", as torch does: what is not finite reaches the optimizer, and shows."""
    p = parameter(torch.tensor([NAN, 3.0]))
    clip(p)
    assert p.grad[0].isnan()


def test_norms_are_of_the_second_order():
    for clip in (clipping.clip_grad_norm_, clipping.clip_grad_layerwise_):
        p = parameter(torch.tensor([3.0, 4.0]))
        assert clip(p, 1.0).item() == 5  # the first order has 7, the largest entry is 4
        torch.testing.assert_close(p.grad, torch.tensor([0.6, 0.8]))
    assert clipping.PercentileClip()(parameter(torch.tensor([3.0, 4.0]))).item() == 5


def test_the_adaptive_clip_has_the_papers_hundredth_and_thousandth():
    """Brock et al. 2021: eps 1e-3, a ratio of 0.01. A gradient of 1 is cut to 0.02 at a weight of 2, to 1e-5 at 0."""
    for weight, left in ((2.0, 0.02), (0.0, 1e-5), (1e-4, 1e-5)):
        p = parameter(torch.ones(1), weight)
        clipping.clip_grad_adaptive_(p)
        assert p.grad.item() == pytest.approx(left)


def test_the_percentile_clip_has_the_tenth_of_a_thousand_norms():
    clip, norms = clipping.PercentileClip(), np.random.default_rng(0).lognormal(size=1010)
    for norm in norms:
        p = parameter(torch.tensor([norm], dtype=torch.float64))
        clip(p)
    threshold = np.percentile(norms[-1000:], 10)
    assert p.grad.item() == pytest.approx(min(norms[-1], threshold)) and clip.threshold.item() == pytest.approx(
        threshold
    )


PLAIN = {"Adam": {}, "AdamW": {}, "SGD": {}, "Adagrad": {}, "RMSprop": {}, "Adadelta": {}}
TURNED = {"AMSGrad": ("Adam", {"amsgrad": True}), "Momentum": ("SGD", {"momentum": 0.9}),
          "Nesterov": ("SGD", {"momentum": 0.9, "nesterov": True})}  # fmt: skip


@pytest.mark.parametrize(("name", "theirs"), [*((n, (n, o)) for n, o in PLAIN.items()), *TURNED.items()])
def test_an_optimizer_that_is_told_nothing_steps_as_torchs(double, name, theirs):
    weights = [nn.Parameter(torch.tensor([1.0, -2.0])) for _ in range(2)]
    ours = getattr(optim, name)([weights[0]])
    torchs = getattr(torch.optim, theirs[0])([weights[1]], **theirs[1])
    for step in range(5):
        for p, one in zip(weights, (ours, torchs), strict=True):
            p.grad = (p.detach() ** 3 + step) / 10
            one.step()
    torch.testing.assert_close(*weights, rtol=1e-10, atol=1e-10)
    assert not torch.equal(weights[0], torch.tensor([1.0, -2.0]))


def test_the_ring_and_the_grid_are_the_papers():
    """Eight modes on a circle of radius 2 (Metz et al. 2017); 25 on [-4, 4]^2 (Srivastava et al. 2017)."""
    ring, grid = data.ring(), data.grid()
    angles = np.arange(8) * np.pi / 4
    np.testing.assert_allclose(ring.modes, 2 * np.stack([np.cos(angles), np.sin(angles)], 1), atol=1e-6)
    assert sorted(map(tuple, grid.modes.tolist())) == [(2 * i, 2 * j) for i in range(-2, 3) for j in range(-2, 3)]
    for law, sigma in ((ring, 0.02), (grid, 0.05)):
        points = law.sample(4000, torch.Generator().manual_seed(0))
        off = points - law.modes[torch.cdist(points, law.modes).argmin(1)]
        assert off.std().item() == pytest.approx(sigma, rel=0.03)


def test_modes_count_what_lies_within_three_sigma():
    ring = data.ring()
    for far, quality in ((2.9, 1.0), (3.1, 0.0)):
        points = ring.modes + torch.tensor([far * 0.02, 0.0])
        assert metrics.modes(points, ring).high_quality.item() == quality
        assert metrics.overlap(points, ring).item() == quality


def test_three_neighbours_span_a_manifold():
    """Real points 0, 1, 2, 3 and 100: the third neighbour of 0 is 3 away, so 2.9 to the left of it still counts."""
    real = torch.tensor([0.0, 1.0, 2.0, 3.0, 100.0])[:, None]
    for x, precision in ((-2.9, 1.0), (-3.1, 0.0)):
        fake = torch.full((5, 1), x) + 1e-4 * torch.arange(5.0)[:, None]
        assert metrics.precision_recall(real, fake)[0] == precision
        assert metrics.Judge(real).scores(fake).precision.item() == precision


def test_a_level_is_of_95_percent():
    values = [1.0, 2.0, 4.0, 8.0]
    half = stats.t.ppf(0.975, 3) * np.std(values, ddof=1) / 2
    assert study.interval(values).high == pytest.approx(3.75 + half)
    half = stats.t.ppf(0.975, 3) * np.std(np.log(values), ddof=1) / 2
    assert study.geometric(values).high == pytest.approx(np.exp(np.log(values).mean() + half))
    low, high = stats.binomtest(1, 4).proportion_ci(0.95, method="wilson")
    found = study.wilson([0, 1, 0, 0])
    assert (found.low, found.high) == pytest.approx((low, high))


def test_penalties_draw_where_they_are_told_to():
    """D(x) = x^2 / 2 has the slope x. Real samples at 3 and 5, fakes at 1."""

    def D(x):
        return x.square().sum(-1) / 2

    real, fake = torch.tensor([[3.0], [5.0]]), torch.ones(2, 1)
    torch.manual_seed(0)
    alpha = torch.rand(2)
    torch.manual_seed(0)
    expected = ((fake + alpha[:, None] * (real - fake) - 1) ** 2).mean() / 2
    torch.testing.assert_close(penalties.wgan_gp(D, real, fake), expected)
    torch.manual_seed(0)
    noise = torch.randn(2, 1)
    torch.manual_seed(0)
    around = real + 0.5 * 2**0.5 * noise  # the standard deviation of 3 and 5 is the root of 2
    torch.testing.assert_close(penalties.dragan(D, real), ((around.abs() - 1) ** 2).mean() / 2)


def widths(net):
    return [tuple(p.shape) for p in net.parameters() if p.ndim > 1]


def test_networks_that_are_told_nothing():
    assert widths(nets.mlp_generator((2,))) == [(128, 64), (128, 128), (2, 128)]
    assert widths(nets.mlp_discriminator((2,))) == [(128, 2), (128, 128), (1, 128)]
    G, D = nets.dcgan_generator((1, 32, 32)), nets.dcgan_discriminator((1, 32, 32))
    assert G.latent == 64 and widths(G)[-1] == (64, 1, 4, 4) and widths(D)[0] == (64, 1, 4, 4)
    assert widths(D)[-1][0] == 1
    kinds = [{type(m) for m in net.modules()} for net in (G, D)]
    assert nn.BatchNorm2d in kinds[0] & kinds[1] and nn.Tanh in kinds[0]
    assert nn.ReLU in kinds[0] - kinds[1] and nn.LeakyReLU in kinds[1] - kinds[0]
    for net in (nets.mlp_generator((2,)), nets.mlp_discriminator((2,)), G, D):
        assert not any(isinstance(m, nn.Dropout) for m in net.modules())
    std = torch.cat([p.flatten() for p in nets.dcgan_discriminator((1, 32, 32)).parameters() if p.ndim == 4]).std()
    assert std.item() == pytest.approx(0.02, rel=0.02)  # Radford et al. 2016


def test_layers_that_are_told_nothing():
    x = torch.tensor([[0.0], [2.0], [4.0], [6.0]])
    assert nets.MinibatchStd()(x)[0, 1].item() == pytest.approx(5**0.5)  # the whole batch, not groups of four pairs
    assert nets.MinibatchStd()(torch.ones(3, 1))[0, 1].item() == pytest.approx(1e-4)
    assert nets.MinibatchDiscrimination(5).T.shape == (5, 16, 8)
    noisy = latent.NoisyLayers(nets.mlp_generator((2,), latent=4, width=8))
    assert [tuple(b.unique().tolist()) for b in noisy.buffers()] == [(pytest.approx(0.1),)] * 2
    z = torch.randn(3, noisy.latent)
    assert not torch.equal(noisy.eval()(z), noisy(torch.cat([z[:, :4], -z[:, 4:]], 1)))  # also in eval mode


def test_a_rule_that_is_told_nothing_turns_up_by_a_tenth_every_ten_steps():
    controller, limit = Controller(Rule("false_positives", "lr_g", 0.2, 0.4)), Rule("accuracy", "lr_d", 0, 1).limits
    values = []
    for _ in range(20):
        controller.step(torch.zeros(2), torch.ones(2))  # all fakes pass: more than 0.4
        values.append(round(controller.value.item(), 5))
    assert values == [1.0] * 9 + [1.1] * 10 + [1.21] and limit == (0.01, 100.0)


def test_streams_on_a_cpu_draw_when_they_are_asked_and_normal_latents():
    stream = Stream(data.ring(), 4, 64, 0)
    ((_, z),) = stream.next()
    expected = torch.Generator().manual_seed(2**32)
    real = data.ring().sample(stream.block * 64, expected)
    assert not stream.ahead and torch.equal(z, torch.randn(len(real), 4, generator=expected)[:64])


def test_a_monitor_that_is_told_nothing_keeps_every_step_of_a_thousand():
    net = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    watch = Monitor({"D": (net, optimizer)})
    series = watch.players["D"].series
    net(torch.ones(1, 1)).backward()
    for step in range(1, 1002):
        optimizer.step()
        if step == 99:
            assert len(series._pending) == 99
        if step == 100:
            assert len(series._pending) == 0
    steps = [step for step, _, _ in series.read()]
    assert steps[:3] == [1, 3, 5] and len(steps) == 501  # the thousand and first halves them
    with pytest.raises(ValueError, match="activations=True"):
        watch.activations()


def test_a_study_that_is_told_nothing_measures_seed_0_once():
    assert study.Study("one", lambda seed: {"value": seed + 7}, {}).run(progress=False).values.tolist() == [[0, 7]]


def test_the_small_gan_has_no_defaults_of_its_own():
    """What the tests of training call a default comes from ganlab, not from here."""
    assert not inspect.signature(D).parameters and TwoModes.shape == (2,) and G().latent == 4
