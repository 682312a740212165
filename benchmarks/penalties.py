"""What a penalty adds to a training step, against the step without one.   python benchmarks/penalties.py"""

import torch
from pairs import compare, machine, report

from ganlab import data, nets
from ganlab.nets import spectrally_normalised
from ganlab.penalties import PENALTIES, slopes
from ganlab.population import build
from ganlab.train import Recipe, Trainer

SEEDS = range(8)


def ten_steps(make_d, recipe):
    def make_g():
        return nets.mlp_generator((2,), width=128)

    trainer = Trainer(*build(make_g, make_d, SEEDS), data.load("ring"), recipe, seeds=SEEDS)
    return lambda: trainer.fit(trainer.steps + 10, progress=False)


def plain_d():
    return nets.mlp_discriminator((2,), width=128)


def by_autograd(D, x):
    """Slopes and logits as most code has it: one pass, then `torch.autograd.grad`. `torch.compile` refuses it."""
    x = x.detach().requires_grad_()
    logits = D(x)
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.flatten(2), logits


class OneForward(Trainer):
    """R1 whose forward pass on the real batch also serves the loss."""

    def __init__(self, look, *networks):
        super().__init__(*networks, data.load("ring"), Recipe(), seeds=SEEDS)
        self.look = look

    def step(self) -> None:
        [(real, z)] = self.stream.next()
        fake = self.G(z)
        (slope, real_logits), fake_logits = self.look(self.D, real), self.D(fake.detach())
        d_loss = self.loss.d_loss(real_logits, fake_logits)
        self._descend(d_loss + slope.square().sum(-1).mean(-1) / 2, "D")
        g_loss = self.loss.g_loss(self.D(fake))
        self._descend(g_loss, "G")
        self.steps += 1
        logits = (real_logits.detach().mean(-1), fake_logits.detach().mean(-1))
        self._running.append(torch.stack([d_loss.detach(), g_loss.detach(), *logits]))


def one_forward(look):
    trainer = OneForward(look, *build(lambda: nets.mlp_generator((2,), width=128), plain_d, SEEDS))
    return lambda: trainer.fit(trainer.steps + 10, progress=False)


def main() -> None:
    torch.set_num_threads(1)
    print(f"ratio with / without, median [quartiles]; {machine()}")
    print(f"2x128 MLPs on the ring, batch 64, {len(SEEDS)} seeds, ten steps")
    without = ten_steps(plain_d, Recipe())
    for name in PENALTIES:
        report(f"  {name}", compare(ten_steps(plain_d, Recipe(penalty=name)), without, rounds=12, calls=1), "none")
    for name, look in {"torch.func": slopes, "torch.autograd": by_autograd}.items():
        shared, apart = one_forward(look), ten_steps(plain_d, Recipe(penalty="r1"))
        report(f"  r1, one forward ({name}) / ours", compare(shared, apart, rounds=12, calls=1), "none")
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
