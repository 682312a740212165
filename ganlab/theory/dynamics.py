"""The motion of two players, step by step and on paper: methods, who sees whom, growth near the solution.

    game = dirac("minimax", "r1")
    path = trajectory(game, "gradient", "alternating", step=0.2, gamma=0.3)
    growth(game, "gradient", "alternating", step=0.2, gamma=0.3)  # of the distance to the solution, per step

A rule is written once, with `+` and `*`: it runs on numbers, on arrays and on symbols. So the trajectories, the
matrices and the formulas that `ganlab.plots.phase_portrait` prints as JavaScript cannot part. The games stand in
`ganlab.theory.games`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

from ganlab._check import lookup
from ganlab.theory.games import REGULARISERS, Game, bilinear, dirac, gamma, psi, theta
from ganlab.theory.symbols import as_function

__all__ = [
    "METHODS", "REGULARISERS", "TIMINGS", "Game", "Method", "State", "advance", "bilinear", "dirac", "gamma", "growth",
    "psi", "step_matrix", "theta", "trajectory", "velocities",
]  # fmt: skip


class State(NamedTuple):
    """Both players, and what each remembers: its velocity, or its gradient of the step before.

    >>> from ganlab.theory.dynamics import State, advance
    >>> field = (lambda theta, psi: -psi, lambda theta, psi: theta)
    >>> advance(State(1.0, 1.0, 0.0, 0.0), field, "momentum", "simultaneous", step=0.5, beta=0.9)
    State(theta=0.5, psi=1.5, theta_memory=-1.0, psi_memory=1.0)
    """

    theta: Any
    psi: Any
    theta_memory: Any
    psi_memory: Any


@dataclass(frozen=True)
class Method:
    """How a player turns its gradient into a move.

    >>> from ganlab.theory.dynamics import METHODS
    >>> METHODS["optimistic"].direction(3.0, 1.0, 0.0)  # twice the gradient less the one before, which it remembers
    (5.0, 3.0)

    Attributes:
        direction: (gradient, memory, beta) -> (direction, memory).
        lookahead: take the gradients where a plain step would lead.
        remembers: whether the memory starts as the first gradient, and not as 0.
    """

    direction: Callable[[Any, Any, Any], tuple[Any, Any]]
    lookahead: bool = False
    remembers: bool = False


def _plain(gradient, memory, beta):
    return gradient, 0 * gradient


def _heavy_ball(gradient, memory, beta):
    velocity = gradient + beta * memory
    return velocity, velocity


def _optimistic(gradient, memory, beta):
    return 2 * gradient - memory, gradient


METHODS: dict[str, Method] = {
    "gradient": Method(_plain),
    "momentum": Method(_heavy_ball),  # Polyak 1964; beta < 0: Gidel et al. 2019b
    "extragradient": Method(_plain, lookahead=True),  # Korpelevich 1976; Gidel et al. 2019
    "optimistic": Method(_optimistic, remembers=True),  # Daskalakis et al. 2018, eq. 6
}
# Who sees whom: whether G sees the D that has just moved, and whether D sees the G that has just moved.
TIMINGS: dict[str, tuple[bool, bool]] = {
    "simultaneous": (False, False),
    "alternating": (True, False),  # D first, as in a usual training loop
    "generator first": (False, True),
}


def _move(base: State, at: State, field, direction, timing: tuple[bool, bool], step, beta, project) -> State:
    """From `base`, with the gradients at `at`, or at the other player's new place where the timing says so."""

    def move_g(at_psi):
        move, memory = direction(field[0](at.theta, at_psi), base.theta_memory, beta)
        return base.theta + step * move, memory

    def move_d(at_theta):
        move, memory = direction(field[1](at_theta, at.psi), base.psi_memory, beta)
        return project(base.psi + step * move), memory

    g_sees_new, d_sees_new = timing
    if d_sees_new:
        new_theta, theta_memory = move_g(at.psi)
        new_psi, psi_memory = move_d(new_theta)
    else:
        new_psi, psi_memory = move_d(at.theta)
        new_theta, theta_memory = move_g(new_psi if g_sees_new else at.psi)
    return State(new_theta, new_psi, theta_memory, psi_memory)


def advance(state: State, field, method: str, timing: str, *, step, beta=0.0, project=lambda value: value) -> State:
    """One step of both players, on numbers, arrays or symbols.

    >>> from ganlab.theory.dynamics import State, advance
    >>> field = (lambda theta, psi: -psi, lambda theta, psi: theta)
    >>> advance(State(1.0, 0.0, 0.0, 0.0), field, "gradient", "alternating", step=0.5)[:2]  # psi first
    (0.75, 0.5)

    Args:
        field: two functions of (theta, psi): the velocities of theta and of psi.
        method: a name in `METHODS`.
        timing: a name in `TIMINGS`. `"simultaneous"`: both see the other as it was. `"alternating"`: D moves, then G
            sees the new D. `"generator first"`: the other way round. Either holds for each look ahead, too.
        step: the learning rate of both.
        beta: of momentum; the other methods do not use it.
        project: applied to psi after each of its moves.

    Raises:
        ValueError: an unknown method or timing.
    """
    rule, sees = lookup(METHODS, method, "method"), lookup(TIMINGS, timing, "timing")
    at = _move(state, state, field, _plain, sees, step, beta, project) if rule.lookahead else state
    return _move(state, at, field, rule.direction, sees, step, beta, project)


def trajectory(
    game: Game, method: str = "gradient", timing: str = "simultaneous", *, step: float, gamma: float = 1.0,
    beta: float = 0.0, start=(1.0, 1.0), steps: int = 500,
) -> np.ndarray:  # fmt: skip
    """Where the players are, (steps + 1, 2) in float64; or (steps + 1, 2, n) for n starting points.

    >>> from ganlab.theory.dynamics import bilinear, trajectory
    >>> trajectory(bilinear(), step=0.5, start=(1.0, 0.0), steps=2).tolist()
    [[1.0, 0.0], [1.0, 0.5], [0.75, 1.0]]

    Args:
        game, method, timing, beta: as in `advance`.
        step: learning rate, positive.
        gamma: weight of the game's regulariser, positive.
        start: theta and psi: two numbers, or two arrays (n,).
        steps: number of steps. A run that overflows goes on as inf or nan.

    Raises:
        ValueError: step or gamma not positive and finite, beta outside (-1, 1), a bad start or number of steps.
    """
    _check(step, gamma, beta)
    begin = np.asarray(start, dtype=float)
    if begin.ndim not in (1, 2) or len(begin) != 2 or not np.isfinite(begin).all():
        raise ValueError(f"start={start!r}: theta and psi, two finite numbers or two arrays of them")
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps={steps!r}: a whole number of at least 1")
    field = velocities(game, gamma)
    bound = None if game.bound is None else float(game.bound.subs(_weight(), gamma))
    state = State(*begin, *(0 * begin))
    if lookup(METHODS, method, "method").remembers:
        state = State(*begin, field[0](*begin), field[1](*begin))
    path = np.empty((steps + 1, *begin.shape))
    path[0] = begin
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(steps):
            state = advance(
                state, field, method, timing, step=step, beta=beta,
                project=_identity if bound is None else lambda value: np.clip(value, -bound, bound),
            )  # fmt: skip
            path[k + 1] = state.theta, state.psi
    return path


def velocities(game: Game, weight: float = 1.0) -> tuple[Callable, Callable]:
    """The field as two numpy functions of (theta, psi), with gamma = `weight`.

    >>> from ganlab.theory.dynamics import bilinear, velocities
    >>> theta_velocity, psi_velocity = velocities(bilinear())
    >>> theta_velocity(2.0, 3.0), psi_velocity(2.0, 3.0)
    (-3.0, 2.0)
    """
    return tuple(as_function(part.subs(_weight(), weight), theta, psi, library="numpy") for part in game.field)


def step_matrix(jacobian, method: str, timing: str, *, step, beta=0.0) -> sp.Matrix:
    """The linear map of one step on (theta, psi, their memories) close to the solution; entries may be symbols.

    >>> import sympy as sp
    >>> from ganlab.theory.dynamics import bilinear, step_matrix
    >>> step_matrix(bilinear().jacobian(), "gradient", "alternating", step=sp.Symbol("h"))[:2, :2].tolist()
    [[1 - h**2, -h], [h, 1]]

    Args:
        jacobian: 2 x 2, the field's.
        method, timing, step, beta: as in `advance`.
    """
    (a, b), (c, d) = sp.Matrix(jacobian).tolist()
    field = (lambda x, y: a * x + b * y, lambda x, y: c * x + d * y)
    columns = [advance(State(*row), field, method, timing, step=step, beta=beta) for row in sp.eye(4).tolist()]
    return sp.Matrix(columns).T


def growth(
    game: Game, method: str = "gradient", timing: str = "simultaneous", *, step: float, gamma: float = 1.0,
    beta: float = 0.0,
) -> float:  # fmt: skip
    """The factor of the distance to the solution in one step, close to it: the largest |eigenvalue| of the step.

    Below 1 the game converges, at 1 it circles, above 1 it diverges.

    >>> from ganlab.theory.dynamics import bilinear, growth
    >>> [round(growth(bilinear(), timing=timing, step=0.75), 6) for timing in ("simultaneous", "alternating")]
    [1.25, 1.0]

    Args:
        game, method, timing, step, gamma, beta: as in `trajectory`.

    Raises:
        ValueError: step or gamma not positive and finite, beta outside (-1, 1), or a kink at the solution.
    """
    _check(step, gamma, beta)
    matrix = step_matrix(game.jacobian().subs(_weight(), gamma), method, timing, step=step, beta=beta)
    return float(np.abs(np.linalg.eigvals(np.array(matrix.tolist(), dtype=float))).max())


def _weight() -> sp.Symbol:
    return sp.Symbol("gamma", positive=True)  # `gamma` is an argument's name in the functions above


def _identity(value):
    return value


def _check(step: float, gamma: float, beta: float) -> None:
    for name, value in (("step", step), ("gamma", gamma)):
        if not 0 < value < float("inf"):
            raise ValueError(f"{name}={value}: positive and finite")
    if not -1 < beta < 1:
        raise ValueError(f"beta={beta}: in (-1, 1)")
