"""What should happen, on paper? Losses differentiated by SymPy, games of two numbers, deep nets in the mean field.

    from ganlab.theory import derivations
    derivations.derive("minimax").optimum.logit  # log(p/q)

The face has the files themselves, whose names are short and say little alone:

    symbols      what losses are written in (`l`, `Sigmoid`, `Softplus`, ...), as LaTeX and as a function
    divergences  `p`, `q` and what lies between them: which loss measures what when D is at its best
    derivations  each loss with its slopes and its best D; the names of the two above as well
    games        games of two numbers: the Dirac-GAN with every loss and regulariser, the bilinear game
    dynamics     how such a game moves, step by step and close to its solution; the names of `games` as well
    meanfield    what depth does to a signal and to a gradient
    batchnorm    the norm by hand, forwards and backwards, on tensors and on paper

This wing trains nothing. It needs SymPy, SciPy and pandas.
"""

from ganlab.theory import batchnorm, derivations, divergences, dynamics, games, meanfield, symbols

__all__ = ["batchnorm", "derivations", "divergences", "dynamics", "games", "meanfield", "symbols"]
