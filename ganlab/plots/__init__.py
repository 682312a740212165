"""The book's recurring figures. Each function draws on `ax` (or a new one) and returns it; none calls `plt.show()`.

    from ganlab import plots

    plots.style()
    plots.loss_curves(trainer.history)

Tables are tidy: a row a measurement, a column a quantity, the column `seed` naming the independent run. The figures of
tables stand in `ganlab.curves`, those of gradients by layer in `ganlab.profiles`, those of samples in
`ganlab.pictures`, the slider in `ganlab.slider`, colours and labels in `ganlab.style`.
"""

from ganlab.curves import bands, intervals, loss_curves
from ganlab.pictures import points, sample_grid
from ganlab.profiles import depth_profile, heat_map
from ganlab.slider import slider
from ganlab.style import COLORS, CYCLE, direct_labels, ink, style

__all__ = [
    "COLORS",
    "CYCLE",
    "bands",
    "depth_profile",
    "direct_labels",
    "heat_map",
    "ink",
    "intervals",
    "loss_curves",
    "points",
    "sample_grid",
    "slider",
    "style",
]
