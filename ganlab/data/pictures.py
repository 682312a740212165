"""A folder of pictures of your own, as a data set."""

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganlab._check import check_positive, optional
from ganlab.data.dataset import Dataset

MODES = {1: "L", 3: "RGB"}


def folder(path: str | os.PathLike, size: int = 64, channels: int = 3) -> Dataset:
    """All pictures in a folder and in the folders below it, square, with pixels in [0, 1].

    Each is shrunk or enlarged until its shorter side has `size` pixels, and the middle square is kept. What Pillow can
    read is a picture (png, jpeg, webp, tiff, gif, bmp and more, by the ending of the name); other files are passed
    over. Where all pictures lie in folders below, two or more, the names of these are the classes. The whole set is
    held in memory: 10,000 pictures of 64x64 in colour are half a gigabyte.

    `load("path/to/pictures", size=64)` does the same, in [-1, 1].

    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from ganlab.data import load
    >>> with tempfile.TemporaryDirectory() as path:
    ...     Image.linear_gradient("L").resize((90, 60)).save(pathlib.Path(path, "one.png"))
    ...     data = load(path, size=32)
    >>> len(data), data.shape, data.value_range
    (1, (3, 32, 32), (-1.0, 1.0))

    Args:
        path: the folder; `~` is your own.
        size: height and width of the images. The networks of `ganlab.nets` take 8, 14, 16, 28, 32, 56 and 64.
        channels: 3 for colour, 1 for grey. Transparency is dropped.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: no picture in it, a picture that cannot be read, another number of channels.
    """
    image, place = optional("PIL.Image", extra="data"), Path(path).expanduser()
    check_positive(size=size)
    if channels not in MODES:
        raise ValueError(f"channels={channels}: 3 for colour, 1 for grey")
    if not place.is_dir():
        raise FileNotFoundError(f"{place} is no folder: give the folder that holds the pictures")
    endings = {ending for ending, name in image.registered_extensions().items() if name in image.OPEN}
    files = sorted(file for file in place.rglob("*") if file.suffix.lower() in endings and file.is_file())
    if not files:
        raise ValueError(f"{place} holds no picture: none of its files ends in .png, .jpg, .webp or the like")
    images = torch.stack([_read(file, size, MODES[channels]) for file in files]).float() / 255
    groups = [file.relative_to(place).parts[0] for file in files if file.parent != place]
    classes = sorted(set(groups)) if len(groups) == len(files) and len(set(groups)) > 1 else None
    labels = None if classes is None else torch.tensor([classes.index(group) for group in groups])
    return Dataset.from_images(images, (0.0, 1.0), labels, place.resolve().name, classes)


def names_a_folder(name: str | os.PathLike) -> bool:
    """Is this a path rather than the name of a data set: a `Path`, a text with a slash, or a folder that is there?"""
    return not isinstance(name, str) or "/" in name or os.sep in name or Path(name).is_dir()


def _read(file: Path, size: int, mode: str) -> Tensor:
    """The middle square of a picture, (channels, size, size) of bytes."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as opened:
            upright = ImageOps.exif_transpose(opened).convert(mode)  # a telephone stores how it was held
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{file} cannot be read as a picture ({error}): replace it or take it out") from error
    pixels = np.array(ImageOps.fit(upright, (size, size), Image.Resampling.LANCZOS))
    return torch.from_numpy(pixels.reshape(size, size, -1)).permute(2, 0, 1)
