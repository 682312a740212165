"""Every option of the trainer, for a few steps on a pretended GPU: no tensors of two devices meet.

Steps are played, recorded, and replayed as CUDA graphs, which are pretended as well.
"""

import dataclasses

import pytest
import torch
from second_device import GPU, pretended_gpu
from small import TwoModes

from ganlab import losses, nets
from ganlab.clipping import CLIPS
from ganlab.data import Dataset
from ganlab.latent import LATENTS
from ganlab.monitor import Monitor
from ganlab.nets import NORMS
from ganlab.penalties import PENALTIES
from ganlab.population import build
from ganlab.train import NOISES, OPTIMIZERS, PLAYERS, RULES, Recipe, Schedule, Trainer

RAMP = Schedule([(0, 1e-3), (4, 5e-3)])
RECIPES = {
    **{f"loss {name}": {"loss": name} for name in losses.LOSSES},
    **{f"latent {name}": {"latent": name} for name in LATENTS},
    **{f"penalty {name}": {"penalty": name, "gamma": 0.3} for name in PENALTIES},
    **{f"optimizer {name}": {"optimizer_g": name, "optimizer_d": name} for name in OPTIMIZERS},
    **{f"clip {name}": {"clip": name, "clip_at": 0.01} for name in CLIPS},
    **{f"clip of {name}": {"clip": "norm", "clip_players": name} for name in PLAYERS},
    **{f"noise {name}": {"noise": name, "noise_sigma": 0.5, "noise_steps": 4} for name in NOISES},
    "momentum": {"optimizer_g": "sgd", "optimizer_d": "rmsprop", "momentum": 0.5},
    "lazy penalty": {"penalty": "wgan_gp", "penalty_every": 3},
    "three critic steps": {"critic_steps": 3, "penalty": "r1", "penalty_every": 2},
    "average": {"ema": 0.9},
    "unrolled": {"unroll": 2, "unroll_lr": 0.3},
    "weight clip": {"loss": "wasserstein", "weight_clip": 0.05},
    "decay": {"weight_decay_d": 1.0, "weight_decay_g": 0.5, "l2_g": 0.1, "l2_d": 0.1},
    "scheduled": {"lr_g": RAMP, "penalty": "r1", "gamma": RAMP, "ema": RAMP, "betas": (RAMP, 0.9)},
    "scheduled, our optimizers": {"lr_g": RAMP, "lr_d": RAMP, "optimizer_g": "adamw", "optimizer_d": "nesterov"},
    "scheduled, torch's optimizers": {"lr_g": RAMP, "lr_d": RAMP, "optimizer_g": "sgd", "optimizer_d": "rmsprop"},
    "scheduled noise": {"noise": "constant", "noise_sigma": RAMP},
}  # fmt: skip
DIFFERENT = {"batch": 8}  # in every recipe

PICTURES = (1, 8, 8)
NETS = {
    **{f"mlp, {norm} norm": (lambda norm=norm: nets.mlp_generator((2,), 4, 8, norm=norm), None)
       for norm in NORMS if norm != "instance"},
    "dropout": (lambda: nets.mlp_generator((2,), 4, 8, dropout=0.3),
                lambda: nets.mlp_discriminator((2,), 8, dropout=0.3)),
    "dcgan": (lambda: nets.dcgan_generator(PICTURES, 4, 4), lambda: nets.dcgan_discriminator(PICTURES, 4)),
    "resnet": (lambda: nets.resnet_generator(PICTURES, 4, 4), lambda: nets.resnet_discriminator(PICTURES, 4)),
    "resmlp": (lambda: nets.resmlp_generator((2,), 4, 4), lambda: nets.resmlp_discriminator((2,), 4)),
    "spectral norm": (None, lambda: nets.spectrally_normalised(nets.mlp_discriminator((2,), 8))),
    "packed": (None, lambda: nets.Packed(nets.mlp_discriminator((4,), 8), 2)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def gpu():
    with pretended_gpu():
        yield


def trainer(recipe=None, seeds=0, make_g=None, make_d=None, device="cuda", **options) -> Trainer:
    networks = build(make_g or (lambda: nets.mlp_generator((2,), 4, 8)),
                     make_d or (lambda: nets.mlp_discriminator((2,), 8)), seeds)  # fmt: skip
    data = TwoModes()
    if networks[0].shape == PICTURES:
        pictures = torch.linspace(-1, 1, 64 * 64).reshape(64, *PICTURES)
        data = Dataset.from_images(pictures).to("cuda" if seeds else "cpu")  # data may lie on either
    return Trainer(*networks, data, Recipe(**DIFFERENT, **(recipe or {})), seeds=seeds, device=device, **options)


def run(trained: Trainer, steps: int = 6, **options) -> Trainer:
    trained.fit(steps, log_every=2, progress=False, **options)
    averaged = (False, True) if trained.average is not None else (False,)
    assert all(trained.sample(5, averaged=each).device == GPU for each in averaged)
    assert len(trained.history) == 3 * (1 if isinstance(trained.seeds, int) else len(trained.seeds))
    assert trained.engine.remark is None
    return trained


each_kind = pytest.mark.parametrize("seeds", [0, [3, 1]], ids=["alone", "population"])


@each_kind
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe(name, seeds, tmp_path):
    """Played to the end; killed, and gone on from its checkpoint."""
    run(trainer(RECIPES[name], seeds))
    trainer(RECIPES[name], seeds).fit(3, checkpoint=tmp_path / "run.pt", log_every=2, progress=False)
    trainer(RECIPES[name], seeds).fit(5, checkpoint=tmp_path / "run.pt", progress=False)


def test_every_option_is_among_the_recipes():
    defaults = dataclasses.asdict(Recipe())
    turned = {key for recipe in [*RECIPES.values(), DIFFERENT] for key in recipe if recipe[key] != defaults[key]}
    # torch's autocast asks the device itself for its half precision, and this one is pretended: see test_precision.py.
    assert turned == set(defaults) - {"amp"}


@each_kind
@pytest.mark.parametrize("name", NETS)
def test_every_kind_of_network(name, seeds):
    make_g, make_d = NETS[name]
    run(trainer({}, seeds, make_g, make_d))


@each_kind
@pytest.mark.parametrize("name", RULES)
def test_every_rule(name, seeds, tmp_path):
    rule = dataclasses.replace(RULES[name], every=2, low=0.0, high=0.0)
    ruled = run(trainer({"penalty": "r1"}, seeds, rule=rule), checkpoint=tmp_path / "run.pt")
    assert len(ruled.controller.history)
    trainer({"penalty": "r1"}, seeds, rule=rule).fit(8, checkpoint=tmp_path / "run.pt", progress=False)


@each_kind
@pytest.mark.parametrize("every", [1, 3])
def test_watched(every, seeds):
    watched = trainer({"penalty": "r1"}, seeds)
    monitor = Monitor.watch(watched, every=every, activations=True)
    run(watched, callback=lambda trained: (monitor.line(), trained.sample(3)), callback_every=2)
    assert all(len(getattr(monitor, table)()) for table in ("gradients", "totals", "activations", "game"))


@each_kind
def test_the_numbers_are_those_of_the_cpu(seeds):
    """What is replayed as a graph there is the step that is played here."""
    recipe = {"penalty": "wgan_gp", "clip": "percentile", "clip_at": 50.0, "ema": 0.9, "noise": "linear"}
    there, here = run(trainer(recipe, seeds)), trainer(recipe, seeds, device="cpu").fit(6, progress=False)
    assert there.engine._gradients is not None or there.engine._programs == {}
    for net, twin in ((there.G, here.G), (there.D, here.D)):
        for p, q in zip(net.parameters(), twin.parameters(), strict=True):
            assert torch.allclose(p.cpu(), q, rtol=1e-4, atol=1e-6)
