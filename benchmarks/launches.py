"""How many kernels the tools would launch on a GPU, counted on a CPU.   python benchmarks/launches.py

Small networks do not wait for arithmetic there but for launches. Counted are the operations that are handed to the
device, ours as where looking at a number means waiting for it. In brackets: how often the device is waited for.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from bare import bare_step
from monitor import SHAPE, optimizers, pair
from torch import nn

import ganlab._numeric
from ganlab import data, nets
from ganlab.clipping import PercentileClip, clip_grad_adaptive_, clip_grad_layerwise_, clip_grad_norm_, clip_grad_value_
from ganlab.monitor import Monitor

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from kernels import Launches


def count(call: Callable[[], object], ours: bool = True) -> tuple[int, int]:
    """Launches and waits of a call, when the ones before have prepared what is kept."""
    host, ganlab._numeric.HOST = ganlab._numeric.HOST, set() if ours else {"cpu"}
    try:
        for _ in range(3):
            call()
        with Launches() as found:
            call()
    finally:
        ganlab._numeric.HOST = host
    return found.total, len(found.waits)


def clippers(name: str, net) -> None:
    parameters = list(net.parameters()) if isinstance(net, nn.Module) else net
    for p in parameters:
        p.grad = torch.randn_like(p)
    print(f"{name}: {len(parameters)} tensors")
    ours = {
        "norm": lambda: clip_grad_norm_(parameters, 1.0),
        "norm, skip": lambda: clip_grad_norm_(parameters, 1.0, nonfinite="skip"),
        "norm, zero": lambda: clip_grad_norm_(parameters, 1.0, nonfinite="zero"),
        "value": lambda: clip_grad_value_(parameters, 1.0),
        "percentile": (clip := PercentileClip(10)) and (lambda: clip(parameters)),
        "layerwise": lambda: clip_grad_layerwise_(net, 1.0),
        "adaptive": lambda: clip_grad_adaptive_(net),
    }
    torchs = {
        "torch's norm": lambda: nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True),
        "torch's value": lambda: nn.utils.clip_grad_value_(parameters, 1.0, foreach=True),
        "torch's norm alone": lambda: nn.utils.get_total_norm([p.grad for p in parameters], foreach=True),
    }
    for calls, mine in ((ours, True), (torchs, False)):
        for what, call in calls.items():
            print("  {:20} {:6} ({})".format(what, *count(call, mine)))


def watched(**options) -> Callable[[], None]:
    """A step of the monitor's benchmark, with Adam as it is on a GPU."""
    images = data.Dataset.from_images(torch.rand(64, *SHAPE), value_range=(0, 1))
    G, D = pair()
    step = bare_step(G, D, images, 2)
    found = optimizers(step)
    for optimizer in found.values():
        for group in optimizer.param_groups:
            group["foreach"] = True
    if options:
        step.monitor = Monitor({"D": (D, found["D"]), "G": (G, found["G"])}, **options)
    return step


def main() -> None:
    torch.manual_seed(0)
    clippers("ResNet generator, width 64", nets.resnet_generator((3, 32, 32), width=64))
    clippers("1,000 small tensors", [nn.Parameter(torch.randn(32)) for _ in range(1000)])
    print("a step of the ResNet GAN with 143 parameter tensors")
    for what, options in {
        "unwatched": {}, "Monitor": {"every": 1}, "Monitor with activations": {"activations": True},
    }.items():  # fmt: skip
        print("  {:26} {:6} ({})".format(what, *count(watched(**options))))


if __name__ == "__main__":
    main()
