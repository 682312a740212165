"""Convolutions that double the height and width: a registry, name to `(channels in, channels out, bias) -> module`."""

from collections.abc import Callable

from torch import nn


def _transposed(inputs: int, outputs: int, bias: bool) -> nn.Module:
    """Fractionally strided, 4x4. The stride divides the kernel: each pixel has as many terms.   Radford et al. 2016."""
    return nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=bias)


def _nearest(inputs: int, outputs: int, bias: bool) -> nn.Module:
    """Each pixel repeated 2x2, then a plain 3x3 convolution.   Odena et al. 2016."""
    return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=bias))


CONVS: dict[str, Callable[[int, int, bool], nn.Module]] = {"transposed": _transposed, "nearest": _nearest}
