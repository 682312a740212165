"""Figures of tidy tables: a quantity over another with bands over seeds, both losses, groups compared."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ganlab.plots.house_style import COLORS, CYCLE, FACE, axes, direct_labels
from ganlab.study import Interval, interval

CURVES = {
    "d_loss": ("discriminator", COLORS["discriminator"]),
    "g_loss": ("generator", COLORS["generator"]),
    "real_logit": ("D on real data", COLORS["real"]),
    "fake_logit": ("D on fakes", COLORS["fake"]),
}


def bands(frame, x: str, y: str, by: str | None = None, *, ax=None, log=False, seeds=False, colors=None):
    """Mean of `y` along `x` with its 95 % Student-t interval over seeds, a line for each value of `by`.

    With `log=True` the axis is logarithmic, and mean and interval are those of log y: the line is the geometric mean,
    and the band stays positive. Runs that are not finite are left out from where they diverge, and the label counts
    them: the line is then the mean of the survivors.

    >>> import pandas as pd
    >>> from ganlab import plots
    >>> table = pd.DataFrame({"step": [0, 10, 0, 10], "seed": [0, 0, 1, 1], "loss": [4.0, 1.0, 2.0, 3.0]})
    >>> ax = plots.bands(table, "step", "loss")
    >>> ax.lines[0].get_ydata().tolist()  # the mean over the seeds at each step
    [3.0, 2.0]

    Args:
        frame: tidy table with the columns `x`, `y`, `by`, and `seed` where there is more than one run.
        by: column whose values get a line and a label each; at most as many as colours.
        log: logarithmic y axis.
        seeds: also draw every seed as a thin line.
        colors: dict from a value of `by` to its colour; default the house cycle.

    Returns:
        The axes, with a label at the end of each line where `by` is given.

    Raises:
        ValueError: a missing column; several rows for one seed at one x (another column varies: select or name it in
            `by`); values <= 0 with `log=True`.
    """
    _check_rows(frame, [x] if by is None else [x, by], y, log)
    groups = [(None, frame)] if by is None else list(frame.groupby(by, sort=False))
    if colors is None and len(groups) > len(CYCLE):
        raise ValueError(
            f"by={by!r} has {len(groups)} values, the palette {len(CYCLE)} colours: select, or pass colors"
        )
    ax = axes(ax)
    for (name, part), color in zip(groups, CYCLE if colors is None else [colors[n] for n, _ in groups], strict=False):
        _band(ax, part, x, y, color=color, label=name, log=log, seeds=seeds)
    ax.set(xlabel=x, ylabel=y, yscale="log" if log else "linear")
    return ax if by is None else direct_labels(ax)


def loss_curves(history, columns: Sequence[str] = ("d_loss", "g_loss"), *, ax=None, seeds=False):
    """Both players' losses over the steps: the mean, and the 95 % interval where there are several seeds.

    >>> import pandas as pd
    >>> from ganlab import plots
    >>> history = pd.DataFrame({"step": [10, 20], "seed": [0, 0], "d_loss": [1.4, 1.2], "g_loss": [0.7, 0.9]})
    >>> ax = plots.loss_curves(history)
    >>> [text.get_text() for text in ax.texts]  # the lines name themselves
    ['discriminator', 'generator']

    Args:
        history: `Trainer.history`: columns step, seed, d_loss, g_loss, real_logit, fake_logit.
        columns: which of them to draw.
        seeds: also draw every seed as a thin line.

    Returns:
        The axes.

    Raises:
        ValueError: as in `bands`.
    """
    ax = axes(ax)
    for column in columns:
        label, color = CURVES.get(column, (column, COLORS["neutral"]))
        _check_rows(history, ["step"], column, log=False)
        _band(ax, history, "step", column, color=color, label=label, log=False, seeds=seeds)
    ax.set(xlabel="step", ylabel="logit" if all("logit" in column for column in columns) else "loss")
    return direct_labels(ax)


def intervals(frame, value: str, by: str | Sequence[str], *, ax=None, log=False, reference=None):
    """Compare groups: a row each, with the mean, its 95 % Student-t interval and every seed as a pale dot.

    Rows keep the table's order. With two columns in `by` the second one sets the colour. A group of one seed has no
    interval and a hollow dot. Values that are not finite are left out and counted in the row's label.

    >>> import pandas as pd
    >>> from ganlab import plots
    >>> table = pd.DataFrame({"penalty": ["r1", "r1", "none", "none"], "seed": [0, 1, 0, 1], "modes": [8, 8, 3, 5]})
    >>> ax = plots.intervals(table, "modes", "penalty")
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['r1', 'none']

    Args:
        frame: tidy table with the columns `value` and `by`, a row a seed.
        by: the column or columns that name a group.
        log: logarithmic axis; mean and interval of log values, as in `bands`.
        reference: a value to mark with a vertical line.

    Returns:
        The axes, the first group on top.

    Raises:
        ValueError: as in `bands`.
    """
    by = [by] if isinstance(by, str) else list(by)
    _check_rows(frame, by, value, log)
    groups = list(frame.groupby(by, sort=False))
    kinds = list(dict.fromkeys(key[-1] for key, _ in groups)) if len(by) > 1 else []
    ax = axes(ax, size=(6.4, 0.9 + 0.42 * len(groups)))
    for row, (key, part) in enumerate(groups):
        color = CYCLE[kinds.index(key[-1]) % len(CYCLE)] if kinds else COLORS["real"]
        values = part[value][np.isfinite(part[value])].to_numpy()
        if values.size:
            middle = _interval(values, log)
            lone = values.size == 1
            ax.plot(values, np.full(values.size, row), "o", color=color, alpha=0.3, ms=5, mew=0)
            ax.plot([] if lone else [middle.low, middle.high], [] if lone else [row, row], color=color)
            ax.plot(middle.mean, row, "o", color=color, ms=8, mfc=FACE if lone else color)
    ax.set_yticks(range(len(groups)), [" · ".join(map(str, key)) + _diverged(part, value) for key, part in groups])
    if reference is not None:
        ax.axvline(reference, color=COLORS["neutral"], lw=1, ls="--", zorder=0)
    ax.set(xlabel=value, xscale="log" if log else "linear", ylim=(len(groups) - 0.4, -0.6))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def _band(ax, part, x, y, *, color, label, log, seeds):
    """One mean line with its band, and on request a thin line for each seed."""
    finite = part[np.isfinite(part[y])]
    summary = pd.DataFrame({at: _interval(group, log) for at, group in finite.groupby(x)[y]}, Interval._fields).T
    if seeds and "seed" in part:
        for _, run in finite.groupby("seed"):
            run = run.sort_values(x)
            ax.plot(run[x], run[y], color=color, lw=0.7, alpha=0.35, label="_seed")
    text = "_mean" if label is None else f"{label}{_diverged(part, y)}"
    ax.plot(summary.index, summary["mean"], color=color, label=text)
    low, high = (summary[side].where(np.isfinite(summary[side])) for side in ("low", "high"))
    ax.fill_between(summary.index, low, high, color=color, alpha=0.2, lw=0, label="_band")


def _interval(values, log: bool) -> Interval:
    """The interval of the values, or of their logs mapped back."""
    if not log:
        return interval(values)
    logs = interval(np.log(values))
    return Interval(*np.exp(logs[:3]), logs.n)


def _diverged(part, y: str) -> str:
    """ " (2 of 8 diverged)" where some runs hold values that are not finite, else ""."""
    bad = ~np.isfinite(part[y])
    runs = part["seed"] if "seed" in part else pd.Series(part.index, part.index)
    return f" ({runs[bad].nunique()} of {runs.nunique()} diverged)" if bad.any() else ""


def _check_rows(frame, keys, y: str, log: bool) -> None:
    """The columns exist, a seed has one row at each key, and log values are positive."""
    for column in [*keys, y]:
        if column not in frame:
            raise ValueError(f"no column {column!r}; known: {', '.join(map(str, frame.columns))}")
    if len(frame) == 0:
        raise ValueError("frame has no rows: there is nothing to draw")
    if "seed" in frame and frame.duplicated([*keys, "seed"]).any():
        raise ValueError(
            f"several rows for one seed at one {', '.join(keys)}: another column varies; "
            "select one of its values, or name it in by"
        )
    if log and (low := int((frame[y] <= 0).sum())):
        raise ValueError(f"{low} values of {y!r} are <= 0 and have no place on a log axis: clip them, or use log=False")
