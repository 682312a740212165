"""Our optimizers' step against torch's foreach one, on a net of 100 tensors.   python benchmarks/optim.py"""

import torch
from pairs import compare, machine, report
from torch import nn

from ganlab import optim

CASES = {
    "SGD": (optim.SGD, torch.optim.SGD, {}),
    "SGD, momentum 0.9": (optim.SGD, torch.optim.SGD, {"momentum": 0.9}),
    "SGD, Nesterov": (optim.SGD, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "Adagrad": (optim.Adagrad, torch.optim.Adagrad, {}),
    "Adadelta": (optim.Adadelta, torch.optim.Adadelta, {}),
    "RMSprop": (optim.RMSprop, torch.optim.RMSprop, {}),
    "RMSprop, centered": (optim.RMSprop, torch.optim.RMSprop, {"centered": True}),
    "Adam": (optim.Adam, torch.optim.Adam, {}),
    "Adam, amsgrad": (optim.Adam, torch.optim.Adam, {"amsgrad": True}),
    "AdamW": (optim.AdamW, torch.optim.AdamW, {}),
}


def net(width: int, device: str) -> nn.Sequential:
    """50 linear layers: 100 tensors, each with a gradient."""
    torch.manual_seed(0)
    layers = nn.Sequential(*[nn.Linear(width, width) for _ in range(50)]).to(device)
    for p in layers.parameters():
        p.grad = torch.randn_like(p)
    return layers


def main() -> None:
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(f"ratio ours / torch's foreach, median [quartiles]; {machine()}")
    for width in (32, 128):
        print(f"100 tensors, {50 * (width**2 + width):,} numbers")
        for name, (ours, theirs, options) in CASES.items():
            one = ours(net(width, device).parameters(), lr=1e-6, **options)
            other = theirs(net(width, device).parameters(), lr=1e-6, foreach=True, **options)
            report(f"  {name}", compare(one.step, other.step, rounds=20, calls=10), "<= 1.3")


if __name__ == "__main__":
    main()
