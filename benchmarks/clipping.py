"""Our clipping against torch's, timm's and two of AutoClip's.   python benchmarks/clipping.py

timm and autoclip are no requirements of ours. timm's loop is written out here, operation by operation; autoclip is
timed where it is installed (`pip install --target FOLDER --no-deps autoclip`, and FOLDER in PYTHONPATH).
"""

import numpy as np
import torch
from pairs import compare, machine, report
from torch import nn

try:
    from autoclip.torch import QuantileClip
except ImportError:
    QuantileClip = None

from ganlab import nets
from ganlab.clipping import PercentileClip, clip_grad_adaptive_, clip_grad_norm_, clip_grad_value_

TARGETS = {"norm": "<= 1.05", "value": "none", "adaptive": "<= 0.5", "percentile": "<= 0.5"}


def unitwise_norm(x):
    return x.norm(2.0) if x.ndim <= 1 else torch.linalg.vector_norm(x, dim=tuple(range(1, x.ndim)), keepdim=True)


def adaptive_loop(parameters, clipping=0.01, eps=1e-3):
    """Adaptive clipping parameter by parameter, as timm's `adaptive_clip_grad`."""
    for p in parameters:
        if p.grad is None:
            continue
        weights, grad = p.detach(), p.grad.detach()
        largest = unitwise_norm(weights).clamp_(min=eps).mul_(clipping)
        norm = unitwise_norm(grad)
        clipped = grad * (largest / norm.clamp(min=1e-6))
        grad.copy_(torch.where(norm < largest, grad, clipped))


class PercentileLoop:
    """Percentile clipping as in the paper's own code: `.item()` for each parameter, a history without an end."""

    def __init__(self, percentile):
        self.percentile, self.history = percentile, []

    def __call__(self, parameters):
        square = 0.0
        for p in parameters:
            if p.grad is not None:
                square += p.grad.detach().norm(2).item() ** 2
        self.history.append(square**0.5)
        nn.utils.clip_grad_norm_(parameters, np.percentile(self.history, self.percentile))


def with_gradients(parameters):
    parameters = list(parameters)
    for p in parameters:
        p.grad = torch.randn_like(p)
    return parameters


def case(name, net, parameters) -> None:
    print(f"{name}: {len(parameters)} tensors, {sum(p.numel() for p in parameters):,} numbers")
    ours, loop = PercentileClip(10), PercentileLoop(10)
    pairs = {
        "norm / torch": (lambda: clip_grad_norm_(parameters, 1.0), lambda: nn.utils.clip_grad_norm_(parameters, 1.0)),
        "value / torch, which takes no norm": (
            lambda: clip_grad_value_(parameters, 1.0),
            lambda: nn.utils.clip_grad_value_(parameters, 1.0),
        ),
        "adaptive / timm's loop": (lambda: clip_grad_adaptive_(net), lambda: adaptive_loop(parameters)),
        "percentile / the paper's code": (lambda: ours(parameters), lambda: loop(parameters)),
    }
    if QuantileClip is not None:
        one, each = (QuantileClip(parameters, 0.1, global_threshold=choice) for choice in (True, False))
        pairs["percentile / autoclip, one threshold"] = (lambda: ours(parameters), one.step)
        pairs["percentile / autoclip, one a tensor (default)"] = (lambda: ours(parameters), each.step)
    for what, functions in pairs.items():
        target = next(target for start, target in TARGETS.items() if what.startswith(start))
        report(f"  {what}", compare(*functions, rounds=20, calls=5), target)


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(f"ratio ours / theirs, median [quartiles]; {machine()}")
    for width in (64, 256):
        generator = nets.resnet_generator((3, 32, 32), width=width).to(device)
        case(f"ResNet generator, width {width}", generator, with_gradients(generator.parameters()))
    small = [nn.Parameter(torch.randn(32, device=device)) for _ in range(1000)]
    case("1,000 small tensors", small, with_gradients(small))


if __name__ == "__main__":
    main()
