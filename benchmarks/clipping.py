"""Our clipping against torch's, timm's and two of AutoClip's.   python benchmarks/clipping.py

timm and autoclip are no requirements of ours: what they do is written out here, operation by operation.
"""

import numpy as np
import torch
from pairs import compare, machine, report
from torch import nn

from ganlab import nets
from ganlab.clipping import PercentileClip, clip_grad_adaptive_, clip_grad_norm_, clip_grad_value_


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


class QuantileOfHistory:
    """autoclip 0.2.1, its `QuantileClip` with one threshold: a quantile of the norms before, then torch's clip."""

    def __init__(self, parameters, quantile, length=1000):
        self.parameters, self.quantile, self.length, self.history = parameters, quantile, length, None

    def __call__(self):
        if self.history is None:
            self.history, threshold = torch.zeros(0, device=self.parameters[0].device), torch.inf
        else:
            threshold = torch.quantile(self.history, self.quantile)
        norm = nn.utils.clip_grad_norm_(self.parameters, max_norm=threshold)
        self.history = torch.hstack((self.history, norm))[-self.length :]


def each(parameters, quantile):
    """The same with a threshold for each tensor, which is autoclip's default."""
    clips = [QuantileOfHistory([p], quantile) for p in parameters]
    return lambda: [clip() for clip in clips]


def value_and_norm(parameters, bound):
    """What torch needs for what ours gives: the clip, and the norm before it."""
    nn.utils.get_total_norm([p.grad for p in parameters])
    nn.utils.clip_grad_value_(parameters, bound)


def with_gradients(parameters):
    parameters = list(parameters)
    for p in parameters:
        p.grad = torch.randn_like(p)
    return parameters


def case(name, net, parameters) -> None:
    print(f"{name}: {len(parameters)} tensors, {sum(p.numel() for p in parameters):,} numbers")
    ours, loop = PercentileClip(10), PercentileLoop(10)
    by_torch = lambda: nn.utils.clip_grad_norm_(parameters, 1.0)  # noqa: E731
    pairs = {
        "norm / torch": (lambda: clip_grad_norm_(parameters, 1.0), by_torch, "<= 1.05"),
        "norm, skip what is not finite / torch": (
            lambda: clip_grad_norm_(parameters, 1.0, nonfinite="skip"), by_torch, "none"
        ),
        "value / torch's and a norm": (
            lambda: clip_grad_value_(parameters, 1.0), lambda: value_and_norm(parameters, 1.0), "<= 1.3"
        ),
        "adaptive / timm's loop": (lambda: clip_grad_adaptive_(net), lambda: adaptive_loop(parameters), "<= 0.5"),
        "percentile / the paper's code": (lambda: ours(parameters), lambda: loop(parameters), "<= 0.5"),
        "percentile / autoclip, one threshold": (
            lambda: ours(parameters), QuantileOfHistory(parameters, 0.1), "<= 1.0"
        ),
        "percentile / autoclip, one a tensor (default)": (lambda: ours(parameters), each(parameters, 0.1), "<= 0.5"),
    }  # fmt: skip
    for what, (mine, theirs, target) in pairs.items():
        slow = "one a tensor" in what
        report(f"  {what}", compare(mine, theirs, rounds=5 if slow else 20, calls=1 if slow else 5), target)


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
