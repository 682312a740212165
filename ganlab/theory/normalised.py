"""Batch norm on paper: SymPy differentiates the forward pass, the closed form stands beside it, and they agree.

    norm = BatchNormDerivation(3)
    norm.slope(0)          # dL/dx_0, differentiated by SymPy through the mean and the variance
    norm.closed_form(0)    # the same with the two projections, as `ganlab.batchnorm.backward` computes it
    norm.error()           # 0

One feature over a batch of n samples: x_i goes in, y_i comes out, and g_i = dL/dy_i is given.
"""

from dataclasses import dataclass
from functools import cached_property

import sympy as sp

scale, shift = sp.symbols("gamma beta", real=True)
eps = sp.Symbol("epsilon", positive=True)


@dataclass(frozen=True)
class BatchNormDerivation:
    """Forward pass and derivative of batch norm over `batch` samples of one feature.

    Raises:
        ValueError: fewer than two samples.
    """

    batch: int

    def __post_init__(self):
        if self.batch < 2:
            raise ValueError(f"batch={self.batch}: batch norm of one sample is 0; give at least 2")

    @cached_property
    def x(self) -> tuple[sp.Symbol, ...]:
        """The inputs."""
        return sp.symbols(f"x_:{self.batch}", real=True)

    @cached_property
    def g(self) -> tuple[sp.Symbol, ...]:
        """dL/dy, one for each output."""
        return sp.symbols(f"g_:{self.batch}", real=True)

    @cached_property
    def mean(self) -> sp.Expr:
        return sp.Add(*self.x) / self.batch

    @cached_property
    def std(self) -> sp.Expr:
        """The root of variance plus epsilon; the variance is divided by n."""
        return sp.sqrt(sp.Add(*((x - self.mean) ** 2 for x in self.x)) / self.batch + eps)

    def normalised(self, i: int) -> sp.Expr:
        """x_i less the mean, divided by `std`."""
        return (self.x[i] - self.mean) / self.std

    def output(self, i: int) -> sp.Expr:
        """y_i."""
        return scale * self.normalised(i) + shift

    def slope(self, j: int) -> sp.Expr:
        """dL/dx_j = sum_i g_i dy_i/dx_j, by SymPy's differentiation, through mean and variance."""
        return sp.Add(*(g * sp.diff(self.output(i), self.x[j]) for i, g in enumerate(self.g)))

    def closed_form(self, j: int) -> sp.Expr:
        """dL/dx_j with the two projections: gamma / std (g_j - mean of g - xhat_j mean of g xhat)."""
        along_ones = sp.Add(*self.g) / self.batch
        along_output = sp.Add(*(g * self.normalised(i) for i, g in enumerate(self.g))) / self.batch
        return scale / self.std * (self.g[j] - along_ones - self.normalised(j) * along_output)

    def error(self) -> sp.Expr:
        """Sum of the squared differences between the two, simplified: 0."""
        differences = (sp.simplify(self.slope(j) - self.closed_form(j)) for j in range(self.batch))
        return sp.Add(*(difference**2 for difference in differences))
