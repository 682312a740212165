"""Figures on a dark page: drawn lines change light for dark, pictures stay as they are.

A figure is drawn on light ground, once. On a dark page the style sheet inverts its lightness and keeps its hues. That
would make negatives of photographs, and in a heat map bright would no longer be much: of a figure that holds such, a
second file is written beside the first, in which all is inverted but these, and the page shows the one or the other.
"""

import base64
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from sphinx.application import Sphinx

LINE = 4  # pixels: curves, frames and letters are drawn no thicker
LEAST, THIN, LONG = 24, 6, 80  # pixels: what is smaller is a mark; a colour bar is thin and long
FILLED = 0.65  # a picture fills this share of its rectangle
PALE = 0.75  # lightness: if the filled parts of a figure are lighter on average, they are bands or a landscape
MANY = 0.02  # of a figure's area
HUE = np.array([[-0.574, 1.430, 0.144], [0.426, 0.430, 0.144], [0.426, 1.430, -0.856]])  # CSS: hue-rotate(180deg)
LIGHTNESS = np.array([0.2126, 0.7152, 0.0722]) / 255


def pictures(pixels: np.ndarray) -> np.ndarray:
    """Where pixels (h, w, 3) of 0 to 255 show photographs or heat maps and their colour bars, as (h, w) of bool."""
    colors = pixels.astype(float)
    drawn = np.abs(colors - colors[0, 0]).max(-1) > 1
    parts, _ = ndimage.label(ndimage.binary_opening(drawn, np.ones((LINE + 1, LINE + 1))))
    found, bars = np.zeros_like(drawn), []
    for number, place in enumerate(ndimage.find_objects(parts), start=1):
        part = ndimage.binary_fill_holes(parts[place] == number)
        short, long = sorted(part.shape)
        if part.mean() > FILLED and short >= LEAST:
            found[place] |= part
        elif part.mean() > FILLED and short >= THIN and long >= LONG:
            bars.append(place)
    if found.any() and (colors[found] @ LIGHTNESS).mean() > PALE:
        return np.zeros_like(found)
    rows, columns = found.any(1), found.any(0)
    for place in bars:  # a colour bar stands beside its map, or below it
        upright = place[0].stop - place[0].start > place[1].stop - place[1].start
        if (rows[place[0]] if upright else columns[place[1]]).mean() > 0.5:
            found[place] = True
    return found


def in_the_dark(pixels: np.ndarray) -> np.ndarray:
    """The figure as the style sheet inverts it, but for its pictures."""
    inverted = np.clip((255.0 - pixels) @ HUE.T, 0, 255).round().astype(np.uint8)
    return np.where(pictures(pixels)[..., None], pixels, inverted)


def holds_pictures(pixels: np.ndarray) -> bool:
    return bool(pictures(pixels).mean() > MANY)


def both(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Beside each figure that holds pictures stands the one for the dark; a slider of pictures is marked."""
    if "<img" not in context.get("body", ""):
        return
    sources = {name: Path(app.srcdir, source) for source, name in app.builder.images.items()}

    def twin(match: re.Match) -> str:
        tag, name = match[0], match["name"]
        pixels = _read(sources[name]) if name in sources and name.endswith(".png") else None
        if pixels is None or not holds_pictures(pixels):
            return tag
        folder = Path(app.outdir, app.builder.imagedir)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(in_the_dark(pixels)).quantize(256).save(folder / f"dark-{name}", optimize=True)
        dark = tag.replace(f"/{name}", f"/dark-{name}")
        return _of_class(tag, "figure-light") + _of_class(dark, "figure-dark")

    def card(match: re.Match) -> str:
        pixels = _read(io.BytesIO(base64.b64decode(match["data"])))
        return _of_class(match[0], "figure-card") if holds_pictures(pixels) else match[0]

    body = re.sub(r'<img\b[^>]*\bsrc="[^"]*?_images/(?P<name>[^"/]+)"[^>]*>', twin, context["body"])
    context["body"] = re.sub(r'<img src="data:image/png;base64,(?P<data>[^"]+)"[^>]*>', card, body)


def _read(source) -> np.ndarray:
    return np.asarray(Image.open(source).convert("RGB"))


def _of_class(tag: str, name: str) -> str:
    named = tag.replace('class="', f'class="{name} ', 1)
    return (named if named != tag else tag.replace("<img", f'<img class="{name}"', 1)).replace(
        "<img", '<img loading="lazy"', 1
    )
