"""What the players play over: 2-D mixtures whose modes are known, and real images in a declared range."""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from ganlab import idx
from ganlab._check import lookup, optional

Range = tuple[float, float]
CPU = torch.device("cpu")
FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


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
        index = torch.randint(len(self.samples), (n,), generator=generator, device=_device(generator))
        return self.samples[index.to(self.device)]

    def to(self, device) -> "Dataset":
        """The same data on another device."""
        device = torch.device(device)
        tensors = {name: getattr(self, name) for name in ("samples", "labels", "modes")}
        moved = {name: None if value is None else value.to(device) for name, value in tensors.items()}
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
    """Raise ValueError unless `images` are floating point, finite and fill out `value_range`.

    Values outside are refused, and so are images that use only one half of the range: [0, 1] images declared as [-1, 1]
    are the usual mistake, and a generator that ends in tanh would then have to learn never to be negative.
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


def load(name: str, *, size: int | None = None, fit: str = "pad", value_range: Range = (-1.0, 1.0), **options):
    """The `Dataset` called `name`; the known names are the keys of `DATASETS`.

    size: height and width of the images, by default as they are: digits 8, faces 25, mnist and fashion_mnist 28.
    fit: how to get to `size`. "pad" adds background on all sides and alters no pixel (28 to 32); "crop" keeps the
        centre (faces: 25 to 24); "resize" interpolates.
    value_range: range to scale the pixels to. Points (ring, grid, swiss_roll) have neither size nor range.
    options: those of the data set's own function, such as root, download and train for mnist, or sigma for ring.
    """
    build = lookup(DATASETS, name, "data set")
    known = list(inspect.signature(build).parameters)
    if unknown := [option for option in options if option not in known]:
        raise ValueError(f"{name} has no option {unknown[0]!r}; known: {', '.join(known) or 'none'}")
    data = build(**options)
    if data.samples is None:
        if size is not None:
            raise ValueError(f"size={size}: {name} holds points, not images")
        return data
    images = data.samples if size is None else lookup(FITS, fit, "fit")(data, size)
    low, high = value_range
    images = images * (high - low) + low
    return Dataset.from_images(images, value_range, data.labels, data.name, data.classes)


def _pad(data: Dataset, size: int) -> Tensor:
    missing = [size - side for side in data.shape[:0:-1]]  # width first, as torch pads
    if min(missing) < 0 or (max(missing) > 0 and data.name == "faces"):
        reason = "is smaller than the images" if min(missing) < 0 else "needs padding, and a face has no background"
        raise ValueError(f"size={size} {reason} ({data.shape[1]} pixels): pass fit='crop' or 'resize'")
    return F.pad(data.samples, [side for space in missing for side in (space // 2, space - space // 2)])


def _crop(data: Dataset, size: int) -> Tensor:
    _, height, width = data.shape
    if not 0 < size <= min(height, width):
        raise ValueError(f"size={size}: fit='crop' gives 1 to {min(height, width)} pixels; pass fit='pad' or 'resize'")
    top, left = (height - size) // 2, (width - size) // 2
    return data.samples[:, :, top : top + size, left : left + size]


def _resize(data: Dataset, size: int) -> Tensor:
    if size < 1:
        raise ValueError(f"size={size}: must be at least 1")
    return F.interpolate(data.samples, (size, size), mode="bilinear", antialias=True)


FITS: dict[str, Callable[[Dataset, int], Tensor]] = {"pad": _pad, "crop": _crop, "resize": _resize}


def ring(modes: int = 8, radius: float = 2.0, sigma: float = 0.02) -> Dataset:
    """Gaussians of standard deviation sigma, evenly on a circle. Known from Metz et al. 2017, figure 2."""
    angle = 2 * math.pi * torch.arange(modes, dtype=torch.float64) / modes
    return _mixture("ring", radius * torch.stack([angle.cos(), angle.sin()], dim=1), sigma)


def grid(side: int = 5, spacing: float = 2.0, sigma: float = 0.05) -> Dataset:
    """side x side Gaussians around the origin: 25 on [-4, 4]^2 as in Srivastava et al. 2017 and Lin et al. 2018."""
    line = spacing * (torch.arange(side, dtype=torch.float64) - (side - 1) / 2)
    return _mixture("grid", torch.cartesian_prod(line, line), sigma)


def _mixture(name: str, modes: Tensor, sigma: float) -> Dataset:
    if sigma <= 0 or len(modes) == 0:
        raise ValueError(f"{name}: needs at least one mode and sigma > 0, not {len(modes)} and sigma={sigma}")
    return Dataset(name, (2,), modes=modes.float(), sigma=sigma, draw=_draw_mixture)


def _draw_mixture(data: Dataset, n: int, generator: Generator | None) -> Tensor:
    index = torch.randint(len(data.modes), (n,), generator=generator, device=_device(generator))
    noise = torch.randn(n, 2, generator=generator, device=_device(generator), dtype=torch.float32)
    return data.modes[index.to(data.device)] + data.sigma * noise.to(data.device)


def swiss_roll() -> Dataset:
    """The 2-D Swiss roll of Gulrajani et al. 2017: (t cos t, t sin t) / 7.5, t uniform on [1.5 pi, 4.5 pi], noise 0.25.

    The same law as columns 0 and 2 of scikit-learn's make_swiss_roll(noise=0.25), divided by 7.5.
    """
    return Dataset("swiss_roll", (2,), draw=_draw_swiss_roll)


def _draw_swiss_roll(data: Dataset, n: int, generator: Generator | None) -> Tensor:
    options = {"generator": generator, "device": _device(generator), "dtype": torch.float32}
    t, noise = 1.5 * math.pi * (1 + 2 * torch.rand(n, **options)), torch.randn(n, 2, **options)
    return (torch.stack([t * t.cos(), t * t.sin()], dim=1) + 0.25 * noise) / 7.5


def _device(generator: Generator | None) -> torch.device:
    return CPU if generator is None else generator.device


def digits() -> Dataset:
    """1,797 handwritten digits of 8x8 pixels, shipped inside scikit-learn (UCI; Alpaydin and Kaynak 1998)."""
    source = optional("sklearn.datasets", extra="data").load_digits()
    images, labels = torch.from_numpy(source.images / 16), torch.from_numpy(source.target).long()
    return _grey_images("digits", images, labels, map(str, range(10)))


def faces() -> Dataset:
    """100 faces of 25x25 pixels, shipped inside scikit-image (from Labeled Faces in the Wild; Huang et al. 2007).

    The source holds 200 images; its first 100 are the faces.
    """
    return _grey_images("faces", torch.from_numpy(optional("skimage.data", extra="data").lfw_subset()[:100]))


def mnist(root=None, download: bool = True, train: bool = True) -> Dataset:
    """60,000 (train) or 10,000 (test) handwritten digits of 28x28 pixels (LeCun et al. 1998). Files: see `idx.load`."""
    return _idx_images("mnist", map(str, range(10)), root, download, train)


def fashion_mnist(root=None, download: bool = True, train: bool = True) -> Dataset:
    """60,000 (train) or 10,000 (test) garments of 28x28 pixels (Xiao et al. 2017). Files: see `idx.load`."""
    return _idx_images("fashion_mnist", FASHION_CLASSES, root, download, train)


def _idx_images(name: str, classes, root, download: bool, train: bool) -> Dataset:
    images, labels = idx.load(name, "train" if train else "test", root, download)
    return _grey_images(name, images / 255, labels.long(), classes)


def _grey_images(name: str, images: Tensor, labels: Tensor | None = None, classes=None) -> Dataset:
    """Images (n, height, width) in [0, 1] with their channel axis."""
    return Dataset.from_images(images.float().unsqueeze(1), (0.0, 1.0), labels, name, classes)


DATASETS: dict[str, Callable[..., Dataset]] = {
    builder.__name__: builder for builder in (ring, grid, swiss_roll, digits, faces, mnist, fashion_mnist)
}
