"""The monitor needs torch and NumPy alone; its tables need pandas."""

import alone

SCRIPT = """
import torch

D, G = (torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, n)) for n in (1, 2))
optimizers = {"D": torch.optim.Adam(D.parameters()), "G": torch.optim.Adam(G.parameters())}
monitor = Monitor({"D": (D, optimizers["D"]), "G": (G, optimizers["G"])}, activations=True)
assert monitor.line() == "no step measured yet"
for step in range(3):
    for name, optimizer in optimizers.items():
        optimizer.zero_grad()
        logits = D(G(torch.randn(8, 2)))
        (logits if name == "D" else -logits).mean().backward()
        optimizer.step()
line = monitor.line()
assert line.startswith("step 3 | D: |grad| ") and "| G: |grad| " in line and "loss slope" in line
x = torch.ones(4, 2)
tables = [monitor.gradients, monitor.totals, monitor.activations, monitor.game]
for ask in [*tables, lambda: snapshot(D, x), lambda: units(D, x)]:
    try:
        ask()
    except ImportError as error:
        assert "pandas is needed here" in str(error) and "[lab]" in str(error)
    else:
        raise AssertionError("a table without pandas")
"""


def test_a_loop_is_watched_without_the_laboratory():
    alone.run("monitor", SCRIPT)
