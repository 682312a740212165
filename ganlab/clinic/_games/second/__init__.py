"""The second list of games: `well_*.py` are healthy, `ill_*.py` sick. Nobody who wrote them had read the rules.

Each follows a twin of its own, in other code, with other networks, data, losses and optimizers than the first list.
"""
