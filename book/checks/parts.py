"""Chapter 12: overlaps by counting, and what separable convolutions cost."""

import numpy as np
import torch

from check import check
from ganlab import nets
from ganlab.metrics import checkerboard, inner, overlap_map
from ganlab.nets import DOWN_CONVS, separable
from ganlab.nets.cost import counts, parameters

TERMS = {3: {1, 2, 4}, 4: {4}, 5: {4, 6, 9}, 6: {9}}


def _inner(kernel: int) -> torch.Tensor:
    return inner(overlap_map(kernel, 2, 10), kernel)


@check
def kernels_with_the_terms_of_the_overlap() -> float:
    """How many of the kernels 3 to 6 give inner pixels the numbers of terms that `TERMS` says, at stride 2."""
    return float(sum(set(_inner(kernel).flatten().tolist()) == terms for kernel, terms in TERMS.items()))


@check
def most_over_fewest_terms_of_kernel_3() -> float:
    """Of the inner pixels, stride 2."""
    return (_inner(3).max() / _inner(3).min()).item()


@check
def most_over_fewest_terms_of_kernel_4() -> float:
    """Of the inner pixels, stride 2."""
    return (_inner(4).max() / _inner(4).min()).item()


def _layers(channels: int) -> tuple[torch.nn.Module, torch.nn.Module]:
    return separable(channels, channels, False), torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False)


@check
def error_of_the_separable_share() -> float:
    """Largest difference of separable/full parameters from 1/c_out + 1/k^2: k = 3 same-size, k = 4 at stride 2."""
    errors = []
    for channels in (1, 3, 16, 64, 256):
        parts, full = _layers(channels)
        errors.append(parameters(parts) / parameters(full) - (1 / channels + 1 / 9))
        halves = [DOWN_CONVS[name](channels, channels, False) for name in ("separable", "strided")]
        errors.append(parameters(halves[0]) / parameters(halves[1]) - (1 / channels + 1 / 16))
    return max(map(abs, errors))


@check
def separable_parameters_over_full_ones() -> float:
    """A same-size 3x3 layer with 64 channels."""
    parts, full = _layers(64)
    return parameters(parts) / parameters(full)


@check
def separable_multiply_adds_over_full_ones() -> float:
    """The same layer's work on one image of 16x16."""
    x = torch.randn(1, 64, 16, 16)
    work = [int(counts(layer, x).multiply_adds.sum()) for layer in _layers(64)]
    return work[0] / work[1]


def _boards(upsample: str) -> np.ndarray:
    """Checkerboard of period 2 of 100 images of each of 8 untrained DCGAN generators, 1x28x28, width 16."""
    values = []
    for seed in range(8):
        torch.manual_seed(seed)
        G = nets.dcgan_generator((1, 28, 28), latent=32, width=16, upsample=upsample, init="he")
        with torch.no_grad():
            values.append(checkerboard(G(torch.randn(100, 32))).mean().item())
    return np.array(values)


@check
def untrained_board_of_transposed_over_nearest() -> np.ndarray:
    """Kernel 4x4, which stride 2 divides, over repetition and a 3x3 convolution."""
    return _boards("transposed") / _boards("nearest")


@check
def untrained_board_of_transposed_3_over_4() -> np.ndarray:
    """Kernel 3x3, whose overlap is uneven, over 4x4."""
    return _boards("transposed_3") / _boards("transposed")
