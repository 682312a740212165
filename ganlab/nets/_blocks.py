"""The blocks of the residual networks: those that double the side of an image, halve it, or keep every size."""

from dataclasses import dataclass

from torch import nn

from ganlab._check import lookup
from ganlab.nets.convolutions import CONVS
from ganlab.nets.layers import norm_activation
from ganlab.nets.residual import ResidualBlock, Scale, block


@dataclass(frozen=True)
class Blocks:
    """What all blocks of one network have in common; each method builds one of them.

    A branch has two layers with weights, a norm and an activation before each. A convolution is 3x3.

    width: channels, or units, behind the block.
    norm, activation: names in `NORMS`, `ACTIVATIONS`.
    scale: as that of `ResidualBlock`.
    plain: the branch alone.
    dropout: rate between the two layers (Zagoruyko & Komodakis 2016).
    """

    width: int
    norm: str
    activation: str
    scale: Scale = 1.0
    plain: bool = False
    dropout: float = 0.0

    def up(self, upsample: str) -> nn.Module:
        """`(width, n, n)` to `(width, 2n, 2n)`; the first convolution is `CONVS[upsample]`."""
        branch = nn.Sequential(
            *norm_activation(self.width, self.norm, self.activation, image=True),
            lookup(CONVS, upsample, "upsample")(self.width, self.width, self.norm == "none"),
            *norm_activation(self.width, self.norm, self.activation, True, self.dropout),
            nn.Conv2d(self.width, self.width, 3, padding=1, bias=self.norm == "none"),
        )
        # 1x1 convolution and repetition commute; this order has a quarter of the multiplications.
        shortcut = nn.Sequential(nn.Conv2d(self.width, self.width, 1, bias=False), nn.Upsample(scale_factor=2))
        return block(branch, shortcut, self.scale, self.plain)

    def down(self, inputs: int, first: bool) -> nn.Module:
        """`(inputs, n, n)` to `(width, n/2, n/2)`: 2x2 means behind the second convolution.

        The first block reads the image itself: no norm, and no activation before its first convolution.
        """
        norm = "none" if first else self.norm
        branch = nn.Sequential(
            *([] if first else norm_activation(inputs, norm, self.activation, image=True)),
            nn.Conv2d(inputs, self.width, 3, padding=1, bias=norm == "none"),
            *norm_activation(self.width, norm, self.activation, True, self.dropout),
            nn.Conv2d(self.width, self.width, 3, padding=1, bias=norm == "none"),
            nn.AvgPool2d(2),
        )
        # Means before the 1x1 convolution: the same map as after it, a quarter of the multiplications.
        shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inputs, self.width, 1, bias=False))
        return block(branch, shortcut, self.scale, self.plain)

    def same(self, image: bool, first: bool = False) -> nn.Module:
        """`(width, n, n)` or `(width,)` to the same, through convolutions or linear layers; the shortcut is x itself.

        first: no norm at the start, right behind a layer that reads the data: a norm there would hide their scale.
        """
        sizes, bias, layers = (self.width, self.width), self.norm == "none", []
        for norm, rate in (("none" if first else self.norm, 0.0), (self.norm, self.dropout)):
            layers += norm_activation(self.width, norm, self.activation, image, rate)
            layers += [nn.Conv2d(*sizes, 3, padding=1, bias=bias) if image else nn.Linear(*sizes, bias=bias)]
        return block(nn.Sequential(*layers), nn.Identity(), self.scale, self.plain)


def start_at_zero(net: nn.Module) -> nn.Module:
    """`net`, after the last weighted layer of each branch with `scale="zero"` is set to 0. After the initialisation."""
    for each in net.modules():
        if isinstance(each, ResidualBlock) and each.start == "zero":
            last = [m for m in each.branch.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)][-1]
            nn.init.zeros_(last.weight)
            if last.bias is not None:
                nn.init.zeros_(last.bias)
    return net
