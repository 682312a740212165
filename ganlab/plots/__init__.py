"""What does it look like? The book's recurring figures, each drawn on `ax` (or a new one) and returned.

    plots.style()
    plots.loss_curves(trainer.history)

None calls `plt.show()`. Tables are tidy: a row a measurement, a column a quantity, the column `seed` naming the
independent run. This wing measures nothing. It needs matplotlib; `phase_portrait` needs SymPy too, and is imported
when it is first asked for.
"""

from ganlab.plots.curves import bands, intervals, loss_curves
from ganlab.plots.house_style import COLORS, CYCLE, direct_labels, ink, style
from ganlab.plots.pictures import points, sample_grid
from ganlab.plots.profiles import depth_profile, heat_map
from ganlab.plots.sliders import slider

__all__ = [
    "COLORS", "CYCLE", "bands", "depth_profile", "direct_labels", "heat_map", "ink", "intervals", "loss_curves",
    "phase_portrait", "points", "sample_grid", "slider", "style",
]  # fmt: skip


def __getattr__(name: str):
    if name == "phase_portrait":
        from ganlab.plots.portrait import phase_portrait

        return phase_portrait
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
