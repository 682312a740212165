"""Record the whole book: the tests that need a GPU, the timings, then every study of every chapter at full scale.

    python book/_ext/record_all.py --budget 600 --out _build/record

Several processes share the machine; the studies come in the order of book/recordings.csv, then what is missing or older
than its code, then the rest. When the time is up, what is finished is kept, and the calls of what is not lie in
partial.tar.gz: with --resume such a folder, the next run goes on from there. Nothing of Jupyter is needed. In the
folder: recorded-1.tar.gz (tables of studies that are missing or older than their code), again.tar.gz (the others,
measured once more: replications), tests.txt, benchmarks.txt, log.txt.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]  # the package need not be installed

import record_archive
import record_order
from record_queue import Part, Queue

TEST_SECONDS, BENCHMARK_SECONDS, PACKING_SECONDS = 60, 120, 10
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg", "TQDM_DISABLE": "1", "PYTHONHASHSEED": "0"}


class Run:
    """The folder, the clock and the log of one run."""

    def __init__(self, arguments: argparse.Namespace):
        self.out: Path = arguments.out.resolve()
        self.deadline = time.monotonic() + arguments.budget - PACKING_SECONDS
        self.tiny, self.scale = arguments.rehearse, "quick" if arguments.rehearse else arguments.scale
        self.recorded, self.again, self.resume = (self.out / name for name in ("recorded", "again", "partial"))
        for folder in (self.recorded, self.again, self.resume, self.out / "workers"):
            folder.mkdir(parents=True, exist_ok=True)
        self._log, self._lock = (self.out / "log.txt").open("w"), threading.Lock()

    @property
    def left(self) -> float:
        return self.deadline - time.monotonic()

    def log(self, text: str) -> None:
        with self._lock:
            print(f"{time.strftime('%H:%M:%S')} {text}", file=self._log, flush=True)

    def environment(self, **more: str) -> dict[str, str]:
        paths = [str(ROOT), str(HERE), os.environ.get("PYTHONPATH", "")]
        return {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **more}


def step(run: Run, name: str, command: list[str], seconds: float) -> None:
    """Run a command that ends within `seconds`; what it says goes to name.txt and its last line to the log."""
    seconds = min(seconds, run.left)
    with (run.out / f"{name}.txt").open("w") as said:
        try:
            code = subprocess.run(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT, timeout=seconds,
                                  env=run.environment()).returncode  # fmt: skip
            ended = f"exit code {code}"
        except subprocess.TimeoutExpired:
            ended = f"stopped after {seconds:.0f} s"
    last = [line for line in (run.out / f"{name}.txt").read_text().splitlines() if line.strip()][-1:]
    run.log(f"{name}: {ended}; {''.join(last)}")


class Worker(threading.Thread):
    """Keeps one process busy until nothing is left to do."""

    def __init__(self, run: Run, queue: Queue, number: int):
        super().__init__(daemon=True)
        self.run_of, self.queue, self.chapter = run, queue, ""
        self.said = run.out / "workers" / f"{number}.txt"
        self.process = self._start()

    def _start(self) -> subprocess.Popen:
        environment = self.run_of.environment(GANLAB_SCALE=self.run_of.scale, GANLAB_RECORD=str(self.run_of.recorded))
        with self.said.open("a") as said:
            return subprocess.Popen([sys.executable, str(HERE / "record_worker.py")], cwd=ROOT, env=environment,
                                    text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said)  # fmt: skip

    def run(self) -> None:
        while self.run_of.left > 0 and (found := self.queue.next(self.chapter)) is not None:
            part, task = found
            self.chapter = part.chapter
            answer = self._ask(part, task)
            self.queue.answered(part, task, answer)
            self._tell(part, task, answer)

    def _ask(self, part: Part, task: dict) -> dict:
        more = {"script": part.script, "slice": part.number, "tiny": self.run_of.tiny}
        if task["op"] != "plan":
            more["resume"] = str(self.run_of.resume)
        if task["op"] == "finish":
            more["out"] = str(self.run_of.again if task["study"] in part.again else self.run_of.recorded)
        try:
            print(json.dumps({**task, **more}), file=self.process.stdin, flush=True)
            return json.loads(self.process.stdout.readline())
        except (OSError, ValueError):
            code = self.process.wait()
            if self.run_of.left > 0:
                self.process = self._start()
            return {"error": f"{self.said.read_text()[-2000:]}\nthe process ended with {code}"}

    def _tell(self, part: Part, task: dict, answer: dict) -> None:
        what = f"{part.chapter} {task.get('study', f'statement {part.number}')}"
        if "error" in answer:
            self.run_of.log(f"FAILED {what} {task}\n{answer['error']}")
        elif task["op"] == "finish":
            work = f"{answer['rows']} rows, {answer['seconds']:.0f} s of work"
            self.run_of.log(f"{what}: {work}, {self.run_of.left:.0f} s left")


def studies(run: Run, queue: Queue, processes: int) -> None:
    """Measure until all is done or the time is up."""
    workers = [Worker(run, queue, number) for number in range(processes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(max(0.0, run.left))
    for worker in workers:
        worker.process.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=600, help="seconds in all (default: 600)")
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "record", help="folder for what is recorded")
    parser.add_argument("--processes", type=int, default=max(1, (os.cpu_count() or 1) - 2))
    parser.add_argument("--scale", choices=["full", "colab"], default="full")
    parser.add_argument("--resume", type=Path, help="the folder that an earlier run left")
    parser.add_argument(
        "--only", nargs="*", default=[], help="these chapters or studies, as 05-saturation or ring-tune"
    )
    parser.add_argument("--skip", nargs="*", default=[], choices=["tests", "benchmarks", "studies"])
    parser.add_argument("--rehearse", action="store_true", help="each study at its smallest, to see that it runs")
    arguments = parser.parse_args()
    if arguments.budget <= PACKING_SECONDS:
        parser.error(f"--budget {arguments.budget}: more than {PACKING_SECONDS} seconds, which packing takes")
    run = Run(arguments)
    try:
        parts = record_order.parts(run.out / "scripts", arguments.only)
    except ValueError as error:
        sys.exit(str(error))
    if arguments.resume is not None:
        record_archive.unpack(arguments.resume, run.out)
    kept = frozenset(path.stem for folder in (run.recorded, run.again) for path in folder.glob("*.csv"))
    queue = Queue(parts, near=2 * arguments.processes, kept=kept)
    if "tests" not in arguments.skip:
        # nbval would be loaded as a plugin, and needs Jupyter
        command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider"]
        step(run, "tests", [*command, "-p", "no:nbval", *record_order.gpu_tests()], TEST_SECONDS)
    if "benchmarks" not in arguments.skip:
        each = 2 if arguments.rehearse else BENCHMARK_SECONDS / 6  # there are five, and none need be killed
        step(run, "benchmarks", [sys.executable, "benchmarks/gpu.py", "--seconds", f"{each:g}"], BENCHMARK_SECONDS)
    if "studies" not in arguments.skip:
        studies(run, queue, arguments.processes)
    record_archive.pack(run.out)
    print(f"{len(queue.done)} studies recorded in {run.out}")
    for name, error in queue.failed.items():
        print(f"failed: {name}: {error.strip().splitlines()[-1]}")
    sys.exit(bool(queue.failed))


if __name__ == "__main__":
    main()
