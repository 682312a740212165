"""Convolutions that double or halve height and width: name to `(channels in, channels out, bias) -> module`.

`CONVS` doubles (`upsample=` of the generators), `DOWN_CONVS` halves (`downsample=` of the DCGAN discriminator).
"""

from collections.abc import Callable
from functools import partial

from torch import nn

Builder = Callable[[int, int, bool], nn.Module]


def _transposed(inputs: int, outputs: int, bias: bool, kernel: int = 4) -> nn.Module:
    """Fractionally strided, by default 4x4: the stride divides the kernel, and all pixels sum as many terms.

    Radford et al. 2016; Odena et al. 2016.
    """
    # An odd kernel would end one pixel short: that pixel is added below and at the right.
    padding, missing = (kernel - 1) // 2, kernel % 2
    return nn.ConvTranspose2d(inputs, outputs, kernel, 2, padding, output_padding=missing, bias=bias)


def _resized(inputs: int, outputs: int, bias: bool, mode: str) -> nn.Module:
    """The map twice as large, by repetition or interpolation, then a plain 3x3 convolution.   Odena et al. 2016."""
    return nn.Sequential(nn.Upsample(scale_factor=2, mode=mode), nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias))


def _subpixel(inputs: int, outputs: int, bias: bool) -> nn.Module:
    """Four channels for each output, 3x3, dealt out to the four pixels of a 2x2 square.   Shi et al. 2016."""
    return nn.Sequential(nn.Conv2d(inputs, 4 * outputs, 3, padding=1, bias=bias), nn.PixelShuffle(2))


def separable(
    inputs: int, outputs: int, bias: bool, kernel: int = 3, stride: int = 1, transposed: bool = False
) -> nn.Module:
    """Depthwise, a filter for each channel, then pointwise, a 1x1 convolution across channels.   Chollet 2017.

    Its `inputs (kernel^2 + outputs)` weights are `1 / outputs + 1 / kernel^2` of a full convolution's.

    Args:
        inputs, outputs: channels.
        bias: of the pointwise part; the depthwise part has none, for the next layer is linear too.
        kernel, stride: of the depthwise part. Stride 1 with an odd kernel keeps height and width; stride 2 with an
            even kernel halves them, and doubles them with `transposed`.
        transposed: the depthwise part is a transposed convolution.

    >>> import torch
    >>> from ganlab.nets import cost, separable
    >>> thin, full = separable(8, 16, bias=False), torch.nn.Conv2d(8, 16, 3, padding=1, bias=False)
    >>> cost.parameters(thin), cost.parameters(full)  # 8 * (9 + 16) and 8 * 9 * 16
    (200, 1152)
    """
    layer = nn.ConvTranspose2d if transposed else nn.Conv2d
    depthwise = layer(inputs, inputs, kernel, stride, (kernel - 1) // 2, groups=inputs, bias=False)
    return nn.Sequential(depthwise, nn.Conv2d(inputs, outputs, 1, bias=bias))


def _strided(inputs: int, outputs: int, bias: bool) -> nn.Module:
    """4x4, stride 2.   Radford et al. 2016."""
    return nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=bias)


CONVS: dict[str, Builder] = {
    "transposed": _transposed,
    "nearest": partial(_resized, mode="nearest"),
    "bilinear": partial(_resized, mode="bilinear"),
    "transposed_3": partial(_transposed, kernel=3),
    "transposed_5": partial(_transposed, kernel=5),
    "transposed_6": partial(_transposed, kernel=6),
    "subpixel": _subpixel,
    "separable": partial(separable, kernel=4, stride=2, transposed=True),
}

DOWN_CONVS: dict[str, Builder] = {
    "strided": _strided,
    "separable": partial(separable, kernel=4, stride=2),
}
