"""Clipping needs torch and NumPy alone; the tables of a report need pandas."""

import alone

SCRIPT = """
import torch

net, reports = torch.nn.Linear(3, 2), {}
for name, make in CLIPS.items():
    for p in net.parameters():
        p.grad = torch.ones_like(p)
    reports[name] = Report()
    norm = make(0.5)(net, report=reports[name])
    assert abs(norm - 8**0.5) < 1e-6 and reports[name].calls == 1
    assert (net.weight.grad < 1).all() or name == "percentile"  # whose first call clips nothing
clip_weights_(net, 0.01)
assert net.weight.abs().max() <= 0.01
for ask in (lambda: reports["norm"].last, lambda: reports["norm"].mean):
    try:
        ask()
    except ImportError as error:
        assert "pandas is needed here" in str(error) and "[lab]" in str(error)
    else:
        raise AssertionError("a table without pandas")
"""


def test_every_clipper_works_without_the_laboratory():
    alone.run("clipping", SCRIPT)
