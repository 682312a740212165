"""Every default of the public functions and classes, as `defaults.txt` has it; and torch's own where we take its names.

A default is a promise: a loop that does not name it hangs on it. After one was changed on purpose, or a new one came,
`PYTHONPATH=.:book/_ext python tests/test_defaults.py` writes the table again.
"""

import importlib
import inspect
from pathlib import Path

import pytest
import torch
from torch import nn

import wings
from ganlab import clipping, nets, optim, population, theory

TABLE = Path(__file__).with_name("defaults.txt")


def said(value: object) -> str:
    """A default as the table has it: the same on any machine."""
    if isinstance(value, Path):
        return "<path>"
    if isinstance(value, dict):
        return "<registry>"
    if inspect.isclass(value):
        return value.__name__
    if isinstance(value, tuple):
        return f"({', '.join(map(said, value))})"
    return "<function>" if inspect.isfunction(value) else repr(value)


def defaults(name: str, function) -> list[str]:
    """The line of a function or class, if it has defaults."""
    found = [
        f"{parameter.name}={said(parameter.default)}"
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is not inspect.Parameter.empty
    ]
    return [f"{name}: {', '.join(found)}"] if found else []


def methods(cls: type) -> dict[str, object]:
    """Its own public methods. Not an optimizer's `step`: torch wraps it, in each class, when one is first made."""
    plain = {name: getattr(value, "__func__", value) for name, value in vars(cls).items() if name[0] != "_"}
    wrapped = {"step"} if issubclass(cls, torch.optim.Optimizer) else set()
    return {name: value for name, value in plain.items() if inspect.isfunction(value) and name not in wrapped}


def table() -> list[str]:
    """A line for each public function, class and method that has a default."""
    lines = []
    for name in (name for wing in wings.wings() for name in wings.public(wing)):
        if name.kind in ("function", "class"):
            module, _, own = name.full.rpartition(".")
            value = getattr(importlib.import_module(module), own)
            lines += defaults(name.full, value)
            for inner, function in methods(value).items() if name.kind == "class" else ():
                lines += defaults(f"{name.full}.{inner}", function)
    return lines


def test_every_default_is_the_one_that_is_written_down():
    found, written = table(), TABLE.read_text().splitlines()
    changed = sorted(set(found) ^ set(written))
    assert not changed, "PYTHONPATH=.:book/_ext python tests/test_defaults.py writes them:\n" + "\n".join(changed)
    assert found == written


def test_a_changed_default_is_found():
    class Clip:
        def __call__(self, at=1.0): ...
        def scale(self, way=("G", "D"), kinds=(nn.ReLU,), where=Path("/here"), then=lambda x: x): ...

    assert defaults("f", lambda x, at=1.0, *, to=None: x) == ["f: at=1.0, to=None"]
    assert defaults("f", lambda x, at=2.0, *, to=None: x) == ["f: at=2.0, to=None"]
    assert defaults("f", lambda x: x) == []
    (line,) = next(defaults(name, function) for name, function in methods(Clip).items())
    assert line == "scale: way=('G', 'D'), kinds=(ReLU), where=<path>, then=<function>"


# Ours, whose docstring or name says that it is torch's; theirs; what we mean to have otherwise.
TORCHS = {
    "Adam": (optim.Adam, torch.optim.Adam, ()),
    "AdamW": (optim.AdamW, torch.optim.AdamW, ()),
    "AMSGrad": (optim.AMSGrad, torch.optim.Adam, ()),
    "SGD": (optim.SGD, torch.optim.SGD, ()),
    "Momentum": (optim.Momentum, torch.optim.SGD, ("momentum",)),  # without it, it were SGD
    "Nesterov": (optim.Nesterov, torch.optim.SGD, ("momentum",)),
    "Adagrad": (optim.Adagrad, torch.optim.Adagrad, ()),
    "RMSprop": (optim.RMSprop, torch.optim.RMSprop, ()),
    "Adadelta": (optim.Adadelta, torch.optim.Adadelta, ()),
    "clip_grad_norm_": (clipping.clip_grad_norm_, torch.nn.utils.clip_grad_norm_, ()),
    "clip_grad_value_": (clipping.clip_grad_value_, torch.nn.utils.clip_grad_value_, ()),
    "batch norm": (theory.batchnorm.forward, nn.BatchNorm1d, ()),
    "running statistics": (theory.batchnorm.running, nn.BatchNorm1d, ()),
    "train": (population.Population.train, nn.Module.train, ()),
}


@pytest.mark.parametrize(("ours", "theirs", "other"), TORCHS.values(), ids=TORCHS)
def test_defaults_that_have_torchs_names_are_torchs(ours, theirs, other):
    both = [
        {p.name: p.default for p in inspect.signature(one).parameters.values() if p.default is not p.empty}
        for one in (ours, theirs)
    ]
    shared = set(both[0]) & set(both[1]) - set(other)
    assert shared
    assert {name: both[0][name] for name in shared} == {name: both[1][name] for name in shared}
    assert all(both[0][name] != both[1][name] for name in other)


def test_a_step_of_spectral_normalisation_is_torchs():
    theirs = inspect.signature(nn.utils.parametrizations.spectral_norm).parameters["n_power_iterations"].default
    assert nets.SpectralNorm(nn.Linear(2, 2)).steps == theirs == 1


if __name__ == "__main__":
    TABLE.write_text("\n".join(table()) + "\n")
