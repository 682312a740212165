"""What G and D give: what fails on the way, logits of the right shape, and no probabilities."""

from collections.abc import Iterator

from ganlab._logits import last_function
from ganlab.preflight._rehearsal import Rehearsal
from ganlab.preflight.findings import Finding


def failed(scene: Rehearsal) -> Iterator[Finding]:
    for who, error in scene.failed.items():
        said = (str(error).strip().splitlines() or [""])[0]
        yield Finding(
            "error", "failed", f"{who} failed: {type(error).__name__}: {said}",
            "run that call by itself; a D that takes more than samples: judge=lambda x: D(x, labels)",
        )  # fmt: skip


def not_a_sample_each(scene: Rehearsal) -> Iterator[Finding]:
    size = len(scene.real)
    if scene.fake is not None and len(scene.fake) != size:
        yield Finding(
            "error", "samples", f"G made {len(scene.fake)} samples, the batch has {size}.",
            "give generate= a z for as many samples",
        )  # fmt: skip
    odd = [tuple(output.shape) for output in scene.real_outputs if output.ndim == 0 or output.shape[0] != size]
    if odd and len(odd) == len(scene.real_outputs):
        yield Finding(
            "error", "averaged", f"D gives shape {odd[0]} for {size} samples: no number for each.",
            "return one logit a sample, (batch,), and average in the loss",
        )  # fmt: skip


def column(scene: Rehearsal) -> Iterator[Finding]:
    shapes = [tuple(output.shape) for output in scene.real_outputs]
    if any(len(shape) == 2 and shape[1] == 1 for shape in shapes) and len(scene.real) > 1:
        size = len(scene.real)
        yield Finding(
            "note", "column", f"D gives shape ({size}, 1). Beside targets of shape ({size},) it would be broadcast to "
            f"({size}, {size}) in some losses, in silence; ganlab's losses refuse it.", "logits.squeeze(1) at D's end",
        )  # fmt: skip


def several(scene: Rehearsal) -> Iterator[Finding]:
    if scene.real_outputs and not scene.plain:
        shapes = ", ".join(str(tuple(output.shape)) for output in scene.real_outputs)
        yield Finding(
            "note", "several outputs", f"D gives several tensors, of shapes {shapes}: all were taken for logits here, "
            "and the tools of ganlab want one.", "judge=lambda x: D(x)[0], if the first holds the logits",
        )  # fmt: skip


def probabilities(scene: Rehearsal) -> Iterator[Finding]:
    ends = {last_function(output) for output in scene.fake_outputs}
    for end in sorted(ends & {"Sigmoid", "Softmax", "LogSigmoid", "Tanh", "Relu"}):
        what = "probabilities" if end in ("Sigmoid", "Softmax") else f"numbers that {end} has bounded"
        yield Finding(
            "warning", "not logits", f"D ends in {end.lower()}: it gives {what}, and losses on logits (softplus, hinge,"
            " BCEWithLogitsLoss, Wasserstein) saturate on them.",
            "take it away; with BCELoss too, BCEWithLogitsLoss is the same loss and exact",
        )  # fmt: skip


def not_finite(scene: Rehearsal) -> Iterator[Finding]:
    for player, layer in scene.nonfinite.items():
        if scene.real.is_floating_point() and not scene.real.isfinite().all() and player == "D":
            continue  # the data were not finite to begin with
        yield Finding(
            "error", "not finite", f"In {player}, the first layer whose output is not finite is {layer}.",
            f"look at its weights and at what it is given: monitor.snapshot({player}, x)",
        )  # fmt: skip


RULES = [failed, not_a_sample_each, column, several, probabilities, not_finite]
