"""The third list of games: `well_*.py` are healthy, `ill_*.py` sick. Nobody who wrote them had read the rules.

What the doctor was asked about it: see `ganlab.clinic.split`.
"""
