"""Mixed precision in the loop: what is computed in half, that small gradients survive, with penalties and clipping."""

import pytest
import torch
from small import D, G, TwoModes

from ganlab import nets
from ganlab.penalties import PENALTIES
from ganlab.population import build
from ganlab.train import Recipe, Trainer
from ganlab.train.recipe import PRECISIONS


def trainer(seeds=0, make_d=D, **recipe):
    return Trainer(*build(G, make_d, seeds), TwoModes(), Recipe(**{"batch": 16, **recipe}), seeds=seeds)


def weights(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


@pytest.mark.parametrize("amp", PRECISIONS)
def test_networks_compute_in_half_and_the_rest_does_not(amp):
    t, seen = trainer(amp=amp, ema=0.9), []
    t.D.net[1].register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    t.step()
    assert set(seen) == {PRECISIONS[amp]} and len(seen) == 3
    floats = [p for net in (t.G, t.D) for p in net.parameters()]
    assert all(p.dtype == p.grad.dtype == torch.float32 for p in floats)
    assert t._running[0].dtype == torch.float32 and t.sample(3).dtype == torch.float32


@pytest.mark.parametrize("amp", PRECISIONS)
@pytest.mark.parametrize("penalty", [None, *PENALTIES])
def test_a_run_in_half_stays_near_that_in_single(amp, penalty):
    settings = {"penalty": penalty, "gamma": 0.5} if penalty else {}
    half, single = (trainer(**settings, amp=one, clip="norm").fit(10, progress=False) for one in (amp, None))
    for a, b in ((half.G, single.G), (half.D, single.D)):
        difference = (weights(a) - weights(b)).abs().max()
        assert 0 < difference < 0.02


def slow(factor):
    class Faint(D):
        """Its gradients are tiny: half precision alone would make them 0."""

        def forward(self, x):
            return super().forward(x * factor)

    return Faint


def test_gradients_too_small_for_half_precision_survive():
    gradients = {}
    for amp in (None, "fp16"):
        t = trainer(make_d=slow(1e-5), amp=amp)
        t.step()
        gradients[amp] = torch.cat([p.grad.flatten() for p in t.G.parameters()])
    assert 0 < gradients[None].abs().max() < 6e-6  # of the order of fp16's smallest number
    torch.testing.assert_close(gradients["fp16"], gradients[None], rtol=0.02, atol=gradients[None].abs().max() * 0.02)


@pytest.mark.parametrize("amp", PRECISIONS)
def test_the_threshold_of_a_clip_is_compared_with_the_unscaled_gradient(amp):
    t = trainer(amp=amp, optimizer_g="sgd", optimizer_d="sgd", lr_g=1.0, lr_d=1.0, clip="norm", clip_at=0.01)
    before = {"G": weights(t.G), "D": weights(t.D)}
    t.step()
    for player, old in before.items():
        assert (weights(getattr(t, player)) - old).norm().item() == pytest.approx(0.01, rel=1e-3)


def test_a_step_that_overflows_is_skipped_and_the_scale_halved():
    t = trainer(amp="fp16")
    t.step()
    t.precision.scalers["D"].update(2.0**120)
    before = weights(t.D), weights(t.G)
    t.step()
    assert torch.equal(weights(t.D), before[0]) and not torch.equal(weights(t.G), before[1])
    assert t.precision.scalers["D"].get_scale() == 2.0**119


def test_saved_and_resumed_equals_uninterrupted(tmp_path):
    recipe = {"amp": "fp16", "penalty": "r1", "clip": "norm"}
    whole = trainer(**recipe).fit(12, progress=False)
    trainer(**recipe).fit(5, checkpoint=tmp_path / "run.pt", progress=False)
    resumed = trainer(**recipe).fit(12, checkpoint=tmp_path / "run.pt", progress=False)
    assert torch.equal(weights(whole.D), weights(resumed.D))
    assert whole.precision.state_dict() == resumed.precision.state_dict()


def test_images_and_batch_norm():
    G_, D_ = nets.dcgan_generator((1, 8, 8), 4, 4), nets.dcgan_discriminator((1, 8, 8), 4, norm="layer")
    from ganlab.data import Dataset

    images = Dataset.from_images(torch.rand(32, 1, 8, 8) * 2 - 1)
    t = Trainer(G_, D_, images, Recipe(batch=8, amp="bf16", penalty="r1")).fit(5, progress=False)
    assert t.history[["d_loss", "g_loss"]].notna().all(axis=None)


def test_an_unknown_precision_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown amp 'float16'; known: bf16, fp16"):
        Recipe(amp="float16")


def test_a_population_is_refused():
    with pytest.raises(ValueError, match="amp='bf16': the members of a population run under `vmap`"):
        trainer([0, 1], amp="bf16")
