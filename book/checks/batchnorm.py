"""Chapter 10: batch norm's backward pass against autograd and SymPy, what it removes, what it adds."""

import numpy as np
import torch
from torch import nn

from check import check
from ganlab import nets
from ganlab.theory import batchnorm
from ganlab.theory.batchnorm import BatchNormDerivation


def _case(batch: int, features: int, seed: int) -> tuple[torch.Tensor, ...]:
    dice = torch.Generator().manual_seed(seed)
    x, grad = 3 + torch.randn(2, batch, features, dtype=torch.float64, generator=dice)
    return x, grad, *torch.randn(2, features, dtype=torch.float64, generator=dice)


@check
def error_of_the_backward_pass_by_hand() -> float:
    """Largest difference from autograd through torch's batch norm: dL/dx, dL/dscale, dL/dshift, ten batches."""
    errors = []
    for seed in range(10):
        x, grad, scale, shift = _case(2 + 7 * seed, 5, seed)
        ours = batchnorm.backward(grad, scale, batchnorm.forward(x, scale, shift)[1])
        inputs = [value.clone().requires_grad_() for value in (x, scale, shift)]
        y = nn.functional.batch_norm(inputs[0], None, None, *inputs[1:], training=True)
        theirs = torch.autograd.grad(y, inputs, grad)
        errors += [(a - b).abs().max().item() for a, b in zip(ours, theirs, strict=True)]
    return max(errors)


@check
def error_of_the_symbolic_backward_pass() -> float:
    """The closed form less SymPy's derivative through mean and variance, for a batch of three."""
    return float(BatchNormDerivation(3).error())


@check
def change_of_statistics_in_the_backward_pass() -> float:
    """Largest change of a running mean or variance between the start and the end of a backward pass."""
    x, grad, *_ = _case(16, 5, 0)
    layer = nn.BatchNorm1d(5).double()
    y = layer(x.requires_grad_())
    before = [value.clone() for value in layer.buffers()]
    y.backward(grad)
    return max((a - b).abs().max().item() for a, b in zip(before, layer.buffers(), strict=True))


@check
def features_added_by_batch_norm() -> float:
    """Output features of a layer of 100 with batch norm less those without."""
    layer = nn.Linear(7, 100)
    return nn.Sequential(layer, nn.BatchNorm1d(100))(torch.randn(4, 7)).shape[1] - layer(torch.randn(4, 7)).shape[1]


@check
def parameters_added_by_batch_norm() -> float:
    """Learned numbers that batch norm adds, for each feature."""
    return sum(p.numel() for p in nn.BatchNorm1d(100).parameters()) / 100


@check
def share_removed_from_a_random_gradient() -> np.ndarray:
    """Share of the squared gradient that the backward pass removes: 20,000 features, batches of 8, 8 seeds."""
    shares = []
    for seed in range(8):
        x, grad, *_ = _case(8, 20_000, seed)
        shares.append(batchnorm.removed_share(grad - 3, batchnorm.forward(x, eps=0.0)[1]).mean().item())
    return np.array(shares)


@check
def gradient_through_a_batch_of_two() -> float:
    """Largest entry of dL/dx for a batch of two vectors, epsilon 0."""
    x, grad, *_ = _case(2, 100, 0)
    return batchnorm.backward(grad, 1.0, batchnorm.forward(x, eps=0.0)[1])[0].abs().max().item()


def _cosines(norm: str) -> np.ndarray:
    """Mean cosine of two samples of a batch of 128 behind 20 layers of 128 ReLUs at He's initialisation, 8 seeds."""
    means = []
    for seed in range(8):
        torch.manual_seed(seed)
        net = nets.mlp_generator((1,), 128, 128, 20, norm=norm, init="he").body[:-3]
        with torch.no_grad():
            h = nn.functional.normalize(net(torch.randn(128, 128)), dim=1)
        means.append((((h @ h.T).sum() - 128) / (128 * 127)).item())
    return np.array(means)


@check
def cosine_of_samples_behind_batch_norm() -> np.ndarray:
    """Mean cosine of two samples behind 20 layers of ReLU with batch norm; 1 / pi in theory."""
    return _cosines("batch")


@check
def cosine_of_samples_behind_layer_norm() -> np.ndarray:
    """The same with layer norm."""
    return _cosines("layer")
