"""The house style of the figures: colours by role, text that can be read, labels at the lines instead of a legend.

The palette is Okabe and Ito's (2008), which stays apart under the common colour-vision deficiencies. Figures are opaque
and light; on a dark page the book inverts their lightness and keeps their hues.
"""

import numpy as np

from ganlab._check import optional

plt = optional("matplotlib.pyplot", "plots")
colors = optional("matplotlib.colors", "plots")
to_rgb = colors.to_rgb

FACE = "#fdfdfb"
INK = "#1f2328"
COLORS = {
    "real": "#0072B2",
    "fake": "#D55E00",
    "generator": "#CC79A7",
    "discriminator": "#009E73",
    "neutral": "#6b7075",
}
CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#4d4d4d")
# D's landscape: the colour of fakes where D says fake, that of real data where it says real, both pale.
LANDSCAPE = colors.LinearSegmentedColormap.from_list("landscape", ("#f8cdae", "#f8f8f6", "#b5d8ef"))

SETTINGS = {
    "figure.figsize": (6.4, 3.8),
    "figure.dpi": 130,
    "figure.facecolor": FACE,
    "figure.constrained_layout.use": True,
    "savefig.facecolor": FACE,
    "savefig.pad_inches": 0.14,
    # A figure is shown about 350 px wide on a phone: 12 pt of 6.4 inches are 9 px there.
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.labelsize": 12,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.facecolor": FACE,
    "axes.edgecolor": "#b9bdc1",
    "xtick.color": "#b9bdc1",
    "ytick.color": "#b9bdc1",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=CYCLE),
    "axes.xmargin": 0.02,
    "axes.formatter.useoffset": False,
    "lines.linewidth": 2,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "image.interpolation": "nearest",
    "image.cmap": "gray",
}


def style() -> None:
    """Use the house style for every figure drawn from now on.

    >>> import matplotlib.pyplot as plt
    >>> from ganlab import plots
    >>> with plt.rc_context():  # only until the end of this block
    ...     plots.style()
    ...     plt.rcParams["axes.spines.top"]
    False
    """
    plt.rcParams.update(SETTINGS)


def contrast(color, other) -> float:
    """WCAG 2 contrast ratio of two colours, 1 to 21. Text needs 4.5.

    >>> from ganlab.plots.house_style import contrast
    >>> round(contrast("black", "white"), 3), round(contrast("white", "white"), 3)
    (21.0, 1.0)
    """
    one, two = sorted((_luminance(color), _luminance(other)))
    return (two + 0.05) / (one + 0.05)


def _luminance(color) -> float:
    channels = np.asarray(to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def ink(color) -> str:
    """`color`, darkened just enough to be read as text on the figure's background; as "#rrggbb".

    >>> from ganlab import plots
    >>> from ganlab.plots.house_style import FACE, contrast
    >>> [contrast(color, FACE) >= 4.5 for color in ("#56B4E9", plots.ink("#56B4E9"))]
    [False, True]
    """
    channels = np.asarray(to_rgb(color))
    while contrast(channels, FACE) < 4.5:
        channels = channels * 0.97
    return colors.to_hex(channels)


def axes(ax=None, size=None):
    """`ax`, or the axes of a new figure of `size` inches (width, height).

    >>> from ganlab.plots.house_style import axes
    >>> ax = axes(size=(4, 3))
    >>> ax.figure.get_size_inches().tolist(), axes(ax) is ax
    ([4.0, 3.0], True)
    """
    return plt.subplots(figsize=size)[1] if ax is None else ax


def direct_labels(ax, lines=None):
    """Write each line's label at its right end, in its colour, pushed up or down so that labels do not overlap.

    Call it last: the places come from the axes' present limits and scale. A second call replaces the labels
    of the first.

    >>> import matplotlib.pyplot as plt
    >>> from ganlab import plots
    >>> ax = plt.subplots()[1]
    >>> lines = ax.plot([0, 1], [1, 2], label="G") + ax.plot([0, 1], [1, 3], label="D")
    >>> [text.get_text() for text in plots.direct_labels(ax).texts]
    ['G', 'D']

    Args:
        ax: the axes.
        lines: which lines; default all that have a label.

    Returns:
        The axes.

    Raises:
        ValueError: no line has a label.
    """
    lines = [line for line in (ax.lines if lines is None else lines) if not line.get_label().startswith("_")]
    if not lines:
        raise ValueError("no line has a label: draw with ax.plot(..., label='...') before direct_labels(ax)")
    for old in [text for text in ax.texts if text.get_gid() == "direct label"]:
        old.remove()
    ax.figure.draw_without_rendering()  # the layout fixes the height in pixels, which the spacing needs
    points = 72 / ax.figure.dpi
    size = plt.rcParams["font.size"]
    ends = [(line, end) for line in lines if (end := _end(line)) is not None]
    heights = [ax.transData.transform(end)[1] * points for _, end in ends]
    for (line, end), height, place in zip(ends, heights, _spread(heights, 1.2 * size), strict=True):
        ax.annotate(
            line.get_label(),
            end,
            xytext=(6, place - height),
            textcoords="offset points",
            va="center",
            color=ink(line.get_color()),
            fontsize=size,
            annotation_clip=False,
            gid="direct label",
        )
    return ax


def _end(line):
    """The last finite point of a line, or None."""
    x, y = (np.asarray(values, dtype=float) for values in line.get_data())
    finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    return (x[finite[-1]], y[finite[-1]]) if finite.size else None


def _spread(places, gap: float) -> np.ndarray:
    """The places nearest to `places` (least squares) that keep their order and stand at least `gap` apart."""
    order = np.argsort(places, kind="stable")
    blocks = []  # (sum, count) of places less their stack's offset: pool neighbours that would overlap
    for rank, place in enumerate(np.asarray(places, dtype=float)[order]):
        blocks.append((place - rank * gap, 1))
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            (a, n), (b, m) = blocks.pop(), blocks.pop()
            blocks.append((a + b, n + m))
    spread = np.concatenate([np.full(n, total / n) for total, n in blocks]) if blocks else np.empty(0)
    result = np.empty(len(order))
    result[order] = spread + np.arange(len(order)) * gap
    return result
