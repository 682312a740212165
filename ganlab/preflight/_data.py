"""The batch of real samples, and whether G can make such samples at all."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ganlab._logits import last_function
from ganlab.preflight import _graph
from ganlab.preflight._rehearsal import ON_FAKES, Rehearsal
from ganlab.preflight.findings import Finding

FAR = 100.0  # how many times wider or narrower than the data an output without bounds may start
ASIDE = 10.0  # standard deviations of the data between their mean and that of G's output
SATURATED = 1e-3  # from an end of the range
SLACK = 0.05  # of the range: what resampling and noise may add to it


def not_floats(scene: Rehearsal) -> Iterator[Finding]:
    real = scene.real
    if not real.is_floating_point():
        if "D" in scene.failed:  # one with an embedding, say, takes them
            yield Finding(
                "error", "integers", f"The data are {real.dtype}, from {real.min().item()} to {real.max().item()}: D "
                "takes floats.", "real.float() / 127.5 - 1 for pictures of 0 to 255 and a G that ends in tanh",
            )  # fmt: skip
    elif not real.isfinite().all():
        bad = int((~real.isfinite()).sum())
        yield Finding(
            "error", "data not finite", f"{bad} of the batch's {real.numel()} numbers are NaN or infinite.",
            "find them in the data set, not in the net",
        )  # fmt: skip


def all_alike(scene: Rehearsal) -> Iterator[Finding]:
    real = scene.real
    if len(real) > 1 and bool((real == real[:1]).all()):
        yield Finding(
            "error", "one sample", f"All {len(real)} samples of the batch are the same one.",
            "look at what draws the batch",
        )  # fmt: skip


def out_of_reach(scene: Rehearsal) -> Iterator[Finding]:
    """Data that the last function of G cannot give: D needs no more than the range to tell the two apart."""
    if not _comparable(scene):
        return
    real, end = scene.real, last_function(scene.fake)
    least, largest = real.min().item(), real.max().item()
    if (reach := _graph.bounds(scene.fake)) is not None:
        low, high = reach
        slack = SLACK * (min(high, 1.0) - low)
        if least < low - slack or largest > high + slack:
            yield Finding(
                "error", "range", f"The data go from {least:.3g} to {largest:.3g}, and G, which ends in "
                f"{end.lower()}, gives {low:g} to {high:g}: it can never look real.",
                f"scale the data to [{low:g}, {high:g}]" if high < float("inf") else "end G in tanh, data in [-1, 1]",
            )  # fmt: skip
        elif low < 0 <= least and real.numel() >= 64 and scene.fake.min().item() < -SLACK:
            yield Finding(
                "warning", "half of the range", f"The data go from {least:.3g} to {largest:.3g}, and G ends in "
                f"{end.lower()}, which gives {low:g} to {high:g}: D may tell them apart by the sign alone.",
                "if the data are in [0, 1]: real * 2 - 1, or a sigmoid at G's end",
            )  # fmt: skip


def far_apart(scene: Rehearsal) -> Iterator[Finding]:
    if not _comparable(scene) or _graph.bounds(scene.fake) is not None or len(scene.real) < 2:
        return
    real, fake = scene.real.float(), scene.fake.float()
    away = ((real.mean() - fake.mean()).abs() / real.std()).item()
    if ASIDE < away < float("inf"):
        yield Finding(
            "warning", "off centre", f"The mean of the data, {real.mean().item():.3g}, lies {away:.0f} standard "
            f"deviations of the data away from that of G's output, {fake.mean().item():.3g}.", "(batch - mean) / std",
        )  # fmt: skip
    ratio = (fake.std() / real.std()).item()
    if ratio > FAR or 0 < ratio < 1 / FAR:
        yield Finding(
            "warning", "scale", f"G's output spreads {ratio:.1e} times as far as the data.",
            "scale the data to about 1, or look at G's initialisation",
        )  # fmt: skip


def shape_apart(scene: Rehearsal) -> Iterator[Finding]:
    """Words, as whole numbers, have another shape than the soft ones that G makes; a D may take both."""
    if scene.fake is None or (not scene.real.is_floating_point() and not {"D", ON_FAKES} & scene.failed.keys()):
        return
    made, real = tuple(scene.fake.shape[1:]), tuple(scene.real.shape[1:])
    if made != real:
        ways = {
            "batch[None]: one sample has no batch in front": made == tuple(scene.real.shape),
            "channels first: batch.permute(0, 3, 1, 2)": len(real) == 3 and made == (real[2], real[0], real[1]),
        }
        fix = next((way for way, fits in ways.items() if fits), "the same shape for both, channels first")
        yield Finding("error", "shape", f"A sample of G has shape {made}, one of the data {real}.", fix)


def saturated(scene: Rehearsal) -> Iterator[Finding]:
    """Of a tanh or a sigmoid that stands at its ends before the first step."""
    fake = scene.fake
    if fake is None or (end := last_function(fake)) not in ("Tanh", "Sigmoid"):
        return
    low, high = _graph.bounds(fake)
    share = ((fake - low < SATURATED) | (high - fake < SATURATED)).float().mean().item()
    if share > 0.5:
        yield Finding(
            "warning", "saturated", f"{share:.0%} of G's numbers lie at an end of its {end.lower()} before the "
            "first step, where its slope is nearly 0.", "smaller weights in G's last layer, or a norm in front of it",
        )  # fmt: skip


def kinds(scene: Rehearsal) -> Iterator[Finding]:
    """dtype and device of the data beside those of the networks."""
    for player, net in scene.nets.items():
        floats = [p for p in net.parameters() if p.is_floating_point()]
        if not floats:
            continue
        places = sorted({str(p.device) for p in floats} | ({str(scene.real.device)} if player == "D" else set()))
        if len(places) > 1:
            yield Finding(
                "error", "devices", f"{player} and what it is shown lie on {' and '.join(places)}.",
                f"{player}.to(device), and batch.to(device) in the loop",
            )  # fmt: skip
    yield from _dtypes(scene)


def _dtypes(scene: Rehearsal) -> Iterator[Finding]:
    """float64 beside float32 fails in some layers alone; another pair is named where D has failed on it."""
    kinds = {p.dtype for p in scene.nets["D"].parameters() if p.is_floating_point()}
    shown = {"The data are": (scene.real, "D"), "G's samples are": (scene.fake, ON_FAKES)}
    for what, (x, who) in shown.items():
        if x is None or not x.is_floating_point() or not kinds or x.dtype in kinds:
            continue
        if who in scene.failed or (who == "D" and {x.dtype, *kinds} <= {torch.float64, torch.float32}):
            others = " and ".join(sorted(map(str, kinds)))
            numpy = ": data that come from NumPy are float64" if x.dtype == torch.float64 and who == "D" else ""
            yield Finding(
                "error", "dtype", f"{what} {x.dtype}, D's parameters {others}{numpy}.",
                f"x.to({min(kinds, key=str)}) in front of D",
            )  # fmt: skip


def _comparable(scene: Rehearsal) -> bool:
    real, fake = scene.real, scene.fake
    return _floating(real) and fake is not None and _floating(fake) and bool(fake.isfinite().all())


def _floating(values: Tensor) -> bool:
    return values.is_floating_point() and bool(values.isfinite().all())


RULES = [not_floats, all_alike, kinds, shape_apart, out_of_reach, far_apart, saturated]
