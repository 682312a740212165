"""What a penalty adds to a training step, against the step without one.   python benchmarks/penalties.py"""

import torch
from pairs import compare, machine, report

from ganlab import data, nets
from ganlab.penalties import PENALTIES
from ganlab.population import build
from ganlab.spectral import spectrally_normalised
from ganlab.train import Recipe, Trainer

SEEDS = range(8)


def ten_steps(make_d, recipe):
    def make_g():
        return nets.mlp_generator((2,), width=128)

    trainer = Trainer(*build(make_g, make_d, SEEDS), data.load("ring"), recipe, seeds=SEEDS)
    return lambda: trainer.fit(trainer.steps + 10, progress=False)


def plain_d():
    return nets.mlp_discriminator((2,), width=128)


def main() -> None:
    torch.set_num_threads(1)
    print(f"ratio with / without, median [quartiles]; {machine()}")
    print(f"2x128 MLPs on the ring, batch 64, {len(SEEDS)} seeds, ten steps")
    without = ten_steps(plain_d, Recipe())
    for name in PENALTIES:
        report(f"  {name}", compare(ten_steps(plain_d, Recipe(penalty=name)), without, rounds=12, calls=1), "none")
    lazy = Recipe(penalty="r1", penalty_every=4)
    report("  r1, every 4th step", compare(ten_steps(plain_d, lazy), without, rounds=12, calls=1), "none")
    spectral = ten_steps(lambda: spectrally_normalised(plain_d()), Recipe())
    report("  spectral normalisation", compare(spectral, without, rounds=12, calls=1), "none")
    for name, more in {
        "instance noise": {"noise": "constant"},
        "weights clipped": {"weight_clip": 0.01},
        "both gradients clipped by norm": {"clip": "norm"},
    }.items():
        report(f"  {name}", compare(ten_steps(plain_d, Recipe(**more)), without, rounds=12, calls=1), "none")


if __name__ == "__main__":
    main()
