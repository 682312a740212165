"""What would be lost late is refused early: at the save and not at the load, at the first step and not at the last."""

import collections
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from small import D, G, TwoModes
from torch import nn

from ganlab import data
from ganlab.train import CheckpointError, Recipe, Schedule, Trainer, checkpoint

Named = collections.namedtuple("Named", "a b")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.float64(1.0), r"state\['run'\]\[0\] is a numpy.float64.*take .item\(\)"),
        (np.zeros(2), r"numpy.ndarray.*torch.from_numpy"),
        (collections.defaultdict(int), r"collections.defaultdict.*take dict\(\)"),
        (Path("here"), r"pathlib.*Path.*take str\(\)"),
        (Named(1, 2), r"Named"),
        (nn.Linear(1, 1), r"torch.nn.modules.linear.Linear.*state_dict"),
        (lambda: 0, r"builtins.function"),
        ({np.int64(3): 1}, r"a key of state\['run'\]\[0\] is a numpy.int64"),
    ],
)
def test_what_cannot_be_loaded_is_not_saved(tmp_path, value, words):
    with pytest.raises(TypeError, match=words):
        checkpoint.save({"run": [value]}, tmp_path / "run.pt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "value",
    [1, 2.5, 1j, True, "s", b"b", None, (1, [2]), {3}, collections.OrderedDict(a=1), torch.Size([2]), torch.float16,
     torch.device("cpu"), nn.Parameter(torch.ones(2)), torch.eye(2).to_sparse(), torch.ones(2, dtype=torch.complex64)],
    ids=repr,
)  # fmt: skip
def test_what_can_be_loaded_is(tmp_path, value):
    checkpoint.save({"value": value, "cell": [value]}, tmp_path / "run.pt")
    loaded = checkpoint.load(tmp_path / "run.pt")["value"]
    same = torch.equal(loaded.to_dense(), value.to_dense()) if isinstance(value, torch.Tensor) else loaded == value
    assert same
    assert type(loaded) is type(value)


def trainer(**more):
    torch.manual_seed(0)
    return Trainer(G(), D(), more.pop("data", TwoModes()), Recipe(batch=8, ema=0.5, **more))


def numbers(t):
    nets = (t.G, t.D, t.average)
    state = [x.clone() for net in nets for x in net.state_dict().values()]
    moments = [x.clone() for o in (t.optimizer_g, t.optimizer_d) for s in o.state.values() for x in s.values()]
    return [*state, *moments, torch.tensor(t.steps), torch.get_rng_state(), *t.stream.next()[0]]


@pytest.mark.parametrize("part", ["G", "D", "average", "optimizer_g", "optimizer_d", "stream", "cures", "log", "rng"])
def test_a_load_that_fails_changes_nothing(tmp_path, part):
    other = trainer().fit(7, progress=False)
    other.save(tmp_path / "run.pt")
    state = checkpoint.load(tmp_path / "run.pt")
    if part == "log":
        del state["log"]
    else:
        broken = {"cures": {"draws": {}, "clips": {}}, "rng": torch.zeros(3), "stream": {"states": [], "cursor": 0}}
        state[part] = broken.get(part, {"state": {}, "param_groups": []} if "optim" in part else {"net.0.weight": None})
    checkpoint.save(state, tmp_path / "broken.pt")
    here, twin = (trainer().fit(3, progress=False) for _ in range(2))
    torch.manual_seed(1)
    with pytest.raises((ValueError, CheckpointError), match=r"broken.pt"):
        here.load(tmp_path / "broken.pt")
    found = numbers(here)
    torch.manual_seed(1)
    for ours, theirs in zip(found, numbers(twin), strict=True):
        assert torch.equal(ours, theirs)


def test_a_file_of_something_else_says_which_key_it_lacks(tmp_path):
    checkpoint.save({"recipe": {}}, tmp_path / "run.pt")
    with pytest.raises(CheckpointError, match="a whole file, but not a trainer's: it has no 'seeds'"):
        trainer().load(tmp_path / "run.pt")


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    ring, grid = data.load("ring"), data.load("grid")
    trainer(data=ring).fit(2, checkpoint=tmp_path / "run.pt", progress=False)
    with pytest.raises(ValueError, match="trained on another data set"):
        trainer(data=grid).fit(4, checkpoint=tmp_path / "run.pt", progress=False)
    assert trainer(data=ring).fit(4, checkpoint=tmp_path / "run.pt", progress=False).steps == 4

    class Wide(TwoModes):
        shape = (3,)

    with pytest.raises(ValueError, match=r"trained on samples \(2,\), and data has \(3,\)"):
        trainer(data=Wide()).load(tmp_path / "run.pt")


def test_a_checkpoint_from_before_the_data_were_noted_loads(tmp_path):
    trainer().fit(2, progress=False).save(tmp_path / "run.pt")
    state = checkpoint.load(tmp_path / "run.pt")
    del state["data"]
    checkpoint.save(state, tmp_path / "old.pt")
    fresh = trainer()
    fresh.load(tmp_path / "old.pt")
    assert fresh.steps == 2


def test_a_fit_that_has_nothing_to_do_says_so():
    run = trainer().fit(5, progress=False)
    with pytest.warns(UserWarning, match=r"fit\(3\) does nothing: this run is at step 5.*fit\(8\) trains 3 more"):
        run.fit(3, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.fit(5, progress=False)  # a script that is run again


def test_a_place_that_cannot_be_written_is_refused_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("")
    run = trainer()
    with pytest.raises(OSError, match=r"run\.pt cannot be written"):
        run.fit(5, checkpoint=tmp_path / "file" / "run.pt", progress=False)
    assert run.steps == 0
    run.fit(2, checkpoint=tmp_path / "there" / "run.pt", progress=False)
    assert [file.name for file in (tmp_path / "there").iterdir()] == ["run.pt"]


def test_what_a_kill_left_behind_is_taken_away(tmp_path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    left = tmp_path / f".run.pt.{int(dead.stdout)}"
    alive, lately, foreign = (
        tmp_path / f".run.pt.{os.getppid()}",
        tmp_path / ".run.pt.999999999",
        tmp_path / ".run.pt.x",
    )
    for file in (left, alive, lately, foreign):
        file.write_text("half")
    for file in (left, alive, foreign):
        os.utime(file, (time.time() - 3600,) * 2)
    checkpoint.save({"step": 1}, tmp_path / "run.pt")
    assert {file.name for file in tmp_path.iterdir()} == {"run.pt", alive.name, lately.name, foreign.name}


def test_schedules_and_rules_are_saved_as_plain_values(tmp_path):
    run = trainer(lr_g=Schedule([(0, 1e-3), (5, 1e-4)]))
    run.fit(2, checkpoint=tmp_path / "run.pt", progress=False)
    again = trainer(lr_g=Schedule([(0, 1e-3), (5, 1e-4)]))
    again.load(tmp_path / "run.pt")
    assert again.steps == 2
