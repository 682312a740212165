"""The functions that losses are made of, for SymPy: each with its derivative, its printed form and its computation.

SymPy would differentiate log(1 + exp(x)) itself, into quotients of exponentials that nobody prints and that overflow.
Here the derivative of a softplus is a sigmoid, on paper as in code; the tests hold each rule against the exponentials.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import sympy as sp
import torch
from scipy.special import expit

from ganlab._check import lookup
from ganlab.losses import softplus

l, r, f, delta = sp.symbols("l r f delta", real=True)
SYMBOL_NAMES = {l: r"\ell", r: r"\ell_r", f: r"\ell_f", delta: r"\Delta"}


class _Named(sp.Function):
    """A function that `as_function` looks up by its name."""

    def _torchcode(self, printer, **_):
        return f"{self.func.__name__}({printer.doprint(self.args[0])})"


class Sigmoid(_Named):
    """1 / (1 + exp(-x)).

    >>> from ganlab.theory.symbols import Sigmoid, l
    >>> Sigmoid(0), Sigmoid(l).diff(l) == Sigmoid(l) * Sigmoid(-l)
    (1/2, True)
    """

    @classmethod
    def eval(cls, x):
        return sp.Rational(1, 2) if x.is_zero else None

    def fdiff(self, argindex=1):
        return Sigmoid(self.args[0]) * Sigmoid(-self.args[0])

    def _eval_rewrite_as_exp(self, x, **_):
        return 1 / (1 + sp.exp(-x))

    def _latex(self, printer, **_):
        return rf"\sigma({printer.doprint(self.args[0])})"


class Softplus(_Named):
    """log(1 + exp(x)) = -log Sigmoid(-x).

    >>> from ganlab.theory.symbols import Softplus, l
    >>> Softplus(0), Softplus(-l).diff(l)
    (log(2), -Sigmoid(-l))
    """

    @classmethod
    def eval(cls, x):
        return sp.log(2) if x.is_zero else None

    def fdiff(self, argindex=1):
        return Sigmoid(self.args[0])

    def _eval_rewrite_as_exp(self, x, **_):
        return sp.log(1 + sp.exp(x))

    def _latex(self, printer, **_):
        return rf"\log(1 + e^{{{printer.doprint(self.args[0])}}})"


class Step(_Named):
    """1 where x > 0, else 0.

    >>> from ganlab.theory.symbols import Step, l
    >>> [Step(1 - l).subs(l, value) for value in (0, 1, 2)]
    [1, 0, 0]
    """

    @classmethod
    def eval(cls, x):
        return sp.Integer(bool(x > 0)) if x.is_number else None

    def fdiff(self, argindex=1):
        return sp.Integer(0)

    def _latex(self, printer, **_):
        (symbol,) = self.args[0].free_symbols
        edge, rises = sp.solve(self.args[0], symbol)[0], self.args[0].coeff(symbol) > 0
        return rf"\mathbf{{1}}[{printer.doprint(sp.Gt(symbol, edge) if rises else sp.Lt(symbol, edge))}]"


class Relu(_Named):
    """max(0, x), with derivative 0 at the kink, as in torch.

    >>> from ganlab.theory.symbols import Relu, l
    >>> Relu(1 - l).subs(l, -2), Relu(1 - l).diff(l)
    (3, -Step(1 - l))
    """

    @classmethod
    def eval(cls, x):
        return sp.Max(0, x) if x.is_number else None

    def fdiff(self, argindex=1):
        return Step(self.args[0])

    def _latex(self, printer, **_):
        return rf"\max(0, {printer.doprint(self.args[0])})"


LIBRARIES = {
    "numpy": [
        {
            "Sigmoid": expit,
            "Softplus": lambda x: np.logaddexp(0, x),
            "Relu": lambda x: np.maximum(x, 0),
            "Step": lambda x: np.heaviside(x, 0),
        },
        "numpy",
    ],
    "torch": [
        {
            "Sigmoid": torch.sigmoid,
            "Softplus": softplus,
            "Relu": torch.relu,
            "Step": lambda x: (x > 0).to(x.dtype),
        },
        "torch",
    ],
}


def latex(expression: sp.Expr, **settings) -> str:
    r"""LaTeX for the page, without dollar signs: the logit as a script l, the sigmoid as sigma.

    `settings` go to `sympy.latex`: `order="rev-lex"`, say.

    >>> from ganlab.theory.symbols import Sigmoid, l, latex
    >>> print(latex(-Sigmoid(-l)))
    - \sigma(- \ell)
    """
    return sp.latex(expression, symbol_names=SYMBOL_NAMES, fold_func_brackets=True, **settings)


@cache
def as_function(expression: sp.Expr, *symbols: sp.Symbol, library: str = "torch") -> Callable:
    """A function of tensors or arrays, of their shape even where the expression is a constant.

    >>> import torch
    >>> from ganlab.theory.symbols import Sigmoid, as_function, l
    >>> as_function(Sigmoid(l), l)(torch.zeros(2)).tolist()
    [0.5, 0.5]

    Args:
        expression: any term, slope, optimum or divergence.
        symbols: its arguments, in the order in which the function takes them.
        library: `"torch"` or `"numpy"`.

    Raises:
        ValueError: an unknown library.
    """
    function = sp.lambdify(symbols, expression, modules=lookup(LIBRARIES, library, "library"))
    return lambda *values: function(*values) + 0 * sum(values)
