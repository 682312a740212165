"""The VAE against torch.distributions, a case with a known answer, and the digits."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from ganlab import data, nets
from ganlab.vae import VAE, gaussian_nll, kl_to_standard_normal


def small(name="mlp", shape=(1, 8, 8), latent=8, **options):
    encoder = nets.DISCRIMINATORS[name](shape, outputs=2 * latent, **options)
    return VAE(encoder, nets.GENERATORS[name](shape, latent=latent, **options))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**31), st.floats(0.01, 4))
def test_kl_is_that_of_torch(seed, scale):
    torch.manual_seed(seed)
    mean, log_variance = scale * torch.randn(2, 5, 7, dtype=torch.float64)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(-1)
    assert torch.allclose(kl_to_standard_normal(mean, log_variance), expected, rtol=1e-10)
    assert (expected >= 0).all()


def test_kl_of_the_prior_is_zero():
    assert kl_to_standard_normal(torch.zeros(3, 4), torch.zeros(3, 4)).tolist() == [0, 0, 0]


def test_likelihood_is_that_of_torch():
    torch.manual_seed(0)
    x, mean, log_sigma = torch.randn(4, 1, 8, 8), torch.randn(4, 1, 8, 8), torch.tensor(-0.7)
    expected = -Normal(mean, log_sigma.exp()).log_prob(x).sum((1, 2, 3))
    assert torch.allclose(gaussian_nll(x, mean, log_sigma), expected, rtol=1e-5)


class Linear(nn.Module):
    """x = W z + b: with it, p(x) is a Gaussian that can be written down."""

    latent, shape = 2, (3,)

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(2, 3)

    def forward(self, z):
        return self.body(z)


def linear_vae():
    """A linear decoder, and an encoder that gives its exact posterior (Bishop 2006, eq. 12.42, with sigma = 0.5)."""
    torch.manual_seed(0)
    decoder = Linear().double()
    W, b, variance = decoder.body.weight.data, decoder.body.bias.data, 0.25
    W /= W.norm(dim=0)
    W[:, 1] -= W[:, 0] * (W[:, 0] @ W[:, 1])  # orthogonal columns: the exact posterior has independent components
    precision = W.T @ W + variance * torch.eye(2, dtype=torch.float64)
    encoder = nn.Linear(3, 4).double()
    encoder.weight.data = torch.cat([precision.inverse() @ W.T, torch.zeros(2, 3, dtype=torch.float64)])
    log_variance = (variance * precision.inverse().diagonal()).log()
    encoder.bias.data = torch.cat([-(precision.inverse() @ W.T @ b), log_variance])
    vae = VAE(encoder, decoder).double()
    vae.log_sigma.data.fill_(math.log(0.5))
    marginal = MultivariateNormal(b, W @ W.T + variance * torch.eye(3, dtype=torch.float64))
    return vae, marginal


def test_the_bound_is_tight_at_the_exact_posterior_and_only_there():
    vae, marginal = linear_vae()
    x = torch.randn(4, 3, dtype=torch.float64)
    noise = torch.randn(4, 20_000, 2, dtype=torch.float64)

    def bounds():
        """-ELBO of each x, a mean over many z."""
        return torch.stack([sum(vae.terms(one.expand(len(n), 3), n)).mean() for one, n in zip(x, noise, strict=True)])

    exact = -marginal.log_prob(x)
    assert torch.allclose(bounds(), exact, atol=0.02)
    vae.encoder.bias.data[0] += 0.5
    assert (bounds() > exact + 0.1).all()


def test_the_gradient_through_the_noise_is_that_of_the_bound():
    """d(-ELBO)/d(mean), averaged over noise, against the derivative of the bound in closed form (linear decoder)."""
    vae, _ = linear_vae()
    vae.encoder.bias.data += 0.3
    x = torch.randn(1, 3, dtype=torch.float64).expand(100_000, 3)
    sum(vae.terms(x, torch.randn(100_000, 2, dtype=torch.float64))).mean().backward()
    W, b = vae.decoder.body.weight.data, vae.decoder.body.bias.data
    mean, log_variance = (part[0].detach() for part in vae.encode(x[:1]))
    by_mean = W.T @ (W @ mean + b - x[0]) / 0.25 + mean
    by_log_variance = log_variance.exp() * (W.square().sum(0) / 0.25 + 1) / 2 - 0.5
    assert torch.allclose(vae.encoder.bias.grad, torch.cat([by_mean, by_log_variance]), atol=0.02)


@pytest.mark.parametrize("name", nets.GENERATORS)
def test_gradient_reaches_every_parameter(name):
    torch.manual_seed(0)
    vae = small(name)
    sum(vae.terms(torch.randn(8, 1, 8, 8), torch.randn(8, 8))).mean().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in vae.parameters())


@pytest.mark.parametrize("name", nets.GENERATORS)
def test_shapes_and_modes(name):
    vae = small(name)
    x = torch.randn(5, 1, 8, 8)
    assert vae.sample(3).shape == (3, 1, 8, 8)
    assert vae.reconstruct(x).shape == x.shape
    assert torch.equal(vae.sample(3, seed=1), vae.sample(3, seed=1))
    assert not torch.equal(vae.sample(3, seed=1), vae.sample(3, seed=2))
    assert vae.training  # left as it was
    # In eval mode one image's reconstruction does not depend on the others of its batch.
    assert torch.allclose(vae.reconstruct(x)[:2], vae.reconstruct(x[:2]), atol=1e-5)


def test_a_quick_fit_on_digits():
    digits = data.load("digits")
    torch.manual_seed(0)
    vae = small(latent=16)
    history = vae.fit(digits, 300, lr=2e-3, log_every=50, progress=False)
    assert list(history) == ["step", "loss", "nll", "kl", "sigma"]
    assert history.step.tolist() == list(range(50, 301, 50))
    assert torch.allclose(torch.tensor(history.loss), torch.tensor(history.nll + history.kl))
    assert history.loss.iloc[-1] < history.loss.iloc[0] - 20
    error = (vae.reconstruct(digits.samples) - digits.samples).square().mean()
    mean_error = (digits.samples.mean(0) - digits.samples).square().mean()
    assert error < 0.5 * mean_error
    # The learned sigma is the error that the decoder makes at sampled z, a little above that at the mean.
    assert 0.8 < vae.log_sigma.exp().item() / error.sqrt().item() < 1.5


def test_the_seed_decides_the_fit():
    digits = data.load("digits")
    losses = []
    for seed in (0, 0, 1):
        torch.manual_seed(0)
        losses.append(small().fit(digits, 5, seed=seed, log_every=5, progress=False).loss.item())
    assert losses[0] == losses[1] != losses[2]


def test_an_encoder_of_another_width_is_named():
    vae = VAE(nets.mlp_discriminator((1, 8, 8), outputs=8), nets.mlp_generator((1, 8, 8), latent=8))
    with pytest.raises(ValueError, match="build the encoder with outputs=16"):
        vae.reconstruct(torch.randn(4, 1, 8, 8))
    vae = VAE(nets.mlp_discriminator((1, 8, 8)), nets.mlp_generator((1, 8, 8), latent=8))
    with pytest.raises(ValueError, match=r"gives \(4,\)"):
        vae.encode(torch.randn(4, 1, 8, 8))
