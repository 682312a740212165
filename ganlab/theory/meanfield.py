"""Mean-field theory of deep random networks: how mean squares of signals and of gradients move from layer to layer.

    q = fixed_point("tanh", weight=2.0, bias=0.05)   # where the pre-activations' mean square settles
    chi("tanh", q, weight=2.0)                       # the factor of a squared gradient, per layer
    critical_weight("tanh", bias=0.05)               # 1.761: where that factor is 1

A layer is h -> W h + b -> phi, with independent weights of variance `weight` / fan in and biases of variance `bias`. In
the limit of infinite width the pre-activations are Gaussian with mean square q, and (Poole et al. 2016; Schoenholz et
al. 2017; z is standard normal)

    q'    = weight E[phi(sqrt(q) z)^2] + bias
    chi_1 = weight E[phi'(sqrt(q) z)^2].
"""

import numpy as np
import torch
from scipy.optimize import brentq

from ganlab._check import lookup
from ganlab.nets import ACTIVATIONS

# Gauss-Legendre nodes on each half-line, so that a kink at 0 lies between two panels: [0, 12] holds all but 1e-32.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)
_HALF = 6 * (_NODES + 1)
_DENSITY = 6 * _WEIGHTS * np.exp(-(_HALF**2) / 2) / np.sqrt(2 * np.pi)
Z = torch.tensor(np.concatenate([-_HALF[::-1], _HALF]))
DENSITY = torch.tensor(np.concatenate([_DENSITY[::-1], _DENSITY]))


def moments(activation: str, q: float) -> tuple[float, float]:
    """E[phi(sqrt(q) z)^2] and E[phi'(sqrt(q) z)^2] over a standard normal z, by quadrature.

    >>> from ganlab.theory import meanfield
    >>> [round(moment, 6) for moment in meanfield.moments("relu", q=3.0)]  # half of z is cut off
    [1.5, 0.5]

    Args:
        activation: a name in `ganlab.nets.ACTIVATIONS`.
        q: mean square of the pre-activations.

    Raises:
        ValueError: an unknown activation, or q that is negative or not finite.
    """
    if not 0 <= q < float("inf"):
        raise ValueError(f"q={q}: a mean square is finite and at least 0")
    x = (q**0.5 * Z).requires_grad_()
    y = lookup(ACTIVATIONS, activation, "activation")()(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    return float(DENSITY @ y.detach() ** 2), float(DENSITY @ slope**2)


def variance_map(activation: str, q: float, weight: float, bias: float = 0.0) -> float:
    """Mean square of the next layer's pre-activations.

    >>> from ganlab.theory import meanfield
    >>> round(meanfield.variance_map("relu", q=3.0, weight=2.0), 6)  # He's weights keep it
    3.0

    Args:
        activation, q: as in `moments`.
        weight: variance of the weights times the fan in: 2 for He, 1 for Xavier (square layers) and orthogonal, 1/3 for
            torch's default.
        bias: variance of the biases.

    Raises:
        ValueError: as in `moments`, or a variance that is negative or not finite.
    """
    _check(weight=weight, bias=bias)
    return weight * moments(activation, q)[0] + bias


def chi(activation: str, q: float, weight: float) -> float:
    """Factor of the mean squared gradient from a layer to the one before it: below 1 it vanishes, above 1 explodes.

    >>> from ganlab.theory import meanfield
    >>> [round(meanfield.chi("relu", q=1.0, weight=weight), 6) for weight in (1.0, 2.0)]  # Xavier's, He's
    [0.5, 1.0]

    Args:
        activation, q, weight: as in `variance_map`, which raises the same errors.
    """
    _check(weight=weight)
    return weight * moments(activation, q)[1]


def profile(activation: str, weight: float, bias: float, depth: int, first: float) -> tuple[np.ndarray, np.ndarray]:
    """What theory predicts for a net of `depth` layers: mean square of h, and of dL/dh relative to the last layer's.

    >>> from ganlab.theory import meanfield
    >>> forward, backward = meanfield.profile("relu", weight=1.0, bias=0.0, depth=3, first=1.0)
    >>> forward.round(6).tolist(), backward.round(6).tolist()  # both halve at each layer, each on its way
    ([0.5, 0.25, 0.125], [0.25, 0.5, 1.0])

    Args:
        activation, weight, bias: as in `variance_map`.
        depth: hidden layers.
        first: mean square of the first layer's pre-activations: `weight` times that of the inputs, plus `bias`.

    Returns:
        Two arrays of length `depth`, from the first hidden layer to the last.
    """
    q, forward, factors = first, [], []
    for _ in range(depth):
        square, slope = moments(activation, q)
        forward.append(square)
        factors.append(weight * slope)
        q = weight * square + bias
    # dL/dh of layer l passes the slopes of layers l + 1, ..., depth on its way down.
    backward = np.cumprod([1.0, *factors[:0:-1]])[::-1]
    return np.array(forward), backward


def fixed_point(activation: str, weight: float, bias: float = 0.0, steps: int = 10_000) -> float:
    """The mean square q* at which pre-activations settle: the variance map iterated from 1.

    >>> from ganlab.theory import meanfield
    >>> round(meanfield.fixed_point("relu", weight=1.0, bias=1.0), 6)  # q = q/2 + 1
    2.0

    Args:
        activation, weight, bias: as in `variance_map`.
        steps: layers to wait for at most.

    Raises:
        ValueError: it grows without bound, or has not settled after `steps` layers.
    """
    q = 1.0
    for _ in range(steps):
        following = variance_map(activation, q, weight, bias)
        if following > 1e12:
            raise ValueError(f"no fixed point: with weight={weight}, {activation!r} grows without bound")
        if abs(following - q) <= 1e-13 * max(q, 1e-3):
            return following
        q = following
    raise ValueError(f"weight={weight}, bias={bias}: not settled after {steps} layers; this is close to critical")


def critical_weight(activation: str, bias: float, low: float = 0.5, high: float = 10.0) -> float:
    """The `weight` at which chi at the fixed point is 1: the border between vanishing and exploding.

    >>> from ganlab.theory import meanfield
    >>> weight = meanfield.critical_weight("tanh", bias=0.05)
    >>> q = meanfield.fixed_point("tanh", weight, bias=0.05)
    >>> round(weight, 3), round(meanfield.chi("tanh", q, weight), 6)
    (1.761, 1.0)

    Args:
        activation: a bounded one, "tanh"; for ReLU every q is fixed at weight 2 with no bias, and none with one.
        bias: variance of the biases, above 0: at 0 the settling takes for ever near the border.
        low, high: where to look.

    Raises:
        ValueError: chi does not cross 1 between `low` and `high`, or `bias` is not positive.
    """
    if not bias > 0:
        raise ValueError(f"bias={bias}: give a positive variance")

    def excess(weight: float) -> float:
        return chi(activation, fixed_point(activation, weight, bias), weight) - 1

    ends = excess(low), excess(high)
    if ends[0] * ends[1] > 0:
        raise ValueError(f"chi - 1 is {ends[0]:.3g} at weight={low} and {ends[1]:.3g} at {high}: it does not cross 0")
    return brentq(excess, low, high, xtol=1e-8)


def _check(**variances: float) -> None:
    for name, value in variances.items():
        if not 0 <= value < float("inf"):
            raise ValueError(f"{name}={value}: a variance is finite and at least 0")
