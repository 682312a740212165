"""Figures on a dark page: ground and ink change places, photographs and heat maps stay, both files are on the page."""

import base64
import io
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

import dark_figures
import notebooks
from ganlab import plots
from ganlab.plots.house_style import LANDSCAPE

FACE = (253, 253, 251)


def drawn(draw) -> np.ndarray:
    """What `draw(axes)` draws in the house style, as pixels."""
    with plt.rc_context():
        plots.style()
        figure, axes = plt.subplots(figsize=(4, 3))
        draw(axes)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=130)
        plt.close(figure)
    return dark_figures._read(buffer)


def curve(axes):
    axes.plot([0, 1, 2], [1, 3, 2])
    axes.fill_between([0, 1, 2], [0.5, 2, 1], [1.5, 4, 3], alpha=0.2)
    axes.set(xlabel="step", title="DCGAN, WGAN-GP")


def photograph(axes):
    axes.imshow(np.random.default_rng(0).random((8, 8)), cmap="gray")
    axes.set(xlabel="DCGAN")


def heat_map(axes):
    axes.figure.colorbar(axes.imshow(np.random.default_rng(0).random((6, 8)), "viridis", aspect="auto"))


def test_lines_and_letters_are_no_pictures():
    pixels = drawn(curve)
    assert not dark_figures.pictures(pixels).any() and not dark_figures.holds_pictures(pixels)
    dark = dark_figures.in_the_dark(pixels)
    assert tuple(pixels[0, 0]) == FACE and dark[0, 0].max() <= 6  # the ground
    assert pixels.min() < 60 and dark.max() > 200  # the ink
    blue, inverted = np.array([0, 114, 178]), dark[(pixels == [0, 114, 178]).all(-1)]
    assert len(inverted) and (inverted[0].argmax(), inverted[0].argmin()) == (blue.argmax(), blue.argmin())


@pytest.mark.parametrize("draw", [photograph, heat_map])
def test_pictures_stay_as_they_are(draw):
    pixels = drawn(draw)
    assert dark_figures.holds_pictures(pixels)
    dark, kept = dark_figures.in_the_dark(pixels), dark_figures.pictures(pixels)
    assert (dark[kept] == pixels[kept]).all() and dark[0, 0].max() <= 6
    # Without the second file the style sheet's filter would make a negative of it.
    negative = np.clip((255.0 - pixels) @ dark_figures.HUE.T, 0, 255)
    assert np.abs(negative[kept] - pixels[kept].astype(float)).mean() > 40


def test_a_colour_bar_goes_with_its_map():
    def alone(axes):
        axes.plot([0, 1], [0, 1])
        axes.figure.colorbar(plt.cm.ScalarMappable(cmap="viridis"), ax=axes)

    pixels = drawn(heat_map)
    columns = dark_figures.pictures(pixels).any(0)
    assert np.count_nonzero(np.diff(columns.astype(int)) == 1) == 2  # the map, the bar
    assert not dark_figures.pictures(drawn(alone)).any()


def test_a_pale_landscape_is_inverted():
    def landscape(axes):
        axes.imshow(np.linspace(0, 1, 64).reshape(8, 8), cmap=LANDSCAPE)

    assert not dark_figures.holds_pictures(drawn(landscape))


def test_the_page_shows_the_one_or_the_other(tmp_path):
    images = tmp_path / "src"
    images.mkdir()
    for name, draw in (("a", photograph), ("b", curve)):
        Image.fromarray(drawn(draw)).save(images / f"{name}.png")
    builder = SimpleNamespace(images={"a.png": "a.png", "b.png": "b.png"}, imagedir="_images")
    app = SimpleNamespace(builder=builder, srcdir=images, outdir=tmp_path / "html")
    encoded = base64.b64encode((images / "a.png").read_bytes()).decode()
    body = '<p><img alt="x" class="k" src="../_images/a.png" /><img alt="y" src="../_images/b.png" /></p>'
    context = {"body": f'{body}<img src="data:image/png;base64,{encoded}" alt="frames">'}
    dark_figures.both(app, "p", "page.html", context, None)
    assert context["body"].count("figure-light") == context["body"].count("figure-dark") == 1
    assert 'src="../_images/dark-a.png"' in context["body"] and "dark-b.png" not in context["body"]
    assert re.search(r'<img[^>]* class="figure-card" src="data:', context["body"])
    made = dark_figures._read(tmp_path / "html" / "_images" / "dark-a.png").astype(int)
    assert np.abs(made - dark_figures.in_the_dark(dark_figures._read(images / "a.png"))).mean() < 2


def figures(path: Path) -> dict[str, np.ndarray]:
    """The stored figures of a chapter whose cell names them."""
    found = {}
    for cell in json.loads(path.read_text())["cells"]:
        name = cell["metadata"].get("mystnb", {}).get("figure", {}).get("name")
        for output in cell.get("outputs", []):
            if name and "image/png" in output.get("data", {}):
                found[name] = dark_figures._read(io.BytesIO(base64.b64decode(output["data"]["image/png"])))
    return found


@pytest.mark.parametrize("path", notebooks.chapters(), ids=lambda p: p.stem)
def test_no_stored_figure_is_a_slab_on_a_dark_page(path):
    for name, pixels in figures(path).items():
        dark = dark_figures.in_the_dark(pixels)
        drawn = ~dark_figures.pictures(pixels)
        before, after = (image[drawn] @ dark_figures.LIGHTNESS for image in (pixels, dark))
        assert np.median(before) > 0.75 and np.median(after) < 0.25, name  # the ground, or D's landscape
        assert before.min() > 0.5 or after.max() > 0.6, name  # where there was ink, it is light now


def test_the_style_sheet_shows_one_of_the_two():
    css = (Path(dark_figures.__file__).parents[1] / "_static" / "book.css").read_text()
    assert ".bd-article img.figure-dark { display: none; }" in css
    assert 'html[data-theme="dark"] .bd-article img.figure-light { display: none; }' in css
    assert "filter: invert(1) hue-rotate(180deg) !important" in css
