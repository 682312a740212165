"""On a GPU: a CUDA graph is the step, to rounding, with every option; it falls back, resumes, and gives memory back."""

import gc

import pytest
import torch
from small import D, G, TwoModes
from test_capture import IMAGES, NETS, RECIPES, Reads, trainer

from ganlab.clipping import Report, clip_grad_norm_, clip_grad_value_
from ganlab.monitor import Monitor
from ganlab.train import RULES, Recipe, Stream, Trainer

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")]


def on_gpu(recipe, seeds=0, rule=None, make_g=G, make_d=D, data=None):
    t = trainer(recipe, seeds, None, make_g, make_d, data)
    return Trainer(t.G, t.D, t.data, t.recipe, seeds=t.seeds, device="cuda", rule=rule)


def both(steps=14, **options):
    runs = [on_gpu(**options) for _ in range(2)]
    for run, capture in zip(runs, (True, False), strict=True):
        torch.manual_seed(0)
        run.fit(steps, log_every=3, progress=False, capture=capture)
    return runs


def assert_close(ours, theirs, rtol=1e-4, atol=1e-6):
    for a, b in zip((*ours.G.parameters(), *ours.D.parameters()), (*theirs.G.parameters(), *theirs.D.parameters()),
                    strict=True):  # fmt: skip
        torch.testing.assert_close(a, b, rtol=rtol, atol=atol)
    mine, other = (run.history.drop(columns=["step", "seed"]).to_numpy() for run in (ours, theirs))
    torch.testing.assert_close(torch.tensor(mine), torch.tensor(other), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("seeds", [0, [3, 1]])
@pytest.mark.parametrize("name", RECIPES)
def test_a_graph_is_the_step(name, seeds):
    if "amp" in RECIPES[name] and seeds:
        pytest.skip("a population is in float32")
    graphs, played = both(recipe=RECIPES[name], seeds=seeds)
    assert_close(graphs, played, *((1e-2, 1e-3) if "amp" in RECIPES[name] else ()))
    if not name.startswith("optimizer extra"):
        assert graphs.engine.reason is None and graphs.engine.remark is None


@pytest.mark.parametrize("seeds", [0, [3, 1]])
@pytest.mark.parametrize("name", NETS)
def test_every_kind_of_network(name, seeds):
    make_g, make_d, data = NETS[name]
    if name == "dropout":
        pytest.skip("a graph's masks are others than those of steps in Python")
    graphs, played = both(8, recipe={}, seeds=seeds, make_g=make_g, make_d=make_d, data=data)
    assert_close(graphs, played, rtol=1e-2, atol=1e-4)  # convolutions may take other algorithms
    assert graphs.engine.reason is None and graphs.engine.remark is None


@pytest.mark.parametrize("name", RULES)
def test_a_rule_turns_its_knob(name):
    graphs, played = both(30, recipe={"penalty": "r1"}, seeds=[3, 1], rule=RULES[name])
    assert_close(graphs, played)
    assert graphs.controller.history.round(5).equals(played.controller.history.round(5))


def test_watched_steps_are_played():
    runs = [on_gpu({"penalty": "r1"}) for _ in range(2)]
    monitors = [Monitor.watch(run, every=4, activations=True) for run in runs]
    for run, capture in zip(runs, (True, False), strict=True):
        run.fit(13, progress=False, capture=capture)
    assert_close(*runs)
    ours, theirs = (monitor.gradients() for monitor in monitors)
    assert ours.step.unique().tolist() == theirs.step.unique().tolist() == [1, 4, 8, 12]
    assert (ours.grad_norm - theirs.grad_norm).abs().max() < 1e-4


def test_resumed_in_the_middle(tmp_path):
    recipe = {"penalty": "wgan_gp", "penalty_every": 2, "clip": "percentile", "clip_at": 20.0, "ema": 0.9}
    whole = on_gpu(recipe, [3, 1]).fit(20, progress=False, capture=True)
    on_gpu(recipe, [3, 1]).fit(9, checkpoint=tmp_path / "run.pt", progress=False, capture=True)
    resumed = on_gpu(recipe, [3, 1]).fit(20, checkpoint=tmp_path / "run.pt", progress=False, capture=True)
    for a, b in zip((*whole.G.parameters(), *whole.D.parameters()), (*resumed.G.parameters(), *resumed.D.parameters()),
                    strict=True):  # fmt: skip
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_the_stream_is_that_of_the_cpu():
    streams = [Stream(TwoModes(), 4, 8, [0, 1, 2], device=device) for device in ("cuda", "cpu")]
    for _ in range(150):
        for (real, z), (real_2, z_2) in zip(*(stream.next() for stream in streams), strict=True):
            assert real.is_cuda and torch.equal(real.cpu(), real_2) and torch.equal(z.cpu(), z_2)


def test_a_step_that_reads_a_number_is_played():
    graphs, played = both(10, recipe={}, make_d=Reads)
    assert_close(graphs, played)
    assert "reads a number off a tensor" in graphs.engine.reason


def test_memory_comes_back():
    def used():
        gc.collect()
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        return torch.cuda.memory_reserved()

    run = on_gpu({}, make_g=NETS["dcgan"][0], make_d=NETS["dcgan"][1], data=IMAGES)
    run.fit(3, progress=False, capture=False)
    before = used()
    run.fit(20, progress=False, capture=True)
    assert used() <= before + 4 * 2**20
    del run
    assert used() <= before


@pytest.mark.parametrize("clip", [clip_grad_norm_, clip_grad_value_])
def test_a_clipper_inside_a_graph_of_ones_own(clip):
    """Nothing waits for the device: the clipper can be captured, and its report goes on counting."""
    net, report = torch.nn.Linear(64, 64).cuda(), Report()
    for p in net.parameters():
        p.grad = torch.randn_like(p)
    clip(net, 0.01, report=report)  # makes its buffers
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        clip(net, 0.01, report=report)
    for p in net.parameters():
        p.grad.copy_(torch.randn_like(p))
    graph.replay()
    assert max(p.grad.abs().max().item() for p in net.parameters()) <= 0.0101
    assert report.calls == 2


def test_a_default_fit_on_a_gpu_is_captured():
    from ganlab import nets

    t = Trainer(nets.mlp_generator((2,)), nets.mlp_discriminator((2,)), TwoModes(), Recipe(batch=16), device="cuda")
    t.fit(12, progress=False)
    assert "too few are to come" in t.engine.reason
    t.fit(80, progress=False)
    assert t.engine.reason is None and t.engine.remark is None and t.engine.replayed > 60
