"""What the figures of tables draw: the numbers, the intervals, the labels, and colours that can be told apart."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from skimage.color import deltaE_ciede2000, rgb2lab

from ganlab import plots
from ganlab.plots.house_style import FACE, INK, LANDSCAPE, SETTINGS, _spread, contrast

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def clean():
    """The house style on a canvas without a window; no figure is left open."""
    plt.switch_backend("agg")
    with plt.rc_context():
        plots.style()
        yield
    plt.close("all")


@pytest.fixture
def table():
    """Two losses, five seeds, four steps; positive values."""
    rng = np.random.default_rng(0)
    rows = [
        {"loss": loss, "seed": seed, "step": step, "grad": rng.lognormal(mean, 1.0)}
        for loss, mean in (("hinge", 0.0), ("minimax", -6.0))
        for seed in range(5)
        for step in (0, 10, 20, 30)
    ]
    return pd.DataFrame(rows)


def line(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def edges(band, step):
    """Lower and upper edge at `step` of a filled band."""
    vertices = band.get_paths()[0].vertices
    heights = vertices[np.isclose(vertices[:, 0], step), 1]
    return heights.min(), heights.max()


@pytest.mark.parametrize("log", [False, True])
def test_a_band_is_the_t_interval_of_the_values_or_of_their_logs(table, log):
    ax = plots.bands(table, "step", "grad", by="loss", log=log)
    there, back = (np.log, np.exp) if log else (np.array, float)
    for band, (loss, part) in zip(ax.collections, table.groupby("loss", sort=False), strict=True):
        steps, means = line(ax, loss).get_data()
        assert list(steps) == [0, 10, 20, 30]
        for step, mean in zip(steps, means, strict=True):
            values = there(part.loc[part.step == step, "grad"])
            low, high = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
            assert mean == pytest.approx(back(values.mean()))
            assert edges(band, step) == pytest.approx((back(low), back(high)))
    assert ax.get_yscale() == ("log" if log else "linear")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "grad")


def test_one_seed_has_a_line_and_no_band(table):
    one = table[(table.seed == 0) & (table.loss == "hinge")]
    ax = plots.bands(one, "step", "grad")
    np.testing.assert_allclose(ax.lines[0].get_ydata(), one["grad"])
    assert all(len(path.vertices) == 0 for band in ax.collections for path in band.get_paths())


def test_rows_may_come_in_any_order(table):
    first = plots.bands(table, "step", "grad", by="loss", seeds=True)
    mixed = plots.bands(table.sample(frac=1, random_state=1).sort_values("loss"), "step", "grad", by="loss", seeds=True)
    for one, other in zip(first.lines, mixed.lines, strict=True):
        np.testing.assert_allclose(np.array(one.get_data(), float), np.array(other.get_data(), float))


def test_each_seed_may_be_drawn(table):
    ax = plots.bands(table, "step", "grad", by="loss", seeds=True)
    assert len([line for line in ax.lines if line.get_label() == "_seed"]) == 10


def test_diverged_runs_are_left_out_and_counted(table):
    table.loc[(table.seed == 3) & (table.loss == "minimax") & (table.step >= 20), "grad"] = np.nan
    ax = plots.bands(table, "step", "grad", by="loss")
    drawn = line(ax, "minimax (1 of 5 diverged)")
    rest = table[(table.loss == "minimax") & (table.step == 30) & (table.seed != 3)]
    assert drawn.get_ydata()[-1] == pytest.approx(rest["grad"].mean())


def test_loss_curves_label_both_players_at_their_lines():
    frame = pd.DataFrame(
        {"step": [10, 20] * 2, "seed": [0, 0, 1, 1], "d_loss": [1.0, 2, 3, 4], "g_loss": [5.0, 6, 7, 9]}
    )
    frame = frame.assign(real_logit=1.0, fake_logit=[-1.0, -2, -1, -2])
    ax = plots.loss_curves(frame)
    np.testing.assert_allclose(line(ax, "discriminator").get_ydata(), [2, 3])
    np.testing.assert_allclose(line(ax, "generator").get_ydata(), [6, 7.5])
    assert {text.get_text() for text in ax.texts} == {"discriminator", "generator"}
    logits = plots.loss_curves(frame, ["real_logit", "fake_logit"])
    np.testing.assert_allclose(line(logits, "D on fakes").get_ydata(), [-1, -2])
    assert logits.get_ylabel() == "logit"


def test_a_run_that_diverged_from_the_start_is_still_drawn():
    frame = pd.DataFrame({"step": [1, 2, 1, 2], "seed": [0, 0, 1, 1], "d_loss": np.nan, "g_loss": [1.0, 2, 3, 4]})
    ax = plots.loss_curves(frame)
    assert [text.get_text() for text in ax.texts] == ["generator"]
    assert line(ax, "discriminator (2 of 2 diverged)").get_xdata().size == 0


@pytest.mark.parametrize("log", [False, True])
def test_a_forest_row_shows_mean_interval_and_seeds(table, log):
    last = table[table.step == 30]
    ax = plots.intervals(last, "grad", "loss", log=log)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["hinge", "minimax"]
    there, back = (np.log, np.exp) if log else (np.array, float)
    for row, loss in enumerate(["hinge", "minimax"]):
        dots, bar, middle = ax.lines[3 * row : 3 * row + 3]
        values = last.loc[last.loss == loss, "grad"].to_numpy()
        np.testing.assert_allclose(dots.get_xdata(), values)
        expected = stats.t.interval(0.95, 4, there(values).mean(), stats.sem(there(values)))
        np.testing.assert_allclose(bar.get_xdata(), [back(end) for end in expected])
        assert middle.get_xdata().item() == pytest.approx(back(there(values).mean()))
        assert set(middle.get_ydata()) == set(bar.get_ydata()) == {row}


def test_a_forest_row_of_one_seed_has_no_interval(table):
    ax = plots.intervals(table[(table.step == 30) & (table.seed == 0)], "grad", "loss", reference=1.0)
    dots, bar, middle = ax.lines[:3]
    assert bar.get_xdata().size == 0 and middle.get_markerfacecolor() == FACE and dots.get_xdata().size == 1
    assert list(ax.lines[-1].get_xdata()) == [1.0, 1.0]


def test_forest_rows_of_two_columns_are_coloured_by_the_second(table):
    ax = plots.intervals(table[table.step >= 20].query("seed < 3"), "grad", ["step", "loss"])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == [
        "20 · hinge", "30 · hinge", "20 · minimax", "30 · minimax"]  # fmt: skip
    rows = [ax.lines[3 * row + 2].get_color() for row in range(4)]
    assert rows[0] == rows[1] != rows[2] == rows[3]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: plots.bands(t, "step", "gradient"), "no column 'gradient'; known: loss, seed, step, grad"),
        (lambda t: plots.bands(t, "step", "grad"), "several rows for one seed at one step"),
        (lambda t: plots.intervals(t, "grad", "loss"), "several rows for one seed at one loss"),
        (lambda t: plots.bands(t.assign(grad=-1.0), "step", "grad", "loss", log=True), "40 values of 'grad' are <= 0"),
        (lambda t: plots.bands(t[:0], "step", "grad"), "no rows"),
        (lambda t: plots.bands(t.assign(x=0, seed=range(40)), "x", "grad", by="seed"), "40 values, the palette 7"),
        (lambda t: plots.loss_curves(t.query("loss == 'hinge'")), "no column 'd_loss'"),
        (lambda t: plots.direct_labels(plt.subplots()[1]), "no line has a label"),
    ],
)
def test_bad_tables_are_refused(table, call, message):
    with pytest.raises(ValueError, match=message):
        call(table)


def test_figures_are_drawn_on_the_given_axes(table):
    _, axes = plt.subplots(1, 2)
    assert plots.bands(table, "step", "grad", "loss", ax=axes[0]) is axes[0]
    assert plots.intervals(table[table.step == 0], "grad", "loss", ax=axes[1]) is axes[1]
    assert len(plt.get_fignums()) == 1


def test_labels_stand_at_line_ends_and_do_not_overlap():
    ax = plt.subplots()[1]
    for i in range(6):
        ax.plot([0, 1, 2], [0, 1, 1 + i / 1000], label=f"line {i}")
    ax.plot([0, 1, 2], [0, -1, np.nan], label="ends early")
    plots.direct_labels(plots.direct_labels(ax))  # the second call replaces the first's labels
    ax.figure.canvas.draw()
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert len(boxes) == 7
    assert all(low.y1 <= high.y0 + 1 for low, high in itertools.pairwise(boxes))
    early = next(text for text in ax.texts if text.get_text() == "ends early")
    assert tuple(early.xy) == (1, -1)
    heights = {text.get_text(): text.get_window_extent().y0 for text in ax.texts}
    assert [f"line {i}" for i in range(6)] == sorted((k for k in heights if k != "ends early"), key=heights.get)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=12), st.floats(0.1, 50))
def test_spread_keeps_order_gap_and_centre(places, gap):
    spread = _spread(places, gap)
    order = np.argsort(places, kind="stable")
    assert (np.diff(spread[order]) >= gap - 1e-6).all()
    assert spread.mean() == pytest.approx(np.mean(places), abs=1e-6)
    if len(places) == 1 or np.diff(np.sort(places)).min() >= gap:
        np.testing.assert_allclose(spread, places, atol=1e-6)


def test_contrast_is_that_of_wcag():
    assert contrast("white", "black") == pytest.approx(21)
    assert contrast("#777777", "white") == pytest.approx(4.478, abs=1e-3)  # the guideline's own near miss


def test_text_is_readable_on_the_figure():
    assert contrast(INK, FACE) >= 7
    for color in (*plots.CYCLE, *plots.COLORS.values()):
        assert contrast(plots.ink(color), FACE) >= 4.5
        assert contrast(color, FACE) >= 2  # a thick line, named by a label of its own


# Severity 1.0 of Machado, Oliveira and Fernandes 2009, table 1, in linear RGB; "normal" is the identity.
VISION = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


def seen(color, vision):
    """The colour as it looks under a colour-vision deficiency, in CIELAB."""
    channels = np.asarray(plt.matplotlib.colors.to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    linear = np.clip(VISION[vision] @ linear, 0, 1)
    return rgb2lab(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("vision", VISION)
def test_colours_stay_apart(vision):
    """CIEDE2000 differences: about 2 is just visible, 10 is plain at a glance."""
    for palette in (plots.CYCLE, tuple(plots.COLORS.values())):
        colors = [seen(color, vision) for color in palette]
        apart = [deltaE_ciede2000(a, b) for i, a in enumerate(colors) for b in colors[:i]]
        assert min(apart) > 8
    pairs = [("real", "fake"), ("generator", "discriminator")]
    assert all(deltaE_ciede2000(*(seen(plots.COLORS[role], vision) for role in pair)) > 15 for pair in pairs)
    ends = [seen(LANDSCAPE(at)[:3], vision) for at in (0.0, 0.5, 1.0)]
    assert min(deltaE_ciede2000(ends[1], end) for end in ends[::2]) > 5
    assert deltaE_ciede2000(ends[0], ends[2]) > 15


def test_style_is_applied_and_draws_without_a_warning(table):
    ax = plt.subplots()[1]
    assert ax.figure.get_facecolor() == plt.matplotlib.colors.to_rgba(FACE)
    assert tuple(ax.figure.get_size_inches()) == SETTINGS["figure.figsize"]
    assert ax.plot([0, 1])[0].get_color() == plots.CYCLE[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.bands(table, "step", "grad", "loss", log=True).figure.canvas.draw()
