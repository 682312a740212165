"""Figures of gradients by layer: over the steps as a heat map, over the depth as a profile."""

import numpy as np
import pandas as pd

from ganlab.plots.curves import bands
from ganlab.plots.house_style import COLORS, axes, colors, plt

# A dark-to-light map that keeps its order in grey and for every colour vision.
HEAT = "viridis"


def heat_map(table: pd.DataFrame, value: str = "grad_norm", *, phase: str | None = None, ax=None, limits=None):
    """`value` of every layer (down) at every step (across), on a logarithmic colour scale; the median over seeds.

    Exact zeros are black, and what is not a number (no gradient, or one that is not finite) is hatched: neither is
    a small value.

    >>> import pandas as pd
    >>> from ganlab import plots
    >>> table = pd.DataFrame({"step": [0, 0], "layer": ["in", "out"], "depth": [1, 2], "grad_norm": [0.01, 10.0]})
    >>> ax = plots.heat_map(table)
    >>> [label.get_text() for label in ax.get_yticklabels()], float(ax.collections[0].norm.vmax)
    (['in', 'out'], 10.0)

    Args:
        table: `Monitor.gradients()` or `Monitor.activations()`: columns step, phase, layer, depth, `value`.
        phase: which rows of `phase`; needed where the table has several.
        limits: (low, high) of the colours; default: the least and largest positive value.

    Returns:
        The axes.

    Raises:
        ValueError: a missing column, an unknown phase, several phases and none chosen, or no positive value.
    """
    table = _phase(_with(table, ["step", "layer", "depth", value]), phase)
    order = table.drop_duplicates("layer").sort_values("depth")["layer"]
    # NaN wins over the median: one member whose gradient is gone or broken must be seen.
    cells = table.pivot_table(index="layer", columns="step", values=value, aggfunc=_median, dropna=False, sort=False)
    cells = cells.reindex(order)
    positive = cells.to_numpy()[np.isfinite(cells.to_numpy()) & (cells.to_numpy() > 0)]
    if not positive.size:
        raise ValueError(f"{value!r} has no positive value: there is nothing to draw on a log scale")
    ax = axes(ax, size=(6.4, 1.2 + 0.24 * max(len(order), 6)))
    scale = colors.LogNorm(*(limits or (positive.min(), positive.max())))
    cmap = plt.get_cmap(HEAT).with_extremes(under="black", bad=(0, 0, 0, 0))
    ax.patch.set(hatch="////", facecolor="white", edgecolor=COLORS["neutral"])
    shown = np.where(cells.to_numpy() == 0, scale.vmin / 2, cells.to_numpy())
    mesh = ax.pcolormesh(
        _edges(cells.columns), np.arange(len(order) + 1), shown, norm=scale, cmap=cmap, rasterized=True
    )
    ax.set(xlabel="step", ylabel="layer, input first", ylim=(len(order), 0))
    every = max(1, len(order) // 12)
    ax.set_yticks(np.arange(len(order))[::every] + 0.5, [str(name) for name in order][::every])
    ax.figure.colorbar(mesh, ax=ax, label=value.replace("_", " "), extend="neither")
    return ax


def depth_profile(
    table: pd.DataFrame, value: str = "grad_rms", by: str | None = None, *, ax=None, seeds=False, colors=None
):
    """`value` over the depth, on a log axis: the geometric mean and its 95 % interval over seeds.

    Layers without a value are left out, and so are those at exactly 0, which have no place on a log axis: where
    every seed is 0 the line ends.

    >>> import pandas as pd
    >>> from ganlab import plots
    >>> table = pd.DataFrame({"depth": [1, 1, 2, 2], "seed": [0, 1, 0, 1], "grad_rms": [1.0, 4.0, 10.0, 10.0]})
    >>> ax = plots.depth_profile(table)
    >>> ax.lines[0].get_ydata().round(6).tolist()  # 2 is the geometric mean of 1 and 4
    [2.0, 10.0]

    Args:
        table: `snapshot(...)`, or one step and phase of `Monitor.gradients()` or `Monitor.activations()`: columns
            depth, `value`, `by`, and seed where there are several.
        by: column whose values get a line each.
        seeds: also draw every seed as a thin line.
        colors: dict from a value of `by` to its colour.

    Returns:
        The axes.

    Raises:
        ValueError: a missing column, or several rows for one seed at one depth.
    """
    table = _with(table, ["depth", value, *([by] if by else [])])
    ax = bands(table[table[value] > 0], "depth", value, by, ax=ax, log=True, seeds=seeds, colors=colors)
    ax.set(xlabel="depth (layers from the input)", ylabel=value.replace("_", " "))
    return ax


def _with(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    if missing := [column for column in columns if column not in table]:
        raise ValueError(f"no column {missing[0]!r}; known: {', '.join(map(str, table.columns))}")
    if table.empty:
        raise ValueError("table has no rows: nothing has been measured yet")
    return table


def _phase(table: pd.DataFrame, phase: str | None) -> pd.DataFrame:
    """The rows of one phase; of one net too, where the table has several."""
    if "phase" not in table:
        return table
    known = list(table["phase"].unique())
    if phase is None and len(known) > 1:
        raise ValueError(f"the table has the phases {', '.join(known)}: choose one with phase=")
    if phase is not None and phase not in known:
        raise ValueError(f"unknown phase {phase!r}; known: {', '.join(known)}")
    chosen = table if phase is None else table[table["phase"] == phase]
    if "net" in chosen and chosen["net"].nunique() > 1:
        raise ValueError("the table has several nets: select one, table[table.net == 'G'] say")
    return chosen


def _median(values: pd.Series) -> float:
    """The median; NaN as soon as one value is."""
    return float(np.median(values))


def _edges(steps) -> np.ndarray:
    """Where the columns of a heat map begin and end: half way to the neighbours."""
    steps = np.asarray(steps, dtype=float)
    if len(steps) == 1:
        return np.array([steps[0] - 0.5, steps[0] + 0.5])
    middle = (steps[1:] + steps[:-1]) / 2
    return np.concatenate([[2 * steps[0] - middle[0]], middle, [2 * steps[-1] - middle[-1]]])
