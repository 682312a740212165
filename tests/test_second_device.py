"""Every public name that takes tensors or networks, once with all of them on a pretended GPU (`second_device`).

What a case makes of its inputs is of no interest here: it fails where tensors of two devices meet.
"""

import copy
import inspect
import io
from collections.abc import Callable

import matplotlib.pyplot
import pytest
import torch
from second_device import CPU, GPU, pretended_gpu
from torch import nn

import wings
from ganlab import (
    clipping,
    latent,
    losses,
    metrics,
    monitor,
    nets,
    optim,
    penalties,
    plots,
    population,
    preflight,
    train,
)
from ganlab.clipping import Report
from ganlab.data import (
    Dataset,
    check_range,
    dataset,
    digits,
    faces,
    grid,
    load,
    ring,
    stack,
    stacked_digits,
    swiss_roll,
)
from ganlab.metrics import features
from ganlab.population import Population
from ganlab.theory import batchnorm, symbols
from ganlab.train.unrolled import unrolled


@pytest.fixture(autouse=True)
def gpu():
    with pretended_gpu() as faults:
        yield faults


def randn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, device="cuda")


def mlp(*members: int, norm: str = "none", dropout: float = 0.0) -> nn.Module:
    """Two inputs, one output; or a population of such."""

    def one() -> nn.Module:
        return nets.mlp_discriminator((2,), width=4, depth=2, norm=norm, dropout=dropout)

    return (Population([one() for _ in range(*members)]) if members else one()).to("cuda")


def with_gradients(net: nn.Module) -> nn.Module:
    members = (net.size,) if isinstance(net, Population) else ()
    net(randn(*members, 3, 2)).square().sum().backward()
    return net


def images(n: int = 40, labels: bool = True) -> Dataset:
    label = torch.arange(n) % 2
    pictures = (2.0 * label - 1).view(n, 1, 1, 1).expand(n, 1, 8, 8)
    return Dataset.from_images(pictures, labels=label if labels else None).to("cuda")


# Public name -> what is done with it. A name may have several cases.
CASES: dict[str, list[Callable[[], object]]] = {}


def case(*names: str):
    def keep(function: Callable[[], object]) -> Callable[[], object]:
        for name in names:
            CASES.setdefault(f"ganlab.{name}", []).append(function)
        return function

    return keep


# Clipping.
@case("clipping.clip_grad_norm_", "clipping.clip_grad_value_", "clipping.clip_grad_layerwise_",
      "clipping.clip_grad_adaptive_", "clipping.Report")  # fmt: skip
def clip():
    kinds = (clipping.clip_grad_norm_, clipping.clip_grad_value_, clipping.clip_grad_layerwise_,
             clipping.clip_grad_adaptive_)  # fmt: skip
    for clipper in kinds:
        for net in (mlp(), mlp(2)):
            for nonfinite in ("propagate", "raise", "skip", "zero"):
                report = Report()
                assert clipper(with_gradients(net), 0.1, nonfinite=nonfinite, report=report).device == GPU
                assert len(report.last) and len(report.mean)


@case("clipping.clip_grad_norm_", "clipping.clip_grad_value_", "clipping.clip_weights_")
def clip_over_two_devices():
    """Each tensor stays where it is."""
    here, there = with_gradients(mlp()), nn.Linear(2, 1)
    there(torch.ones(3, 2)).sum().backward()
    both = [*here.parameters(), *there.parameters()]
    clipping.clip_grad_norm_(both, 0.1), clipping.clip_grad_value_(both, 0.1), clipping.clip_weights_(both, 0.1)


@case("clipping.clip_weights_")
def clip_weights():
    for net in (mlp(), mlp(2)):
        clipping.clip_weights_(net, 0.01, report=Report())


@case("clipping.PercentileClip", "clipping.CLIPS")
def clip_at_a_percentile():
    for net in (mlp(), mlp(2)):
        clipper = clipping.PercentileClip(50)
        clipper(with_gradients(net)), clipper(net)
        again = clipping.PercentileClip(50)
        again.load_state_dict(torch.load(_saved(clipper.state_dict()), map_location="cpu"))
        again(net)
        for clip in clipping.CLIPS.values():
            clip(0.5)(net)


def _saved(state) -> io.BytesIO:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return buffer


# Losses and penalties.
@case("losses.minimax_d", "losses.least_squares_d", "losses.hinge_d", "losses.wasserstein_d", "losses.relativistic_d",
      "losses.minimax_g", "losses.nonsaturating_g", "losses.least_squares_g", "losses.wasserstein_g",
      "losses.relativistic_g", "losses.get", "losses.Loss", "losses.LOSSES")  # fmt: skip
def lose():
    for name in losses.LOSSES:
        loss, real, fake = losses.get(name), randn(2, 5).requires_grad_(), randn(2, 5).requires_grad_()
        (loss.d_loss(real, fake) + loss.g_loss(fake, real)).sum().backward()
        assert fake.grad.device == GPU


@case("penalties.slopes", "penalties.r1", "penalties.r2", "penalties.wgan_gp", "penalties.dragan",
      "penalties.PENALTIES", "penalties.Draws")  # fmt: skip
def penalise():
    for D, members in ((mlp(), ()), (mlp(2), (2,))):
        real, fake = randn(*members, 3, 2), randn(*members, 3, 2)
        penalties.slopes(D, real)
        total = penalties.r1(D, real) + penalties.r2(D, fake) + penalties.dragan(D, real)
        (total + penalties.wgan_gp(D, real, fake)).sum().backward()
        draws = penalties.Draws([0, 1] if members else 0, "cuda")
        for penalty in penalties.PENALTIES.values():
            penalty(D, real, fake, draws).sum().backward()
        draws.load_state_dict(torch.load(_saved(draws.state_dict()), map_location="cuda"))


# Data.
@case("data.Dataset", "data.check_range")
def keep_images():
    data = images()
    assert data.sample(4).device == data.sample(4, torch.Generator()).device == GPU
    assert data.sample(4, torch.Generator("cuda")).device == GPU
    assert Dataset.from_images(data.samples, labels=data.labels).device == GPU
    assert data.to("cpu").samples.device == CPU
    check_range(data.samples, (-1.0, 1.0))


@case("data.load", "data.DATASETS", "data.FITS", "data.ring", "data.grid", "data.swiss_roll", "data.digits",
      "data.faces", "data.stacked_digits", "data.stack", "data.dataset.device_of")  # fmt: skip
def draw():
    sets = [ring(), grid(), swiss_roll(), digits(), faces(), stacked_digits(), load("digits", size=16)]
    for data in [each.to("cuda") for each in sets] + [stack(images())]:
        for generator in (None, torch.Generator(), torch.Generator("cuda")):
            assert data.sample(3, generator).device == dataset.device_of(torch.Generator("cuda")) == GPU


# The latent space.
@case("latent.labelled", "latent.classes", "latent.join", "latent.separate", "latent.Conditional")
def label():
    for data in (ring(modes=3).to("cuda"), images()):
        labelled = latent.labelled(data)
        samples, labels = latent.separate(labelled.sample(5, torch.Generator()), labelled)
        assert latent.join(samples, nn.functional.one_hot(labels, latent.classes(data)).to(samples)).device == GPU
    G = latent.Conditional(nets.mlp_generator((1, 8, 8), latent=4 + 2), count=2).to("cuda")
    G(randn(3, G.latent)).sum().backward()


@case("latent.normal", "latent.uniform", "latent.truncated", "latent.LATENTS")
def draw_latents():
    for law in (*latent.LATENTS.values(), latent.truncated(0.5)):
        assert law(3, 2, torch.Generator()).device == CPU  # the same numbers on every device


@case("latent.Prior", "latent.FittedLatent", "latent.MixtureLatent", "latent.NoisyLayers", "latent.choice")
def wrap_a_generator():
    wraps = [
        lambda G: latent.FittedLatent(G, ring().to("cuda")),
        lambda G: latent.FittedLatent(G, ring()),
        lambda G: latent.MixtureLatent(G, components=3, learned=True),
        lambda G: latent.NoisyLayers(G, learned=True),
        lambda G: latent.NoisyLayers(G, learned=False),
    ]
    for wrap in wraps:
        G = wrap(nets.mlp_generator((2,), latent=2, width=4, norm="batch")).to("cuda")
        G(randn(3, G.latent)).sum().backward()
        several = Population([wrap(nets.mlp_generator((2,), latent=2, width=4)) for _ in range(2)]).to("cuda")
        several(randn(2, 3, several.latent)).sum().backward()
        wrap(nets.mlp_generator((2,), latent=2, width=4).to("cuda"))
    assert latent.choice(randn(5), 3).device == GPU


@case("latent.rejection_sample", "latent.calibration")
def reject():
    G, D = nets.mlp_generator((2,), latent=2, width=4).to("cuda"), mlp()
    for options in ({}, {"percentile": 20}, {"real": randn(40, 2)}, {"real": torch.randn(40, 2)}):
        assert latent.rejection_sample(G, D, 3, burn_in=50, **options).device == GPU
    latent.rejection_sample(Population([G, G]), Population([D, D]), 3, burn_in=50)
    latent.calibration(randn(20), randn(20))


# Measuring.
@case("metrics.modes", "metrics.overlap", "metrics.wasserstein")
def count_modes():
    for data in (ring(), ring().to("cuda")):
        for samples in (randn(8, 2), randn(2, 8, 2)):
            metrics.modes(samples, data), metrics.overlap(samples, data)
            metrics.wasserstein(samples, data.modes)


@case("metrics.mode_index", "metrics.stacked_modes", "metrics.features", "metrics.features.train",
      "metrics.features.Classifier")  # fmt: skip
def classify():
    data = images()
    net = features.train(data, steps=2, progress=False)
    for pictures in (data.samples, data.samples.cpu()):
        assert net(pictures.to("cuda")).device == net.features(pictures).device == net.predict(pictures).device == GPU
        stacked = pictures[:12].reshape(4, 3, 8, 8)
        metrics.mode_index(stacked, net), metrics.stacked_modes(stacked, net), metrics.stacked_modes(stacked[None], net)


@case("metrics.Judge")
def judge():
    data = images()
    net = features.train(data, steps=2, progress=False)
    for real in (data, data.to("cpu"), data.samples, data.samples.cpu()):
        for look in (None, net.features):
            for value_range in (None, (-1.0, 1.0)):
                judge = metrics.Judge(real, look, value_range)
                for samples in (data.samples[:20], data.samples.reshape(2, 20, 1, 8, 8), data.samples[:20].cpu()):
                    judge.frechet(samples), judge.scores(samples)


@case("metrics.frechet_distance", "metrics.precision_recall", "metrics.nearest", "metrics.sharpness",
      "metrics.checkerboard", "metrics.phase_means", "metrics.inner", "metrics.overlap_map")  # fmt: skip
def compare():
    a, b, pictures = randn(20, 3), randn(20, 3), randn(4, 1, 8, 8)
    metrics.frechet_distance(a, b), metrics.precision_recall(a, b), metrics.nearest(a, b)
    metrics.sharpness(pictures), metrics.checkerboard(pictures), metrics.phase_means(pictures)
    metrics.inner(metrics.overlap_map(3).to("cuda"), kernel=3)


@case("preflight.check")
def look_before():
    G, D = nets.mlp_generator((2,), latent=2, width=4).to("cuda"), mlp()
    owners = {"G": torch.optim.Adam(G.parameters()), "D": torch.optim.Adam(D.parameters())}
    assert str(preflight.check(G, D, owners, randn(8, 2))) == "nothing found"


@case("latent.Apart", "train.LoaderStream")
def labels_of_a_loader():
    D = latent.Apart(mlp(), 3, call=lambda net, x, labels: net(x) * labels).to("cuda")
    batches = [(torch.randn(4, 2), torch.tensor([0, 1, 2, 0]))]
    ((real, z),) = train.LoaderStream(batches, latent=2, batch=4, seeds=0, device=GPU, labels=3).next()
    assert D(real).shape == (4,) and z.device == real.device


@case("monitor.snapshot", "monitor.units")
def look_once():
    for net, x in ((mlp(norm="batch"), randn(5, 2)), (mlp(2, norm="batch"), randn(2, 5, 2))):
        assert len(monitor.snapshot(net, x)) and len(monitor.units(net, x))
        monitor.snapshot(net, x, loss=lambda output: output.square().mean(-1))


@case("monitor.Monitor")
def watch():
    for G, D, z in (
        (mlp(), mlp(), randn(4, 2)),
        (mlp(2, norm="batch"), mlp(2), randn(2, 4, 2)),
    ):
        steps = [torch.optim.Adam(net.parameters()) for net in (G, D)]
        watched = monitor.Monitor({"G": (G, steps[0]), "D": (D, steps[1])}, activations=True, origin=True)
        for _ in range(3):
            for optimizer in steps:
                optimizer.zero_grad()
                (D(z) + G(z)).sum().backward()
                watched.logits(D(z), G(z))
                optimizer.step()
        for by in ("parameter", "layer", "net"):
            watched.gradients(by=by)
        watched.totals(), watched.activations(), watched.game(), watched.moves(), watched.line()
        assert watched.origin is None


# Networks.
@case("nets.mlp_generator", "nets.mlp_discriminator", "nets.resmlp_generator", "nets.resmlp_discriminator",
      "nets.ACTIVATIONS", "nets.OUTPUTS", "nets.INITS", "nets.Generator", "nets.Discriminator", "nets.initialised",
      "nets.fans", "nets.norm_activation", "nets.ResidualBlock", "nets.residual.block")  # fmt: skip
def build_on_points():
    for init in nets.INITS:
        assert nets.initialised(nn.Linear(2, 2).to("cuda"), init).weight.device == GPU
        train_once(nets.resmlp_generator((2,), latent=2, width=4, init=init, branch_scale="learned"), (2,))
        train_once(nets.resmlp_discriminator((2,), width=4, init=init, dropout=0.5), (2,))
    for activation in nets.ACTIVATIONS:
        train_once(nets.mlp_discriminator((2,), width=4, activation=activation), (2,))
    for output in nets.OUTPUTS:
        train_once(nets.mlp_generator((2,), latent=2, width=4, output=output), (2,))
    nets.fans(nn.Linear(2, 2).to("cuda"))


@case("nets.dcgan_generator", "nets.dcgan_discriminator", "nets.resnet_generator", "nets.resnet_discriminator",
      "nets.NORMS", "nets.CONVS", "nets.DOWN_CONVS", "nets.GENERATORS", "nets.DISCRIMINATORS",
      "nets.separable", "nets.norm_activation")  # fmt: skip
def build_on_images():
    for norm in nets.NORMS:
        if norm != "instance":  # refused on points
            train_once(nets.mlp_discriminator((2,), width=4, norm=norm), (2,))
        train_once(nets.dcgan_generator((1, 8, 8), latent=2, width=4, norm=norm), (2,))
        train_once(nets.dcgan_discriminator((1, 8, 8), width=4, norm=norm), (1, 8, 8))
    for upsample in nets.CONVS:
        train_once(nets.dcgan_generator((1, 8, 8), latent=2, width=4, upsample=upsample), (2,))
    for downsample in nets.DOWN_CONVS:
        train_once(nets.dcgan_discriminator((1, 8, 8), width=4, downsample=downsample), (1, 8, 8))
    train_once(nets.separable(2, 3, bias=True), (2, 8, 8))
    for make in nets.GENERATORS.values():
        train_once(make((1, 8, 8), latent=2, width=4), (2,))
    for make in nets.DISCRIMINATORS.values():
        train_once(make((1, 8, 8), width=4), (1, 8, 8))


@case("nets.SpectralNorm", "nets.spectrally_normalised", "nets.spectral.held", "nets.MinibatchStd",
      "nets.MinibatchDiscrimination", "nets.Packed", "nets.Augmented", "nets.AUGMENTATIONS")  # fmt: skip
def build_special():
    body = nn.Sequential(nn.Linear(2, 4), nets.MinibatchStd(), nets.MinibatchDiscrimination(5, 3, 2), nn.Linear(8, 1))
    train_once(body, (2,))
    train_once(nets.Packed(nets.mlp_discriminator((4,), width=4), m=2), (2,))
    train_once(nets.Augmented(nets.mlp_discriminator((1, 8, 8), width=4), list(nets.AUGMENTATIONS), 0.5), (1, 8, 8))
    train_once(nets.spectrally_normalised(nets.mlp_discriminator((2,), width=4)), (2,))
    train_once(nets.spectrally_normalised(nets.mlp_discriminator((2,), width=4).to("cuda")), (2,))
    net = nets.SpectralNorm(nn.Conv2d(1, 2, 3)).to("cuda")
    with nets.spectral.held(net):
        net(randn(2, 1, 4, 4))


def train_once(net: nn.Module, shape: tuple[int, ...]) -> None:
    """A step, alone and with another member beside it; and once in eval mode."""
    for one, members in ((net, ()), (Population([net.to("cpu"), copy.deepcopy(net)]), (2,))):
        one = one.to("cuda")
        optimizer = torch.optim.Adam(one.parameters(), fused=True) if next(one.parameters(), None) is not None else None
        one(randn(*members, 4, *shape)).sum().backward()
        if optimizer is not None:
            optimizer.step()
        assert one.eval()(randn(*members, 4, *shape)).device == GPU
        one.train()


@case("nets.cost", "nets.cost.parameters", "nets.cost.counts")
def price():
    nets.cost.parameters(mlp()), nets.cost.counts(mlp(), randn(3, 2)), nets.cost.parameters(mlp(2))


@case("population.Population", "population.build")
def populate():
    pair = population.build(mlp, lambda: mlp(norm="batch"), [0, 1])
    for net in (*pair, *population.build(mlp, mlp, 0)):
        assert next(net.parameters()).device == GPU
    several = mlp(2, norm="batch", dropout=0.5)
    several(randn(2, 3, 2)).sum().backward()
    assert several.member(1)(randn(3, 2)).device == copy.deepcopy(several)(randn(2, 3, 2)).device == GPU
    several.load_state_dict(torch.load(_saved(several.state_dict())))
    kept = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))  # a network of another's, which goes through vmap
    Population([kept, copy.deepcopy(kept)]).to("cuda")(randn(2, 3, 2)).sum().backward()


# Optimizers.
def _rules() -> list[type[optim.Rule]]:
    return [value for name in optim.__all__ if isinstance(value := getattr(optim, name), type)
            and issubclass(value, optim.Rule) and value is not optim.Rule]  # fmt: skip


@case(*(f"optim.{rule.__name__}" for rule in _rules()), "optim.Rule", "optim.Tensors")
def step():
    for rule in _rules():
        options = {"alternate": True} if rule.__name__.startswith("Extra") else {}
        for lr in (0.1, torch.tensor([0.1, 0.2]), torch.tensor([0.1, 0.2], device="cuda")):
            net = with_gradients(mlp(2))
            optimizer = rule(net.parameters(), lr=lr, **options)
            for _ in range(3):
                optimizer.step()
            again = rule(net.parameters(), lr=lr, **options)
            again.load_state_dict(torch.load(_saved(optimizer.state_dict()), map_location="cpu"))
            again.step()


@case("optim.regularise")
def decay():
    for rule in (torch.optim.SGD, torch.optim.Adam, optim.Adam):
        net = with_gradients(mlp())
        optim.regularise(rule(net.parameters(), lr=0.1), l2=0.1, weight_decay=0.1).step()


# Figures.
@case("plots.points")
def draw_points():
    """The landscape is drawn where D is, wherever the samples and the data are."""
    for D in (mlp(), nets.mlp_discriminator((2,), width=4)):
        for samples in (randn(5, 2), torch.randn(5, 2)):
            for data in (ring(), ring().to("cuda")):
                plots.points(samples, data, D), plots.points(samples, data, D, probability=False, labels=False)
                plots.points(samples, data)
    plots.points(randn(5, 2), ring(), lambda x: x.sum(1) + randn(1))


@case("plots.sample_grid", "plots.slider")
def draw_images():
    pictures = images().samples
    plots.sample_grid(pictures, columns=5), plots.sample_grid([pictures, pictures.cpu()], rows=["a", "b"])
    plots.slider([lambda: plots.sample_grid(pictures).figure], ["0"], name="all", alt="Black and white squares.")


# Theory.
@case("theory.batchnorm", "theory.batchnorm.forward", "theory.batchnorm.backward", "theory.batchnorm.removed_share",
      "theory.batchnorm.running", "theory.batchnorm.inference", "theory.batchnorm.Saved")  # fmt: skip
def normalise():
    x, scale, shift = randn(5, 3), randn(3), randn(3)
    y, saved = batchnorm.forward(x, scale, shift)
    batchnorm.backward(y, scale, saved), batchnorm.removed_share(y, saved)
    mean, var = batchnorm.running(randn(3), randn(3).square(), x)
    assert batchnorm.inference(x, mean, var, scale, shift).device == GPU


@case("theory.symbols.as_function", "theory.symbols.LIBRARIES")
def compute_a_formula():
    for expression in (symbols.Sigmoid, symbols.Softplus, symbols.Step, symbols.Relu):
        assert symbols.as_function(expression(symbols.l) + 1, symbols.l)(randn(3)).device == GPU


# Training; each option of a recipe has its own tests, in train/test_trainer_on_gpu.py.
@case("train.Trainer", "train.capture.Capture", "train.Cures", "train.numbers.Numbers", "train.Stream", "train.Recipe",
      "train.OPTIMIZERS", "train.NOISES", "train.PLAYERS")  # fmt: skip
def train_a_gan():
    G, D = nets.mlp_generator((2,), latent=2, width=4), nets.mlp_discriminator((2,), width=4)
    trainer = train.Trainer(G, D, ring(), train.Recipe(batch=4), device="cuda")
    assert trainer.fit(3, progress=False).sample(5).device == GPU
    assert len(trainer.history)


@case("train.Stream")
def draw_batches():
    for data in (ring(), images()):
        for seeds in (0, [0, 1]):
            stream = train.Stream(data, latent=2, batch=4, seeds=seeds, critic_steps=2, device="cuda")
            (real, z), _ = stream.next()
            assert real.device == z.device == GPU
            stream.load_state_dict(torch.load(_saved(stream.state_dict()), map_location="cuda"))


@case("train.WeightAverage")
def average():
    for net in (mlp(norm="batch"), mlp(2)):
        averaged = train.WeightAverage(net)
        averaged.update(net, decay=0.5), averaged.update(net, decay=torch.tensor(0.5, device="cuda"))
        averaged.load_state_dict(torch.load(_saved(averaged.state_dict())))


@case("train.unrolled.unrolled")
def ahead():
    D, loss = mlp(), losses.get("nonsaturating")
    after = unrolled(D, loss, randn(4, 2), randn(4, 2), steps=2, lr=0.1)
    assert after(randn(4, 2)).device == GPU


@case("train.Controller", "train.Rule", "train.RULES", "train.SIGNALS", "train.KNOBS")
def control():
    for seeds, members in ((0, ()), ([0, 1], (2,))):
        for signal in train.SIGNALS:
            rule = train.Rule(signal, "lr_d", low=-0.1, high=0.1, every=1)
            controller, net = train.Controller(rule, seeds, "cuda"), mlp(*members)
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            controller.drive(optimizer)
            controller.step(randn(*members, 4), randn(*members, 4))
            with_gradients(net)
            optimizer.step()
            controller.load_state_dict(torch.load(_saved(controller.state_dict()), map_location="cpu"))
            assert len(controller.history)


@case("train.checkpoint", "train.checkpoint.save", "train.checkpoint.load")
def keep(folder):
    train.checkpoint.save({"weights": randn(2)}, folder / "run.pt")
    for place in (CPU, GPU):
        assert train.checkpoint.load(folder / "run.pt", place)["weights"].device == place


@case("train.vae", "train.vae.VAE", "train.vae.fit", "train.vae.kl_to_normal")
def encode():
    decoder, encoder = nets.mlp_generator((1, 8, 8), latent=4), nets.mlp_discriminator((1, 8, 8), outputs=8)
    model = train.vae.VAE(decoder, encoder).to("cuda")
    for data in (images(), images().to("cpu")):
        train.vae.fit(model, data, steps=2, batch=4, log_every=1, progress=False)
    assert model.sample(3).device == model.reconstruct(images().samples).device == GPU


# Public names with no case: no tensor and no network goes in.
EXEMPT = {
    "ganlab.train.Precision": "torch's autocast asks the device itself, and this one is pretended",
    "ganlab.train.recipe.PRECISIONS": "a table of types",
    "ganlab.data.fashion_mnist": "reads a file, as digits do; moved with Dataset.to",
    "ganlab.data.folder": "reads files, as digits do; moved with Dataset.to",
    "ganlab.data.mnist": "reads a file, as digits do; moved with Dataset.to",
    "ganlab.data.Range": "a type",
    "ganlab.penalties.Critic": "a type",
    "ganlab.optim.weight_decay.check_decay": "numbers",
    "ganlab.optim.weight_decay.check_strengths": "numbers",
    "ganlab.preflight.Finding": "sentences",
    "ganlab.preflight.Report": "sentences",
    "ganlab.train.CheckpointError": "an error",
    "ganlab.train.Schedule": "numbers of a step",
    **dict.fromkeys(("ganlab.train.schedule.at", "ganlab.train.schedule.values", "ganlab.train.schedule.SHAPES"),
                    "numbers of a step"),
}  # fmt: skip
# Whole wings and files with no tensors, but for the names that have a case.
EXEMPT_PLACES = {
    "ganlab.diagnosis": "tables of numbers, and sentences",
    "ganlab.clinic": "games that are played on a CPU",
    "ganlab.study": "tables of numbers",
    "ganlab.plots": "figures of tables, but for points and images",
    "ganlab.theory": "formulas and NumPy, but for batch norm and functions made of formulas",
}


def uncovered(names: list[str]) -> list[str]:
    """Public names that have neither a case nor a reason why not."""
    places = tuple(f"{place}." for place in EXEMPT_PLACES)
    return [name for name in names if name not in CASES and name not in EXEMPT and not name.startswith(places)]


PUBLIC = [name.full for wing in wings.wings() for name in wings.public(wing)]


def test_every_public_name_has_a_case_or_a_reason():
    assert uncovered(PUBLIC) == []
    assert uncovered([*PUBLIC, "ganlab.nets.a_new_one"]) == ["ganlab.nets.a_new_one"]
    assert sorted({*CASES, *EXEMPT} - set(PUBLIC)) == [], "cases of names that are no longer there"
    assert sorted(EXEMPT.keys() & CASES.keys()) == [], "exempt, and yet there is a case"


def _takes_tensors(name: str) -> bool:
    """Whether an annotation of the function, or of what makes the class, speaks of tensors or networks."""
    home, _, own = name.rpartition(".")
    found = inspect.getattr_static(__import__(home, fromlist=[own]), own, None)
    kinds = inspect.get_annotations(found.__init__ if inspect.isclass(found) else found) if callable(found) else {}
    return any(word in str(kind) for kind in kinds.values() for word in ("Tensor", "Module"))


def test_what_is_exempt_takes_no_tensors():
    assert [name for name in PUBLIC if name not in CASES and _takes_tensors(name)] == []
    assert (
        _takes_tensors("ganlab.penalties.r1")
        and _takes_tensors("ganlab.nets.Packed")
        and not _takes_tensors("ganlab.plots.bands")
    )


@pytest.mark.parametrize("run", dict.fromkeys(run for runs in CASES.values() for run in runs), ids=lambda f: f.__name__)
def test_on_the_gpu(run, tmp_path):
    before = matplotlib.pyplot.get_fignums()
    run(*([tmp_path] if inspect.signature(run).parameters else []))
    for number in set(matplotlib.pyplot.get_fignums()) - set(before):
        matplotlib.pyplot.close(number)
