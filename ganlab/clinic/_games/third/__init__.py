"""The third list of games: `well_*.py` are healthy, `ill_*.py` sick. Nobody who wrote them had read the rules.

Nothing of it has been recorded, and the doctor has not been asked about it: see `ganlab.clinic.split`.
"""
