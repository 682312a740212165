"""MNIST and Fashion-MNIST as idx files: where they lie, whether they are whole, how they are read.

The files are read where they are, gzipped or not; nothing is written, so the folder may be read-only. Each file's
content is held against its known SHA-256: a truncated or altered file is an error, never a data set.
"""

import gzip
import hashlib
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganlab.data import _torchvision

SPLITS = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
TORCHVISION_CLASSES = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}
SYSTEM_FOLDERS = {"fashion_mnist": (Path("/usr/share/datasets/fashion-mnist"),)}  # Debian's dataset-fashion-mnist
UNSIGNED_BYTE = 0x08  # the idx format's code for the element type

# SHA-256 of the decompressed content: a gzip file's own checksum changes with the tool that packed it.
CHECKSUMS = {
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}
Checksums = Mapping[str, Mapping[str, str]]


def load(name: str, split: str, root=None, download: bool = True, checksums: Checksums = CHECKSUMS) -> tuple:
    """Images (n, height, width) and labels (n,) of `split` ("train" or "test"), both uint8.

    Looks in `root`, in the folder that the environment variable GANLAB_DATA names and in ~/.cache/ganlab: in each as
    torchvision lays it out (`MNIST/raw`), then under the data set's name, then flat; last in the system's folder. What
    is nowhere is downloaded through torchvision into the first of these folders.

    Raises FileNotFoundError (with how to supply the files) when a file is missing and cannot be downloaded, ValueError
    when a file is damaged.
    """
    paths = [find(name, file, root) for file in SPLITS[split]]
    if None in paths:
        _download(name, root, download)
        paths = [find(name, file, root) for file in SPLITS[split]]
    images, labels = (read(path, name, checksums) for path in paths)
    return images, labels


def bases(root=None) -> list[Path]:
    """Folders to look in, first the one the caller chose. A download goes to the first."""
    chosen = [root, os.environ.get("GANLAB_DATA"), Path.home() / ".cache" / "ganlab"]
    return [Path(folder).expanduser() for folder in chosen if folder]


def find(name: str, file: str, root=None) -> Path | None:
    """The first existing copy of `file`, plain or gzipped; None when there is none."""
    layouts = (Path(TORCHVISION_CLASSES[name], "raw"), Path(name), Path())
    folders = [base / layout for base in bases(root) for layout in layouts] + list(SYSTEM_FOLDERS.get(name, ()))
    candidates = (folder / variant for folder in folders for variant in (file, f"{file}.gz"))
    return next((path for path in candidates if path.is_file()), None)


def read(path: Path, name: str, checksums: Checksums = CHECKSUMS) -> Tensor:
    """Read an idx file of data set `name`, checking header, length and checksum."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: truncated or damaged gzip file ({error}); replace it") from error
    array = parse(content, path)
    found, expected = hashlib.sha256(content).hexdigest(), checksums[name][path.name.removesuffix(".gz")]
    if found != expected:
        owners = [other for other, files in checksums.items() if found in files.values()]
        reason = f"it is a file of {owners[0]}" if owners else "it was altered"
        raise ValueError(f"{path}: not the file of {name} ({reason}): SHA-256 {found}, expected {expected}; replace it")
    return array


def parse(content: bytes, path: Path | str) -> Tensor:
    """An idx file's content as a uint8 tensor. `path` names the file in errors.

    Header: two zero bytes, the element type, the number of dimensions, then each size as a big-endian 32-bit integer.
    """
    if len(content) < 4 or content[:3] != bytes((0, 0, UNSIGNED_BYTE)):
        raise ValueError(f"{path}: not an idx file of unsigned bytes (it starts with {content[:4].hex() or 'nothing'})")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError(f"{path}: truncated: {len(content)} bytes, and the header alone takes {start}")
    shape = np.frombuffer(content, ">u4", count=content[3], offset=4).astype(int)
    expected = start + int(shape.prod())
    if len(content) != expected:
        raise ValueError(f"{path}: {len(content)} bytes where the header promises {expected}: truncated or altered")
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy())


def _download(name: str, root, allowed: bool) -> None:
    files = ", ".join(file for split in SPLITS.values() for file in split)
    advice = (
        f"To supply {name} by hand, put these files (or their .gz) into a folder and pass it as root= "
        f"or set GANLAB_DATA to it: {files}."
    )
    if not allowed:
        looked = ", ".join(str(base) for base in [*bases(root), *SYSTEM_FOLDERS.get(name, ())])
        raise FileNotFoundError(f"{name} is not in {looked}, and download=False. {advice}")
    dataset = getattr(_torchvision.torchvision().datasets, TORCHVISION_CLASSES[name])
    try:
        dataset(bases(root)[0], download=True)
    except (OSError, RuntimeError) as error:
        raise FileNotFoundError(f"{name} could not be downloaded ({str(error).strip()}). {advice}") from error
