"""A data set as a value: samples, their range and labels, or a law to draw them from."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Generator, Tensor

Range = tuple[float, float]
CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Something to sample from: a finite set (`samples`) or an endless one (`draw`).

    name: for titles and tables.
    shape: of one sample, (2,) for points or (channels, height, width) for images.
    value_range: declared range of the pixels (checked on loading); None for points.
    samples: float32 (n, *shape); None when the set is endless.
    labels: int64 (n,), or None.
    classes: the labels' names, or None.
    modes, sigma: centres (k, 2) and standard deviation of a mixture of Gaussians, else None.
    draw: of an endless set, (data, n, generator) -> n samples.
    pool: the finite set that an endless one is put together from (`ganlab.data.stacked`), else None.

    >>> import torch
    >>> from ganlab.data import Dataset
    >>> images = torch.linspace(-1, 1, 10 * 64).reshape(10, 1, 8, 8)
    >>> data = Dataset.from_images(images, value_range=(-1.0, 1.0))
    >>> len(data), data.shape, data.sample(4).shape
    (10, (1, 8, 8), torch.Size([4, 1, 8, 8]))
    """

    name: str
    shape: tuple[int, ...]
    value_range: Range | None = None
    samples: Tensor | None = field(default=None, repr=False)
    labels: Tensor | None = field(default=None, repr=False)
    classes: tuple[str, ...] | None = field(default=None, repr=False)
    modes: Tensor | None = field(default=None, repr=False)
    sigma: float | None = None
    device: torch.device = CPU
    draw: Callable[["Dataset", int, Generator], Tensor] | None = field(default=None, repr=False)
    pool: "Dataset | None" = field(default=None, repr=False)

    def __len__(self) -> int:
        """Number of samples of a finite set; an endless set has none and raises TypeError."""
        if self.samples is None:
            raise TypeError(f"{self.name} is endless: it has no length")
        return len(self.samples)

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        """n samples (n, *shape) on the data's device; from a finite set uniformly, with replacement.

        Random numbers are drawn on the generator's device, so that a CPU generator gives the same samples for data on
        the CPU and on a GPU. Without a generator, torch's global one is used.
        """
        if n < 1:
            raise ValueError(f"n={n}: ask for at least one sample")
        if self.samples is None:
            return self.draw(self, n, generator).to(self.device)
        index = torch.randint(len(self.samples), (n,), generator=generator, device=device_of(generator))
        return self.samples[index.to(self.device)]

    def to(self, device) -> "Dataset":
        """The same data on another device."""
        device = torch.device(device)
        parts = {name: getattr(self, name) for name in ("samples", "labels", "modes", "pool")}
        moved = {name: None if value is None else value.to(device) for name, value in parts.items()}
        return replace(self, device=device, **moved)

    @staticmethod
    def from_images(images: Tensor, value_range: Range = (-1.0, 1.0), labels=None, name="images", classes=None):
        """A data set of your own images: floating point (n, channels, height, width), within `value_range`.

        Raises ValueError for another shape or type, for values that are not finite, and for values that do not fit the
        range (see `check_range`).
        """
        if images.ndim != 4 or len(images) == 0:
            raise ValueError(f"images must be (n, channels, height, width), not {tuple(images.shape)}")
        check_range(images, value_range)
        if labels is not None and (labels.shape != images.shape[:1] or labels.dtype != torch.int64):
            raise ValueError(f"labels must be int64 ({len(images)},), not {labels.dtype} {tuple(labels.shape)}")
        shape, classes = tuple(images.shape[1:]), None if classes is None else tuple(classes)
        return Dataset(name, shape, value_range, images.float(), labels, classes, device=images.device)


def check_range(images: Tensor, value_range: Range) -> None:
    """Raise ValueError unless `images`, of any shape, are floating point, finite and fill out `value_range`.

    Values outside are refused, and so are images that use only one half of the range: [0, 1] images declared as [-1, 1]
    are the usual mistake, and a generator that ends in tanh would then have to learn never to be negative.

    >>> import torch
    >>> from ganlab.data import check_range
    >>> check_range(torch.linspace(0, 1, 64), (-1.0, 1.0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: images span [0, 1], value_range is [-1, 1]: rescale them ...
    """
    low, high = value_range
    if not low < high:
        raise ValueError(f"value_range={value_range}: the lower end must come first")
    if not images.is_floating_point():
        raise ValueError(f"images are {images.dtype}: convert first, for [-1, 1] with images.float() / 127.5 - 1")
    if not images.isfinite().all():
        raise ValueError("images hold values that are not finite")
    least, most = images.min().item(), images.max().item()
    slack = 1e-4 * (high - low)  # rounding of a rescaling or of an interpolation
    if least < low - slack or most > high + slack or least >= (low + high) / 2 or most <= (low + high) / 2:
        raise ValueError(
            f"images span [{least:.4g}, {most:.4g}], value_range is [{low:g}, {high:g}]: rescale them "
            "(for [-1, 1]: 2*x - 1 from [0, 1], x / 127.5 - 1 from [0, 255]) or declare the range that they have"
        )


def device_of(generator: Generator | None) -> torch.device:
    """Where to draw random numbers: on the generator's device. torch's global generator, None, draws on the CPU.

    >>> import torch
    >>> from ganlab.data.dataset import device_of
    >>> device_of(None), device_of(torch.Generator("cpu"))
    (device(type='cpu'), device(type='cpu'))
    """
    return CPU if generator is None else generator.device
