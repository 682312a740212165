"""What it costs to watch every layer at every step, for the monitor and for the loggers one usually writes.

    python benchmarks/monitor.py

Each way watches the same bare loop on a ResNet GAN, and takes turns with that loop unwatched.
"""

import torch
from bare import bare_step
from pairs import compare, machine, report
from torch import nn

from ganlab import data, nets
from ganlab.monitor import Monitor
from ganlab.nets import ResidualBlock, norm_activation
from ganlab.population import build

WIDTH, BATCH, SHAPE = 48, 32, (3, 32, 32)


def more_blocks(net: nn.Module, norm: str, each: int = 2) -> nn.Module:
    """`net` with `each` residual blocks of the same size behind each of its own."""
    layers = []
    for layer in net.body:
        layers.append(layer)
        if isinstance(layer, ResidualBlock):
            layers += [ResidualBlock(branch(norm), nn.Identity()) for _ in range(each)]
    net.body = nn.Sequential(*layers)
    return net


def branch(norm: str) -> nn.Module:
    return nn.Sequential(*(
        layer
        for _ in range(2)
        for layer in (*norm_activation(WIDTH, norm, "relu", image=True), nn.Conv2d(WIDTH, WIDTH, 3, padding=1))
    ))  # fmt: skip


def pair(device: str = "cpu") -> tuple[nn.Module, nn.Module]:
    G, D = build(
        lambda: more_blocks(nets.resnet_generator(SHAPE, width=WIDTH, norm="batch"), "batch"),
        lambda: more_blocks(nets.resnet_discriminator(SHAPE, width=WIDTH, norm="layer"), "layer"),
        0,
    )
    return G.to(device), D.to(device)


def optimizers(step) -> dict:
    """The optimizers that `bare_step` has made, by player."""
    inside = dict(zip(step.__code__.co_freevars, (cell.cell_contents for cell in step.__closure__), strict=True))
    return {"D": inside["d_step"], "G": inside["g_step"]}


def with_monitor(**options):
    def watch(G, D, step):
        found = optimizers(step)
        step.monitor = Monitor({"D": (D, found["D"]), "G": (G, found["G"])}, **options)
        return step

    return watch


def with_item(G, D, step):
    """The logger of the forums: `.item()` on the norm of each parameter's gradient before each step."""
    log = []
    for name, optimizer in optimizers(step).items():
        net = {"G": G, "D": D}[name]
        optimizer.register_step_pre_hook(
            lambda *_, net=net: log.append({n: p.grad.norm().item() for n, p in net.named_parameters()})
        )
    return step


def with_hooks(G, D, step):
    """A hook on every parameter's gradient. It also fires for D's gradients in G's phase, and mixes the two."""
    log = {}
    for net in (G, D):
        for name, parameter in net.named_parameters():
            norms = log.setdefault((id(net), name), [])
            parameter.register_hook(lambda grad, norms=norms: norms.append(grad.norm().item()))
    return step


WAYS = {
    "Monitor: norms, zeros, non-finite, updates": (with_monitor(), "<= 1.10"),
    "Monitor, every 10 steps": (with_monitor(every=10), "none"),
    "Monitor, every layer's output for NaN": (with_monitor(origin=True), "none"),
    "Monitor, none looked at for NaN": (with_monitor(origin=False), "none"),
    "Monitor with activations": (with_monitor(activations=True), "<= 1.5"),
    "norm().item() for each parameter": (with_item, "none"),
    "a hook on each parameter, norm().item()": (with_hooks, "none"),
}


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dataset = data.Dataset.from_images(torch.rand(512, *SHAPE, device=device), value_range=(0, 1))
    tensors = sum(len(list(net.parameters())) for net in pair(device))
    print(f"ratio watched / not, median [quartiles]; {tensors} parameter tensors; {machine()}")
    for threads in (1, 2) if device == "cpu" else (1,):
        torch.set_num_threads(threads)
        print(f"{threads} threads")
        for name, (watch, target) in WAYS.items():
            plain = bare_step(*pair(device), dataset, BATCH)
            G, D = pair(device)
            watched = watch(G, D, bare_step(G, D, dataset, BATCH))
            report(name, compare(watched, plain, rounds=12, calls=1 if device == "cpu" else 10), target)


if __name__ == "__main__":
    main()
