"""Three sick GANs of people with a loop of their own: two lines more, two hundred steps, and the right cause first."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from ganlab.data import load
from ganlab.monitor import Monitor

STEPS, BATCH, LATENT = 200, 64, 16


def dense(*widths, act=nn.ReLU):
    layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), act())]
    return nn.Sequential(*layers[:-1])


def ring(n):
    angle = torch.randint(8, (n,)) * torch.pi / 4
    return 2 * torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(n, 2)


DIGITS = load("digits").samples.flatten(1)


def digits(n):
    return DIGITS[torch.randint(len(DIGITS), (n,))]


def adam(lr):
    return lambda net, times: torch.optim.Adam(net.parameters(), lr * times, betas=(0.5, 0.999))


def sgd(lr):
    return lambda net, times: torch.optim.SGD(net.parameters(), lr * times)


def d_softplus(real, fake):
    return softplus(-real).mean() + softplus(fake).mean()


def g_softplus(fake):
    return softplus(-fake).mean()


def d_probabilities(real, fake):
    return -torch.log(torch.sigmoid(real)).mean() - torch.log(1 - torch.sigmoid(fake)).mean()


def g_probabilities(fake):
    return -torch.log(torch.sigmoid(fake)).mean()


def d_critic(real, fake):
    return fake.mean() - real.mean()


def g_critic(fake):
    return -fake.mean()


def play(G, D, d_loss=d_softplus, g_loss=g_softplus, optimizer=None, lead=1, d_steps=1, data=ring):
    """A loop as it stands in tutorials, with the monitor's two lines. `lead`: D's rate over G's."""
    optimizer = optimizer or adam(1e-3)
    optimizer_g, optimizer_d = optimizer(G, 1.0), optimizer(D, lead)
    monitor = Monitor({"D": (D, optimizer_d), "G": (G, optimizer_g)}, activations=True, every=5)  # the first line
    kind = next(G.parameters()).dtype
    for _ in range(STEPS):
        for _ in range(d_steps):
            real, fake = data(BATCH).to(kind), G(torch.randn(BATCH, LATENT).to(kind)).detach()
            optimizer_d.zero_grad()
            d_loss(D(real), D(fake)).backward()
            optimizer_d.step()
        optimizer_g.zero_grad()
        g_loss(D(G(torch.randn(BATCH, LATENT).to(kind)))).backward()
        optimizer_g.step()
    return monitor.diagnose()  # the second


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_a_d_has_won_and_the_samples_are_noise():
    """A: the non-saturating loss, D's loss at 0. The slope of G's loss is near 1, and that is no sign of health."""
    G = nn.Sequential(dense(LATENT, 64, 64, 64), nn.Tanh())
    found = play(G, dense(64, 128, 128, 1), optimizer=adam(1e-4), lead=10, d_steps=5, data=digits)
    assert found.cause == "discriminator-too-strong", found


def test_b_the_early_layers_of_a_deep_g_stand_still():
    """B: thirty layers as PyTorch draws them."""
    found = play(dense(LATENT, *[64] * 30, 2), dense(2, 64, 64, 1))
    assert found.cause == "depth-vanishing", found


def wide(net):
    """Weights of standard deviation 3, where the recipe says 0.02: logits of thousands."""
    return net.apply(lambda layer: nn.init.normal_(layer.weight, std=3.0) if isinstance(layer, nn.Linear) else None)


def whole(net):
    return net


# Cause: what is done to both networks, or to D alone, and the loop's options.
NOT_A_NUMBER = {
    "nonfinite-log-sigmoid": (whole, wide, {"d_loss": d_probabilities, "g_loss": g_probabilities}),
    "nonfinite-half": (nn.Module.half, whole, {}),
    "nonfinite-critic": (whole, whole, {"d_loss": d_critic, "g_loss": g_critic, "optimizer": sgd(0.05)}),
}


@pytest.mark.parametrize("cause", NOT_A_NUMBER)
def test_c_the_loss_is_nan(cause):
    """C: the checklist's causes. In the first two it is Adam's loop, and Adam is not to blame."""
    both, of_d, options = NOT_A_NUMBER[cause]
    found = play(both(dense(LATENT, 64, 64, 2)), both(of_d(dense(2, 64, 64, 1))), **options)
    assert found.cause == cause, found


def test_the_healthy_twin_is_not_alarmed():
    found = play(dense(LATENT, 64, 64, 2), dense(2, 64, 64, 1))
    assert not found.sick, found
