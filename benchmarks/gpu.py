"""Every ratio that a GPU decides, in one table.   python benchmarks/gpu.py

The engine against JAX, the DCGAN against PyTorch's example, the clippers and the monitor against what one would use
instead. Each part is a benchmark of its own and runs in a process of its own; one that fails costs its own lines only.
"""

import argparse
import os
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
    try:
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=seconds,
                              env=_with(environment))  # fmt: skip
    except subprocess.TimeoutExpired as late:
        said = late.stdout or b""
        return (said.decode() if isinstance(said, bytes) else said) + f"{part[0]}: stopped after {seconds:g} s", False
    return done.stdout + ("" if done.returncode == 0 else done.stderr[-2000:]), done.returncode == 0


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
