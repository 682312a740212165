"""Our DCGAN step against that of PyTorch's DCGAN example, equal nets.   python benchmarks/dcgan_step.py [--parts]

The example's step is written as there: two backward passes for D, one for G which also computes D's weight gradients
(to throw them away), Adam as torch sets it up, and the numbers that it prints at each step. Ours is `Trainer.step` on
networks in the channels_last memory format. `--parts` adds what each ingredient alone is worth.
"""

import sys

import torch
from pairs import compare, machine, report
from torch import Tensor, nn

from ganlab import data, nets
from ganlab.population import build
from ganlab.train import Recipe, Trainer

BATCH, LATENT, WIDTH = 64, 100, 64
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def at_once(shape: tuple[int, int, int]) -> tuple[nn.Module, nn.Module]:
    """The DCGAN pair whose first and last layers are `Linear`."""
    G, D = build(
        lambda: nets.dcgan_generator(shape, latent=LATENT, width=WIDTH),
        lambda: nets.dcgan_discriminator(shape, width=WIDTH),
        0,
    )
    return G.to(DEVICE), D.to(DEVICE)


def as_printed(shape: tuple[int, int, int]) -> tuple[nn.Module, nn.Module]:
    """The same pair, same weights, as the example writes it: those two layers are convolutions of one place."""
    G, D = at_once(shape)
    project, judge = G.body[0], D.body[-1]
    G.body[0] = nn.Unflatten(1, (LATENT, 1, 1))
    G.body[1] = nn.ConvTranspose2d(LATENT, project.out_features // 16, 4, 1, 0, bias=False)
    G.body[1].weight.data = project.weight.data.T.reshape(G.body[1].weight.shape).clone()
    D.body[-2] = nn.Conv2d(judge.in_features // 16, 1, 4, 1, 0, bias=False)
    D.body[-2].weight.data = judge.weight.data.reshape(D.body[-2].weight.shape).clone()
    D.body[-1] = nn.Flatten()
    return G.to(DEVICE), D.to(DEVICE)


def example_step(G: nn.Module, D: nn.Module, dataset, prints: bool, only_g: bool = False, fused: bool | None = None):
    """A function that does one step of the example. `only_g`, `fused`: two of our ingredients, to time them alone."""
    optimizer_d = torch.optim.Adam(D.parameters(), 2e-4, (0.5, 0.999), fused=fused)
    optimizer_g = torch.optim.Adam(G.parameters(), 2e-4, (0.5, 0.999), fused=fused)
    criterion, inputs = nn.BCEWithLogitsLoss(), list(G.parameters()) if only_g else None

    def printed(*values: Tensor) -> None:
        if prints:
            for value in values:
                value.detach().mean().item()

    def step() -> None:
        real = dataset.sample(BATCH)
        D.zero_grad()
        label = torch.full((BATCH,), 1.0, device=DEVICE)
        output = D(real)
        error_real = criterion(output, label)
        error_real.backward()
        printed(output)
        fake = G(torch.randn(BATCH, LATENT, device=DEVICE))
        label.fill_(0.0)
        output = D(fake.detach())
        error_fake = criterion(output, label)
        error_fake.backward()
        printed(output)
        optimizer_d.step()
        G.zero_grad()
        label.fill_(1.0)
        output = D(fake)
        error_g = criterion(output, label)
        error_g.backward(inputs=inputs)
        printed(output)
        optimizer_g.step()
        printed(error_real + error_fake, error_g)

    return step


def trainer_step(dataset):
    """A step as `fit` makes it once it has recorded it."""
    trainer = Trainer(*channels_last(at_once(dataset.shape)), dataset, Recipe(batch=BATCH))
    trainer.engine.begin()
    for _ in range(4):
        trainer.engine.step()

    def step() -> None:
        trainer.engine.step()
        trainer._flush()

    return step


def channels_last(pair: tuple[nn.Module, nn.Module]) -> tuple[nn.Module, ...]:
    return tuple(net.to(memory_format=torch.channels_last) for net in pair)


def ingredients(dataset) -> dict:
    shape = dataset.shape
    return {
        "  without the example's prints": example_step(*as_printed(shape), dataset, prints=False),
        "  no weight gradients of D in G's phase": example_step(*as_printed(shape), dataset, True, only_g=True),
        "  channels_last": example_step(*channels_last(as_printed(shape)), dataset, True),
        "  fused Adam": example_step(*as_printed(shape), dataset, True, fused=True),
        "  first and last layer Linear": example_step(*at_once(shape), dataset, True),
    }


def main() -> None:
    torch.set_num_threads(2)
    print(f"ratio ours / theirs, median [quartiles]; {machine()}")
    for channels in (1, 3):
        images = torch.rand(1000, channels, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
        dataset = data.Dataset.from_images(images).to(DEVICE)
        theirs = example_step(*as_printed(dataset.shape), dataset, prints=True)
        report(
            f"DCGAN step, {channels}x32x32, batch 64",
            compare(trainer_step(dataset), theirs, calls=10 if DEVICE == "cuda" else 1),
            "<= 0.20" if DEVICE == "cuda" else "<= 0.80",
        )
        if "--parts" in sys.argv:
            for name, step in ingredients(dataset).items():
                report(name, compare(step, theirs, calls=1, rounds=20), "")


if __name__ == "__main__":
    main()
