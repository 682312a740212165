"""Figures by layer: nothing that has no gradient looks like a small one."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ganlab import plots


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def table(**columns):
    rows = [
        {"step": step, "phase": phase, "layer": f"layer{depth}", "depth": depth, "seed": seed,
         "grad_norm": 10.0 ** (-depth) * (1 + seed)}
        for step in (1, 10, 20) for phase in ("D", "G") for depth in (2, 0, 1) for seed in range(3)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(**columns)


def mesh(ax):
    return ax.collections[0]


def test_heat_map_shows_medians_input_first():
    ax = plots.heat_map(table(), phase="G")
    cells = mesh(ax).get_array().reshape(3, 3)
    np.testing.assert_allclose(cells, np.outer([2, 0.2, 0.02], [1, 1, 1]))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["layer0", "layer1", "layer2"]
    assert ax.yaxis_inverted() and mesh(ax).norm.vmin == pytest.approx(0.02)


def test_heat_map_tells_zero_from_nothing():
    values = table()
    values.loc[(values.layer == "layer1") & (values.step == 10), "grad_norm"] = 0.0
    values.loc[(values.layer == "layer2") & (values.step == 20) & (values.seed == 0), "grad_norm"] = np.nan
    ax = plots.heat_map(values, phase="G")
    cells, colors = mesh(ax).get_array().reshape(3, 3), mesh(ax)
    black, clear = colors.cmap(colors.norm(cells[1, 1])), colors.cmap(np.ma.masked_invalid(cells)[2, 2])
    assert black == (0, 0, 0, 1) and clear[3] == 0 and ax.patch.get_hatch()


def test_heat_map_with_limits_of_its_own():
    assert mesh(plots.heat_map(table(), phase="G", limits=(1e-6, 1))).norm.vmin == 1e-6


def test_heat_map_of_one_step():
    assert plots.heat_map(table().query("step == 10"), phase="D").get_xlim() == (9.5, 10.5)


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (table(), {}, "phases D, G"),
        (table(), {"phase": "E"}, "unknown phase 'E'"),
        (table(), {"value": "rms", "phase": "G"}, "no column 'rms'"),
        (table(grad_norm=0.0), {"phase": "G"}, "no positive value"),
        (table().iloc[:0], {"phase": "G"}, "no rows"),
        (table(net=np.resize(["D", "G"], 54)), {"phase": "G"}, "several nets"),
    ],
)
def test_heat_map_refuses(frame, options, message):
    with pytest.raises(ValueError, match=message):
        plots.heat_map(frame, **options)


def test_depth_profile_is_the_geometric_mean_over_seeds():
    part = table().query("step == 1 and phase == 'G'")
    ax = plots.depth_profile(part, "grad_norm")
    x, y = ax.lines[-1].get_data()
    np.testing.assert_allclose(x, [0, 1, 2])
    np.testing.assert_allclose(y, 6 ** (1 / 3) * np.array([1, 0.1, 0.01]))
    assert ax.get_yscale() == "log"


def test_depth_profile_leaves_out_what_has_no_place_on_a_log_axis():
    part = table().query("step == 1 and phase == 'G'").copy()
    part.loc[part.depth == 1, "grad_norm"] = 0.0
    part.loc[part.depth == 2, "grad_norm"] = np.nan
    assert plots.depth_profile(part, "grad_norm").lines[-1].get_xdata().tolist() == [0]


def test_depth_profile_by_group_and_its_refusals():
    part = table().query("step == 1")
    ax = plots.depth_profile(part, "grad_norm", by="phase")
    assert {line.get_label() for line in ax.lines} >= {"D", "G"}
    with pytest.raises(ValueError, match="several rows for one seed"):
        plots.depth_profile(part, "grad_norm")
    with pytest.raises(ValueError, match="no column 'rms'"):
        plots.depth_profile(part, "rms")
