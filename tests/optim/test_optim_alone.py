"""The optimizers need torch and NumPy alone."""

import alone

SCRIPT = """
import torch

rules = [rule for name, rule in list(globals().items()) if isinstance(rule, type) and issubclass(rule, Rule)]
assert len(rules) > 10
for rule in rules:
    weight = torch.nn.Parameter(torch.ones(3))
    weight.grad = torch.ones(3)
    if rule is not Rule:
        optimizer = regularise(rule([weight], lr=0.1), weight_decay=0.5)
        getattr(optimizer, "extrapolate", optimizer.step)()
        assert (weight < 1).all()
"""


def test_every_rule_steps_without_the_laboratory():
    alone.run("optim", SCRIPT)
