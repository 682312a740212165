"""The VAE's bound against torch.distributions, and a short fit on real digits."""

import sys

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from ganlab import data, nets
from ganlab.population import build
from ganlab.train import vae

SHAPE = (1, 8, 8)


def small(seed=0, latent=6):
    decoder, encoder = build(
        lambda: nets.mlp_generator(SHAPE, latent=latent, width=64, norm="batch"),
        lambda: nets.mlp_discriminator(SHAPE, width=64, outputs=2 * latent),
        seed,
    )
    return vae.VAE(decoder, encoder)


def test_kl_is_that_of_torch_distributions():
    mean, log_variance = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    q = Independent(Normal(mean, (log_variance / 2).exp()), 1)
    prior = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
    torch.testing.assert_close(vae.kl_to_normal(mean, log_variance), kl_divergence(q, prior))
    assert vae.kl_to_normal(torch.zeros(1, 3), torch.zeros(1, 3)).item() == 0


def test_the_reconstruction_term_is_the_likelihood_at_the_best_variance():
    model, images, noise = small().eval(), torch.rand(10, *SHAPE) * 2 - 1, torch.randn(10, 6)
    mean, log_variance = model.encode(images)
    decoded = model.decoder(mean + noise * (log_variance / 2).exp())

    def negative_log_likelihood(scale):
        return -Normal(decoded, scale).log_prob(images).sum() / len(images)

    best = (decoded - images).square().mean().sqrt()
    ours = model.loss(images, noise)[0]
    torch.testing.assert_close(ours, negative_log_likelihood(best))
    assert ours < min(negative_log_likelihood(0.9 * best), negative_log_likelihood(1.1 * best))


@pytest.mark.parametrize("kind", ["mlp", "dcgan"])
def test_a_short_fit_on_digits_reconstructs_better_than_the_mean_image(kind):
    digits = data.load("digits")
    if kind == "mlp":
        model = small()
    else:
        model = vae.VAE(*build(
            lambda: nets.dcgan_generator(SHAPE, latent=6, width=16),
            lambda: nets.dcgan_discriminator(SHAPE, width=16, outputs=12), 0,
        ))  # fmt: skip
    history = vae.fit(model, digits, 200, progress=False)
    assert history.step.tolist() == list(range(10, 201, 10))
    loss = history.reconstruction + history.kl
    assert loss.iloc[-1] < loss.iloc[0] - 10
    images = digits.samples[:200]
    error = (model.reconstruct(images) - images).square().mean()
    assert error < 0.7 * (images - digits.samples.mean(0)).square().mean()


def test_the_same_seed_gives_the_same_fit_and_samples():
    runs = [small() for _ in range(2)]
    for model in runs:
        vae.fit(model, data.load("digits"), 5, progress=False)
    samples = [model.sample(4) for model in runs]
    assert torch.equal(*samples)
    assert samples[0].shape == (4, *SHAPE)
    assert runs[0].training
    assert not torch.equal(runs[0].sample(4, seed=1), samples[0])


def test_callbacks():
    seen = []
    vae.fit(small(), data.load("digits"), 4, callback=lambda _, s: seen.append(s), callback_every=2, progress=False)
    assert seen == [0, 2, 4]


def test_an_encoder_of_another_width_is_refused():
    model = vae.VAE(small().decoder, small(latent=5).encoder)
    with pytest.raises(ValueError, match="build it with outputs=12"):
        model.encode(torch.zeros(3, *SHAPE))


def test_without_pandas_a_fit_stops_before_it_trains(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pandas is needed"):
        vae.fit(small(), data.load("digits"), 1, callback=lambda *_: pytest.fail("it trains"), progress=False)


def test_beta_weighs_the_divergence():
    histories = []
    for beta in (0.0, 1.0, 30.0):
        histories.append(vae.fit(small(), data.load("digits"), 150, beta=beta, progress=False).iloc[-1])
    assert histories[0].kl > histories[1].kl > histories[2].kl
    assert histories[0].reconstruction < histories[2].reconstruction


def test_the_average_of_the_weights_is_seen_and_kept():
    plain, averaged, seen = small(), small(), []
    weights = [plain.decoder.body[0].weight.detach().clone()]
    vae.fit(plain, data.load("digits"), 3, callback_every=1, progress=False,
            callback=lambda net, _: weights.append(net.decoder.body[0].weight.detach().clone()))  # fmt: skip
    vae.fit(averaged, data.load("digits"), 3, ema=0.75, callback_every=1, progress=False,
            callback=lambda net, _: seen.append(net.decoder.body[0].weight.detach().clone()))  # fmt: skip
    expected = weights[2]  # after the first step, which copies
    for after in weights[3:]:
        expected = 0.75 * expected + 0.25 * after
    torch.testing.assert_close(seen[-1], expected)
    torch.testing.assert_close(averaged.decoder.body[0].weight.detach(), expected)


@pytest.mark.parametrize("options", [{"beta": -1.0}, {"beta": float("nan")}, {"ema": 1.0}, {"ema": 0.0}])
def test_weights_and_decays_are_checked(options):
    with pytest.raises(ValueError, match=r"beta=.*, ema=.*: a weight that is not negative, and a decay in"):
        vae.fit(small(), data.load("digits"), 1, progress=False, **options)
