"""Refusals that no other test meets: each names what was given and says what to do. A user's own errors go through."""

import linecache

import pytest
import torch
from small import D, G, TwoModes
from torch import nn

from ganlab.latent.priors import Prior
from ganlab.monitor import Monitor, snapshot
from ganlab.nets import cost
from ganlab.optim import SGD, Adam
from ganlab.optim import Rule as Optimizer
from ganlab.penalties import r1
from ganlab.population import Population
from ganlab.study import Study
from ganlab.train import Recipe, Trainer


class WholeNumbers(TwoModes):
    def sample(self, n, generator=None):
        return super().sample(n, generator).long()


class WithLabels(D):
    def forward(self, x, labels):
        return super().forward(x) + labels


class Counted(nn.Module):
    """Says how many samples there are, and nothing that has a slope."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return torch.tensor(len(x))


class Mixed(nn.Module):
    """A layer of a kind whose cost nobody knows."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 2))

    def forward(self, x):
        return x @ self.weight


class Bare(torch.optim.Optimizer):
    """An optimizer that never called the constructor of torch's, as wrappers do."""

    def __init__(self, inner):
        self.base_optimizer, self.param_groups = inner, inner.param_groups


class Broken(D):
    def forward(self, x):
        raise RuntimeError("out of coffee")


def split_over_devices():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, device="meta"))
    return Monitor({"G": (net, torch.optim.SGD(net.parameters(), lr=0.1))})


def wrapped():
    net = nn.Linear(2, 2)
    return Monitor({"G": (net, Bare(torch.optim.SGD(net.parameters(), lr=0.1)))})


def compiled():
    net = torch.compile(nn.Linear(2, 2), backend="eager")
    return Monitor({"G": (net, torch.optim.SGD(net.parameters(), lr=0.1))}, activations=True)


def of_two_ages():
    """While a step is recorded, one number stands for all steps that were made."""
    weights = [nn.Parameter(torch.ones(1)) for _ in range(2)]
    optimizer = Adam(weights)
    weights[0].grad = torch.ones(1)
    optimizer.step()
    weights[1].grad, optimizer.clock = torch.ones(1), torch.tensor(2.0)
    optimizer.step()


REFUSED = {
    "whole numbers": (
        lambda: Trainer(G(), D(), WholeNumbers()).step(), TypeError,
        "data gives torch.int64, and G makes fractions: let data.sample give floats",
    ),
    "a D of two arguments": (
        lambda: Trainer(G(), WithLabels(), TwoModes()), ValueError,
        r"D is called with \('x', 'labels'\), and a trainer calls it with one tensor .*: wrap it in a module",
    ),
    "two devices": (
        split_over_devices, ValueError,
        r"players\['G'\]: parameters on \['cpu', 'meta'\]; they must be on one device",
    ),
    "an optimizer without hooks": (
        wrapped, TypeError,
        r"players\['G'\]: a Bare takes no hooks on its steps: hand over the one inside, .base_optimizer",
    ),
    "a compiled net": (
        compiled, ValueError, r"players\['G'\] is compiled, .*: watch it with activations=False",
    ),
    "nothing with a slope": (
        lambda: snapshot(Counted(), torch.ones(3, 2)), ValueError,
        "net made a Tensor without a floating-point tensor: give a loss of it",
    ),
    "a loss without a slope": (
        lambda: snapshot(nn.Linear(2, 2), torch.ones(3, 2), loss=lambda y: y.detach().sum()), ValueError,
        r"the loss hangs neither on net's weights nor on x: let no \.detach\(\) stand between",
    ),
    "an unknown layer": (
        lambda: cost.counts(nn.Sequential(nn.Linear(2, 2), Mixed()), torch.ones(3, 2)), ValueError,
        r"the multiply-adds of 1, a Mixed with weights of its own, are not known here: add a rule, ",
    ),
    "a law without a law": (
        lambda: Prior(G(), 4)(torch.ones(1, 4)), NotImplementedError, None,
    ),
    "a rule without a direction": (
        lambda: _stepped(Optimizer), NotImplementedError, None,
    ),
    "two ages": (of_two_ages, RuntimeError, "parameters of Adam have made different numbers of steps"),
    "an error inside D, under a penalty": (lambda: r1(Broken(), torch.ones(3, 2)), RuntimeError, "^out of coffee$"),
    "an error inside a member": (
        lambda: Population([Broken(), Broken()])(torch.ones(2, 3, 2)), RuntimeError, "^out of coffee$",
    ),
}  # fmt: skip


def _stepped(kind):
    weight = nn.Parameter(torch.ones(1))
    weight.grad = torch.ones(1)
    kind([weight], lr=0.1).step()


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_names_what_was_given_and_what_to_do(name):
    call, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        call()


def test_what_is_refused_to_one_is_given_to_the_other():
    """Negative controls: the same calls with what the sentences ask for."""
    assert Trainer(G(), D(), TwoModes(), Recipe(batch=4)).fit(1, progress=False).steps == 1
    net = nn.Linear(2, 2)
    inner = torch.optim.SGD(net.parameters(), lr=0.1)
    Monitor({"G": (net, Bare(inner).base_optimizer)}).close()
    compiled_net = torch.compile(net, backend="eager")
    Monitor({"G": (compiled_net, inner)}, activations=False).close()
    assert snapshot(net, torch.ones(3, 2), loss=lambda y: y.sum()).layer.tolist() == [""]
    _stepped(SGD)


def test_a_trial_whose_source_is_gone_is_not_resumed(tmp_path, monkeypatch):
    """A builtin has none; of a function whose file has changed meanwhile, the old lines are not to be had."""
    monkeypatch.setenv("GANLAB_SCALE", "quick")
    with pytest.raises(OSError, match=r"the source of .*dict.* is not to be had"):
        Study("demo", dict, {}).run(resume=tmp_path, progress=False)
    file = tmp_path / "mine.py"
    file.write_text("def outer():\n    def trial(seed):\n        return {'value': seed}\n    return trial\n")
    names = {"__name__": "mine"}
    exec(compile(file.read_text(), str(file), "exec"), names)
    study = Study("demo", names["outer"](), {}, seeds=[4])
    assert study.run(resume=tmp_path, progress=False).value.item() == 4
    file.write_text("# empty by now\n")
    linecache.checkcache(str(file))
    with pytest.raises(OSError, match=r"the source of trial is not to be had: it is not in .*mine.py any more"):
        study.run(resume=tmp_path, progress=False)
