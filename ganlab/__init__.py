"""ganlab: a small laboratory for gradient trouble in GANs.

One concept a file. Start with `ganlab.train` (the loop), `ganlab.losses` (what each player minimises)
and `ganlab.data` (what they play over); `ganlab.population` trains many seeds at once.
"""

__version__ = "0.1.0"
