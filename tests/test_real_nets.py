"""What reports of real projects showed, beside the tables of the zoo: each number against one from outside."""

import copy

import pytest
import torch
from small import D, G, TwoModes
from torch import nn

from ganlab import nets, penalties
from ganlab._modules import slopes as by_torch
from ganlab.clipping import CLIPS, Report, clip_grad_layerwise_, clip_grad_norm_, clip_weights_
from ganlab.monitor import Monitor, snapshot
from ganlab.nets import SpectralNorm, mlp_discriminator, mlp_generator, spectrally_normalised
from ganlab.population import build
from ganlab.train import Recipe, Trainer, WeightAverage


def parameter(*values, dtype=torch.float32):
    p = nn.Parameter(torch.ones(len(values), dtype=dtype))
    p.grad = torch.tensor(values, dtype=dtype)
    return p


@pytest.mark.parametrize(("size", "dtype"), [(1e200, torch.float64), (1.5e19, torch.float32), (1e30, torch.float32)])
def test_norms_that_overflow_only_when_they_are_joined(size, dtype):
    """Two gradients of one size: their norm is sqrt(2) times that, and each is scaled by as much."""
    for clip in (clip_grad_norm_, clip_grad_layerwise_):
        pair = [parameter(size, dtype=dtype) for _ in range(2)]
        norm = clip(pair, 1.0)
        assert norm.item() / size == pytest.approx(2**0.5, rel=1e-6)
        expected = 2**-0.5 if clip is clip_grad_norm_ else 1.0
        assert [p.grad.item() for p in pair] == pytest.approx([expected] * 2, rel=1e-6)


def test_infinity_is_still_infinite():
    assert clip_grad_norm_([parameter(1e30), parameter(float("inf"))], 1.0).item() == float("inf")
    assert clip_grad_norm_([parameter(1e30), parameter(float("nan"))], 1.0).isnan()


def test_complex_gradients_count_by_their_absolute_value():
    p = nn.Parameter(torch.zeros(2, dtype=torch.complex64))
    p.grad = torch.tensor([3 + 4j, 12j])
    report = Report()
    assert clip_grad_norm_(p, 6.5, report=report).item() == pytest.approx(13)
    torch.testing.assert_close(p.grad, torch.tensor([1.5 + 2j, 6j]))
    assert clip_grad_norm_(p, 1.0, float("inf")).item() == pytest.approx(6)
    p.grad = torch.tensor([complex("nan"), 3 + 4j])
    assert clip_grad_norm_(p, 1.0, nonfinite="zero").item() == pytest.approx(5)
    assert p.grad[0] == 0


def test_nothing_but_empty_parameters_has_norm_zero():
    p = nn.Parameter(torch.zeros(0))
    p.grad = torch.zeros(0)
    assert clip_grad_norm_(p, 1.0, float("inf")).item() == 0
    clip_weights_(p, 0.1)


@pytest.mark.parametrize("clip", CLIPS)
def test_the_book_s_own_nets_with_a_learned_scale_train_with_every_clip(clip):
    players = (nets.resmlp_generator((2,), 4, 8, 1, branch_scale="learned"),
               nets.resmlp_discriminator((2,), 8, 1, branch_scale="learned"))  # fmt: skip
    trainer = Trainer(*players, TwoModes(), Recipe(batch=8, clip=clip)).fit(3, progress=False)
    assert all(p.isfinite().all() for p in trainer.D.parameters())


def test_a_half_precision_fake_under_autocast():
    torch.manual_seed(0)
    critic, real, fake = mlp_discriminator((2,), width=8), torch.randn(4, 2), torch.randn(4, 2)
    alpha = torch.full((4,), 0.5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = penalties.wgan_gp(critic, real, fake.bfloat16(), alpha)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, penalties.wgan_gp(critic, real, fake, alpha), rtol=0.05, atol=0)


def test_the_square_of_a_slope_has_room_in_half_precision():
    x = torch.zeros(3, 2, dtype=torch.float16)
    assert penalties.r1(lambda x: 300 * x[:, 0], x).item() == 45000  # 300^2 is too large for float16


def normed(layer=SpectralNorm):
    torch.manual_seed(0)
    return nn.Sequential(layer(nn.Linear(2, 4)), nn.Tanh(), layer(nn.Linear(4, 1)), nn.Flatten(0)).double()


def test_networks_inside_a_function_are_treated_as_d_itself():
    x, direct, inside = torch.randn(5, 2, dtype=torch.float64), normed(), normed()
    for _ in range(2):
        torch.testing.assert_close(penalties.r1(lambda x: inside(x), x), penalties.r1(direct, x), rtol=0, atol=0)
    assert torch.equal(inside[0].u, direct[0].u)  # a penalty moves no power iteration
    assert not inside[0].held
    with_norm = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1), nn.Flatten(0)).double()
    with pytest.raises(ValueError, match="D has batch norm"):
        penalties.r1(lambda x: with_norm(x), x)
    assert not torch.nn.modules.module._global_forward_pre_hooks
    with_norm.eval()
    assert penalties.r1(lambda x: with_norm(x), x).isfinite()


def test_the_way_by_autograd_gives_the_same_numbers():
    critic, x = mlp_discriminator((2,), width=8, activation="tanh").double(), torch.randn(5, 2, dtype=torch.float64)
    values = []
    for other_way in (False, True):
        by_torch._refused.add(critic) if other_way else None
        value = penalties.wgan_gp(critic, x, x + 1, torch.full((5,), 0.3))
        values.append([value, *torch.autograd.grad(value, list(critic.parameters())[:-1])])
        with torch.no_grad():
            assert not penalties.r1(critic, x).requires_grad
    for one, other in zip(*values, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


def test_further_arguments_reach_members_of_a_population():
    class Conditional(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.classes = nn.Linear(2, 4), nn.Embedding(3, 4)

        def forward(self, x, y):
            return (self.linear(x).tanh() * self.classes(y)).sum(1)

    from ganlab.population import Population

    members, y = [Conditional() for _ in range(2)], torch.tensor([[0, 1, 2], [2, 2, 0]])
    x = torch.randn(2, 3, 2)
    together = penalties.r1(Population(members), x, given=y)
    alone = torch.stack([penalties.r1(members[k], x[k], given={"y": y[k]}) for k in range(2)])
    torch.testing.assert_close(together, alone)


def test_an_average_of_a_spectral_norm_has_its_norm():
    """The mean of two unit vectors is none: with it sigma came out too small, and the weights too large."""
    torch.manual_seed(0)
    for kind in (SpectralNorm, nn.utils.parametrizations.spectral_norm):
        net = nn.Sequential(kind(nn.Linear(6, 6)))
        average = WeightAverage(net)
        for _ in range(20):
            with torch.no_grad():
                for p in net.parameters():
                    p.add_(0.3 * torch.randn_like(p))
            net(torch.randn(2, 6))
            average.update(net, 0.5)
        vectors = [b for name, b in average.module.named_buffers() if b.ndim == 1]
        assert [v.norm().item() for v in vectors] == pytest.approx([1] * len(vectors), rel=1e-5)


def test_an_average_refuses_a_net_that_has_grown():
    net = nn.Sequential(nn.Linear(2, 2))
    average = WeightAverage(net)
    net.append(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="net has 4 parameters and buffers and its average 2"):
        average.update(net, 0.5)


def test_a_net_that_is_refused_by_spectral_normalisation_is_left_alone():
    net = nn.Sequential(nn.Linear(2, 2), nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)))
    with pytest.raises(ValueError, match="makes its weight from other parameters"):
        spectrally_normalised(net)
    assert type(net[0]) is nn.Linear


def test_players_that_share_parameters_are_refused_where_they_would_be_torn_apart():
    shared = nn.Linear(2, 2)

    def make_g():
        return G()

    def make_d():
        d = D()
        d.extra = shared
        return d

    def make_g_too():
        g = G()
        g.extra = shared
        return g

    with pytest.raises(ValueError, match=r"share parameters \(extra.weight, extra.bias\)"):
        build(make_g_too, make_d, [0, 1])
    build(make_g, make_d, [0, 1])


def test_a_compiled_net_that_has_run_before_is_looked_at_all_the_same():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    compiled, x = torch.compile(copy.deepcopy(plain), backend="eager"), torch.randn(4, 2)
    compiled(x)
    ours, theirs = snapshot(compiled, x), snapshot(plain, x)
    assert ours.rms.tolist() == theirs.rms.tolist()


def test_bfloat16_logits_are_shown():
    critic = nn.Linear(2, 1)
    watch = Monitor({"D": (critic, torch.optim.SGD(critic.parameters(), lr=0.1))})
    watch.logits(torch.tensor([1.0, -1.0]).bfloat16(), torch.tensor([-2.0, 2.0]).bfloat16())
    critic(torch.ones(2, 2)).sum().backward()
    watch.players["D"].optimizer.step()
    assert watch.game()[["real_accuracy", "fake_accuracy", "real_logit"]].values.tolist() == [[0.5, 0.5, 0.0]]
    assert "on real 0.50" in watch.line()


def test_an_lstm_is_trained_but_not_recorded():
    class Judge(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.last = nn.LSTM(1, 4, batch_first=True), nn.Linear(4, 1)

        def forward(self, x):
            return self.last(self.cell(x.unsqueeze(-1))[0][:, -1]).flatten()

    trainer = Trainer(mlp_generator((2,), width=8), Judge(), TwoModes(), Recipe(batch=8))
    trainer.fit(5, progress=False, capture=True)
    assert (
        trainer.engine.reason
        == "Steps are not recorded: D has a LSTM, whose backward pass torch does not let be replayed."
    )
