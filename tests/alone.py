"""A Python in which torch and NumPy are installed and the laboratory's other packages are not."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# sympy is torch's own: its optimizers import it. So it must not be there after the import of a wing, but may be later.
MISSING = ("pandas", "scipy", "tqdm", "matplotlib", "sklearn", "skimage", "torchvision")


def run(wing: str, script: str) -> None:
    """Run a script with all names of `ganlab.<wing>`, in a process of its own. An error there is one here."""
    head = f"import sys\nsys.modules.update(dict.fromkeys({MISSING}))\n"
    head += f"from ganlab.{wing} import *\nassert 'sympy' not in sys.modules\n"
    done = subprocess.run([sys.executable, "-c", head + script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
