"""Rejection sampling against a law where D's optimum is known, calibration, members, and bounded work."""

import math

import pytest
import torch
from scipy import stats
from torch import nn

from ganlab.latent import calibration, rejection_sample
from ganlab.nets import Packed, mlp_discriminator
from ganlab.population import Population

WIDE = 1.5  # the generator's standard deviation; the data's is 1


class Gaussian(nn.Module):
    """x = 1.5 z, so p_G = N(0, 1.5^2); as a population's member it needs a parameter."""

    latent, shape = 1, (1,)

    def __init__(self, scale=WIDE):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, z):
        return self.scale * z


class Optimal(nn.Module):
    """slope * log(p_data / p_G) + shift, p_data = N(0, 1): optimal at (1, 0)."""

    def __init__(self, slope=1.0, shift=0.0):
        super().__init__()
        self.slope, self.shift = nn.Parameter(torch.tensor(slope)), shift

    def forward(self, x):
        ratio = math.log(WIDE) - x[:, 0].square() / 2 * (1 - WIDE**-2)
        return self.slope * ratio + self.shift


class Behind(Optimal):
    """The same in another form."""

    def __init__(self, form):
        super().__init__()
        self.form = form

    def forward(self, x):
        return self.form(super().forward(x))


def p_value(samples):
    return stats.kstest(samples[:, 0].numpy(), "norm").pvalue


def test_an_optimal_discriminator_gives_the_data_and_the_generator_alone_does_not():
    samples = rejection_sample(Gaussian(), Optimal(), 5000)
    assert samples.shape == (5000, 1)
    assert p_value(samples) > 0.01
    assert p_value(Gaussian()(torch.randn(5000, 1)).detach()) < 1e-10


def test_the_share_kept_is_one_over_the_largest_ratio():
    # n of them need about 1.5 n draws: 1.6 n are enough, 1.4 n are not.
    rejection_sample(Gaussian(), Optimal(), 20_000, limit=2)
    with pytest.raises(RuntimeError, match=r"of 20000 samples passed, 20000 were asked for") as caught:
        rejection_sample(Gaussian(), Optimal(), 20_000, limit=1)
    assert int(str(caught.value).split()[0]) == pytest.approx(20_000 / WIDE, rel=0.02)


def test_uncalibrated_logits_are_wrong_and_calibration_mends_them():
    D = Optimal(slope=4.0, shift=-2.0)
    assert p_value(rejection_sample(Gaussian(), D, 5000)) < 1e-10
    assert p_value(rejection_sample(Gaussian(), D, 5000, real=torch.randn(10_000, 1))) > 0.01


def test_calibration_finds_the_line():
    x, y = torch.randn(50_000, 1), WIDE * torch.randn(50_000, 1)
    a, b = calibration(*(Optimal(slope=4.0, shift=-2.0)(part).detach() for part in (x, y)))
    assert a == pytest.approx(0.25, rel=0.1)
    assert b == pytest.approx(0.5, rel=0.1)
    assert all(map(math.isfinite, calibration(torch.full((9,), 5.0), torch.full((9,), -5.0))))  # apart entirely


def test_a_higher_percentile_is_stricter():
    spread = [rejection_sample(Gaussian(), Optimal(), 3000, percentile=p).std().item() for p in (0, 50, 95)]
    assert spread[0] > spread[1] > spread[2]


def test_members_are_as_alone_and_a_seed_repeats():
    generators, critics = [Gaussian(), Gaussian(2.0)], [Optimal(), Optimal(0.5)]
    together = rejection_sample(Population(generators), Population(critics), 50, seed=3)
    for k in range(2):
        torch.testing.assert_close(together[k], rejection_sample(generators[k], critics[k], 50, seed=3))
    assert not torch.equal(together[0], rejection_sample(generators[0], critics[0], 50, seed=4))


@pytest.mark.parametrize(
    "options",
    [{"percentile": 90.0}, {"real": torch.linspace(-2, 2, 99)[:, None]}, {"burn_in": 20}, {"latents": "uniform"}],
    ids=lambda options: next(iter(options)),
)
def test_members_have_the_options_of_the_call(options):
    generators, critics = [Gaussian(), Gaussian(2.0)], [Optimal(), Optimal(0.5)]
    together = rejection_sample(Population(generators), Population(critics), 50, **options)
    for k in range(2):
        torch.testing.assert_close(together[k], rejection_sample(generators[k], critics[k], 50, **options))
    assert not torch.equal(together, rejection_sample(Population(generators), Population(critics), 50))


def test_members_have_the_limit_of_the_call():
    with pytest.raises(RuntimeError, match="of 20 samples passed, 20 were asked for"):
        rejection_sample(Population([Gaussian(9.0)]), Population([Optimal()]), 20, limit=1)


def test_features_beside_the_logits_change_nothing():
    with_features = Behind(lambda logits: (logits[:, None].expand(-1, 3), logits))
    assert torch.equal(rejection_sample(Gaussian(), with_features, 50), rejection_sample(Gaussian(), Optimal(), 50))


def test_the_networks_are_left_as_they_were():
    G, D = Gaussian().train(), Optimal().eval()
    samples = rejection_sample(G, D, 5, burn_in=10)
    assert (G.training, D.training) == (True, False)
    assert not samples.requires_grad


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n is 0"),
        ({"burn_in": 0}, "burn_in is 0"),
        ({"limit": 0}, "limit is 0"),
        ({"percentile": 101}, "percentile=101"),
        ({"latents": "cauchy"}, "unknown latent distribution 'cauchy'"),
        ({"D": Optimal(float("nan"))}, "not finite for 1000 of 1000 samples"),
        ({"D": Packed(mlp_discriminator((2,)), 2)}, "must return one a sample"),
        ({"D": Behind(lambda logits: [logits, logits])}, "D made 2 tensors of logits: it must return one logit a"),
        ({"D": Behind(lambda logits: None)}, "D made 0 tensors of logits"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        rejection_sample(**{"G": Gaussian(), "D": Optimal(), "n": 5, **options})


def test_a_hopeless_generator_ends_in_an_error():
    with pytest.raises(RuntimeError, match="pass a lower percentile"):
        rejection_sample(Gaussian(), Optimal(slope=1e5), 100, limit=50)
    assert len(rejection_sample(Gaussian(), Optimal(slope=1e5), 100, limit=50, percentile=0)) == 100
