"""Whose loss a gradient is of: passes of G's loss that come to D, of D's that go on to G, gradients put in place."""

import pytest
import torch
from small import D, G
from torch.nn.functional import softplus

from ganlab.monitor import Monitor


class Turned(torch.autograd.Function):
    """Forward as it is, backward with its sign turned."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -grad


def play(make_round, steps=3):
    """A monitor of a game, whose round is `make_round(g, d, of_g, of_d, real, z)`."""
    torch.manual_seed(0)
    g, d = G(), D()
    of_d, of_g = (torch.optim.SGD(net.parameters(), lr=0.01) for net in (d, g))
    with Monitor({"D": (d, of_d), "G": (g, of_g)}) as monitor:
        for _ in range(steps):
            make_round(g, d, of_g, of_d, torch.randn(6, 2), torch.randn(6, 4))
    return monitor


def d_loss(d, real, fake):
    return (softplus(-d(real)) + softplus(d(fake))).mean()


def g_loss(d, fake):
    return softplus(-d(fake)).mean()


def one_after_the_other(g, d, of_g, of_d, real, z):
    fake = g(z)
    of_d.zero_grad()
    d_loss(d, real, fake.detach()).backward()
    of_d.step()
    of_g.zero_grad()
    g_loss(d, fake).backward()
    of_g.step()


def both_backward_then_both_steps(g, d, of_g, of_d, real, z):
    fake = g(z)
    of_d.zero_grad()
    of_g.zero_grad()
    d_loss(d, real, fake.detach()).backward()
    g_loss(d, fake).backward()
    of_d.step()
    of_g.step()


def both_backward_each_into_its_own(g, d, of_g, of_d, real, z):
    fake = g(z)
    of_d.zero_grad()
    of_g.zero_grad()
    d_loss(d, real, fake.detach()).backward(inputs=list(d.parameters()))
    g_loss(d, fake).backward(inputs=list(g.parameters()))
    of_d.step()
    of_g.step()


def g_first_and_cleared_after(g, d, of_g, of_d, real, z):
    fake = g(z)
    of_g.zero_grad()
    g_loss(d, fake).backward()
    of_d.zero_grad()
    d_loss(d, real, fake.detach()).backward()
    of_d.step()
    of_g.step()


@pytest.mark.parametrize(
    ("make_round", "leaked"),
    [
        (one_after_the_other, 0),
        (both_backward_then_both_steps, 1),
        (both_backward_each_into_its_own, 0),
        (g_first_and_cleared_after, 0),
    ],
)
def test_a_pass_of_g_that_comes_to_d_behind_its_own_is_seen(make_round, leaked):
    monitor = play(make_round)
    assert (monitor.game().leaked == leaked).all()
    causes = [finding.cause for finding in monitor.diagnose().findings]
    assert ("discriminator-gradients-leak" in causes) == bool(leaked)


def a_layer_that_turns_the_gradient(g, d, of_g, of_d, real, z):
    of_d.zero_grad()
    of_g.zero_grad()
    d_loss(d, real, Turned.apply(g(z))).backward()
    of_d.step()
    of_g.step()


def a_loss_that_leaves_d_out(g, d, of_g, of_d, real, z):
    fake = g(z)
    of_d.zero_grad()
    d_loss(d, real, fake).backward()
    of_d.step()
    of_g.zero_grad()
    g(z).square().mean().backward()
    of_g.step()


def test_a_pass_of_ds_loss_that_goes_on_to_g_is_gs_own_where_it_has_no_other():
    turned, left_out = play(a_layer_that_turns_the_gradient), play(a_loss_that_leaves_d_out)
    game = turned.game()
    assert game.loss_slope.gt(0.1).all() and game.input_slope.gt(0).all()
    assert game.g_slope.isna().all()  # behind the layer it has the other sign
    assert turned.origin is None
    assert left_out.game().loss_slope.isna().all()
    named = [{finding.cause for finding in monitor.diagnose().findings} for monitor in (turned, left_out)]
    assert "loss-without-D" not in named[0] and "loss-without-D" in named[1]


@pytest.mark.parametrize("first", ["D", "G"])
def test_gradients_that_are_put_in_place_before_both_steps_carry_nothing(first):
    """Those of the other player's window count as cleared, as those of the player's own do."""

    def make_round(g, d, of_g, of_d, real, z):
        fake = g(z)
        losses = {"D": (d, d_loss(d, real, fake.detach())), "G": (g, g_loss(d, fake))}
        for name in (first, "DG".replace(first, "")):
            net, loss = losses[name]
            weights = list(net.parameters())
            for weight, grad in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                weight.grad = grad
        of_d.step()
        of_g.step()

    moves = play(make_round).moves().query("phase == net")
    assert moves.carried.fillna(0).eq(0).all()


def test_a_gradient_that_is_added_by_hand_is_carried():
    """The negative control: what is added to `.grad` itself, in its place, was there before."""

    def make_round(g, d, of_g, of_d, real, z):
        d_loss(d, real, g(z).detach()).backward()
        of_d.step()
        of_g.zero_grad()
        g_loss(d, g(z)).backward()
        of_g.step()

    carried = play(make_round).moves().query("phase == 'D' and net == 'D'").carried
    assert carried.iloc[-1] > 0.1


def one_backward_of_the_sum(g, d, of_g, of_d, real, z):
    fake = g(z)
    of_d.zero_grad()
    of_g.zero_grad()
    (d_loss(d, real, fake.detach()) + g_loss(d, fake)).backward()
    of_d.step()
    of_g.step()


def one_backward_with_d_frozen_in_g_s_call(g, d, of_g, of_d, real, z):
    fake = g(z)
    of_d.zero_grad()
    of_g.zero_grad()
    of_d_alone = d_loss(d, real, fake.detach())
    d.requires_grad_(False)
    of_g_alone = g_loss(d, fake)
    d.requires_grad_(True)
    (of_d_alone + of_g_alone).backward()
    of_d.step()
    of_g.step()


def gradients_of_d_set_aside(g, d, of_g, of_d, real, z):
    fake = g(z)
    of_d.zero_grad()
    d_loss(d, real, fake.detach()).backward()
    kept = [p.grad.clone() for p in d.parameters()]
    of_g.zero_grad()
    g_loss(d, fake).backward()
    for p, grad in zip(d.parameters(), kept, strict=True):
        p.grad = grad
    of_d.step()
    of_g.step()


def a_term_of_d_on_samples_that_hang_on_g(g, d, of_g, of_d, real, z):
    of_d.zero_grad()
    d_loss(d, real, g(z).detach()).backward()
    (d(g(z)) - d(g(z + 0.1))).square().mean().backward()
    of_d.step()
    of_g.zero_grad()
    g_loss(d, g(z)).backward()
    of_g.step()


@pytest.mark.parametrize(
    ("make_round", "leaked"),
    [
        (one_backward_of_the_sum, 1),
        (one_backward_with_d_frozen_in_g_s_call, 0),
        (gradients_of_d_set_aside, 0),
        (a_term_of_d_on_samples_that_hang_on_g, 0),
    ],
)
def test_what_leaks_is_what_d_steps_with(make_round, leaked):
    assert (play(make_round).game().leaked == leaked).all()


def test_gradients_put_in_place_behind_another_pass_carry_nothing():
    """D's own by `autograd.grad`, then G's backward pass, which comes to D too, then D's into their place."""

    def make_round(g, d, of_g, of_d, real, z):
        fake = g(z)
        own = torch.autograd.grad(d_loss(d, real, fake.detach()), list(d.parameters()))
        of_g.zero_grad()
        g_loss(d, fake).backward()
        for p, grad in zip(d.parameters(), own, strict=True):
            p.grad = grad
        of_d.step()
        of_g.step()

    monitor = play(make_round)
    assert monitor.game().leaked.eq(0).all()
    assert monitor.moves().query("phase == 'D' and net == 'D'").carried.fillna(0).eq(0).all()


@pytest.mark.parametrize("first", ["G", "Q"])
def test_a_third_player_takes_nothing_of_what_was_seen(first):
    """As in InfoGAN: one backward pass for G and for a network that guesses its latents, and both step."""
    torch.manual_seed(0)
    nets = {"D": D(), "G": G(), "Q": torch.nn.Linear(2, 4)}
    steps = {name: torch.optim.SGD(net.parameters(), lr=0.01) for name, net in nets.items()}
    with Monitor({name: (nets[name], steps[name]) for name in ("D", first, "GQ".replace(first, ""))}) as monitor:
        for _ in range(12):
            real, z = torch.randn(6, 2), torch.randn(6, 4)
            fake = nets["G"](z)
            steps["D"].zero_grad()
            d_loss(nets["D"], real, fake.detach()).backward()
            steps["D"].step()
            steps["G"].zero_grad()
            steps["Q"].zero_grad()
            (g_loss(nets["D"], fake) + (nets["Q"](fake) - z).square().mean()).backward()
            steps[first].step()
            steps["GQ".replace(first, "")].step()
    assert monitor.game().loss_slope.notna().all()
    assert "loss-without-D" not in [finding.cause for finding in monitor.diagnose()]


def test_a_turned_gradient_has_no_sign_also_where_g_steps_first():
    torch.manual_seed(0)
    g, d = G(), D()
    of_d, of_g = (torch.optim.SGD(net.parameters(), lr=0.01) for net in (d, g))
    with Monitor({"G": (g, of_g), "D": (d, of_d)}) as monitor:
        for _ in range(12):
            of_d.zero_grad()
            of_g.zero_grad()
            d_loss(d, torch.randn(6, 2), Turned.apply(g(torch.randn(6, 4)))).backward()
            of_g.step()
            of_d.step()
    assert "sign-turned" not in [finding.cause for finding in monitor.diagnose()]
