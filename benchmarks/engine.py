"""The training loop against JAX's, one GAN and many at once.   python benchmarks/engine.py

Ten steps of the ring GAN: two MLPs of 2x64, batch 128, Adam. JAX is not among what the book needs: `pip install jax`.
On a CPU one thread each; on a GPU both use it, in turns.
"""

import os
import sys

GPU = "--gpu" in sys.argv
if not GPU:  # before JAX is imported
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"

import torch
from pairs import compare, machine, report
from ring_jax import BATCH, LATENT, WIDTH, ten_steps

from ganlab import data, nets
from ganlab.population import build
from ganlab.train import Recipe, Trainer

TARGETS = {"cpu": {1: 2.5, 16: 1.4, 64: 1.2}, "cuda": {1: 1.5, 16: 1.5, 256: 1.5, 1024: 1.5}}


def ours(members: int, device: str):
    """Ten steps as `fit` makes them once it has recorded them, history every ten."""
    seeds = 0 if members == 1 else range(members)
    pair = build(
        lambda: nets.mlp_generator((2,), latent=LATENT, width=WIDTH),
        lambda: nets.mlp_discriminator((2,), width=WIDTH),
        seeds,
    )
    trainer = Trainer(*pair, data.load("ring"), Recipe(batch=BATCH), seeds=seeds, device=device)
    trainer.engine.begin()

    def ten() -> None:
        for _ in range(10):
            trainer.engine.step()
        trainer._flush()

    ten()
    return ten


def main() -> None:
    device = "cuda" if GPU else "cpu"
    if not GPU:
        torch.set_num_threads(1)
    print(f"ten steps of the ring GAN, Trainer / JAX, median [quartiles]; {machine()}")
    for members, target in TARGETS[device].items():
        # Random numbers are drawn for some sixty steps at a time: on a GPU a turn holds two such blocks, so that what
        # drawing costs is in every ratio.
        result = compare(
            ours(members, device), ten_steps(members), rounds=8 if members < 200 else 3, calls=13 if GPU else 3
        )
        report(f"{members} members", result, f"<= {target}")


if __name__ == "__main__":
    main()
