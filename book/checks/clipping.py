"""Chapter 8: what a clip can and cannot do, and where it belongs in the loop."""

import math

import torch
from torch import nn
from torch.nn.functional import softplus

from check import check
from ganlab.clipping import CLIPS, clip_grad_norm_, clip_grad_value_


def _descend(x: float, lr: float, clip: float, steps: int = 10_000) -> float:
    """Gradient descent on x^4 / 4 with the gradient x^3 cut to `clip`; |x| at the end, or infinity."""
    for _ in range(steps):
        if abs(x) > 1e50:
            return math.inf
        gradient = x**3
        x -= lr * max(-clip, min(clip, gradient))
    return abs(x)


@check
def quartic_where_plain_descent_diverges() -> float:
    """The least lr * x0^2 at which plain gradient descent on x^4 / 4 runs away, by bisection; mean of three rates."""
    found = []
    for lr in (1e-3, 0.1, 10.0):
        low, high = 0.5, 8.0
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (
                (low, middle) if _descend(math.sqrt(middle / lr), lr, math.inf, 200) == math.inf else (middle, high)
            )
        found.append(high)
    return sum(found) / 3


@check
def quartic_clipped_end() -> float:
    """Largest |x| that clipped descent on x^4 / 4 (lr 0.1, clip 1) ends with, from x0 = 1 to 500."""
    return max(_descend(x0, 0.1, 1.0) for x0 in (1.0, 5.0, 50.0, 500.0))


@check
def largest_growth_by_a_clip() -> float:
    """Over five clips and gradients of ten sizes from 1e-9 to 1e9: the largest norm of a gradient after over before."""
    torch.manual_seed(0)
    net, growth = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1)), []
    for name, at in {"value": 0.01, "norm": 1.0, "layerwise": 1.0, "adaptive": 0.01, "percentile": 50.0}.items():
        clip = CLIPS[name](at)
        for power in range(-9, 10, 2):
            for p in net.parameters():
                p.grad = 10.0**power * torch.randn_like(p)
            before = [p.grad.norm() for p in net.parameters()]
            clip(net)
            growth += [(p.grad.norm() / b).item() for p, b in zip(net.parameters(), before, strict=True)]
    return max(growth)


@check
def mean_of_a_clipped_two_point_gradient() -> float:
    """A gradient is -1 with probability 0.9 and 10 with probability 0.1: its mean is 0.1. Its mean clipped at 1."""
    weight = torch.zeros(10, 1, requires_grad=True)
    weight.grad = torch.tensor([-1.0] * 9 + [10.0])[:, None]
    clip_grad_value_(weight, 1.0, members=True)
    return weight.grad.mean().item()


def _adam(gradients: torch.Tensor, clip: float) -> torch.Tensor:
    """Adam(1e-3, 0.5, 0.999) on a sequence of gradients (steps, n), each clipped by value; the path of the weights."""
    weight, path = torch.zeros(gradients.shape[1], dtype=gradients.dtype, requires_grad=True), []
    optimizer = torch.optim.Adam([weight], lr=1e-3, betas=(0.5, 0.999))
    for gradient in gradients:
        weight.grad = gradient.clamp(-clip, clip)
        optimizer.step()
        path.append(weight.detach().clone())
    return torch.stack(path)


@check
def adam_with_two_thresholds() -> float:
    """All entries above 0.01: Adam's paths for thresholds of 0.01 and 0.0001, largest difference over their size."""
    torch.manual_seed(0)
    noise = torch.randn(300, 50, dtype=torch.float64)
    gradients = noise + 0.02 * noise.sign()
    one, other = _adam(gradients, 1e-2), _adam(gradients, 1e-4)
    return ((one - other).abs().max() / one.abs().max()).item()


def _spike(clip: float) -> int:
    """Gradients of 1 with one of 1,000 among them: steps after it until Adam's step is half of what it was."""
    gradients = torch.ones(7000, 1, dtype=torch.float64)
    gradients[1000] = 1000.0
    steps = _adam(gradients, clip).diff(dim=0).abs().squeeze(1)
    late = steps[1010:] > 0.5 * steps[990]
    return int(late.double().argmax()) + 10


@check
def adam_steps_lost_to_a_spike() -> int:
    return _spike(math.inf)


@check
def adam_steps_lost_to_a_clipped_spike() -> int:
    return _spike(1.0)


def _parts() -> tuple[nn.Module, nn.Module, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    G = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    D = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    return G, D, torch.randn(32, 4), 3 * torch.randn(32, 2)


def _d_weights(place: str, clip: float = 0.01) -> torch.Tensor:
    """Ten steps of D with the clip at `place`; D's weights."""
    G, D, z, real = _parts()
    optimizer = torch.optim.SGD(D.parameters(), lr=0.1)
    for _ in range(10):
        fake = G(z).detach().requires_grad_()
        loss = softplus(-D(real)).mean() + softplus(D(fake)).mean()
        optimizer.zero_grad()
        if place == "before backward":
            clip_grad_norm_(D, clip)
        loss.backward()
        if place == "images":
            fake.grad.clamp_(-clip, clip)
        if place == "right":
            clip_grad_norm_(D, clip)
        optimizer.step()
    return torch.cat([p.detach().flatten() for p in D.parameters()])


@check
def change_by_clipping_before_backward() -> float:
    return (_d_weights("before backward") - _d_weights("nowhere")).abs().max().item()


@check
def change_by_clipping_the_images() -> float:
    return (_d_weights("images") - _d_weights("nowhere")).abs().max().item()


@check
def change_by_clipping_in_the_right_place() -> float:
    return (_d_weights("right") - _d_weights("nowhere")).abs().max().item()


@check
def step_without_unscale() -> float:
    """Length of an SGD step under a GradScaler (2^16), clipped without `unscale_`, over that with it."""
    lengths = []
    for unscale in (False, True):
        _, D, _, real = _parts()
        D, real = D.double(), real.double()  # the step is below the resolution of float32
        before = torch.cat([p.detach().flatten().clone() for p in D.parameters()])
        optimizer, scaler = torch.optim.SGD(D.parameters(), lr=0.1), torch.amp.GradScaler("cpu", init_scale=2.0**16)
        scaler.scale(softplus(-D(real)).mean()).backward()
        if unscale:
            scaler.unscale_(optimizer)
        clip_grad_norm_(D, 0.01)
        scaler.step(optimizer)
        lengths.append((torch.cat([p.detach().flatten() for p in D.parameters()]) - before).norm().item())
    return lengths[0] / lengths[1]


@check
def weight_of_the_first_of_four_micro_batches() -> float:
    """Clipped to 1 after each of four accumulated backward passes of norm 100: the first one's share; 1/4 is right."""
    weight = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    for i in range(4):
        (100 * weight[i]).backward()
        clip_grad_norm_(weight, 1.0)
    return (weight.grad[0] / weight.grad.sum()).item()
