"""Games of two numbers from the symbolic losses: the Dirac-GAN with every loss and regulariser, the bilinear game.

game = dirac("minimax", "r1")  # Mescheder et al. 2018: G's point theta, D(x) = psi x, data at 0
game.field                     # (-dL_G/dtheta, -dL_D/dpsi)
game.eigenvalues()             # of the field's Jacobian at the solution, with gamma as a symbol
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from ganlab._check import lookup
from ganlab.theory.derivations import derive
from ganlab.theory.symbols import f, r

theta, psi = sp.symbols("theta psi", real=True)
gamma = sp.Symbol("gamma", positive=True)

# What D says of the data, at the solution. Least squares, with targets 0 and 1, says 1/2.
CENTRES = {"least_squares": sp.Rational(1, 2)}
# Gauss-Hermite rule of three nodes: the moments of a standard normal up to the fifth.
NODES = ((-sp.sqrt(3), sp.Rational(1, 6)), (sp.Integer(0), sp.Rational(2, 3)), (sp.sqrt(3), sp.Rational(1, 6)))

Losses = tuple[sp.Expr, sp.Expr]  # G's and D's
Shifted = Callable[[Any, Any], Losses]  # the losses with the real and the generated point shifted


@dataclass(frozen=True)
class Game:
    """Two losses in `theta` and `psi`, perhaps with the weight `gamma`; the solution is at (0, 0).

    >>> from ganlab.theory.games import Game, psi, theta
    >>> game = Game("bilinear", g_loss=theta * psi, d_loss=-theta * psi)
    >>> game.field  # each player's way down
    (-psi, theta)
    >>> sorted(game.eigenvalues(), key=str)  # imaginary: it turns, and never comes closer
    [-I, I]

    Attributes:
        name: for captions.
        g_loss: what theta descends.
        d_loss: what psi descends.
        bound: psi is clipped to [-bound, bound] after each of its steps; None: it is not.
    """

    name: str
    g_loss: sp.Expr
    d_loss: sp.Expr
    bound: sp.Expr | None = None

    @cached_property
    def field(self) -> tuple[sp.Expr, sp.Expr]:
        """The velocities (theta', psi') = (-dL_G/dtheta, -dL_D/dpsi)."""
        return -sp.diff(self.g_loss, theta), -sp.diff(self.d_loss, psi)

    def jacobian(self) -> sp.Matrix:
        """The derivative of the field at (0, 0). A clip is not active there.

        Raises:
            ValueError: the field has a kink there.
        """
        at_solution = sp.Matrix(self.field).jacobian([theta, psi]).subs({theta: 0, psi: 0})
        if at_solution.has(sp.DiracDelta, sp.nan, sp.zoo):
            raise ValueError(f"{self.name}: the field has a kink at (0, 0), so it has no Jacobian there")
        return sp.simplify(at_solution)

    def eigenvalues(self) -> list[sp.Expr]:
        """Of the Jacobian: the real part is the rate of decay (if negative), the imaginary part that of rotation."""
        return [sp.simplify(value) for value, count in self.jacobian().eigenvals().items() for _ in range(count)]


def _r1(losses: Shifted) -> Losses:
    g_loss, d_loss = losses(0, 0)
    return g_loss, d_loss + gamma / 2 * psi**2


def _gradient_penalty(losses: Shifted) -> Losses:
    g_loss, d_loss = losses(0, 0)
    return g_loss, d_loss + gamma / 2 * (sp.Abs(psi) - 1) ** 2


def _consensus(losses: Shifted) -> Losses:
    g_loss, d_loss = losses(0, 0)
    speed = sp.diff(g_loss, theta) ** 2 + sp.diff(d_loss, psi) ** 2
    return g_loss + gamma / 2 * speed, d_loss + gamma / 2 * speed


def _instance_noise(losses: Shifted) -> Losses:
    pairs = [
        (weight * other, losses(sp.sqrt(gamma) * node, sp.sqrt(gamma) * shift))
        for node, weight in NODES for shift, other in NODES
    ]  # fmt: skip
    return sum(weight * g for weight, (g, _) in pairs), sum(weight * d for weight, (_, d) in pairs)


# What `gamma` weighs in each. D's slope in x is psi.
#   r1               gamma/2 psi^2 in D's loss.                            Mescheder et al. 2018, eq. 9
#   gradient_penalty gamma/2 (|psi| - 1)^2 in D's loss.                    Gulrajani et al. 2017, lambda = gamma/2
#   consensus        gamma/2 (speed)^2 in both losses.                     Mescheder et al. 2017, eq. 10
#   instance_noise   normal noise of variance gamma on both points, by NODES: exact to the fifth moment.
#   clip             psi kept in [-gamma, gamma].                          Arjovsky et al. 2017
REGULARISERS: dict[str, Callable[[Shifted], Losses]] = {
    "none": lambda losses: losses(0, 0),
    "r1": _r1,
    "gradient_penalty": _gradient_penalty,
    "consensus": _consensus,
    "instance_noise": _instance_noise,
    "clip": lambda losses: losses(0, 0),
}


def dirac(loss: str = "minimax", regulariser: str = "none") -> Game:
    """The Dirac-GAN of Mescheder et al. 2018: data at 0, the generator's point theta, D(x) = psi x.

    >>> from ganlab.theory.games import dirac
    >>> dirac("minimax", "r1").jacobian().tolist()  # R1 brakes psi
    [[0, 1/2], [-1/2, -gamma]]

    Args:
        loss: a name in `ganlab.theory.derivations.FORMULAS`. Least squares has D(x) = 1/2 + psi x.
        regulariser: a name in `REGULARISERS`.

    Raises:
        ValueError: an unknown name.
    """
    pair, centre = derive(loss), CENTRES.get(loss, 0)
    regularise = lookup(REGULARISERS, regulariser, "regulariser")

    def losses(real_shift, fake_shift):
        at = {r: centre + psi * real_shift, f: centre + psi * (theta + fake_shift)}
        return pair.generator.subs(at, simultaneous=True), pair.discriminator.subs(at, simultaneous=True)

    name = loss if regulariser == "none" else f"{loss}, {regulariser}"
    return Game(name, *regularise(losses), bound=gamma if regulariser == "clip" else None)


def bilinear() -> Game:
    """min over theta, max over psi of theta psi: what every game here looks like close to its solution.

    >>> from ganlab.theory.games import bilinear
    >>> bilinear().field
    (-psi, theta)
    """
    return Game("bilinear", theta * psi, -theta * psi)
