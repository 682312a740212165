"""What kinds of convolution cost: single layers, and whole training steps.   python benchmarks/convs.py"""

import torch
from pairs import compare, machine, report

from ganlab import data, nets
from ganlab.nets import CONVS, DOWN_CONVS
from ganlab.population import build
from ganlab.train import Recipe, Trainer

BATCH, SIDE = 16, 14


def there_and_back(builder, channels):
    """Forward and backward of one layer, channels last as in the trainer."""
    layer = builder(channels, channels, False).to(memory_format=torch.channels_last)
    x = torch.randn(BATCH, channels, SIDE, SIDE).contiguous(memory_format=torch.channels_last).requires_grad_()

    def run():
        layer(x).sum().backward()
        layer.zero_grad()

    return run


def step(dataset, up, down, width_g, width_d):
    def make_g():
        return nets.dcgan_generator(dataset.shape, latent=32, width=width_g, upsample=up, init="he")

    def make_d():
        return nets.dcgan_discriminator(dataset.shape, width=width_d, downsample=down, init="he")

    trainer = Trainer(*build(make_g, make_d, 0), dataset, Recipe(), seeds=0)
    return lambda: trainer.fit(trainer.steps + 1, progress=False)


def main() -> None:
    torch.set_num_threads(1)
    print(f"ratio to the first of its kind, median [quartiles]; {machine()}")
    for channels in (16, 64):
        for registry in (CONVS, DOWN_CONVS):
            first, *others = registry
            print(f"one layer, {channels} channels, {BATCH} maps of {SIDE}x{SIDE}, against {first}")
            theirs = there_and_back(registry[first], channels)
            for kind in others:
                ours = there_and_back(registry[kind], channels)
                report(f"  {kind}", compare(ours, theirs, rounds=20, calls=2), "none")
    images = torch.rand(1000, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    dataset = data.Dataset.from_images(images)
    print("DCGAN step, 1x28x28, width 16, batch 64, against full convolutions")
    theirs = step(dataset, "transposed", "strided", 16, 16)
    for name, how in {
        "separable in both": ("separable", "separable", 16, 16),
        "separable, as many parameters": ("separable", "separable", 18, 48),
        "nearest in G": ("nearest", "strided", 16, 16),
    }.items():
        report(f"  {name}", compare(step(dataset, *how), theirs, rounds=12, calls=1), "none")


if __name__ == "__main__":
    main()
