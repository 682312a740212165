"""One process that runs single calls of studies: a JSON object a line on its input, the answer on its output.

    {"op": "plan", "script": "s/05-saturation.py", "slice": 2}          the names and lengths of the slice's studies
    {"op": "call", ..., "study": "saturation-long", "index": 3, "resume": "r"}         measures one call, keeps it in r
    {"op": "finish", ..., "study": "saturation-long", "resume": "r", "out": "recorded"}  writes the table of all calls

`"tiny": true` cuts each study down to the first point of its grid and its first seed (of a population: two). What it
reads of earlier studies is then what ships with the package, where it does: a table so small would lack most of it.
What the chapter prints goes to the error output.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import chapter_slices
from ganlab.study import Study
from ganlab.study.code import PACKAGE
from ganlab.study.recordings import from_folder, write


@cache
def _studies(script: str, number: int, tiny: bool) -> dict[str, Study]:
    found = chapter_slices.studies(chapter_slices.slices(Path(script))[number])
    return {study.name: smallest(study) if tiny else study for study in found}


def smallest(study: Study) -> Study:
    """The study at the first point of its grid, with its first seed; a population of two."""
    return replace(study, grid={name: list(values)[:1] for name, values in study.grid.items()},
                   seeds=list(study.seeds)[: 2 if study.population else 1])  # fmt: skip


def plan(script: str, slice: int, tiny: bool = False) -> dict[str, Any]:
    """The studies of a slice: name and number of calls."""
    return {"studies": [[study.name, len(study)] for study in _studies(script, slice, tiny).values()]}


def call(script: str, slice: int, study: str, index: int, resume: str, tiny: bool = False) -> dict[str, Any]:
    """Measure one call and keep it."""
    return {"seconds": _studies(script, slice, tiny)[study].measure(index, resume)}


def finish(script: str, slice: int, study: str, resume: str, out: str, tiny: bool = False) -> dict[str, Any]:
    """Join the kept calls of a study and write its table; the calls are then no longer kept."""
    whole = _studies(script, slice, tiny)[study]  # first: the slice may read what GANLAB_RECORD holds
    folder = os.environ.pop("GANLAB_RECORD", None)  # at full scale `run` would write there, whatever `out` is
    try:
        table = whole.run(resume=resume, progress=False)
    finally:
        if folder is not None:
            os.environ["GANLAB_RECORD"] = folder
    write(table, study, out)
    for kept in Path(resume).glob(f"{study}-{'[0-9a-f]' * 16}.*"):
        kept.unlink()
    return {"rows": len(table), "seconds": table.attrs["provenance"]["seconds"]}


OPERATIONS: dict[str, Callable[..., dict[str, Any]]] = {"plan": plan, "call": call, "finish": finish}


def main() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        task = json.loads(line)
        start = time.perf_counter()
        try:
            with from_folder(PACKAGE / "recorded") if task.get("tiny") else nullcontext():
                answer = OPERATIONS[task.pop("op")](**task)
        except Exception:
            answer = {"error": traceback.format_exc(limit=-6)}
        print(json.dumps({"took": round(time.perf_counter() - start, 2), **answer}), file=answers, flush=True)


if __name__ == "__main__":
    main()
