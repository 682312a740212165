"""A slider over training that needs no kernel: PNG frames, a range input and a few lines of script in one output.

It works on a built page, in Colab and offline. Where there is no script, the last frame stands alone.
"""

import base64
import html
import io
import json
import re
from collections.abc import Sequence

import numpy as np

from ganlab._check import optional
from ganlab.plots.house_style import plt

images = optional("PIL.Image", "plots")

# Every slider initialises only roots of its own name that are not ready, so several share a page, and a cell that is
# run again or shown twice still works.
TEMPLATE = """\
<figure data-ganlab-slider="{name}" style="margin:0 0 1em;max-width:{width}px">
<img src="{last}" alt="{alt}" style="display:block;width:100%;height:auto">
<div hidden style="align-items:center;gap:.75em;padding:.25em 0">
<button type="button" style="min-width:4.5em;min-height:2.75em;cursor:pointer">Play</button>
<input type="range" min="0" max="{end}" value="{end}" step="1" aria-label="{control}" \
style="flex:1;min-width:6em;min-height:2.75em">
<span aria-hidden="true" style="min-width:6em">{label}</span>
</div>
<noscript>This is the last of {count} frames; the slider needs JavaScript.</noscript>
<script>
(() => {{
  const labels = {labels};
  const frames = [
{frames}
  ];
  for (const root of document.querySelectorAll('[data-ganlab-slider="{name}"]:not([data-ready])')) {{
    root.dataset.ready = "";
    const [image, bar, button, input, text] = "img div button input span".split(" ").map(
      tag => root.querySelector(tag));
    const alt = image.alt, all = [...frames, image.src];
    let timer = null;
    const show = i => {{
      input.value = i;
      image.src = all[i];
      image.alt = `${{alt}} (${{labels[i]}})`;
      text.textContent = labels[i];
      input.setAttribute("aria-valuetext", labels[i]);
    }};
    const stop = () => {{
      clearInterval(timer);
      timer = null;
      button.textContent = "Play";
    }};
    const step = () => {{
      show(Math.min(+input.value + 1, {end}));
      if (+input.value === {end}) stop();
    }};
    button.addEventListener("click", () => {{
      if (timer) return stop();
      if (+input.value === {end}) show(0);
      button.textContent = "Pause";
      timer = setInterval(step, {pause});
    }});
    input.addEventListener("input", () => {{ stop(); show(+input.value); }});
    bar.hidden = false;
    bar.style.display = "flex";
    show({end});
  }}
}})();
</script>
</figure>"""


class Slider:
    """Frames with a range input, for a notebook's output. Made by `slider`.

    >>> import matplotlib.pyplot as plt
    >>> from ganlab import plots
    >>> frames = [plt.figure(figsize=(2, 1)) for _ in range(3)]
    >>> shown = plots.slider(frames, [0, 10, 20], name="empty", alt="An empty figure.", dpi=100)
    >>> shown.width, shown.html().count("data:image/png")
    (200, 3)

    Attributes:
        frames: PNG files.
        labels: what each of them shows.
        width: in pixels.
        name, alt, control: as in `slider`.
    """

    def __init__(
        self, frames: Sequence[bytes], labels: Sequence[str], width: int, *, name: str, alt: str, control: str
    ):
        self.frames, self.labels, self.width = list(frames), list(labels), width
        self.name, self.alt, self.control = name, alt, control

    def __repr__(self) -> str:
        return f"Slider({self.name!r}, {len(self.frames)} frames)"

    def html(self, pause: int = 350) -> str:
        """The whole thing as one piece of HTML; `pause` is the milliseconds between frames while it plays."""
        *first, last = [f"data:image/png;base64,{base64.b64encode(frame).decode()}" for frame in self.frames]
        return TEMPLATE.format(
            name=self.name,
            width=self.width,
            last=last,
            alt=html.escape(self.alt),
            control=html.escape(self.control),
            label=html.escape(self.labels[-1]),
            end=len(self.frames) - 1,
            count=len(self.frames),
            labels=json.dumps(self.labels).replace("<", "\\u003c"),
            frames="\n".join(f'    "{frame}",' for frame in first),
            pause=pause,
        )

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        png = base64.b64encode(self.frames[-1]).decode()
        return {"text/plain": repr(self), "text/html": self.html(), "image/png": png}


def slider(
    frames, labels, *, name: str, alt: str, control: str = "training step", dpi: int = 110, colors: int = 96
) -> Slider:
    """A slider over `frames`, for the last line of a cell. It needs no kernel.

    >>> from ganlab import data, plots
    >>> ring = data.load("ring")
    >>> frames = [lambda share=share: plots.points(share * ring.modes, ring) for share in (0.5, 1.0)]
    >>> plots.slider(frames, ["half way", "there"], name="ring", alt="Points on their way to the ring.")
    Slider('ring', 2 frames)

    Args:
        frames: matplotlib figures, all of one size, or functions of no argument that return a figure or axes (drawn one
            after the other, which spares memory). Fix the axes' limits, or the picture jumps. The figures are closed.
        labels: what each frame shows, "step 200".
        name: names this slider on its page: a-z, 0-9 and `-`.
        alt: what the picture shows, for who cannot see it. The frame's label is added.
        control: what the range input moves along.
        dpi: pixels an inch; 6.4 inches at 110 are 704 pixels.
        colors: palette of all frames together, 2 to 256. 20 frames of 96 colours are about 0.3 MB.

    Raises:
        ValueError: no frames, other number of labels, empty alt text, a bad name, frames of different size.
    """
    frames, labels = list(frames), [str(label) for label in labels]
    if not frames:
        raise ValueError("frames is empty: give at least one figure")
    if len(frames) != len(labels):
        raise ValueError(f"labels has {len(labels)} entries for {len(frames)} frames")
    if not (isinstance(alt, str) and alt.strip()):
        raise ValueError(f"alt={alt!r}: say in a sentence what the picture shows")
    if not re.fullmatch("[a-z0-9-]+", name):
        raise ValueError(f"name={name!r}: use only a-z, 0-9 and '-'")
    if not 2 <= colors <= 256:
        raise ValueError(f"colors={colors}: a palette holds 2 to 256")
    pictures = [_draw(frame() if callable(frame) else frame, dpi) for frame in frames]
    if len(sizes := {picture.shape[:2] for picture in pictures}) > 1:
        raise ValueError(f"frames have different sizes {sorted(sizes)} in pixels: draw each with the same figsize")
    return Slider(_compress(pictures, colors), labels, pictures[0].shape[1], name=name, alt=alt, control=control)


def _draw(frame, dpi: int) -> np.ndarray:
    """A figure's pixels (height, width, 3), or those of an axes' figure. Closes the figure."""
    figure = getattr(frame, "figure", frame)
    if not hasattr(figure, "savefig"):
        raise ValueError(
            f"a frame is {type(frame).__name__}, not a figure or axes: let the function return what it drew"
        )
    buffer = io.BytesIO()
    # Not the tight box of notebooks: it changes with the content, and frames must keep one size.
    with plt.rc_context({"savefig.bbox": None}):
        figure.savefig(buffer, format="png", dpi=dpi)
    plt.close(figure)
    return np.asarray(images.open(buffer).convert("RGB"))


def _compress(pictures: list[np.ndarray], colors: int) -> list[bytes]:
    """PNGs with one palette for all frames: small, and no colour flickers from frame to frame.

    Maximum coverage keeps thin text and dots in their colours: on the 2-D figures no pixel was off by more than 18 of
    255, with median cut by up to 56.
    """
    sheet = images.fromarray(np.concatenate(pictures))
    palette = sheet.quantize(colors, method=images.Quantize.MAXCOVERAGE, kmeans=1, dither=images.Dither.NONE)
    files = []
    for picture in pictures:
        buffer = io.BytesIO()
        small = images.fromarray(picture).quantize(palette=palette, dither=images.Dither.NONE)
        small.save(buffer, format="png", optimize=True)
        files.append(buffer.getvalue())
    return files
