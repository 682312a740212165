"""What is left when D is at its best: divergences between the data and the generator, and which loss measures which.

`p` and `q` are the densities of the data and of the generator at one point, m is (p + q) / 2. `DIVERGENCES` has each
divergence's symbol and what stands under its sum (or integral) over x; `AT_OPTIMUM` and `DESCENDED` say with these
symbols what each loss comes to. `ganlab.theory.derivations` has all of these names too.
"""

import sympy as sp

p, q = sp.symbols("p q", positive=True)
JSD, TV, TRIANGULAR = sp.symbols(r"\mathrm{JSD} \mathrm{TV} \mathrm{TD}")
KL_QP, KL_PM = sp.Symbol(r"\mathrm{KL}(q\Vert p)"), sp.Symbol(r"\mathrm{KL}(p\Vert m)")
DIVERGENCES: dict[sp.Symbol, sp.Expr] = {
    JSD: (p * sp.log(2 * p / (p + q)) + q * sp.log(2 * q / (p + q))) / 2,
    TV: sp.Abs(p - q) / 2,
    TRIANGULAR: (p - q) ** 2 / (p + q),
    KL_QP: q * sp.log(q / p),
    KL_PM: p * sp.log(2 * p / (p + q)),
}

# D's loss with D at its best.
AT_OPTIMUM: dict[str, sp.Expr] = {
    "minimax": 2 * sp.log(2) - 2 * JSD,
    "nonsaturating": 2 * sp.log(2) - 2 * JSD,
    "least_squares": sp.Rational(1, 4) - TRIANGULAR / 8,
    "hinge": 2 - 2 * TV,
    "relativistic": sp.log(2) - JSD,  # of the pairs: p stands for p(x) q(y), q for q(x) p(y)
}

# What G descends when D is at its best and held fixed: the gradient of G's loss is that of this divergence.
# Non-saturating: Arjovsky & Bottou 2017, theorem 2.5; the two terms together are 2 KL(m || p) (Shannon et al. 2020).
DESCENDED: dict[str, sp.Expr] = {
    "minimax": 2 * JSD,
    "nonsaturating": KL_QP - 2 * JSD,
    "least_squares": KL_PM - TRIANGULAR / 8,
    "hinge": 2 * TV,
    "relativistic": KL_QP - JSD,  # KL of the samples themselves, JSD of the pairs
}
