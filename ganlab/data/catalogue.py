"""What the players play over: 2-D mixtures whose modes are known, and real images in a declared range."""

import inspect
import os
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from ganlab._check import lookup, optional
from ganlab.data import _mnist_files
from ganlab.data.dataset import Dataset, Range
from ganlab.data.mixtures import grid, ring, swiss_roll
from ganlab.data.pictures import folder, names_a_folder
from ganlab.data.stacked import stack

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


def load(
    name: str | os.PathLike, *, size: int | None = None, fit: str | None = None, value_range: Range = (-1.0, 1.0),
    **options,
):  # fmt: skip
    """The `Dataset` called `name`, a key of `DATASETS`; or the pictures in a folder of your own (see `folder`).

    Args:
        name: a name, or the path of a folder. A folder whose name is a data set's needs a slash: "./digits".
        size: height and width of the images, by default as they are: digits and stacked_digits 8, faces 25, mnist and
            fashion_mnist 28; a folder's pictures 64.
        fit: how to get to `size`. "pad", the default, adds background on all sides and alters no pixel (28 to 32);
            "crop" keeps the centre (faces: 25 to 24); "resize" interpolates. Not for a folder, whose pictures are
            resized and cropped.
        value_range: range to scale the pixels to. Points (ring, grid, swiss_roll) have neither size nor range.
        options: those of the data set's own function, such as root, download and train for mnist, sigma for ring, or
            channels for a folder.

    Raises:
        ValueError: an unknown name or option, a size of points, or one that `fit` cannot make of the images.
        FileNotFoundError: no such folder, or files that cannot be downloaded.

    >>> from ganlab.data import load
    >>> digits = load("digits", size=32)
    >>> digits.shape, digits.value_range, len(digits)
    ((1, 32, 32), (-1.0, 1.0), 1797)
    """
    if name not in DATASETS and names_a_folder(name):
        if fit is not None:
            raise ValueError(f"fit={fit!r} is not for a folder: its pictures are resized, and their middle is kept")
        given = options if size is None else {**options, "size": size}
        return _fitted(_built(partial(folder, name), str(name), given), None, "pad", value_range)
    data, fit = _built(lookup(DATASETS, name, "data set"), name, options), fit or "pad"
    if data.pool is not None:
        return stack(_fitted(data.pool, size, fit, value_range))
    if data.samples is None:
        if size is not None:
            raise ValueError(f"size={size}: {name} holds points, not images")
        return data
    return _fitted(data, size, fit, value_range)


def _built(build: Callable[..., Dataset], name: str, options: dict) -> Dataset:
    known = list(inspect.signature(build).parameters)
    if unknown := [option for option in options if option not in known]:
        raise ValueError(f"{name} has no option {unknown[0]!r}; known: {', '.join(known) or 'none'}")
    return build(**options)


def _fitted(data: Dataset, size: int | None, fit: str, value_range: Range) -> Dataset:
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


def digits() -> Dataset:
    """1,797 handwritten digits of 8x8 pixels, shipped inside scikit-learn (UCI; Alpaydin and Kaynak 1998).

    >>> from ganlab.data import digits
    >>> data = digits()
    >>> len(data), data.shape, data.value_range, data.classes[:3]
    (1797, (1, 8, 8), (0.0, 1.0), ('0', '1', '2'))
    """
    source = optional("sklearn.datasets", extra="data").load_digits()
    images, labels = torch.from_numpy(source.images / 16), torch.from_numpy(source.target).long()
    return _grey_images("digits", images, labels, map(str, range(10)))


def faces() -> Dataset:
    """100 faces of 25x25 pixels, shipped inside scikit-image (from Labeled Faces in the Wild; Huang et al. 2007).

    The source holds 200 images; its first 100 are the faces.

    >>> from ganlab.data import faces
    >>> data = faces()
    >>> len(data), data.shape, data.value_range
    (100, (1, 25, 25), (0.0, 1.0))
    """
    return _grey_images("faces", torch.from_numpy(optional("skimage.data", extra="data").lfw_subset()[:100]))


def mnist(root=None, download: bool = True, train: bool = True) -> Dataset:
    """60,000 (train) or 10,000 (test) handwritten digits of 28x28 pixels in [0, 1] (LeCun et al. 1998).

    The files, gzipped or not, are read where they lie: in `root`, in the folder that the environment variable
    GANLAB_DATA names, or in ~/.cache/ganlab; in each as torchvision lays them out (`MNIST/raw`), under the set's name,
    or flat. What is nowhere is downloaded through torchvision, into the first of these folders. Each is held against
    its known SHA-256.

    Raises:
        FileNotFoundError: a file is missing and cannot be downloaded; the message says how to supply it.
        ValueError: a file is damaged or another set's.

    >>> import pathlib, tempfile
    >>> from ganlab.data import mnist
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "train-images-idx3-ubyte").write_bytes(b"a download that broke off")
    ...     _ = pathlib.Path(folder, "train-labels-idx1-ubyte").touch()
    ...     mnist(folder)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: ...train-images-idx3-ubyte: not an idx file of unsigned bytes...
    """
    return _idx_images("mnist", map(str, range(10)), root, download, train)


def fashion_mnist(root=None, download: bool = True, train: bool = True) -> Dataset:
    """60,000 (train) or 10,000 (test) garments of 28x28 pixels in [0, 1] (Xiao et al. 2017).

    Files and errors as `mnist`; Debian's folder for this set, /usr/share/datasets/fashion-mnist, is looked into too.

    >>> from ganlab.data import load
    >>> load("fashion_mnist", split="test")
    Traceback (most recent call last):
    ValueError: fashion_mnist has no option 'split'; known: root, download, train
    """
    return _idx_images("fashion_mnist", FASHION_CLASSES, root, download, train)


def stacked_digits() -> Dataset:
    """Three of `digits` as the channels of one image: 1,000 modes. MNIST: `stack(load("mnist"))`.

    >>> from ganlab.data import stacked_digits
    >>> data = stacked_digits()
    >>> data.shape, len(data.pool.classes) ** 3
    ((3, 8, 8), 1000)
    """
    return stack(digits())


def _idx_images(name: str, classes, root, download: bool, train: bool) -> Dataset:
    images, labels = _mnist_files.load(name, "train" if train else "test", root, download)
    return _grey_images(name, images / 255, labels.long(), classes)


def _grey_images(name: str, images: Tensor, labels: Tensor | None = None, classes=None) -> Dataset:
    """Images (n, height, width) in [0, 1] with their channel axis."""
    return Dataset.from_images(images.float().unsqueeze(1), (0.0, 1.0), labels, name, classes)


DATASETS: dict[str, Callable[..., Dataset]] = {
    builder.__name__: builder
    for builder in (ring, grid, swiss_roll, digits, faces, mnist, fashion_mnist, stacked_digits)
}
