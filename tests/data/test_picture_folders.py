"""A folder of pictures as a data set: which files count, what becomes of them, what is refused."""

import numpy as np
import pytest
import torch
from PIL import Image

from ganlab import data


def save(path, width=40, height=30, mode="RGB", **options):
    """A picture whose left half is black and whose right half is white."""
    pixels = np.zeros((height, width), np.uint8)
    pixels[:, width // 2 :] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path, **options)


@pytest.mark.parametrize("ending", ["png", "jpg", "JPEG", "bmp", "gif", "tiff", "webp", "ppm"])
def test_formats_are_read(tmp_path, ending):
    save(tmp_path / f"one.{ending}")
    found = data.load(tmp_path, size=16)
    assert found.shape == (3, 16, 16) and found.value_range == (-1.0, 1.0) and found.name == tmp_path.name
    assert (found.samples[..., :6] < -0.9).all() and (found.samples[..., -6:] > 0.9).all()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK"])
@pytest.mark.parametrize("channels", [1, 3])
def test_colour_and_grey(tmp_path, mode, channels):
    save(tmp_path / "one.tiff", mode=mode) if mode == "CMYK" else save(tmp_path / "one.png", mode=mode)
    found = data.folder(tmp_path, size=8, channels=channels)
    assert found.shape == (channels, 8, 8) and found.samples.min() == 0 and found.samples.max() == 1


@pytest.mark.parametrize("width, height", [(64, 64), (640, 64), (64, 640), (8, 5)])
def test_the_middle_square_is_kept(tmp_path, width, height):
    save(tmp_path / "one.png", width, height)
    image = data.load(str(tmp_path), size=32, channels=1, value_range=(0, 1)).samples[0, 0]
    assert image[:, :8].max() < 0.1 and image[:, -8:].min() > 0.9  # the edge between the halves stays in the middle


def test_a_picture_of_that_size_stays_as_it_is(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "one.png")
    found = data.folder(tmp_path, size=28).samples[0]
    assert torch.equal((found * 255).round().byte(), torch.from_numpy(pixels).permute(2, 0, 1))


def test_a_telephone_held_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it a quarter to the right to look at it
    save(tmp_path / "one.jpg", 32, 32, exif=exif)
    image = data.folder(tmp_path, size=8, channels=1).samples[0, 0]
    assert image[:3].max() < 0.1 and image[-3:].min() > 0.9  # the left half is on top now


def test_folders_below_are_classes_where_all_pictures_lie_in_one(tmp_path):
    for name in ("cats/a.png", "dogs/b.png", "dogs/deep/c.png"):
        save(tmp_path / name)
    (tmp_path / "cats" / "notes.txt").write_text("not a picture")
    found = data.load(tmp_path, size=8)
    assert found.classes == ("cats", "dogs") and found.labels.tolist() == [0, 1, 1]
    save(tmp_path / "d.png")
    found = data.load(tmp_path, size=8)
    assert found.labels is None and len(found) == 4


def test_a_path_and_a_name_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "digits" / "one.png")
    save(tmp_path / "mine" / "one.png")
    assert data.load("digits").shape == (1, 8, 8)
    assert data.load("./digits").shape == data.load("mine").shape == (3, 64, 64)
    with pytest.raises(ValueError, match="unknown data set 'yours'; known: ring, grid"):
        data.load("yours")


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"channels": 2}, ValueError, "channels=2: 3 for colour, 1 for grey"),
        ({"size": 0}, ValueError, "size is 0"),
        ({"fit": "pad"}, ValueError, "fit='pad' is not for a folder"),
        ({"train": True}, ValueError, "has no option 'train'; known: size, channels"),
    ],
)
def test_bad_arguments_are_named(tmp_path, options, error, message):
    save(tmp_path / "one.png")
    with pytest.raises(error, match=message):
        data.load(tmp_path, **options)


def test_bad_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is no folder"):
        data.load(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"nowhere/at/all is no folder"):
        data.load("nowhere/at/all")
    with pytest.raises(ValueError, match="holds no picture"):
        data.load(tmp_path)
    for content in (b"", b"no picture at all", b"\x89PNG\r\n\x1a\n"):
        (tmp_path / "broken.png").write_bytes(content)
        with pytest.raises(ValueError, match=r"broken\.png cannot be read as a picture"):
            data.load(tmp_path)
    save(tmp_path / "broken.png")
    whole = (tmp_path / "broken.png").read_bytes()
    (tmp_path / "broken.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"broken\.png cannot be read as a picture"):
        data.load(tmp_path)
