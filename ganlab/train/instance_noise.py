"""Instance noise: Gaussian noise on all that D sees, real and generated, so that the two laws overlap.

Sønderby et al. 2017, section 3.1; Arjovsky & Bottou 2017, section 3. It is scaled down over training by a schedule.
"""

from collections.abc import Callable


def constant(step: int, steps: int) -> float:
    """1: the noise stays."""
    return 1.0


def linear(step: int, steps: int) -> float:
    """1 - step / steps, and 0 from step `steps` on."""
    return max(0.0, 1 - step / steps)


# Name in a recipe: (step of G, steps) -> share of the noise's standard deviation.
NOISES: dict[str, Callable[[int, int], float]] = {"constant": constant, "linear": linear}
