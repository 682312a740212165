"""MNIST files found, damaged or missing; torchvision imported where it cannot be."""

import gzip
import hashlib
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ganlab import data
from ganlab.data import _mnist_files, _torchvision

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def idx_bytes(array):
    return struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A folder for `mnist` with 5 images, and the checksums of its files. Nothing else is found."""
    monkeypatch.setattr(_mnist_files, "SYSTEM_FOLDERS", {})
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GANLAB_DATA", raising=False)
    random = np.random.default_rng(0)
    arrays = (random.integers(0, 256, (5, 4, 4), np.uint8), random.integers(0, 10, 5, np.uint8))
    contents = dict(zip(_mnist_files.SPLITS["train"], map(idx_bytes, arrays), strict=True))
    checksums = {"mnist": {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}}
    return tmp_path, arrays, contents, checksums


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("layout", [".", "mnist", "MNIST/raw"])
@pytest.mark.parametrize("by_environment", [False, True])
def test_each_layout_is_read_in_place(tiny, monkeypatch, packed, layout, by_environment):
    folder, arrays, contents, checksums = tiny
    (folder / layout).mkdir(parents=True, exist_ok=True)
    for file, content in contents.items():
        path = folder / layout / (f"{file}.gz" if packed else file)
        path.write_bytes(gzip.compress(content) if packed else content)
    before = sorted(folder.rglob("*"))
    if by_environment:
        monkeypatch.setenv("GANLAB_DATA", str(folder))
    loaded = _mnist_files.load("mnist", "train", None if by_environment else folder, False, checksums)
    assert all(np.array_equal(a, b) for a, b in zip(loaded, arrays, strict=True))
    assert sorted(folder.rglob("*")) == before


def truncated(content):
    return content[:-1]


def header_cut(content):
    return content[:9]


def one_pixel_changed(content):
    return content[:-1] + bytes([content[-1] ^ 1])


def trailing_byte(content):
    return content + b"\0"


def of_floats(content):
    return content[:2] + b"\x0d" + content[3:]


def huge_sizes(content):
    return content[:4] + b"\xff" * 12 + content[16:]


@pytest.mark.parametrize(
    "damage, message",
    [
        (truncated, "truncated"),
        (header_cut, "truncated"),
        (trailing_byte, "header promises 96"),
        (huge_sizes, "header promises"),
        (one_pixel_changed, "was altered.*SHA-256"),
        (of_floats, "not an idx file of unsigned bytes"),
        (lambda content: b"", "not an idx file"),
        (lambda content: b"<html>not found</html>", "not an idx file"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_file_is_named(tiny, damage, message, packed):
    folder, _, contents, checksums = tiny
    file = "train-images-idx3-ubyte"
    path = folder / (f"{file}.gz" if packed else file)
    path.write_bytes(gzip.compress(damage(contents[file])) if packed else damage(contents[file]))
    with pytest.raises(ValueError, match=message) as error:
        _mnist_files.read(path, "mnist", checksums)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    "damage", [truncated, lambda packed: packed[:20], lambda packed: b"no gzip", one_pixel_changed]
)
def test_a_damaged_archive_is_named(tiny, damage):
    folder, _, contents, checksums = tiny
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(gzip.compress(contents["train-images-idx3-ubyte"])))
    with pytest.raises(ValueError, match="damaged gzip file") as error:
        _mnist_files.read(path, "mnist", checksums)
    assert str(path) in str(error.value)


def test_another_data_sets_file_is_recognised(tiny):
    folder, _, contents, checksums = tiny
    file = "train-labels-idx1-ubyte"
    (folder / file).write_bytes(contents[file])
    swapped = {"mnist": dict.fromkeys(contents, "0" * 64), "fashion_mnist": checksums["mnist"]}
    with pytest.raises(ValueError, match=r"not the file of mnist \(it is a file of fashion_mnist\)"):
        _mnist_files.read(folder / file, "mnist", swapped)


@pytest.mark.parametrize("download", [False, True])
def test_missing_files_and_no_network_say_how_to_supply_them(tiny, monkeypatch, download):
    def unreachable(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    with pytest.raises(FileNotFoundError, match="GANLAB_DATA") as error:
        data.load("mnist", root=tiny[0] / "empty", download=download)
    assert all(file in str(error.value) for split in _mnist_files.SPLITS.values() for file in split)
    assert ("no network" in str(error.value)) == download


def test_a_download_goes_to_root_and_is_checked(tiny, monkeypatch):
    folder, arrays, contents, checksums = tiny
    asked = []

    class Source:
        def __init__(self, root, download):
            asked.append((root, download))
            for file, content in contents.items():
                (root / "MNIST" / "raw").mkdir(parents=True, exist_ok=True)
                (root / "MNIST" / "raw" / file).write_bytes(content)

    monkeypatch.setattr(_torchvision.torchvision().datasets, "MNIST", Source)
    images, _ = _mnist_files.load("mnist", "train", folder / "new", True, checksums)
    assert asked == [(folder / "new", True)] and np.array_equal(images, arrays[0])
    with pytest.raises(ValueError, match="not the file of mnist"):  # against the real checksums
        data.load("mnist", root=folder / "new")


@pytest.mark.skipif(
    not DEBIAN.exists() and os.environ.get("GANLAB_REQUIRE_DATA") != "1",
    reason="dataset-fashion-mnist is not installed",
)
@pytest.mark.parametrize("train, count", [(True, 60_000), (False, 10_000)])
def test_fashion_mnist_from_debian(train, count):
    fashion = data.load("fashion_mnist", root=DEBIAN, download=False, train=train)
    assert fashion.samples.shape == (count, 1, 28, 28) and len(fashion.classes) == 10
    assert torch.bincount(fashion.labels).tolist() == [count // 10] * 10
    if train:  # the moments that everyone normalises with: mean 0.2860, standard deviation 0.3530 in [0, 1]
        assert abs((fashion.samples.mean() + 1) / 2 - 0.2860) < 1e-4
        assert abs(fashion.samples.std() / 2 - 0.3530) < 1e-4


# --- torchvision


def test_torchvision_imports_after_a_failed_attempt():
    """In a process of its own: an import cannot be undone."""
    script = """
try:
    import torchvision
except RuntimeError:
    pass
from ganlab.data import _torchvision
module = _torchvision.torchvision()
import torch, torchvision
assert module is torchvision is _torchvision.torchvision()
assert module.extension is __import__("sys").modules["torchvision.extension"]
assert module.utils.make_grid(torch.rand(4, 1, 8, 8)).shape == (3, 12, 42)
assert module.transforms.functional.resize(torch.rand(1, 8, 8), [4, 4]).shape == (1, 4, 4)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_a_sound_torchvision_is_left_alone(monkeypatch):
    """Nothing is declared when the import succeeds, and another failure is passed on."""
    monkeypatch.setattr(_torchvision, "_declare_operators", lambda: pytest.fail("declared"))
    assert _torchvision.torchvision() is sys.modules["torchvision"]

    def other_failure(*args, **kwargs):
        raise RuntimeError("compiled with different CUDA major versions")

    monkeypatch.setattr(_torchvision, "optional", other_failure)
    with pytest.raises(RuntimeError, match="CUDA major"):
        _torchvision.torchvision()
