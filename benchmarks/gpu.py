"""Every ratio that a GPU decides, in one table.   python benchmarks/gpu.py

The engine against JAX, the DCGAN against PyTorch's example, the clippers and the monitor against what one would use
instead. Each part is a benchmark of its own and runs in a process of its own; one that fails costs its own lines only.
"""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARTS = (("engine.py", "--gpu"), ("dcgan_step.py",), ("loop.py",), ("clipping.py",), ("monitor.py",))
SECONDS = 60  # for a part


def run(part: tuple[str, ...], seconds: float) -> tuple[str, bool]:
    """What a part printed, and whether it came to its end."""
    command = [sys.executable, str(HERE / part[0]), *part[1:]]
    environment = {"PYTHONPATH": str(HERE.parent), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=_with(environment), start_new_session=True)  # fmt: skip
    try:
        said, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # a part may have processes of its own
        said, _ = process.communicate()
        return f"{said}{part[0]}: stopped after {seconds:g} s", False
    return said + ("" if process.returncode == 0 else errors[-2000:]), process.returncode == 0


def _with(more: dict[str, str]) -> dict[str, str]:
    old = os.environ.get("PYTHONPATH")
    return {**os.environ, **more, "PYTHONPATH": more["PYTHONPATH"] + (f":{old}" if old else "")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for a part")
    seconds, lines, failed = parser.parse_args().seconds, [], []
    for part in PARTS:
        said, whole = run(part, seconds)
        print(f"== {' '.join(part)}\n{said}", flush=True)
        lines += [line for line in said.splitlines() if " target " in line]
        failed += [] if whole else [part[0]]
    print("== all ratios: ours / theirs [quartiles], milliseconds of each, target")
    print("\n".join(lines))
    if failed:
        print(f"did not end: {', '.join(failed)}")


if __name__ == "__main__":
    main()
