"""Percentile clipping against NumPy's percentile of all norms so far."""

import numpy as np
import pytest
import torch
from torch import nn

from ganlab.clipping import PercentileClip, Report

NAN = float("nan")


def parameter(gradient):
    p = nn.Parameter(torch.zeros_like(gradient))
    p.grad = gradient.clone()
    return p


def run(clip, gradients):
    """The gradients after clipping one after the other."""
    after = []
    for gradient in gradients:
        p = parameter(gradient)
        clip(p)
        after.append(p.grad)
    return torch.stack(after)


def stream(n=60, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 4, generator=generator) * torch.rand(n, 1, generator=generator).exp()


@pytest.mark.parametrize("percentile", [0, 10, 50, 90, 100])
@pytest.mark.parametrize("window", [7, 1000])
def test_against_numpy(percentile, window):
    gradients = stream()
    norms = gradients.double().norm(dim=1).numpy()
    after = run(PercentileClip(percentile, window), gradients)
    for i, (gradient, clipped) in enumerate(zip(gradients, after, strict=True)):
        threshold = np.percentile(norms[max(0, i + 1 - window) : i + 1], percentile)
        torch.testing.assert_close(clipped, gradient * min(1, threshold / norms[i]), rtol=1e-5, atol=1e-7)


def test_the_first_call_and_the_hundredth_percentile_clip_nothing():
    gradients = stream()
    assert torch.equal(run(PercentileClip(10), gradients)[0], gradients[0])
    assert torch.equal(run(PercentileClip(100), gradients), gradients)


@pytest.mark.parametrize("value", [NAN, float("inf")])
@pytest.mark.parametrize("place", [0, 5])
def test_a_gradient_that_is_not_finite_leaves_no_trace(value, place):
    gradients = stream(20)
    bad = torch.full((1, 4), value)
    clip = PercentileClip(50, nonfinite="skip")
    after = run(clip, torch.cat([gradients[:place], bad, gradients[place:]]))
    assert (after[place] == 0).all()
    clean = run(PercentileClip(50), gradients)
    torch.testing.assert_close(torch.cat([after[:place], after[place + 1 :]]), clean)
    assert clip.threshold.isfinite()


def test_members_have_windows_of_their_own():
    streams = torch.stack([stream(seed=0), 100 * stream(seed=1)], dim=1)
    clip, report, after = PercentileClip(30, members=True), Report(), []
    for gradients in streams:
        p = parameter(gradients)
        clip(p, report=report)
        after.append(p.grad)
    for k in range(2):
        torch.testing.assert_close(torch.stack(after)[:, k], run(PercentileClip(30), streams[:, k]))
    assert clip.threshold.shape == (2,)
    assert len(report.mean) == 2


def test_saved_and_resumed_equals_uninterrupted():
    gradients = stream()
    whole = run(PercentileClip(20, 7), gradients)
    first, second = PercentileClip(20, 7), PercentileClip(20, 7)
    start = run(first, gradients[:25])
    second.load_state_dict(first.state_dict())
    assert torch.equal(torch.cat([start, run(second, gradients[25:])]), whole)
    fresh = PercentileClip(20, 7)
    fresh.load_state_dict(PercentileClip(20, 7).state_dict())
    assert torch.equal(run(fresh, gradients), whole)


def test_memory_is_bounded():
    clip = PercentileClip(10, window=5)
    run(clip, stream(50))
    assert clip.state_dict()["norms"].shape == (5,)


def test_bad_input():
    with pytest.raises(ValueError, match="percentile=101"):
        PercentileClip(101)
    with pytest.raises(ValueError, match="window is 0"):
        PercentileClip(10, window=0)
    clip = PercentileClip(10)
    clip(parameter(torch.ones(3)))
    clip.members = True
    with pytest.raises(ValueError, match="a PercentileClip for each network"):
        clip(parameter(torch.ones(2, 3)))
    with pytest.raises(ValueError, match="a window of 1000 norms, and this clip one of 5"):
        PercentileClip(10, window=5).load_state_dict(clip.state_dict())


def test_the_report_counts_the_steps_that_were_clipped_and_no_others():
    """Norms 1, 2, 8, 1, 4 at the median of those so far: 1, 1.5, 2, 1.5, 2. The second, third and fifth are cut."""
    clip, report, last = PercentileClip(50), Report(), []
    for norm in (1.0, 2.0, 8.0, 1.0, 4.0):
        clip(parameter(torch.tensor([norm])), report=report)
        last.append(report.last.iloc[0].tolist())
    assert last == [[1, 1, 0, 0, 0], [2, 0.75, 1, 1, 0], [8, 0.25, 1, 1, 0], [1, 1, 0, 0, 0], [4, 0.5, 1, 1, 0]]
    assert report.mean.iloc[0].tolist() == pytest.approx([16 / 5, 3.5 / 5, 3 / 5, 3 / 5, 0])


def test_the_hundredth_percentile_reports_no_clipped_step():
    report, clip = Report(), PercentileClip(100)
    for gradient in stream(10):
        clip(parameter(gradient), report=report)
    assert report.mean.clipped.item() == report.mean.share.item() == 0 and report.calls == 10
