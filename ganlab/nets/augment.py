"""Augmenting what the discriminator sees, real and generated images alike, so that few images last longer.

`Augmented` wraps a discriminator and works as the member of a `Population`. The changes let gradients through, so G
learns through them; and both kinds of images go through the same ones, so G need not copy them. Zhao et al. 2020, with
the same amounts; the probability `p` is that of Karras et al. 2020 (ADA).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ganlab._check import lookup

SHIFT, CUTOUT, BRIGHTNESS, CONTRAST = 1 / 8, 1 / 2, 0.5, 0.5  # Zhao et al. 2020, their published code


def _moved(x: Tensor, fill: float, axis: int) -> Tensor:
    """Each image by a whole number of pixels along an axis, up to an eighth of its side; `fill` comes in."""
    side = x.shape[axis]
    most = max(1, round(SHIFT * side))
    by = torch.randint(-most, most + 1, (len(x), 1), device=x.device)
    source = torch.arange(side, device=x.device) + by  # (batch, side)
    shape = (len(x), 1, side, 1) if axis == 2 else (len(x), 1, 1, side)
    taken = x.gather(axis, source.clamp(0, side - 1).reshape(shape).expand_as(x))
    return torch.where(((source >= 0) & (source < side)).reshape(shape), taken, fill)


def _shift(x: Tensor, fill: float) -> Tensor:
    return _moved(_moved(x, fill, 2), fill, 3)


def _cutout(x: Tensor, fill: float) -> Tensor:
    """A square of half the side, centred at any pixel, becomes `fill`."""
    inside = []
    for axis in (2, 3):
        side = x.shape[axis]
        half, shape = CUTOUT * side / 2, (len(x), 1, side, 1) if axis == 2 else (len(x), 1, 1, side)
        middle = torch.randint(0, side + 1, (len(x), 1), device=x.device)
        far = (torch.arange(side, device=x.device) + 0.5 - middle).abs()
        inside.append((far < half).reshape(shape))
    return torch.where(inside[0] & inside[1], fill, x)


def _brightness(x: Tensor, fill: float) -> Tensor:
    return x + BRIGHTNESS * (2 * torch.rand(len(x), 1, 1, 1, device=x.device) - 1)


def _contrast(x: Tensor, fill: float) -> Tensor:
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (1 + CONTRAST * (2 * torch.rand(len(x), 1, 1, 1, device=x.device) - 1)) * (x - mean)


def _flip(x: Tensor, fill: float) -> Tensor:
    """Left becomes right in every image: with p = 1/2, in half of them."""
    return x.flip(3)


# Name -> change of a batch of images; `fill` is what stands where nothing of the image is left.
AUGMENTATIONS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "brightness": _brightness, "contrast": _contrast, "flip": _flip, "shift": _shift, "cutout": _cutout,
}  # fmt: skip


class Augmented(nn.Module):
    """A discriminator that sees its images changed at random: in train mode, real and generated ones alike.

    Each change is made to each image with probability `p`, independently. In eval mode D sees the images as they are.
    The random numbers are torch's global ones: seed them (`torch.manual_seed`), or two runs of one seed differ. In a
    population each member draws its own.

    Args:
        D: discriminator, (batch, channels, height, width) -> (batch,) logits.
        kinds: names in `AUGMENTATIONS`, in the order in which they are made. "shift": by up to an eighth of the side;
            "cutout": a square of half the side; "brightness": by up to 0.5; "contrast": a factor of 0.5 to 1.5;
            "flip": left and right, with p = 1/2 at most, and not for digits.
        p: probability, in [0, 1]; kept in the buffer `p`, where a rule may turn it while training goes on. Up to about
            0.8 G hardly ever learns to make changed images (Karras et al. 2020, section 2.2).
        fill: the value that comes in where an image is moved or cut: the background's, -1 for digits. The authors'
            code has 0, the middle of [-1, 1].

    Raises:
        ValueError: an unknown kind, none at all, or p outside [0, 1].

    >>> import torch
    >>> from ganlab.nets import Augmented, mlp_discriminator
    >>> D = Augmented(mlp_discriminator((1, 8, 8)), ["shift", "cutout"], fill=-1.0)
    >>> images = torch.randn(5, 1, 8, 8)
    >>> D(images).shape, torch.equal(D.eval()(images), D.D(images))
    (torch.Size([5]), True)
    """

    def __init__(self, D: nn.Module, kinds: Sequence[str], p: float = 1.0, fill: float = 0.0):
        super().__init__()
        if isinstance(kinds, str) or not kinds:
            raise ValueError(f'kinds={kinds!r}: a list of names, ["shift"] say')
        if not 0 <= p <= 1:
            raise ValueError(f"p={p}: a probability, in [0, 1]")
        for kind in kinds:
            lookup(AUGMENTATIONS, kind, "augmentation")
        self.D, self.kinds, self.fill, self.shape = D, tuple(kinds), float(fill), getattr(D, "shape", None)
        self.register_buffer("p", torch.tensor(float(p)))

    def forward(self, x: Tensor) -> Tensor:
        return self.D(self.augment(x) if self.training else x)

    def augment(self, x: Tensor) -> Tensor:
        """Images (batch, channels, height, width) as D gets to see them in train mode."""
        if x.ndim != 4:
            raise ValueError(f"x has shape {tuple(x.shape)}: images are (batch, channels, height, width)")
        for kind in self.kinds:
            chosen = torch.rand(len(x), 1, 1, 1, device=x.device) < self.p
            x = torch.where(chosen, AUGMENTATIONS[kind](x, self.fill), x)
        return x

    def extra_repr(self) -> str:
        return f"kinds={self.kinds}, fill={self.fill}"
