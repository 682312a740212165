"""What a monitor says of networks in half precision: numbers that half precision itself could not hold, by hand."""

import pytest
import torch
from torch import nn

from ganlab.monitor import Monitor

HALVES = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])


def pair(dtype, scale=1.0):
    """D(x) = scale (x1 + x2 + x3); G makes (z, z, z)."""
    g, d = nn.Linear(1, 3, bias=False, dtype=dtype), nn.Linear(3, 1, bias=False, dtype=dtype)
    nn.init.ones_(g.weight), nn.init.constant_(d.weight, scale)
    return g, d, torch.optim.SGD(g.parameters(), lr=0.0), torch.optim.SGD(d.parameters(), lr=0.0)


@HALVES
def test_the_slopes_of_the_game_are_not_rounded_to_half(dtype):
    """The slope of D is (1, 1, 1), of length 1.7320508, which is 1.734 or 1.732 in half precision."""
    g, d, opt_g, opt_d = pair(dtype)
    with Monitor({"D": (d, opt_d), "G": (g, opt_g)}) as watch:
        z, real = torch.ones(4, 1, dtype=dtype), torch.full((4, 3), 2.0, dtype=dtype)
        fake = g(z)
        (d(fake.detach()).mean() - d(real).mean()).backward()
        opt_d.step()
        (-3 * d(fake).mean()).backward()
        opt_g.step()
    (row,) = watch.game().to_dict("records")
    assert row["input_slope"] == pytest.approx(3**0.5, rel=1e-6) and row["loss_slope"] == 3
    assert (row["real_logit"], row["fake_logit"]) == (6, 3)
    assert (row["real_accuracy"], row["fake_accuracy"], row["pair_accuracy"]) == (1, 0, 1)


@HALVES
def test_a_norm_that_half_precision_cannot_hold(dtype):
    """A hundred entries of 60,000, which is the norm 600,000: float16 ends at 65,504."""
    net = nn.Linear(100, 1, bias=False, dtype=dtype)
    optimizer = torch.optim.SGD(net.parameters(), lr=2.0**-20)
    nn.init.zeros_(net.weight)
    watch = Monitor({"G": (net, optimizer)}, discriminator=None)
    value = torch.tensor(60_000.0, dtype=dtype).item()
    net.weight.grad = torch.full_like(net.weight, value)
    optimizer.step()
    (row,) = watch.gradients().to_dict("records")
    assert row["grad_norm"] == pytest.approx(10 * value, rel=1e-6) and row["nonfinite"] == 0


@HALVES
def test_activations_that_half_precision_cannot_square(dtype):
    """Outputs of 600: their square, 360,000, is too large for float16, and their RMS is 600."""
    net = nn.Linear(1, 8, bias=False, dtype=dtype)
    nn.init.constant_(net.weight, 600.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    watch = Monitor({"G": (net, optimizer)}, activations=True, discriminator=None)
    net(torch.ones(4, 1, dtype=dtype)).float().sum().backward()
    optimizer.step()
    (row,) = watch.activations().to_dict("records")
    assert row["rms"] == pytest.approx(torch.tensor(600.0, dtype=dtype).item(), rel=1e-6)
    assert row["grad_rms"] == pytest.approx(1, rel=1e-6)
