"""Chapter 4: the border between vanishing and exploding gradients."""

from check import check
from ganlab.theory import meanfield


@check
def critical_weight_of_tanh() -> float:
    """Weight variance (times the fan in) at which chi_1 is 1 for tanh with biases of variance 0.05."""
    return meanfield.critical_weight("tanh", 0.05)
