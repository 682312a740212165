"""Loops as people have them, that an earlier doctor got wrong: what must not be said of healthy ones, and what must."""

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy, softplus

from ganlab.diagnosis import RULES, findings
from ganlab.monitor import Monitor


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def net(*parts):
    return nn.Sequential(*parts)


def dense(inside, outside, *end):
    return net(
        nn.Linear(inside, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, outside), *end
    )


def ring(n):
    angle = torch.randint(8, (n,)) * torch.pi / 4
    return torch.stack([angle.cos(), angle.sin()], -1) + 0.05 * torch.randn(n, 2)


def play(G, D, d_loss, g_loss, steps=200, names=("D", "G"), show=lambda x: x, data=ring, **adam):
    of_d, of_g = (torch.optim.Adam(one.parameters(), **{"lr": 1e-3, "betas": (0.5, 0.999), **adam}) for one in (D, G))
    players = {names[0]: (D, of_d), names[1]: (G, of_g)}
    monitor = Monitor(players, activations=True, every=5, discriminator=names[0])
    for _ in range(steps):
        fake = G(torch.randn(64, 8))
        of_d.zero_grad()
        d_loss(D(show(data(64))), D(show(fake.detach()))).backward()
        of_d.step()
        of_g.zero_grad()
        g_loss(D(show(fake))).backward()
        of_g.step()
    return monitor.diagnose()


def d_logistic(real, fake):
    return softplus(-real).mean() + softplus(fake).mean()


def g_logistic(fake):
    return softplus(-fake).mean()


def d_probability(real, fake):
    ones = torch.ones_like(real)
    return binary_cross_entropy(real, ones) + binary_cross_entropy(fake, 0 * ones)


def g_probability(fake):
    return binary_cross_entropy(fake, torch.ones_like(fake))


def test_probabilities_under_their_own_loss_are_no_critic():
    """The loop of most tutorials: its slopes come to 1 where D is sure, and begin at 2."""
    assert not play(dense(8, 2), dense(2, 1, nn.Sigmoid()), d_probability, g_probability).sick


def test_least_squares_on_a_sigmoid_are_no_double_sigmoid():
    half = lambda p, target: 0.5 * (p - target).square().mean()  # noqa: E731
    found = play(dense(8, 2), dense(2, 1, nn.Sigmoid()), lambda r, f: half(r, 1) + half(f, 0), lambda f: half(f, 1))
    assert "double-sigmoid" not in [one.cause for one in found]


def test_a_sigmoid_twice_is_one():
    found = play(dense(8, 2), dense(2, 1, nn.Sigmoid()), d_logistic, g_logistic)
    assert found.cause == "double-sigmoid", found


def test_the_other_names_of_players_are_read():
    """And the other discriminator's steps are not taken for this one's."""
    found = play(dense(8, 2), dense(2, 1), lambda r, f: -d_logistic(r, f), g_logistic, names=("critic", "decoder"))
    assert found.cause == "sign-turned" and found[0].title == "D's loss has its sign turned."
    assert found[0].fix.startswith("d_loss = ")


def test_a_gradient_that_is_clipped_at_1_is_no_fault():
    D, G = dense(2, 1), dense(8, 2)
    of_d, of_g = (torch.optim.Adam(one.parameters(), 1e-3, betas=(0.5, 0.999)) for one in (D, G))
    monitor = Monitor({"D": (D, of_d), "G": (G, of_g)}, activations=True, every=5)
    for _ in range(100):
        fake = G(torch.randn(64, 8))
        of_d.zero_grad()
        (100 * d_logistic(D(ring(64)), D(fake.detach()))).backward()
        nn.utils.clip_grad_norm_(D.parameters(), 1.0)
        of_d.step()
        of_g.zero_grad()
        (100 * g_logistic(D(fake))).backward()
        nn.utils.clip_grad_norm_(G.parameters(), 1.0)
        of_g.step()
    assert "clip-always-on" not in [one.cause for one in monitor.diagnose()]


def test_a_batch_of_one_picture_has_statistics_of_its_own():
    D = net(nn.Conv2d(1, 8, 4, 2, 1), nn.BatchNorm2d(8), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(8 * 64, 1))
    G = net(nn.Linear(8, 8 * 64), nn.Unflatten(1, (8, 8, 8)), nn.BatchNorm2d(8), nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 4, 2, 1), nn.Tanh())  # fmt: skip
    of_d, of_g = (torch.optim.Adam(one.parameters(), 2e-4, betas=(0.5, 0.999)) for one in (D, G))
    monitor = Monitor({"D": (D, of_d), "G": (G, of_g)}, activations=True)
    for _ in range(4):
        fake = G(torch.randn(1, 8))
        of_d.zero_grad()
        d_logistic(D(torch.rand(1, 1, 16, 16) * 2 - 1), D(fake.detach())).backward()
        of_d.step()
        of_g.zero_grad()
        g_logistic(D(fake)).backward()
        of_g.step()
    assert "batch-statistics" not in [one.cause for one in monitor.diagnose()]


def test_a_large_rate_is_named_with_the_player_whose_it_is():
    for player, other in (("D", "G"), ("G", "D")):
        found = findings({f"{player}_rate": -1.0, f"{player}_adaptive": 1.0, f"{other}_rate": -3.0, "bad": 0.0})
        assert found[0].cause == "rate-too-large" and found[0].fix.startswith(f"optimizer_{player.lower()}.")


def test_what_is_0_is_told_as_0():
    assert "was 0e+00 of its weights" in RULES["G-still"].tells({"G_update_most": -38.0})


def test_an_optimizer_that_never_steps_is_said_to_be_one():
    D, G = dense(2, 1), dense(8, 2)
    monitor = Monitor({one: (body, torch.optim.SGD(body.parameters(), lr=0.1)) for one, body in (("D", D), ("G", G))})
    d_logistic(D(ring(4)), D(G(torch.randn(4, 8)))).backward()
    with pytest.raises(ValueError, match="nothing was measured"):
        monitor.diagnose()


def hand(loop, G, D, steps=120, **adam):
    of_d, of_g = (torch.optim.Adam(one.parameters(), **{"lr": 1e-3, "betas": (0.5, 0.999), **adam}) for one in (D, G))
    with Monitor({"D": (D, of_d), "G": (G, of_g)}, activations=True, every=5) as monitor:
        for _ in range(steps):
            loop(G, D, of_d, of_g)
    return monitor.diagnose()


def step_d(D, of_d, fake):
    of_d.zero_grad()
    d_logistic(D(ring(64)), D(fake.detach())).backward()
    of_d.step()


def test_gradients_that_are_put_in_place_by_hand_are_cleared():
    def loop(G, D, of_d, of_g):
        fake = G(torch.randn(64, 8))
        for net, loss, optimizer in (
            (D, lambda: d_logistic(D(ring(64)), D(fake.detach())), of_d),
            (G, lambda: g_logistic(D(fake)), of_g),
        ):
            for p, grad in zip(net.parameters(), torch.autograd.grad(loss(), list(net.parameters())), strict=True):
                p.grad = grad
            optimizer.step()

    found = hand(loop, dense(8, 2), dense(2, 1))
    assert not found.sick, found


def test_one_call_of_d_may_serve_both_losses():
    def loop(G, D, of_d, of_g):
        of_d.zero_grad()
        of_g.zero_grad()
        logits = D(G(torch.randn(64, 8)))
        d_logistic(D(ring(64)), logits).backward(inputs=list(D.parameters()), retain_graph=True)
        g_logistic(logits).backward(inputs=list(G.parameters()))
        of_d.step()
        of_g.step()

    found = hand(loop, dense(8, 2), dense(2, 1))
    assert not found.sick, found


def test_samples_that_are_cut_from_g_beside_another_loss_are_detached_ones():
    def loop(G, D, of_d, of_g):
        fake = G(torch.randn(64, 8))
        step_d(D, of_d, fake)
        of_g.zero_grad()
        (g_logistic(D(fake.detach())) + 0.01 * fake.square().mean()).backward()
        of_g.step()

    assert hand(loop, dense(8, 2), dense(2, 1)).cause == "detached"


class Told(nn.Module):
    def __init__(self):
        super().__init__()
        self.label, self.body = nn.Embedding(8, 8), dense(10, 1)

    def forward(self, x, label):
        return self.body(torch.cat([x, self.label(label)], 1))


@pytest.mark.parametrize(("shuffled", "expected"), [(True, "labels-shuffled"), (False, "healthy")])
def test_labels_that_say_nothing_of_the_samples_are_seen(shuffled, expected):
    def loop(G, D, of_d, of_g):
        label = torch.randint(8, (64,))
        angle = label * torch.pi / 4
        real = torch.stack([angle.cos(), angle.sin()], -1) + 0.05 * torch.randn(64, 2)
        label = label.roll(1) if shuffled else label
        fake = G(torch.cat([torch.randn(64, 8), nn.functional.one_hot(label, 8).float()], 1))
        of_d.zero_grad()
        d_logistic(D(real, label), D(fake.detach(), label)).backward()
        of_d.step()
        of_g.zero_grad()
        g_logistic(D(fake, label)).backward()
        of_g.step()

    assert hand(loop, dense(16, 2), Told(), steps=200).cause == expected


@pytest.mark.parametrize(("sigma", "drowned"), [(5.0, True), (0.1, False)])
def test_noise_that_drowns_the_samples_is_told_from_a_little(sigma, drowned):
    found = play(dense(8, 2), dense(2, 1), d_logistic, g_logistic, show=lambda x: x + sigma * torch.randn_like(x))
    assert ("noise-too-large" in [one.cause for one in found]) == drowned, found


def test_a_nan_between_two_measured_steps_is_said_to_have_come_from_outside():
    count = iter(range(10_000))

    def broken(n):
        return ring(n) + (float("nan") if next(count) == 52 else 0.0)

    found = play(dense(8, 2), dense(2, 1), d_logistic, g_logistic, data=broken)
    assert found.cause == "nonfinite-data" and "every=1" in found[0].evidence


@pytest.mark.parametrize("factor", [0.5, 1.0])
@pytest.mark.parametrize(("target", "turned"), [(0.0, False), (1.0, False), (-1.0, True)])
def test_the_squares_of_an_lsgan_with_targets_minus_one_one_and_zero(factor, target, turned):
    """G may push down a logit above 0 where 0 is what it is asked for; a G that asks for D's own -1 is turned."""
    torch.manual_seed(0)
    D, G = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1)), nn.Sequential(nn.Linear(4, 2))
    nn.init.constant_(D[2].bias, 0.5)
    of_d, of_g = (torch.optim.Adam(one.parameters(), 1e-3) for one in (D, G))
    monitor = Monitor({"D": (D, of_d), "G": (G, of_g)})
    for _ in range(40):
        real, fake = torch.randn(32, 2) + 2, G(torch.randn(32, 4))
        of_d.zero_grad()
        (factor * ((D(real) - 1).square() + (D(fake.detach()) + 1).square()).mean()).backward()
        of_d.step()
        of_g.zero_grad()
        (factor * (D(fake) - target).square().mean()).backward()
        of_g.step()
    assert monitor.game().g_slope.iloc[0] * (target - 0.4) < 0  # it begins above 0
    assert ("sign-turned" in [one.cause for one in monitor.diagnose()]) == turned


class WithFeatures(nn.Module):
    """Leaves what it saw beside its logit."""

    def __init__(self):
        super().__init__()
        self.body, self.head = dense(2, 16), nn.Linear(16, 1)

    def forward(self, x):
        self.features = self.body(x)
        return self.head(self.features)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("by_features", [True, False])
def test_a_loss_on_features_of_d_is_no_loss_without_d(by_features, frozen):
    """Feature matching; and its control, the same with the samples themselves."""

    def loop(G, D, of_d, of_g):
        fake = G(torch.randn(64, 8))
        step_d(D, of_d, fake)
        of_g.zero_grad()
        D.requires_grad_(not frozen)
        pair = [ring(64), fake]
        if by_features:
            for i, x in enumerate(pair):
                D(x)
                pair[i] = D.features
        torch.sub(*(one.mean(0) for one in pair)).square().sum().backward()
        D.requires_grad_(True)
        of_g.step()

    named = {one.cause for one in hand(loop, dense(8, 2), WithFeatures())}
    assert ("loss-without-D" in named) == (not by_features)


def test_patches_in_one_row_are_logits_too():
    """`.view(-1)` at the end of a D that gives several logits a sample."""
    D = nn.Sequential(dense(2, 3), nn.Flatten(0))
    found = play(dense(8, 2), D, d_logistic, g_logistic)
    assert not found.sick, found


@pytest.mark.parametrize("every", [1, 10])
def test_two_steps_of_g_for_one_of_d_are_no_d_that_hardly_steps(every):
    """Ten of G's steps are five of D's: each that is measured is one of which D has no part."""
    G, D = dense(8, 2), dense(2, 1)
    of_d, of_g = (torch.optim.Adam(one.parameters(), 1e-3, (0.5, 0.999)) for one in (D, G))
    with Monitor({"D": (D, of_d), "G": (G, of_g)}, every=every) as monitor:
        for _ in range(100):
            step_d(D, of_d, G(torch.randn(64, 8)))
            for _ in range(2):
                of_g.zero_grad()
                g_logistic(D(G(torch.randn(64, 8)))).backward()
                of_g.step()
    causes = {one.cause for one in monitor.diagnose()}
    assert not causes & {"discriminator-too-weak", "discriminator-frozen"}
