"""`import ganlab`: light, and what people reuse in their own training runs on torch and NumPy alone."""

import subprocess
import sys

import pytest
from alone import MISSING, ROOT

import ganlab

REUSED = ("nets", "losses", "train", "clipping", "penalties", "monitor", "population", "optim", "data", "latent")


def script(text):
    return subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True)


def test_the_import_loads_nothing_yet():
    done = script("import sys, ganlab; assert not {'torch', 'numpy', 'pandas'} & set(sys.modules); print(dir(ganlab))")
    assert done.returncode == 0, done.stderr
    assert all(f"'{wing}'" in done.stdout for wing in REUSED)


def test_a_wing_is_loaded_when_it_is_named():
    done = script("import ganlab; print(ganlab.losses.get('hinge').d_loss.__name__)")
    assert done.stdout == "hinge_d\n", done.stderr


def test_an_unknown_wing_lists_the_known_ones():
    with pytest.raises(AttributeError, match="no attribute 'net'; its wings: nets, losses, train"):
        ganlab.net  # noqa: B018


def test_training_needs_torch_and_numpy_alone():
    done = script(f"""
import sys
sys.modules.update(dict.fromkeys({MISSING}))
from ganlab import {", ".join(REUSED)}
assert "sympy" not in sys.modules
G, D = population.build(lambda: nets.mlp_generator((2,)), lambda: nets.mlp_discriminator((2,)), [0, 1])
trainer = train.Trainer(G, D, data.load("ring"), train.Recipe(penalty="r1", clip="norm"), seeds=[0, 1]).fit(5)
print(tuple(trainer.sample(3).shape))
try:
    trainer.history
except ImportError as error:
    print(error)
""")
    assert done.returncode == 0, done.stderr
    shape, message = done.stdout.strip().splitlines()
    assert shape == "(2, 3, 2)"
    assert message == "pandas is needed here: pip install '.[lab]' in ganlab's folder brings it"


def test_a_wing_of_the_laboratory_says_what_it_needs():
    done = script(f"import sys; sys.modules.update(dict.fromkeys({MISSING})); import ganlab; ganlab.study")
    assert "ImportError: ganlab.study needs scipy" in done.stderr or "needs pandas" in done.stderr, done.stderr
    assert "pip install '.[all]'" in done.stderr
