"""Time two ways of doing the same thing, side by side in one process.

Machines drift: a ratio of two numbers measured minutes apart says little. Here the two take turns, many times, and each
turn gives one ratio; the median ratio is what to quote, with the middle half of the ratios beside it.

On a machine that does other work too, GANLAB_CLOCK=cpu counts the time that the processor spends on this process, which
says the same where there is one thread and no GPU.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable

import torch


def compare(ours: Callable[[], object], theirs: Callable[[], object], *, rounds: int = 40, calls: int = 10) -> dict:
    """Ratio of the time of `ours` to that of `theirs`, over `rounds` turns of `calls` calls each.

    Returns the median ratio, its quartiles, and the median milliseconds of one call of each.
    """
    for function in (ours, theirs):
        for _ in range(calls):
            function()
    times = []
    for turn in range(rounds):
        pair = {}
        # Who goes first alternates, so that neither always finds the caches as the other left them.
        for function in (ours, theirs) if turn % 2 else (theirs, ours):
            pair[function] = _seconds(function, calls)
        times.append((pair[ours], pair[theirs]))
    ratios = [a / b for a, b in times]
    low, _, high = statistics.quantiles(ratios, n=4)
    return {
        "ratio": statistics.median(ratios),
        "quartiles": (low, high),
        "ours_ms": 1e3 * statistics.median(a for a, _ in times) / calls,
        "theirs_ms": 1e3 * statistics.median(b for _, b in times) / calls,
    }


def _seconds(function: Callable[[], object], calls: int) -> float:
    clock = time.process_time if os.environ.get("GANLAB_CLOCK") == "cpu" else time.perf_counter
    _synchronize()
    start = clock()
    for _ in range(calls):
        function()
    _synchronize()
    return clock() - start


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def report(name: str, result: dict, target: str) -> None:
    """One line a comparison, as it goes into the README."""
    low, high = result["quartiles"]
    print(
        f"{name:45} {result['ratio']:5.2f}  [{low:.2f}, {high:.2f}]   "
        f"{result['ours_ms']:8.2f} ms  {result['theirs_ms']:8.2f} ms   target {target}",
        flush=True,
    )


def machine() -> str:
    """What the numbers were measured on."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"
    return f"{device}, {torch.get_num_threads()} threads, torch {torch.__version__}, Python {platform.python_version()}"
