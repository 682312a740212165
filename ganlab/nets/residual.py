"""Residual blocks: a branch that learns what to add to a copy of its input; and the same layers without the copy.

`shortcut(x) + scale * branch(x)`: blocks that double the side of an image, halve it or keep it, and fully connected
ones for points. With `plain=True` each network loses its shortcuts and keeps all other layers, so that a comparison at
equal depth compares the shortcut alone. Dropout works between the two layers of a block (Zagoruyko & Komodakis 2016).
The convolutional networks themselves stand in `ganlab.nets.dcgan`.
"""

import math

import torch
from torch import Tensor, nn

from ganlab._check import lookup
from ganlab.nets.convolutions import CONVS
from ganlab.nets.layers import norm_activation

Scale = float | str


class ResidualBlock(nn.Module):
    """`shortcut(x) + scale * branch(x)`.   He et al. 2016; with a scale, De & Smith 2020 and Bachlechner et al. 2021.

    Args:
        branch, shortcut: modules that map x to tensors of the same shape.
        scale: a fixed number; "learned": one trained number, which starts at 0; "zero": 1, but the branch's last layer
            starts at 0. With the latter two the block starts as its shortcut.

    Raises:
        ValueError: a scale that is neither a finite number nor a known name.
    """

    def __init__(self, branch: nn.Module, shortcut: nn.Module, scale: Scale = 1.0):
        super().__init__()
        self.branch, self.shortcut, self.start = branch, shortcut, check_scale(scale)
        self.scale = nn.Parameter(torch.zeros(())) if scale == "learned" else 1.0 if scale == "zero" else float(scale)

    def forward(self, x: Tensor) -> Tensor:
        added = self.branch(x)
        if not (isinstance(self.scale, float) and self.scale == 1):
            added = self.scale * added
        return added + self.shortcut(x)


def check_scale(scale: Scale) -> Scale:
    """`scale`, if a block can have it."""
    number = isinstance(scale, int | float) and not isinstance(scale, bool) and math.isfinite(scale)
    if number or scale in ("learned", "zero"):
        return scale
    raise ValueError(f"branch_scale={scale!r}: give a finite number, 'learned' (from 0) or 'zero' (last layer at 0)")


def start_at_zero(net: nn.Module) -> nn.Module:
    """`net`, after the last weighted layer of each branch with `scale="zero"` is set to 0. After the initialisation."""
    for block in net.modules():
        if isinstance(block, ResidualBlock) and block.start == "zero":
            last = [m for m in block.branch.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)][-1]
            nn.init.zeros_(last.weight)
            if last.bias is not None:
                nn.init.zeros_(last.bias)
    return net


def block(branch: nn.Module, shortcut: nn.Module, scale: Scale, plain: bool) -> nn.Module:
    """A residual block, or its plain twin: the branch alone.

    Raises:
        ValueError: a scale that is not 1 in a plain net, which has nothing to scale against.
    """
    check_scale(scale)
    if plain and scale != 1:
        raise ValueError(f"branch_scale={scale!r} with plain=True: a plain net has no branches; leave it at 1")
    return branch if plain else ResidualBlock(branch, shortcut, scale)


def up_block(
    width: int, norm: str, activation: str, upsample: str, scale: Scale = 1.0, plain: bool = False, dropout: float = 0.0
) -> nn.Module:
    """Norm, activation, up-sampling, norm, activation, convolution: `(width, n, n)` to `(width, 2n, 2n)`."""
    bias = norm == "none"
    branch = nn.Sequential(
        *norm_activation(width, norm, activation, image=True),
        lookup(CONVS, upsample, "upsample")(width, width, bias),
        *norm_activation(width, norm, activation, True, dropout),
        nn.Conv2d(width, width, 3, padding=1, bias=bias),
    )
    # 1x1 convolution and repetition commute; this order has a quarter of the multiplications.
    shortcut = nn.Sequential(nn.Conv2d(width, width, 1, bias=False), nn.Upsample(scale_factor=2))
    return block(branch, shortcut, scale, plain)


def down_block(
    inputs: int,
    width: int,
    norm: str,
    activation: str,
    first: bool,
    scale: Scale = 1.0,
    plain: bool = False,
    dropout: float = 0.0,
) -> nn.Module:
    """Norm, activation, convolution, twice, then 2x2 means: `(inputs, n, n)` to `(width, n/2, n/2)`.

    The first block reads the image itself: no norm, and no activation before its first convolution.
    """
    bias = norm == "none" or first
    before = [] if first else norm_activation(inputs, norm, activation, image=True)
    branch = nn.Sequential(
        *before,
        nn.Conv2d(inputs, width, 3, padding=1, bias=bias),
        *norm_activation(width, "none" if first else norm, activation, True, dropout),
        nn.Conv2d(width, width, 3, padding=1, bias=bias),
        nn.AvgPool2d(2),
    )
    # Means before the 1x1 convolution: the same map as after it, a quarter of the multiplications.
    shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inputs, width, 1, bias=False))
    return block(branch, shortcut, scale, plain)


def same_block(
    width: int, norm: str, activation: str, scale: Scale = 1.0, plain: bool = False, dropout: float = 0.0
) -> nn.Module:
    """Norm, activation, convolution, twice: `(width, n, n)` to `(width, n, n)`. Its shortcut is the identity."""
    bias, layers = norm == "none", []
    for rate in (0.0, dropout):
        layers += norm_activation(width, norm, activation, True, rate)
        layers += [nn.Conv2d(width, width, 3, padding=1, bias=bias)]
    return block(nn.Sequential(*layers), nn.Identity(), scale, plain)


def dense_block(
    width: int,
    norm: str,
    activation: str,
    scale: Scale = 1.0,
    plain: bool = False,
    dropout: float = 0.0,
    first: bool = False,
) -> nn.Module:
    """Norm, activation, linear layer, twice: `(width,)` to `(width,)`. Its shortcut is the identity.

    first: no norm at the start, right behind a layer that reads the data: a norm there would hide their scale.
    """
    bias, layers = norm == "none", []
    for each, rate in (("none" if first else norm, 0.0), (norm, dropout)):
        layers += [*norm_activation(width, each, activation, False, rate), nn.Linear(width, width, bias=bias)]
    return block(nn.Sequential(*layers), nn.Identity(), scale, plain)
