"""The losses on paper: SymPy derives what the book prints, and the tests hold it against `ganlab.losses`.

Symbols: `r` and `f` are D's logits on a real and on a generated (fake) sample, `l` is either; `p` and `q` are the
densities of the data and of the generator at one point. The relativistic loss sees `r - f` alone, called `delta`.
They are defined in `ganlab.theory.symbols`, the divergences in `ganlab.theory.divergences`, and stand here as well.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import pandas as pd
import sympy as sp

from ganlab._check import lookup
from ganlab.theory.divergences import AT_OPTIMUM, DESCENDED, DIVERGENCES, JSD, KL_PM, KL_QP, TRIANGULAR, TV, p, q
from ganlab.theory.symbols import Relu, Sigmoid, Softplus, Step, as_function, delta, f, l, latex, r

__all__ = [
    "AT_OPTIMUM", "DESCENDED", "DIVERGENCES", "FORMULAS", "JSD", "KL_PM", "KL_QP", "TRIANGULAR", "TV", "Derivation",
    "Optimum", "array", "as_function", "delta", "derive", "f", "l", "latex", "p", "q", "r", "table",
]  # fmt: skip

# What D and G minimise, for one real and one generated sample: the formulas of `ganlab.losses`.
FORMULAS: dict[str, tuple[sp.Expr, sp.Expr]] = {
    "minimax": (Softplus(-r) + Softplus(f), -Softplus(f)),
    "nonsaturating": (Softplus(-r) + Softplus(f), Softplus(-f)),
    "least_squares": ((r - 1) ** 2 / 2 + f**2 / 2, (f - 1) ** 2 / 2),
    "hinge": (Relu(1 - r) + Relu(1 + f), -f),
    "wasserstein": (f - r, -f),
    "relativistic": (Softplus(f - r), Softplus(r - f)),
}


@dataclass(frozen=True)
class Optimum:
    """The best discriminator at one point x, without any constraint on it.

    >>> from ganlab.theory import derivations
    >>> best = derivations.derive("minimax").optimum
    >>> best.logit, best.probability
    (log(p/q), p/(p + q))

    Attributes:
        logit: the logit l*(p, q) that minimises D's loss there; None where the loss has no lower bound.
        probability: D* = Sigmoid(l*), where the loss reads the logit as one; else None.
        value: D's loss at l*, the part that this point adds.
    """

    logit: sp.Expr | None
    probability: sp.Expr | None
    value: sp.Expr | None


@dataclass(frozen=True)
class Derivation:
    """One pair of losses and what follows from it.

    >>> from ganlab.theory import derivations
    >>> minimax = derivations.derive("minimax")
    >>> minimax.term("generator"), minimax.slope("generator")  # G's loss, and its derivative on the fake's logit
    (-Softplus(l), -Sigmoid(l))
    >>> minimax.at_zero("generator")
    (-1/2, -1/4)

    Attributes:
        name: its key in `FORMULAS`.
        discriminator: D's loss for one real and one generated sample, in `r` and `f`.
        generator: G's loss likewise.
    """

    name: str
    discriminator: sp.Expr
    generator: sp.Expr

    @property
    def pairs(self) -> bool:
        """Whether the loss sees real and generated samples in pairs, and not one by one."""
        return sp.diff(self.discriminator, r, f) != 0

    @property
    def variable(self) -> sp.Symbol:
        """What terms and slopes are functions of: `l`, or `delta` = r - f for a loss of pairs."""
        return delta if self.pairs else l

    def _in_one_variable(self, expression: sp.Expr) -> sp.Expr:
        if self.pairs:
            return expression.subs(f, r - delta)
        return expression.subs({r: l, f: l})

    def term(self, which: str) -> sp.Expr:
        """The loss of one sample: `"real"` and `"fake"` (D's), or `"generator"`.

        For a loss of pairs, `"real"` is the loss of a pair (real, fake) and `"fake"` that of the pair exchanged.
        """
        if which == "generator" or self.pairs:
            shared = self._in_one_variable(self.generator if which == "generator" else self.discriminator)
            return shared.subs(delta, -delta) if which == "fake" else shared
        without_fake, with_fake = self.discriminator.as_independent(f, as_Add=True)
        return self._in_one_variable(lookup({"real": without_fake, "fake": with_fake}, which, "term"))

    def slope(self, which: str, order: int = 1) -> sp.Expr:
        """The derivative of the player's loss on a logit: D's on `"real"` or `"fake"`, G's on its own sample's.

        `order=2` is the second derivative. At 0 these are the f'(0) and f''(0) that decide the motion near equilibrium.
        """
        players = {"real": (self.discriminator, r), "fake": (self.discriminator, f), "generator": (self.generator, f)}
        loss, logit = lookup(players, which, "term")
        return self._in_one_variable(sp.diff(loss, logit, order))

    def at_zero(self, which: str) -> tuple[sp.Expr, sp.Expr]:
        """f'(0) and f''(0): the first two derivatives where the logit (or the difference) is 0."""
        return tuple(sp.sympify(self.slope(which, order)).subs(self.variable, 0) for order in (1, 2))

    @cached_property
    def optimum(self) -> Optimum:
        """Solve p real'(l) + q fake'(l) = 0 for l.

        For a loss of pairs, `p` stands for p(x) q(y), `q` for q(x) p(y), and the logit is that difference.
        """
        x = self.variable
        stationary = sp.diff(p * self.term("real") + q * self.term("fake"), x)
        logit = _root(stationary, x)
        if logit is None:
            return Optimum(None, None, None)
        value = (p * self.term("real") + q * self.term("fake")).subs(x, logit)
        if not self.discriminator.has(Softplus):
            return Optimum(logit, None, sp.simplify(sp.piecewise_fold(value)))
        tidy_logs = value.rewrite(sp.exp).replace(sp.log, lambda x: sp.log(sp.together(x)))
        return Optimum(logit, sp.simplify(Sigmoid(logit).rewrite(sp.exp)), tidy_logs)


def _root(slope: sp.Expr, x: sp.Symbol) -> sp.Expr | None:
    """Where a convex function with this slope is least; None where it falls for ever."""
    if not slope.has(x):
        return None
    if not slope.has(Step):
        (root,) = sp.solve(slope.rewrite(sp.exp), x)
        return root
    # Piecewise linear: the least value is at the first kink beyond which the slope is no longer negative.
    kinks = sorted(sp.solve(step.args[0], x)[0] for step in slope.atoms(Step))
    beyond = [slope.subs(x, kink + sp.Rational(1, 2)) for kink in kinks]
    return sp.Piecewise(*((kink, _not_negative(after)) for kink, after in zip(kinks, beyond, strict=True)))


def _not_negative(difference: sp.Expr) -> sp.Basic:
    """`a - b` to `a >= b`, which prints better than `a - b >= 0`."""
    positive = sum(term for term in sp.Add.make_args(difference) if not term.could_extract_minus_sign())
    return sp.Ge(positive, positive - difference)


@cache
def derive(name: str) -> Derivation:
    """The derivation of the loss called `name`, a key of `FORMULAS`.

    >>> from ganlab.theory import derivations
    >>> derivations.derive("nonsaturating").slope("generator")  # -1 where D is sure of a fake, at l = -oo
    -Sigmoid(-l)

    Raises:
        ValueError: unknown name; the message lists the known ones.
    """
    return Derivation(name, *lookup(FORMULAS, name, "loss"))


def table() -> pd.DataFrame:
    r"""All losses, a row each, as LaTeX: terms, slopes on the logit, slopes at 0, the best D, what they measure.

    >>> from ganlab.theory import derivations
    >>> table = derivations.table()
    >>> print(table.loc["hinge", "D's loss at its best"])
    2 - 2 \mathrm{TV}
    """
    terms = ("real", "fake", "generator")
    rows = []
    for name in FORMULAS:
        derivation, best = derive(name), derive(name).optimum
        row = {f"{which} term": latex(derivation.term(which)) for which in terms}
        row |= {f"{which} slope": latex(derivation.slope(which)) for which in terms}
        row |= {f"{which} at zero": ", ".join(map(latex, derivation.at_zero(which))) for which in terms}
        rows.append({
            "loss": name, **row, "optimal logit": _or_none(best.logit),
            "D's loss at its best": _or_none(AT_OPTIMUM.get(name), order="rev-lex"),
            "G then descends": _or_none(DESCENDED.get(name), order="none"),
        })  # fmt: skip
    return pd.DataFrame(rows).set_index("loss")


def _or_none(expression: sp.Expr | None, **settings) -> str:
    return r"\text{none}" if expression is None else latex(expression, **settings)


def array(frame: pd.DataFrame) -> str:
    r"""A table of LaTeX strings as one LaTeX array, its index and headings set as text.

    >>> import pandas as pd
    >>> from ganlab.theory import derivations
    >>> print(derivations.array(pd.DataFrame({"G's slope": ["-1"]}, index=["hinge"])))
    \begin{array}{lc}  & \text{G's slope} \\ \hline \text{hinge} & -1 \end{array}
    """

    def text(word):
        return rf"\text{{{str(word).replace('_', ' ')}}}"

    head = ["", *map(text, frame.columns)]
    body = [[text(name), *cells] for name, cells in zip(frame.index, frame.to_numpy(), strict=True)]
    lines = [" & ".join(row) for row in (head, *body)]
    columns = "l" + "c" * len(frame.columns)
    return rf"\begin{{array}}{{{columns}}} {lines[0]} \\ \hline " + r" \\ ".join(lines[1:]) + r" \end{array}"
