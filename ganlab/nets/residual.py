"""Residual blocks: a branch that learns what to add to a copy of its input; and the same layers without the copy.

`shortcut(x) + scale * branch(x)`. With `plain=True` a network loses its shortcuts and keeps all other layers, so that a
comparison at equal depth compares the shortcut alone. The networks that are made of them are `resnet_generator` and
`resmlp_generator`, with their discriminators.
"""

import math

import torch
from torch import Tensor, nn

Scale = float | str


class ResidualBlock(nn.Module):
    """`shortcut(x) + scale * branch(x)`.   He et al. 2016; with a scale, De & Smith 2020 and Bachlechner et al. 2021.

    Args:
        branch, shortcut: modules that map x to tensors of the same shape.
        scale: a fixed number; "learned": one trained number, which starts at 0; "zero": 1, but the branch's last layer
            starts at 0 in the networks of `ganlab.nets`. With the latter two the block starts as its shortcut.

    Raises:
        ValueError: a scale that is neither a finite number nor a known name.

    >>> import torch
    >>> from ganlab.nets import ResidualBlock
    >>> block = ResidualBlock(branch=torch.nn.ReLU(), shortcut=torch.nn.Identity(), scale=0.5)
    >>> block(torch.tensor([-2.0, 2.0])).tolist()  # x + relu(x) / 2
    [-2.0, 3.0]
    """

    def __init__(self, branch: nn.Module, shortcut: nn.Module, scale: Scale = 1.0):
        super().__init__()
        self.branch, self.shortcut, self.start = branch, shortcut, _check_scale(scale)
        self.scale = nn.Parameter(torch.zeros(())) if scale == "learned" else 1.0 if scale == "zero" else float(scale)

    def forward(self, x: Tensor) -> Tensor:
        added = self.branch(x)
        if not (isinstance(self.scale, float) and self.scale == 1):
            added = self.scale * added
        return added + self.shortcut(x)


def _check_scale(scale: Scale) -> Scale:
    """`scale`, if a block can have it."""
    number = isinstance(scale, int | float) and not isinstance(scale, bool) and math.isfinite(scale)
    if number or scale in ("learned", "zero"):
        return scale
    raise ValueError(f"branch_scale={scale!r}: give a finite number, 'learned' (from 0) or 'zero' (last layer at 0)")


def block(branch: nn.Module, shortcut: nn.Module, scale: Scale, plain: bool) -> nn.Module:
    """A residual block, or its plain twin: the branch alone.

    Raises:
        ValueError: a scale that no block can have, or one other than 1 in a plain net, which has nothing to scale
            against.

    >>> import torch
    >>> from ganlab.nets.residual import block
    >>> branch, x = torch.nn.ReLU(), torch.tensor([-2.0, 2.0])
    >>> block(branch, torch.nn.Identity(), scale=1, plain=False)(x).tolist()
    [-2.0, 4.0]
    >>> block(branch, torch.nn.Identity(), scale=1, plain=True) is branch
    True
    """
    _check_scale(scale)
    if plain and scale != 1:
        raise ValueError(f"branch_scale={scale!r} with plain=True: a plain net has no branches; leave it at 1")
    return branch if plain else ResidualBlock(branch, shortcut, scale)
