"""Our loop against a bare one, and a population of 16 seeds against 16 bare runs.   python benchmarks/loop.py"""

import torch
from bare import bare_step
from pairs import compare, machine, report

from ganlab import data, nets
from ganlab.population import build
from ganlab.train import Recipe, Trainer

MEMBERS = 16


def trainer_step(make_g, make_d, dataset, batch, seeds):
    """`Trainer.step` with the bookkeeping that `fit` adds: history every 10 steps."""
    trainer = Trainer(*build(make_g, make_d, seeds), dataset, Recipe(batch=batch), seeds=seeds)
    return lambda: trainer.fit(trainer.steps + 10, progress=False)


def ten(step):
    return lambda: [step() for _ in range(10)]


def loop(name, make_g, make_d, dataset, batch) -> None:
    ours = trainer_step(make_g, make_d, dataset, batch, 0)
    theirs = ten(bare_step(*build(make_g, make_d, 0), dataset, batch))
    report(f"ten steps of {name}", compare(ours, theirs, calls=3), "<= 1.05")


def population(name, make_g, make_d, dataset, batch) -> None:
    ours = trainer_step(make_g, make_d, dataset, batch, range(MEMBERS))
    theirs = ten(bare_step(*build(make_g, make_d, 0), dataset, batch))
    result = compare(ours, theirs, calls=1)
    result["ratio"] /= MEMBERS
    result["quartiles"] = tuple(value / MEMBERS for value in result["quartiles"])
    result["ours_ms"] /= MEMBERS
    report(f"ten steps, per seed, of {MEMBERS} x {name}", result, "<= 0.33")


def main() -> None:
    ring, digits = data.load("ring"), data.load("digits")
    small = (lambda: nets.mlp_generator((2,), width=64), lambda: nets.mlp_discriminator((2,), width=64))
    image = (lambda: nets.mlp_generator((1, 8, 8), width=256), lambda: nets.mlp_discriminator((1, 8, 8), width=256))
    print(f"ratio ours / theirs, median [quartiles]; {machine()}")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        print(f"{threads} threads")
        loop("2x64 MLPs, ring, batch 128", *small, ring, 128)
        loop("2x256 MLPs, digits, batch 64", *image, digits, 64)
        population("2x64 MLPs, ring, batch 128", *small, ring, 128)


if __name__ == "__main__":
    main()
