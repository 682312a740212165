"""A chapter's code as a script, with everything that takes time cut short: whether it runs, not what it measures.

    with shortened(), pretended_gpu():
        run(cells("07-collapse"), "07-collapse")

Every line is run that runs at quick scale, and every study's trial with each value of its grid that is no number:
as many calls as the longest axis has such values, of one or two seeds. The other rows of the table are copies.
`Trainer.fit` plays its first steps and those that somebody looks at: after which a row is logged, a callback called, a
checkpoint written; in between it jumps. So does a chapter's own loop of training steps.
"""

import ast
import contextlib
import linecache
import sys
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

import matplotlib
import nbformat
import pandas as pd
import torch
from matplotlib import pyplot as plt

from ganlab.metrics import features
from ganlab.monitor import Monitor
from ganlab.study import Study
from ganlab.train import Trainer
from ganlab.train.capture import Capture

BOOK = Path(__file__).resolve().parents[1] / "book"
SEEDS = 2  # of a population
STEPS = 3  # that are played before the first jump
TRAINING = {"step", "backward", "descend", "next"}  # what a loop of training steps calls


def cells(chapter: str) -> list[str]:
    """The sources of its code cells."""
    notebook = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def run(sources: Sequence[str], name: str) -> dict:
    """Execute the cells one after the other, as a module of their own; returns its names."""
    module = types.ModuleType(f"chapter {name}")
    module.display, module.__few__ = lambda *_, **__: None, few
    sys.modules[module.__name__] = module  # where a class that is defined in a cell says that it comes from
    try:
        for number, source in enumerate(sources, 1):
            file = f"<{name}, code cell {number}>"
            linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
            exec(compile(_Loops().visit(ast.parse(source, file)), file, "exec"), vars(module))
            plt.close("all")
    finally:
        del sys.modules[module.__name__]
    return vars(module)


@contextlib.contextmanager
def shortened() -> Iterator[None]:
    """In here, studies and fits are short, and what a chapter changes in ganlab is put back at the end."""
    ours = [vars(module) for name, module in list(sys.modules.items()) if name.partition(".")[0] == "ganlab"]
    registries = [value for names in ours for name, value in names.items()
                  if isinstance(value, dict) and not name.startswith("__")]  # fmt: skip
    with contextlib.ExitStack() as stack:
        for registry in registries:
            stack.enter_context(mock.patch.dict(registry))
        stack.enter_context(matplotlib.rc_context({"backend": "agg"}))
        stack.enter_context(torch.random.fork_rng(devices=[]))
        stack.enter_context(mock.patch.object(Study, "run", _run))
        stack.enter_context(mock.patch.object(Trainer, "fit", _fit))
        stack.enter_context(mock.patch.object(Capture, "step", _step))
        stack.enter_context(mock.patch.object(features, "_fit", _fit_classifier))
        yield


# Loops.
class _Loops(ast.NodeTransformer):
    """`for i in range(...)` around training steps becomes `for i in __few__(range(...))`, which no chapter names."""

    def visit_For(self, node: ast.For) -> ast.For:
        self.generic_visit(node)
        called = {getattr(part.func, "attr", getattr(part.func, "id", "")) for child in node.body
                  for part in ast.walk(child) if isinstance(part, ast.Call)}  # fmt: skip
        given = any(
            isinstance(part, ast.Yield) for child in node.body for part in ast.walk(child)
        )  # at steps of its own
        if (
            called & TRAINING
            and not given
            and isinstance(node.iter, ast.Call)
            and getattr(node.iter.func, "id", "") == "range"
        ):
            few_of_them = ast.Call(ast.Name("__few__", ast.Load()), [node.iter], [])
            node.iter = ast.fix_missing_locations(ast.copy_location(few_of_them, node.iter))
        return node


def few(steps: range) -> list[int]:
    """Up to 100: all. Else the first, the last, and the round ones in between.

    >>> few(range(201))
    [0, 1, 2, 50, 100, 150, 200]
    """
    every = 1 if len(steps) <= 100 else 50 if len(steps) < 1000 else 500
    return [step for i, step in enumerate(steps) if i < STEPS or step % every == 0 or i == len(steps) - 1]


# Studies.
def _run(study: Study, **_) -> pd.DataFrame:
    """`Study.run`: the table has all its rows, most of which are copies."""
    kinds = ([value for value in values if not isinstance(value, int | float) or isinstance(value, bool)]
             for values in study.grid.values())  # fmt: skip
    longest = max((len(values) for values in kinds), default=0) or 1
    points = [{key: list(values)[i % len(values)] for key, values in study.grid.items()} for i in range(longest)]
    few_seeds = {"seeds": list(study.seeds)[:SEEDS]} if study.population else {"seed": study.seeds[0]}
    measured = [(point, pd.DataFrame(_rows(study.trial(**point, **few_seeds)))) for point in points]
    tables = []
    for call in study._calls():
        rows = max(measured, key=lambda pair: sum(call[key] is value for key, value in pair[0].items()))[1]
        if study.population:
            rows = _for_all_seeds(rows, few_seeds["seeds"], study.seeds)
        labels = {key: [value] * len(rows) for key, value in call.items() if key != "seeds"}
        tables.append(pd.concat([pd.DataFrame(labels, index=rows.index), rows], axis=1))
    return pd.concat(tables, ignore_index=True)


def _rows(measured):
    return [measured] if isinstance(measured, dict) else measured


def _for_all_seeds(rows: pd.DataFrame, few_seeds: Sequence[int], seeds: Sequence[int]) -> pd.DataFrame:
    if "seed" not in rows:
        rows = rows.assign(seed=few_seeds)
    parts = [rows[rows.seed == few_seeds[i % len(few_seeds)]].assign(seed=seed) for i, seed in enumerate(seeds)]
    return pd.concat(parts, ignore_index=True)


# Training.
_real_fit, _real_step, _real_classifier = Trainer.fit, Capture.step, features._fit


def _fit(trainer: Trainer, steps: int, **options) -> Trainer:
    """`Trainer.fit`. Without a wish, five rows of history are logged."""
    watched = [options.get("callback_every", 100)] if options.get("callback") else []
    written = [options.get("checkpoint_every", 100)] if options.get("checkpoint") else []
    options.setdefault("log_every", watched[0] if watched else max(1, steps // 5))
    monitored = [trainer.monitor.every] if isinstance(trainer.monitor, Monitor) else []
    trainer.looks = [options["log_every"], *watched, *written, *monitored], steps
    return _real_fit(trainer, steps, **options)


def _step(engine: Capture) -> None:
    """`Capture.step`: before the step, jump to the next one that somebody looks at."""
    trainer = engine.trainer
    looks, end = trainer.looks
    if trainer.steps >= STEPS:
        jump = min([end, *((trainer.steps // every + 1) * every for every in looks)]) - 1 - trainer.steps
        trainer.steps += jump
        if trainer.monitor is not None:
            trainer.monitor.step += jump
            trainer.monitor._switch()
    _real_step(engine)


def _fit_classifier(net, data, kept, generator, steps: int, batch: int, progress: bool) -> None:
    _real_classifier(net, data, kept, generator, min(steps, 10), batch, progress)
