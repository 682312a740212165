"""Where each range ends: the last number inside is taken, the first outside is refused in a sentence that names it."""

import math
import sys

import pytest
import torch
from small import D, G, TwoModes
from torch import nn

from ganlab import clipping, data, latent, metrics, nets, optim, study
from ganlab.metrics import features
from ganlab.monitor import Monitor
from ganlab.monitor._series import Series
from ganlab.population import Population
from ganlab.train import Recipe, Rule, Schedule, Trainer, vae

INF, NAN = math.inf, math.nan
LITTLE, LARGE, ALMOST = 5e-324, 3e38, math.nextafter(1, 0)  # next to 0; float32's largest, nearly; next below 1


def parameter():
    p = nn.Parameter(torch.ones(2))
    p.grad = torch.ones(2)
    return p


def mlp():
    return nets.mlp_generator((2,), latent=4, width=4)


def monitor(**options):
    net = nn.Linear(1, 1)
    return Monitor({"D": (net, torch.optim.SGD(net.parameters(), lr=0.1))}, **options)


def rule(**options):
    return Rule(**{"signal": "accuracy", "knob": "lr_g", "low": 0.5, "high": 0.5, **options})


def trained(**options):
    """One step of the small GAN; a number that is refused leaves it untouched."""
    trainer = Trainer(G(), D(), TwoModes(), Recipe(batch=2))
    try:
        trainer.fit(1, progress=False, callback=lambda t: None, **options)
    finally:
        assert trainer.steps == (sys.exc_info()[0] is None)


def autoencoder(**options):
    options = {"batch": 2, **options}
    images = data.Dataset.from_images(torch.rand(4, 1, 8, 8) * 2 - 1)
    net = vae.VAE(nets.mlp_generator((1, 8, 8), 2, 4), nets.mlp_discriminator((1, 8, 8), 4, outputs=4))
    return vae.fit(net, images, 1, progress=False, **options)


POINTS = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
DIGITS = data.load("digits")
SGD = {"optimizer_g": "sgd", "optimizer_d": "sgd"}
COUNT = ([1], [0, -1, 1.5])  # a whole number of at least 1
SCALE = ([0.0, LARGE], [-LITTLE, INF, NAN])  # finite and not negative
POSITIVE = ([LITTLE, LARGE], [0.0, INF, NAN])

# What is called, the numbers it takes, those it refuses, and how its message begins, with {} for the number.
EDGES = {
    "clip max_norm": (lambda x: clipping.clip_grad_norm_(parameter(), x), [0.0, INF], [-LITTLE, NAN], "max_norm"),
    "clip order": (lambda x: clipping.clip_grad_norm_(parameter(), 1, x), [0.5, INF], [0.0, -1.0, NAN], "norm_type"),
    "clip value": (lambda x: clipping.clip_grad_value_(parameter(), x), [0.0, INF], [-LITTLE, NAN], "clip_value"),
    "clip adaptive": (lambda x: clipping.clip_grad_adaptive_(parameter(), x), [0.0, INF], [-LITTLE, NAN], "clipping"),
    "clip adaptive eps": (lambda x: clipping.clip_grad_adaptive_(parameter(), eps=x), [0.0], [-LITTLE, NAN], "eps"),
    "clip layerwise": (lambda x: clipping.clip_grad_layerwise_(parameter(), x), [0.0, INF], [-LITTLE, NAN], "max_norm"),
    "clip weights": (lambda x: clipping.clip_weights_(parameter(), x), [0.0, INF], [-LITTLE, NAN], "bound"),
    "clip percentile": (clipping.PercentileClip, [0.0, 100.0], [-LITTLE, 100.01, NAN], "percentile={}: a number in"),
    "clip window": (lambda x: clipping.PercentileClip(10, x), *COUNT, "window is {}"),
    "noise scale": (lambda x: latent.NoisyLayers(mlp(), x), *SCALE, "scale={}: a standard deviation"),
    "fitted extra": (lambda x: latent.FittedLatent(mlp(), data.ring(), x), *SCALE, "extra={}"),
    "mixture spread": (lambda x: latent.MixtureLatent(mlp(), 2, x), *POSITIVE, "spread={}: a standard deviation"),
    "mixture scale": (lambda x: latent.MixtureLatent(mlp(), 2, 1.0, x), *POSITIVE, "scale={}: a standard deviation"),
    "mixture components": (lambda x: latent.MixtureLatent(mlp(), x), *COUNT, "components is {}"),
    "apart count": (lambda x: latent.Apart(D(), x), *COUNT, "count is {}"),
    "cutoff": (latent.truncated, [LITTLE, LARGE], [0.0, NAN], "cutoff={}: give a positive"),
    "dropout": (lambda x: nets.mlp_generator((2,), dropout=x), [0.0, ALMOST], [1.0, -LITTLE, NAN], "dropout={}"),
    "augment p": (lambda x: nets.Augmented(D(), ["flip"], x), [0.0, 1.0], [-LITTLE, 1.01, NAN], "p={}"),
    "std group": (lambda x: nets.MinibatchStd(x), [2], [1, 0], "group={}: a single sample"),
    "spectral steps": (lambda x: nets.SpectralNorm(nn.Linear(2, 2), x), *COUNT, "steps is {}"),
    "ring sigma": (lambda x: data.ring(sigma=x), [LITTLE], [0.0, -1.0], "ring: needs"),
    "ring modes": (lambda x: data.ring(modes=x), [1], [0], "ring: needs"),
    "modes within": (lambda x: metrics.modes(POINTS, data.ring(), x), [LITTLE], [0.0, -1.0], "within={}: must be"),
    "neighbours": (lambda x: metrics.precision_recall(POINTS, POINTS, x), [1, 2], [0, -1], "k"),
    "classifier steps": (lambda x: features.train(DIGITS, steps=x, batch=2, progress=False), [1], [0], "steps={}"),
    "weight decay": (lambda x: optim.weight_decay.check_strengths(decay=x), *SCALE, "decay={}: a strength"),
    "decay a step": (lambda x: optim.weight_decay.check_decay(0.5, x), [1.999], [2.0, 3.0], "weight_decay={}"),
    "adam betas": (lambda x: optim.Adam([parameter()], betas=(x, 0)), [0.0, ALMOST], [1.0, -LITTLE, NAN], "Invalid"),
    "series fetch": (lambda x: Series(x, 2), [1], [0], "fetch_every={}, capacity=2: at least 1 and 2"),
    "series capacity": (lambda x: Series(1, x), [2], [1], "fetch_every=1, capacity={}: at least 1 and 2"),
    "monitor every": (lambda x: monitor(every=x), [1], [0, 1.0], "every={}: a whole number"),
    "fit log_every": (lambda x: trained(log_every=x), *COUNT, "log_every is {}: give a positive"),
    "fit callback_every": (lambda x: trained(callback_every=x), *COUNT, "callback_every is {}: give a positive"),
    "fit checkpoint_every": (lambda x: trained(checkpoint_every=x), *COUNT, "checkpoint_every is {}: give a positive"),
    "vae batch": (lambda x: autoencoder(batch=x), *COUNT, "batch is {}: give a positive"),
    "vae log_every": (lambda x: autoencoder(log_every=x), *COUNT, "log_every is {}: give a positive"),
    "vae callback_every": (lambda x: autoencoder(callback_every=x), *COUNT, "callback_every is {}: give a positive"),
    "vae beta": (lambda x: autoencoder(beta=x), [0.0], [-LITTLE, NAN], "beta={}"),
    "vae ema": (lambda x: autoencoder(ema=x), [ALMOST], [0.0, 1.0, NAN], "beta=1.0, ema={}: a weight"),
    "rule low": (lambda x: rule(low=x), [-1.0, 0.5], [-1.001, 0.501, NAN], "low={}, high=0.5: a band"),
    "rule high": (lambda x: rule(high=x), [0.5, 1.0], [0.499, 1.001, NAN], "low=0.5, high={}: a band"),
    "rule factor": (lambda x: rule(factor=x), [1.001, LARGE], [1.0, INF, NAN], "factor={}: a number above 1"),
    "rule every": (lambda x: rule(every=x), *COUNT, "every={}: a whole number"),
    "rule floor": (lambda x: rule(limits=(x, 2.0)), [LITTLE, 1.0], [0.0, 1.001, NAN], "limits=({}, 2.0): two"),
    "rule roof": (lambda x: rule(limits=(0.5, x)), [1.0, LARGE], [0.999, INF, NAN], "limits=(0.5, {}): two"),
    "schedule start": (lambda x: Schedule([(x, 1.0)]), [0], [-1], "points="),
    "schedule rise": (lambda x: Schedule([(3, 1.0), (x, 1.0)]), [4], [3, 2], "points="),
    "recipe lr_g": (lambda x: Recipe(lr_g=x), *POSITIVE, "lr_g={}: a learning rate"),
    "recipe betas": (lambda x: Recipe(betas=(x, 0.9)), [0.0, ALMOST], [1.0, -LITTLE, NAN], "betas=({}, 0.9): two"),
    "recipe momentum": (lambda x: Recipe(momentum=x, **SGD), [0.0, ALMOST], [1.0, -LITTLE, NAN], "momentum={}: a"),
    "recipe batch": (lambda x: Recipe(batch=x), *COUNT, "batch={}: a whole number"),
    "recipe critic_steps": (lambda x: Recipe(critic_steps=x), *COUNT, "critic_steps={}: a whole number"),
    "recipe penalty_every": (lambda x: Recipe(penalty="r1", penalty_every=x), *COUNT, "penalty_every={}: a whole"),
    "recipe noise_steps": (lambda x: Recipe(noise="linear", noise_steps=x), *COUNT, "noise_steps={}: a whole"),
    "recipe ema": (lambda x: Recipe(ema=x), [LITTLE, ALMOST], [0.0, 1.0, NAN], "ema={}: a decay in (0, 1)"),
    "recipe unroll": (lambda x: Recipe(unroll=x), [0, 1], [-1, 1.0], "unroll={}: a whole number"),
    "recipe unroll_lr": (lambda x: Recipe(unroll=1, unroll_lr=x), *SCALE, "unroll_lr={}: a weight, a scale"),
    "recipe gamma": (lambda x: Recipe(penalty="r1", gamma=x), *SCALE, "gamma={}: a weight, a scale"),
    "recipe noise_sigma": (lambda x: Recipe(noise="linear", noise_sigma=x), *SCALE, "noise_sigma={}: a weight"),
    "recipe clip_at": (lambda x: Recipe(clip="norm", clip_at=x), *SCALE, "clip_at={}: a weight, a scale"),
    "recipe percentile": (lambda x: Recipe(clip="percentile", clip_at=x), [100.0], [100.01], "clip_at={}: a"),
    "recipe weight_clip": (lambda x: Recipe(weight_clip=x), *SCALE, "weight_clip={}: a weight, a scale"),
    "recipe l2_g": (lambda x: Recipe(l2_g=x), *SCALE, "l2_g={}: a strength"),
    "geometric": (lambda x: study.geometric([x, 1.0]), [LITTLE], [0.0, -1.0], "1 of 2 values"),
    "member": (lambda x: Population([G(), G()]).member(x), [0, 1, -2], [2, -3], "k={}: there are 2 members"),
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_the_last_number_inside_is_taken_and_the_first_outside_refused(name):
    call, inside, outside, message = EDGES[name]
    for number in inside:
        call(number)
    for number in outside:
        with pytest.raises((ValueError, IndexError)) as refused:
            call(number)
        assert str(refused.value).startswith(message.format(number)), refused.value


IMAGE = (1, 16, 16)
SIZES = {
    "Packed": (lambda **sizes: nets.Packed(D(), **sizes), ["m"]),
    "batch": (lambda **sizes: nets.MinibatchDiscrimination(**{"inputs": 2} | sizes), ["inputs", "kernels", "width"]),
    "mlp_generator": (lambda **sizes: nets.mlp_generator((2,), **sizes), ["latent", "width", "depth"]),
    "mlp_discriminator": (lambda **sizes: nets.mlp_discriminator((2,), **sizes), ["width", "depth", "outputs"]),
    "dcgan_generator": (lambda **sizes: nets.dcgan_generator(IMAGE, **sizes), ["latent", "width"]),
    "dcgan_discriminator": (lambda **sizes: nets.dcgan_discriminator(IMAGE, **sizes), ["width", "outputs"]),
    "resmlp_generator": (lambda **sizes: nets.resmlp_generator((2,), **sizes), ["latent", "width", "blocks"]),
    "resmlp_discriminator": (lambda **sizes: nets.resmlp_discriminator((2,), **sizes), ["width", "blocks", "outputs"]),
    "resnet_generator": (lambda **sizes: nets.resnet_generator(IMAGE, **sizes), ["latent", "width", "blocks"]),
    "resnet_discriminator": (lambda **sizes: nets.resnet_discriminator(IMAGE, **sizes), ["width", "blocks", "outputs"]),
    "rejection": (lambda **sizes: latent.rejection_sample(G(), D(), **{"n": 1} | sizes), ["n", "burn_in", "limit"]),
    "Conditional": (lambda **sizes: latent.Conditional(mlp(), **sizes), ["count"]),
}  # fmt: skip


@pytest.mark.parametrize(("name", "size"), [(name, size) for name, (_, sizes) in SIZES.items() for size in sizes])
def test_a_size_is_a_positive_whole_number(name, size):
    for number in (0, -1, 1.5, None) if size != "depth" else (0, -1, 1.5):
        with pytest.raises(ValueError) as refused:
            SIZES[name][0](**{size: number})
        assert str(refused.value).startswith(f"{size} is {number!r}: give a positive integer"), refused.value


def test_each_of_several_widths_is_a_positive_whole_number():
    for make in (nets.mlp_generator, nets.mlp_discriminator):
        with pytest.raises(ValueError, match=r"width\[1\] is 0"):
            make((2,), width=(4, 0))
        with pytest.raises(ValueError, match="widths is 0"):
            make((2,), width=())
        with pytest.raises(ValueError, match="depth=3: 2 widths are given"):
            make((2,), width=(4, 4), depth=3)
