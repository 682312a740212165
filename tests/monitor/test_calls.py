"""How often D is called and on what, what a penalty asks of it, and how slopes lie along logits: in loops by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from small import D, G
from torch import nn
from torch.nn.functional import softplus

from ganlab import penalties
from ganlab.monitor import Monitor
from ganlab.monitor._samples import Repeats, reach
from ganlab.nets.spectral import spectrally_normalised
from ganlab.optim import Adam
from ganlab.population import build


def points(real, fake, alpha):
    return (alpha * real + (1 - alpha) * fake).requires_grad_()


def slope_at(d, x, **options):
    return torch.autograd.grad(d(x).sum(), x, **options)[0].norm(dim=-1)


PENALTIES = {
    "none": lambda d, real, fake: 0.0,
    "written": lambda d, real, fake: slope_at(d, points(real, fake, 0.5), create_graph=True).square().mean(),
    "no graph": lambda d, real, fake: slope_at(d, points(real, fake, 0.5)).square().mean(),
    "retained": lambda d, real, fake: slope_at(d, points(real, fake, 0.5), retain_graph=True).square().mean(),
    "outside": lambda d, real, fake: slope_at(d, points(real, fake, 30.0), create_graph=True).square().mean(),
    "of torch.func": lambda d, real, fake: penalties.wgan_gp(d, real, fake),
    "never asked": lambda d, real, fake: (d(0.5 * real + 0.5 * fake) - 1).square().mean(),
}


def watched(penalty, d_loss=None, steps=3, latents=None, seeds=0):
    torch.manual_seed(0)
    g, d = build(G, D, seeds)
    step_d, step_g = (torch.optim.SGD(net.parameters(), lr=0.01) for net in (d, g))
    monitor = Monitor({"D": (d, step_d), "G": (g, step_g)})
    lead = () if isinstance(seeds, int) else (len(seeds),)
    for _ in range(steps):
        real, z = torch.randn(*lead, 6, 2), torch.randn(*lead, 6, 4)
        made = g(z if latents is None else latents(z))
        fake = made.detach()
        step_d.zero_grad()
        loss = d_loss(d, real, fake) if d_loss else (softplus(-d(real)) + softplus(d(fake))).mean(-1).sum()
        (loss + PENALTIES[penalty](d, real, fake)).sum().backward()
        step_d.step()
        step_g.zero_grad()
        softplus(-d(made)).mean(-1).sum().backward()
        step_g.step()
    return monitor


@pytest.mark.parametrize(
    ("penalty", "penalised", "severed"),
    [("none", 0, 0), ("written", 1, 0), ("no graph", 1, 1), ("retained", 1, 1), ("of torch.func", 1, None)],
)
def test_a_penalty_without_a_graph_is_told_from_one_that_has_it(penalty, penalised, severed):
    game = watched(penalty).game()
    assert (game.penalised == penalised).all()
    assert game.severed.isna().all() if severed is None else (game.severed == severed).all()
    assert (game.real_calls == 1).all() and (game.fake_calls == 1).all() and (game.batch == 6).all()


def test_samples_that_merely_require_a_gradient_are_no_penalty_without_a_graph():
    """A loss passes backward through them, and its slopes at the logits are not 1."""

    def d_loss(d, real, fake):
        return softplus(-d(real.requires_grad_())).mean() + softplus(d(fake.requires_grad_())).mean()

    assert watched("none", d_loss).game().severed.fillna(0).eq(0).all()


def test_points_far_outside_are_told_from_points_between():
    inside, outside = (watched(name).game().reach for name in ("written", "outside"))
    assert (inside <= 0).all() and (outside > 3).all()


def test_a_third_call_that_is_never_asked_for_its_slope_is_counted():
    game = watched("never asked").game()
    assert (game.real_calls == 2).all() and (game.fake_calls == 1).all() and (game.penalised == 0).all()
    assert game.real_logit.isna().all()  # which of the two is on real samples cannot be seen


def test_points_between_two_batches_are_told_from_other_samples_of_one():
    """Of points on the line the way by them is no longer; a third batch of its own lies off the line."""
    between = watched("never asked").game().between
    assert between.sub(1).abs().lt(1e-5).all()

    def off(d, real, fake):
        return (d(real) - d(real + 0.5 * torch.randn_like(real))).square().mean() + softplus(d(fake)).mean()

    assert watched("none", off).game().between.gt(1.02).all()
    assert watched("none").game().between.isna().all()
    at_an_end = watched("none", lambda d, real, fake: (d(real) + d(real + 1e-3) + d(fake)).mean()).game().between
    assert at_an_end.gt(1.02).all()  # a point at an end of a way is between nothing
    of_members = watched("never asked", seeds=[0, 1]).game().between
    assert of_members.sub(1).abs().lt(1e-5).all() and len(of_members) == 6


def test_the_logits_that_d_gives_for_a_sample_are_counted():
    several = nn.Linear(2, 5)
    assert (watched("none").game().width == 1).all()

    def d_loss(d, real, fake):
        return (softplus(-d(real)) + softplus(d(fake))).mean()

    step = torch.optim.SGD(several.parameters(), lr=0.1)
    g = G()
    monitor = Monitor({"D": (several, step), "G": (g, torch.optim.SGD(g.parameters(), lr=0.1))})
    d_loss(several, torch.randn(6, 2), g(torch.randn(6, 4)).detach()).backward()
    step.step()
    softplus(-several(g(torch.randn(6, 4)))).mean().backward()
    monitor.players["G"].optimizer.step()
    assert monitor.game().width.tolist() == [5]


def test_the_reach_is_in_widths_of_the_range_of_both_batches():
    real, fake = torch.tensor([[0.0, 1.0]]), torch.tensor([[-1.0, 0.5]])
    for asked, expected in (([[3.0, 0.0]], 1.0), ([[0.0, -5.0]], 2.0), ([[0.5, 0.0]], -0.25)):
        assert reach([torch.tensor(asked)], real, fake, 1) == expected
    both = reach([torch.tensor([[[3.0, 0.0]], [[0.0, -5.0]]])], real.expand(2, 1, 2), fake.expand(2, 1, 2), 2)
    assert both.tolist() == [1, 2]
    assert reach([real], real * 0, fake * 0, 1).isnan()


@pytest.mark.parametrize("loss", ["logistic", "least squares"])
def test_targets_that_are_broadcast_turn_the_order_of_the_slopes(loss):
    """The slope at each logit is that of the mean target: it rises with the logit."""
    targets = torch.cat([torch.ones(6), torch.zeros(6)])

    def broadcast(d, real, fake):
        logits = d(torch.cat([real, fake])).reshape(-1, 1)
        return (softplus(logits) - targets * logits if loss == "logistic" else (logits - targets).square()).mean()

    def sound(d, real, fake):
        logits = d(torch.cat([real, fake])).reshape(-1)
        return (softplus(logits) - targets * logits if loss == "logistic" else (logits - targets).square()).mean()

    assert (watched("none", broadcast).game().slope_order > 0.97).all()
    assert (watched("none", sound).game().slope_order < 0.9).all()


def test_the_order_is_the_correlation_over_all_logits_of_the_step_and_each_member_has_its_own():
    kept = []

    def d_loss(d, real, fake):
        logits = d(torch.cat([real, fake], -2))
        logits.register_hook(lambda grad: kept.append((logits.detach(), grad)))
        return (softplus(-logits[..., :6]).sum(-1) + softplus(logits[..., 6:]).sum(-1)).sum()

    game = watched("none", d_loss, steps=1, seeds=[0, 1]).game()
    expected = [np.corrcoef(*(one[member].flatten() for one in kept[0]))[0, 1] for member in range(2)]
    np.testing.assert_allclose(game.slope_order, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("latents", "alike"),
    [(None, 0), (lambda z: z[:1].expand(6, -1), 1), (lambda z: z * 0, 1), (lambda z: z[[0, 0, 0, 0, 4, 5]], 3 / 5)],
)
def test_latents_that_are_alike_within_a_batch_are_told(latents, alike):
    assert watched("none", latents=latents).game().alike_z.tolist() == pytest.approx([alike] * 3)


def test_of_a_population_each_member_has_its_own_share_of_likes():
    repeats = Repeats(2)
    repeats.share(torch.stack([torch.ones(5, 3), torch.arange(15.0).reshape(5, 3)]))
    assert repeats.alike.tolist() == [1, 0]


def test_what_is_written_down_of_the_players():
    g = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8, 0.8), nn.Linear(8, 2))
    d = nn.Sequential(torch.nn.utils.parametrizations.spectral_norm(nn.Linear(2, 8)), nn.ReLU(), nn.Linear(8, 1))
    step_d = torch.optim.AdamW(
        [{"params": d[0].parameters()}, {"params": d[2].parameters(), "lr": 0.5, "weight_decay": 0.3}], lr=0.1
    )
    monitor = Monitor({"D": (d, step_d), "G": (g, torch.optim.SGD(g.parameters(), lr=0.2, momentum=0.9))})
    table = monitor.settings().set_index("phase")
    assert table.loc["D", ["optimizer", "rate", "momentum", "decay", "bounded"]].tolist() == [
        "AdamW",
        0.5,
        0.9,
        0.3,
        0.5,
    ]
    assert table.loc["G", ["optimizer", "rate", "momentum", "norm_eps", "bounded"]].tolist() == [
        "SGD",
        0.2,
        0.9,
        0.8,
        0,
    ]
    assert pd.isna(table.loc["D", "norm_eps"])


def test_what_an_optimizer_does_with_a_gradient_is_written_down():
    nets = {name: nn.Linear(8, 8) for name in ("D", "G")}
    steps = {
        "D": torch.optim.Adam(nets["D"].parameters(), maximize=True),
        "G": torch.optim.Adagrad(nets["G"].parameters()),
    }
    monitor = Monitor({name: (nets[name], steps[name]) for name in nets})
    table = monitor.settings().set_index("phase")
    assert table.maximize.to_dict() == {"D": 1, "G": 0}
    assert table.adaptive.to_dict() == {"D": 1, "G": 0.5}


@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_weights_that_a_clip_holds_at_its_bound_are_counted(seeds):
    g, d = build(G, D, seeds)
    steps = {"D": torch.optim.SGD(d.parameters(), lr=0.1), "G": torch.optim.SGD(g.parameters(), lr=0.1)}
    monitor = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
    assert (monitor.settings().at_bound == 0).all()  # no two random numbers are alike
    matrices = [p for p in d.parameters() if p.ndim > (1 if seeds == 0 else 2)]
    with torch.no_grad():
        for p in d.parameters():
            p.clamp_(-0.01, 0.01)
    there = monitor.settings().set_index(["phase", "seed"]).at_bound
    for member in range(1 if seeds == 0 else 2):
        own = [p if seeds == 0 else p[member] for p in matrices]
        own = [p for p in own if p.shape[0] > 1]  # a row alone is no matrix
        held = sum(int((p.abs() == p.abs().max()).sum()) - 1 for p in own) / sum(p.numel() for p in own)
        assert there["D", member] == pytest.approx(held) and held > 0.5
        assert there["G", member] == 0


def test_numbers_that_no_optimizer_moves_are_at_no_bound():
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    nn.init.ones_(net[0].weight).requires_grad_(False)
    nn.init.ones_(net[1].weight)
    for held, expected in ((net[1].parameters(), 15 / 16), ([net[1].bias], float("nan"))):
        table = Monitor({"G": (net, torch.optim.SGD(held, lr=0.1))}, discriminator=None).settings()
        assert table.at_bound.tolist() == pytest.approx([expected], nan_ok=True)


def test_a_member_has_its_own_rate_and_a_spectral_norm_of_any_spelling_counts():
    g, d = build(G, D, [0, 1])
    steps = [Adam(net.parameters(), lr=torch.tensor([0.1, 0.2])) for net in (d, g)]
    table = Monitor({"D": (d, steps[0]), "G": (g, steps[1])}, seeds=[7, 8]).settings()
    assert table[["phase", "seed", "rate"]].values.tolist() == [
        ["D", 7, pytest.approx(0.1)], ["D", 8, pytest.approx(0.2)],
        ["G", 7, pytest.approx(0.1)], ["G", 8, pytest.approx(0.2)],
    ]  # fmt: skip
    for net in (nn.utils.spectral_norm(nn.Linear(2, 1)), spectrally_normalised(nn.Sequential(nn.Linear(2, 1)))):
        step = torch.optim.SGD(net.parameters(), lr=0.1)
        assert Monitor({"D": (net, step)}).settings().bounded.tolist() == [1]


def test_a_network_ends_in_what_gives_its_output_and_not_in_what_was_written_last():
    class Gated(nn.Module):
        """A sigmoid inside, registered last."""

        def __init__(self):
            super().__init__()
            self.body, self.gate = nn.Linear(4, 2), nn.Sigmoid()

        def forward(self, z):
            return self.body(z) * self.gate(z[:, :2])

    class Scaled(nn.Sequential):
        def forward(self, z):
            return 3 * super().forward(z)

    nets = {
        0.0: [Gated(), Scaled(nn.Linear(4, 2), nn.Tanh()), nn.Linear(4, 2)],
        1.0: [nn.Sequential(nn.Linear(4, 2), nn.Tanh()), nn.Sequential(nn.Linear(4, 2), nn.Tanh(), nn.Flatten())],
        2.0: [nn.Sequential(nn.Tanh(), nn.Linear(4, 2), nn.Sequential(nn.Sigmoid()))],
    }
    for expected, some in nets.items():
        for net in some:
            monitor = Monitor({"G": (net, torch.optim.SGD(net.parameters(), lr=0.1))})
            assert monitor.settings().ends_in.isna().all()
            net(torch.randn(3, 4)).sum().backward()
            assert monitor.settings().ends_in.tolist() == [expected], net


def test_labels_that_are_numbers_belong_to_what_g_is_called_on():
    class Conditional(G):
        def forward(self, y, z):
            return super().forward(z)

    torch.manual_seed(0)
    g, d = Conditional(), D()
    steps = {"D": torch.optim.SGD(d.parameters(), lr=0.01), "G": torch.optim.SGD(g.parameters(), lr=0.01)}
    monitor = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
    for _ in range(2):
        fake = g(torch.eye(6), torch.randn(6, 4))
        (softplus(-d(torch.randn(6, 2))) + softplus(d(fake.detach()))).mean().backward()
        steps["D"].step()
        softplus(-d(fake)).mean().backward()
        steps["G"].step()
    assert monitor.game().repeat_z.iloc[-1] == 0 == monitor.game().alike_z.iloc[-1]


def test_rows_that_are_alike_within_a_batch_say_nothing_of_the_batch_before():
    torch.manual_seed(0)
    g, d = G(), D()
    steps = {"D": torch.optim.SGD(d.parameters(), lr=0.01), "G": torch.optim.SGD(g.parameters(), lr=0.01)}
    monitor = Monitor({"D": (d, steps["D"]), "G": (g, steps["G"])})
    for _ in range(2):
        fake, real = g(torch.randn(64, 4)), torch.eye(2)[torch.randint(2, (64,))]  # two categories
        (softplus(-d(real)) + softplus(d(fake.detach()))).mean().backward()
        steps["D"].step()
        softplus(-d(fake)).mean().backward()
        steps["G"].step()
    assert monitor.game().repeat.iloc[-1] < 0.05
