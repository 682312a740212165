"""Laws of z, and the modules that make a richer one of normal numbers."""

import numpy as np
import pytest
import torch
from scipy import stats
from small import D, G, TwoModes

from ganlab import nets
from ganlab.data import Dataset, load
from ganlab.latent import LATENTS, FittedLatent, MixtureLatent, choice, laws, truncated
from ganlab.population import Population, build
from ganlab.train import Recipe, Trainer

N = 20_000
REFERENCES = {
    "normal": stats.norm(),
    "uniform": stats.uniform(-1, 2),
    "truncated_normal": stats.truncnorm(-2, 2),
}


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", LATENTS)
def test_law_is_scipys(name):
    z = LATENTS[name](N, 2, dice())
    assert z.shape == (N, 2)
    assert z.dtype == torch.float32
    assert stats.kstest(z.flatten().numpy(), REFERENCES[name].cdf).pvalue > 1e-3
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.03
    assert torch.equal(z, LATENTS[name](N, 2, dice()))


def test_the_test_sees_a_wrong_law():
    """Negative control: a normal law cut by clamping, whose ends are heaps."""
    z = LATENTS["normal"](N, 2, dice()).clamp(-2, 2)
    assert stats.kstest(z.flatten().numpy(), REFERENCES["truncated_normal"].cdf).pvalue < 1e-3


@pytest.mark.parametrize("cutoff", [0.01, 0.5, 2.0, 8.0, 40.0])
def test_truncation_at_any_cutoff(cutoff):
    z = truncated(cutoff)(N, 1, dice())
    assert z.isfinite().all()
    assert z.abs().max() <= cutoff
    assert z.double().std().item() == pytest.approx(stats.truncnorm(-cutoff, cutoff).std(), rel=0.03)


@pytest.mark.parametrize("cutoff", [0, -1.0, float("nan")])
def test_a_cutoff_is_positive(cutoff):
    with pytest.raises(ValueError, match=f"cutoff={cutoff}: give a positive"):
        truncated(cutoff)


def test_old_names_and_numbers_stand():
    from ganlab.latent import LATENTS as old

    assert old is laws.LATENTS
    torch.manual_seed(3)
    assert torch.equal(LATENTS["normal"](5, 4, dice(3)), torch.randn(5, 4))


# Modules in front of G.


def test_fitted_latent_has_the_moments_of_the_data():
    data = load("digits")
    G = FittedLatent(nets.mlp_generator(data.shape, latent=64), data, extra=0.01)
    z = G.z(torch.randn(N, 64, generator=dice()))
    x = data.samples.flatten(1)
    torch.testing.assert_close(z.mean(0), x.mean(0), rtol=0, atol=0.03)
    torch.testing.assert_close(z.var(0), x.var(0) + 0.01, rtol=0.06, atol=1e-3)
    assert G(torch.randn(3, 64)).shape == (3, 1, 8, 8)


def test_fitted_latent_with_the_noise_beside():
    data = load("ring")
    G = FittedLatent(nets.mlp_generator((2,), latent=5), data, extra=0.04)
    z = G.z(torch.randn(N, 5, generator=dice()))
    torch.testing.assert_close(z.std(0), torch.tensor([2**0.5, 2**0.5, 0.2, 0.2, 0.2]), rtol=0.03, atol=0)
    assert FittedLatent(nets.mlp_generator((2,), latent=2), data).scale.square().tolist() == pytest.approx(
        [2.01, 2.01], rel=0.03
    )


def test_an_endless_law_is_fitted_on_ten_thousand_samples_of_seed_0():
    data = load("swiss_roll")
    points = data.sample(10_000, dice(0)).double().numpy()
    G = FittedLatent(nets.mlp_generator((2,), latent=2), data, extra=0.5)
    np.testing.assert_allclose(G.mean, points.mean(0), rtol=1e-5)
    np.testing.assert_allclose(G.scale.square(), points.var(0) + 0.5, rtol=1e-5)


def test_mixture_is_what_it_says():
    G = MixtureLatent(nets.mlp_generator((2,), latent=3), components=4, spread=5.0, scale=0.1)
    z = G.z(torch.randn(N, 4, generator=dice()))
    distance, component = torch.cdist(z, G.means).min(1)
    assert distance.max() < 1
    torch.testing.assert_close(torch.bincount(component) / N, torch.full((4,), 0.25), rtol=0, atol=0.02)
    offset = (z - G.means[component]).flatten().detach()
    assert stats.kstest(offset.numpy() / 0.1, stats.norm().cdf).pvalue > 1e-3


@pytest.mark.parametrize("count", [1, 3, 10])
def test_choice_is_one_of_count_at_any_number(count):
    noise = torch.tensor([-50.0, -8.0, -1.0, 0.0, 1.0, 8.0, 50.0])
    chosen = choice(noise, count)
    assert chosen.shape == (7, count)
    assert torch.equal(chosen.sum(1), torch.ones(7))
    assert chosen[0, 0] == chosen[-1, -1] == 1


def test_the_mixtures_gradient_is_that_of_finite_differences(double):
    G = MixtureLatent(nets.mlp_generator((2,), latent=3, activation="tanh"), components=4)
    noise = torch.randn(6, 4, generator=dice())
    assert torch.autograd.gradcheck(
        lambda means, log_scales: torch.func.functional_call(
            G, {"means": means, "log_scales": log_scales}, (noise,)
        ),
        (G.means, G.log_scales),
    )  # fmt: skip


def test_a_fixed_mixture_has_nothing_to_learn():
    G = MixtureLatent(nets.mlp_generator((2,), latent=3), components=4, learned=False)
    assert {name for name, _ in G.named_parameters()} == {f"G.{name}" for name, _ in G.G.named_parameters()}
    assert {"means", "log_scales"} <= set(dict(G.named_buffers()))


WRAPS = {
    "fitted": lambda: FittedLatent(G(), TwoModesSet, extra=0.5),
    "mixture": lambda: MixtureLatent(G(), 3),
    "fixed mixture": lambda: MixtureLatent(G(), 3, learned=False),
}
TwoModesSet = Dataset("two modes", (2,), samples=TwoModes().sample(500, dice()))


@pytest.mark.parametrize("wrap", WRAPS)
def test_member_equals_its_solo_run(wrap, double):
    def run(seeds):
        networks = build(WRAPS[wrap], D, seeds)
        return Trainer(*networks, TwoModes(), Recipe(batch=16, lr_g=1e-2), seeds=seeds).fit(20, progress=False)

    population = run([3, 1])
    for k, seed in enumerate([3, 1]):
        solo = run(seed)
        for name, value in population.G.member(k).state_dict().items():
            torch.testing.assert_close(value, solo.G.state_dict()[name], rtol=0, atol=1e-9)
        assert torch.allclose(population.sample(50)[k], solo.sample(50))


def test_learned_parts_move_and_are_saved(tmp_path):
    def trainer():
        return Trainer(*build(WRAPS["mixture"], D, [0, 1]), TwoModes(), Recipe(batch=16, ema=0.9), seeds=[0, 1])

    start = trainer().G.means.detach().clone()
    whole = trainer().fit(12, progress=False)
    assert (whole.G.means - start).abs().amax(dim=(1, 2)).min() > 1e-4
    trainer().fit(5, checkpoint=tmp_path / "run.pt", progress=False)
    resumed = trainer().fit(12, checkpoint=tmp_path / "run.pt", progress=False)
    assert torch.equal(whole.G.means, resumed.G.means)
    assert torch.equal(whole.sample(9, averaged=True), resumed.sample(9, averaged=True))


@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_another_law_beneath_a_prior_is_refused(seeds):
    with pytest.raises(ValueError, match="latent='uniform': this G makes its latent from 'normal' numbers"):
        Trainer(*build(WRAPS["mixture"], D, seeds), TwoModes(), Recipe(latent="uniform"), seeds=seeds)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda g: FittedLatent(g, load("digits")), "G.latent=4, and a sample of 'digits' has 64 values: build G with"),
        (lambda g: FittedLatent(g, TwoModesSet, extra=-1.0), "extra=-1.0: a variance"),
        (lambda g: MixtureLatent(g, 0), "components is 0: give a positive integer"),
        (lambda g: MixtureLatent(g, 3, scale=0.0), "scale=0.0: a standard deviation"),
        (lambda g: MixtureLatent(g, 3, spread=float("inf")), "spread=inf: a standard deviation"),
        (lambda g: MixtureLatent(torch.nn.Linear(2, 2), 3), "G has no attribute `latent`"),
        (lambda g: FittedLatent(torch.nn.Linear(2, 2), TwoModesSet), "G has no attribute `latent`"),
        (lambda g: MixtureLatent(g, 3)(torch.randn(5, 4)), r"z has shape \(5, 4\): this generator takes \(batch, 5\)"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make(G())


def test_population_passes_the_law_on():
    assert Population([WRAPS["mixture"]()]).law == "normal"
    assert Population([G()]).law is None
