"""What a trainer's checkpoint holds, and how a run goes on from it."""

import copy
import dataclasses
import warnings
from pathlib import Path

import torch

from ganlab._check import check_positive
from ganlab._files import check_writable
from ganlab.data import Dataset
from ganlab.train.checkpoint import CheckpointError
from ganlab.train.recipe import Recipe

# Without these a file is no trainer's. What came later may lack in an old one.
NEEDED = (
    "recipe", "seeds", "steps", "G", "D", "average", "optimizer_g", "optimizer_d", "stream", "running", "log", "rng",
    "cuda_rng",
)  # fmt: skip


def state(trainer) -> dict:
    """Everything that the rest of the run depends on."""
    average, controller = trainer.average, trainer.controller
    return {
        "recipe": dataclasses.asdict(trainer.recipe), "seeds": trainer.seeds, "steps": trainer.steps,
        "G": trainer.G.state_dict(), "D": trainer.D.state_dict(),
        "average": None if average is None else average.state_dict(),
        "optimizer_g": trainer.optimizer_g.state_dict(), "optimizer_d": trainer.optimizer_d.state_dict(),
        "stream": trainer.stream.state_dict(), "cures": trainer.cures.state_dict(),
        "controller": None if controller is None else controller.state_dict(),
        "precision": trainer.precision.state_dict(),
        "data": _first(trainer.data), "running": trainer._running, "log": trainer._log,
        "rng": torch.get_rng_state(), "cuda_rng": torch.cuda.get_rng_state_all(),
    }  # fmt: skip


def begin(
    trainer, steps: int, path: str | Path | None, log_every: int, callback_every: int, checkpoint_every: int
) -> None:  # fmt: skip
    """Before a fit to step `steps`: go on from `path`, if it is there; if not, see that it can be written.

    Raises ValueError for a number of steps between two rows, calls or files that is not positive.
    """
    check_positive(log_every=log_every, callback_every=callback_every, checkpoint_every=checkpoint_every)
    if path is not None:
        if Path(path).exists():
            trainer.load(path)
        else:
            check_writable(Path(path))
    if steps < trainer.steps:
        warnings.warn(
            f"fit({steps}) does nothing: this run is at step {trainer.steps}, and steps count from its beginning; "
            f"fit({trainer.steps + steps}) trains {steps} more",
            UserWarning,
            stacklevel=3,
        )


def restore(trainer, saved: dict, path: str | Path) -> None:
    """Go on from `saved`, which `path` held: wholly, or the trainer is as it was.

    Raises ValueError for that of another run, another data set or other networks, CheckpointError for a file that is no
    trainer's.
    """
    if missing := [key for key in NEEDED if key not in saved]:
        raise CheckpointError(f"{path} is a whole file, but not a trainer's: it has no {missing[0]!r}")
    rule = None if trainer.controller is None else dataclasses.asdict(trainer.controller.rule)
    mine = {**dataclasses.asdict(trainer.recipe), "seeds": trainer.seeds, "rule": rule}
    # A field that is newer than the file: the run did as the default does.
    theirs = {**dataclasses.asdict(Recipe()), **saved["recipe"], "seeds": saved["seeds"]}
    theirs["rule"] = (saved.get("controller") or {}).get("rule")
    if different := sorted(key for key in mine if mine[key] != theirs.get(key)):
        raise ValueError(
            f"{path} is of another run: "
            + ", ".join(f"{key}={theirs.get(key)!r} there and {mine[key]!r} here" for key in different)
        )
    _check_data(trainer.data, saved.get("data"), path)
    before = copy.deepcopy(state(trainer))
    try:
        _take(trainer, saved)
    except Exception as error:
        _take(trainer, before)
        first = str(error).strip().split("\n")
        raise ValueError(
            f"{path} does not fit this trainer, which is as it was: {' '.join(first[:2]).strip()[:300]}"
        ) from error
    if trainer.monitor is not None:
        trainer.monitor.count_from(trainer.steps)


def _take(trainer, saved: dict) -> None:
    trainer.G.load_state_dict(saved["G"])
    trainer.D.load_state_dict(saved["D"])
    if trainer.average is not None:
        trainer.average.load_state_dict(saved["average"])
    trainer.optimizer_g.load_state_dict(saved["optimizer_g"])
    trainer.optimizer_d.load_state_dict(saved["optimizer_d"])
    trainer.stream.load_state_dict(saved["stream"])
    if "cures" in saved:  # not in a file from before there were any
        trainer.cures.load_state_dict(saved["cures"])
    trainer.precision.load_state_dict(saved.get("precision", {}))
    if trainer.controller is not None:
        trainer.controller.load_state_dict(saved["controller"])
    trainer.steps, trainer._running, trainer._log = saved["steps"], saved["running"], saved["log"]
    torch.set_rng_state(saved["rng"].cpu())
    if saved["cuda_rng"]:
        torch.cuda.set_rng_state_all([rng.cpu() for rng in saved["cuda_rng"]])


def _first(data) -> dict | None:
    """What tells one data set from another: its shape, and two samples of a seed, where its seed alone decides them."""
    if not isinstance(data, Dataset):
        return {"shape": None if (shape := getattr(data, "shape", None)) is None else tuple(shape), "samples": None}
    return {"shape": tuple(data.shape), "samples": data.sample(2, torch.Generator().manual_seed(0)).cpu()}


def _check_data(data, theirs: dict | None, path: str | Path) -> None:
    mine = _first(data)
    if theirs is None or None in (theirs["shape"], mine["shape"]):  # a file from before there was this, or a loader
        return
    if mine["shape"] != tuple(theirs["shape"]):
        raise ValueError(f"{path} was trained on samples {tuple(theirs['shape'])}, and data has {mine['shape']}")
    if mine["samples"] is None or theirs["samples"] is None:
        return
    if not torch.allclose(mine["samples"], theirs["samples"].cpu(), rtol=1e-4, atol=1e-5):
        raise ValueError(f"{path} was trained on another data set of samples {mine['shape']}: give the data it had")
