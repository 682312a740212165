"""What a trainer's checkpoint holds, and how a run goes on from it."""

import dataclasses
from pathlib import Path

import torch

from ganlab.train.recipe import Recipe


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
        "precision": trainer.precision.state_dict(), "running": trainer._running, "log": trainer._log,
        "rng": torch.get_rng_state(), "cuda_rng": torch.cuda.get_rng_state_all(),
    }  # fmt: skip


def restore(trainer, saved: dict, path: str | Path) -> None:
    """Go on from `saved`, which `path` held. Raises ValueError, before anything changes, for that of another run."""
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
