"""SymPy prints as JavaScript what runs in Python: the game's field, and one step of each method."""

import sympy as sp

from ganlab.theory.dynamics import State, advance
from ganlab.theory.games import Game, gamma

# What the printed formulas call. `vG` and `vD` are the field of the chosen game, `clip` its bound on psi.
CALLS = {"Sigmoid": "sigmoid", "Softplus": "softplus", "Relu": "relu", "Step": "stepped", "sign": "Math.sign"}
RULES = {"vG": "vG", "vD": "vD", "clip": "clip"}
PRELUDE = """\
const sigmoid = x => 1 / (1 + Math.exp(-x)), softplus = x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  const relu = x => Math.max(x, 0), stepped = x => +(x > 0);"""


def printed(expression: sp.Expr) -> str:
    """The expression as JavaScript; `theta`, `psi` and `gamma` are variables, CALLS and RULES name the functions."""
    return sp.jscode(sp.sympify(expression), user_functions=CALLS | RULES)


def printed_rule(method: str, timing: str) -> str:
    """One step of `ganlab.theory.dynamics.advance` as a JavaScript function of (state, h, beta, vG, vD, clip)."""
    state = State(*sp.symbols("theta psi theta_memory psi_memory"))
    field = [sp.Function(name) for name in ("vG", "vD")]
    h, beta = sp.symbols("h beta")
    after = advance(state, field, method, timing, step=h, beta=beta, project=sp.Function("clip"))
    shared, results = sp.cse([sp.sympify(part) for part in after], sp.numbered_symbols("t"))
    lines = [f"const {name} = {printed(value)};" for name, value in shared]
    lines.append(f"return [{', '.join(map(printed, results))}];")
    return f"(([{', '.join(map(str, state))}], h, beta, vG, vD, clip) => {{ {' '.join(lines)} }})"


def printed_game(game: Game) -> str:
    """The game's field, bound and what the figure must know of it, as a JavaScript object."""
    try:
        kink = game.jacobian() is None
    except ValueError:
        kink = True
    parts = dict(zip(("vG", "vD"), map(printed, game.field), strict=True))
    functions = [f"{name}: (theta, psi, gamma) => {code}" for name, code in parts.items()]
    functions.append(f"bound: gamma => {'Infinity' if game.bound is None else printed(game.bound)}")
    weighted = game.bound is not None or any(part.has(gamma) for part in game.field)
    return f"{{{', '.join(functions)}, weighted: {str(weighted).lower()}, kink: {str(kink).lower()}}}"
