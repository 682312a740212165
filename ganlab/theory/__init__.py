"""What should happen, on paper? Losses differentiated by SymPy, games of two numbers, deep nets in the mean field.

`derivations` has each loss with its slope, its optimal discriminator and the divergence that is left; `symbols` what
they are written in; `games` and `dynamics` the games of two numbers and their motion; `meanfield` what depth does to a
signal; `batchnorm` the norm by hand, forwards and backwards. This wing trains nothing: it needs SymPy and SciPy.
"""

from ganlab.theory import batchnorm, derivations, dynamics, games, meanfield, symbols

__all__ = ["batchnorm", "derivations", "dynamics", "games", "meanfield", "symbols"]
