"""Each chapter, cut short, on a pretended GPU: no samples of one device meet a network on another."""

import pytest
import shortened
from second_device import DevicesMeetError, pretended_gpu

import labels
from ganlab.nets import INITS
from ganlab.study import Study
from ganlab.train import Trainer

CHAPTERS = [path.stem for path in labels.chapters()]
ON_A_CPU = {
    "17-clinic"
}  # the clinic's games are small, and are played where a Monitor looks at every layer for nothing


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    """The smallest scale, no progress bars, and a folder where a chapter may leave files."""
    monkeypatch.setenv("GANLAB_SCALE", "quick")
    monkeypatch.setenv("TQDM_DISABLE", "1")
    monkeypatch.delenv("GANLAB_RECORD", raising=False)
    monkeypatch.chdir(tmp_path)


def run_on_gpu(sources: list[str], name: str = "toy") -> dict:
    with shortened.shortened(), pretended_gpu():
        return shortened.run(sources, name)


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter(name):
    names = run_on_gpu(shortened.cells(name), name)
    if name not in ON_A_CPU:
        assert names["device"] == "cuda", "the first cell takes the GPU where there is one"


# Controls.
HEAD = """
import torch
from ganlab import nets, plots
from ganlab.data import load
from ganlab.study import Study
from ganlab.train import Recipe, Trainer
device = "cuda" if torch.cuda.is_available() else "cpu"
ring, D = load("ring"), nets.mlp_discriminator((2,), width=4)
"""
# Chapter 7, before `plots.points` asked D where it is: the grid of points went where the samples are.
CHAPTER_7 = "trainer = Trainer(nets.mlp_generator((2,), width=4), D, ring, Recipe(batch=4), device=device)\n" \
            "film = [(trainer.sample(50), trainer.D.to({place}))]\n" \
            "for samples, D in film:\n" \
            "    plots.points(samples, ring, lambda x: D(x))"  # fmt: skip


def test_a_network_on_the_cpu_that_meets_samples_on_the_gpu_is_found():
    run_on_gpu([HEAD, CHAPTER_7.format(place="device")])
    with pytest.raises(DevicesMeetError, match="same device") as caught:
        run_on_gpu([HEAD, CHAPTER_7.format(place="'cpu'")])
    assert "<toy, code cell 2>" in [str(entry.path) for entry in caught.traceback], "and the cell is told"


@pytest.mark.parametrize("source", [
    "def trial(seed, kind):\n"
    "    return {'x': float((torch.zeros(2, device=device) + torch.ones(2, device=kind)).sum())}\n"
    "Study('toy', trial, {'kind': ['cuda', 'cpu']}, seeds=range(8)).run()",
    "for step in range(1000):\n"
    "    if step == 999:\n"
    "        optimizer = torch.optim.SGD(D.parameters(), lr=0.1)\n"
    "        D(torch.ones(3, 2, device=device))\n"
    "        optimizer.step()",
    "Trainer(nets.mlp_generator((2,), width=4), D, ring, Recipe(batch=4), device=device).fit(\n"
    "    1000, callback=lambda t: t.steps == 1000 and D(torch.zeros(3, 2)), callback_every=500, progress=False)",
    "try:\n    D.to(device)(torch.zeros(3, 2))\nexcept RuntimeError:\n    pass",
], ids=["in a study's last point", "in a loop's last step", "in a fit's last callback", "and caught"])  # fmt: skip
def test_what_is_cut_short_is_looked_through(source):
    with pytest.raises(DevicesMeetError):
        run_on_gpu([HEAD, source])


def test_a_study_is_short_and_its_table_whole():
    source = "calls = []\n" \
             "def alone(seed, kind, rate):\n    calls.append((seed, kind, rate)); return {'x': rate}\n" \
             "def together(seeds, kind):\n    calls.append(seeds); return [{'x': seed} for seed in seeds]\n" \
             "one = Study('one', alone, {'kind': ['a', 'b'], 'rate': [1.0, 2.0, 3.0]}, seeds=range(4)).run()\n" \
             "two = Study('two', together, {'kind': ['a', 'b']}, seeds=range(5), population=True).run()"  # fmt: skip
    names = run_on_gpu([HEAD, source])
    assert names["calls"] == [(0, "a", 1.0), (0, "b", 2.0), [0, 1], [0, 1]]
    one, two = names["one"], names["two"]
    assert list(one.columns) == ["kind", "rate", "seed", "x"] and len(one) == 2 * 3 * 4
    assert one[one.kind == "b"].rate.tolist() == [1.0] * 4 + [2.0] * 4 + [3.0] * 4
    assert list(two.columns) == ["kind", "x", "seed"] and two.seed.tolist() == [0, 1, 2, 3, 4] * 2


def test_a_fit_is_short_and_everyone_who_looks_is_asked():
    source = (
        "seen, G = [], nets.mlp_generator((2,), width=4)\n"
        "trainer = Trainer(G, D, ring, Recipe(batch=4), device=device)\n"
        "trainer.fit(1000, log_every=250, callback_every=400, callback=lambda t: seen.append(t.steps))"
    )
    names = run_on_gpu([HEAD, source])
    assert names["seen"] == [0, 400, 800]
    assert names["trainer"].history.step.tolist() == [250, 500, 750, 1000]
    adam = names["trainer"].optimizer_g.state.values()
    assert {int(state["step"]) for state in adam} == {3 + 6}, "the first three, and 250, 400, 500, 750, 800, 1000"


def test_the_laboratory_is_as_it_was():
    before = dict(INITS), Study.run, Trainer.fit
    run_on_gpu([HEAD, "nets.INITS['mine'] = None"])
    assert (dict(INITS), Study.run, Trainer.fit) == before
