"""What G and D give: what fails on the way, logits of the right shape, and no probabilities."""

import re
from collections.abc import Iterator

from torch import Tensor

from ganlab._logits import last_function
from ganlab._modules import described, one_channel
from ganlab.preflight import _graph
from ganlab.preflight._rehearsal import ON_FAKES, Rehearsal, finite
from ganlab.preflight.findings import Finding

FAR_OUT = 100.0  # in float32 the sigmoid of -104 is 0
# Words of an error -> what to do about it. The first that fits.
_ADVICE = {
    "use_reentrant": "set use_reentrant=False in torch.utils.checkpoint",
    "argument #1 'indices'": "an embedding takes whole numbers, and G makes soft ones: let D take x @ embedding.weight",
    "should be between 0 and 1": "BCELoss takes probabilities: take BCEWithLogitsLoss on what D gives",
    "modified by an inplace operation": "inplace=True overwrites what a layer was given: leave it out at D's front",
    "more than 1 value per channel": "a larger batch, or group norm",
    "gave a ndarray": "stay in torch: a NumPy array has no gradient",
    "not a tensor of samples": "generate=lambda: G(z)[0], if the first holds the samples",
    "once_differentiable|not implemented.*derivative|derivative.*not implemented": "a penalty differentiates D twice: "
    "put another layer in the place of this one, or leave out the penalty",
    r"Target size \(": "targets of D's shape, torch.ones_like(logits); or logits.squeeze(1) at D's end",
    "positional argument: 'fake'|takes 1 positional argument": "losses=(d_loss(real, fake), g_loss(fake)), in order",
    "real is missing": "give the pair itself: losses=ganlab.losses.get(name)",
}
# By whom it was raised.
_BY_ITSELF = {
    "G": "call G(z) by itself. Does it take labels, pictures or z of another shape? Give generate=lambda: G(z, labels)",
    "D": "call D(batch) by itself. Does it take labels too? Give judge=lambda x: D(x, labels)",
    ON_FAKES: "call D(G(z)) by itself: its shape and dtype may differ from the data's",
    "the penalty": "look for a function in D that cannot be differentiated twice",
}


def failed(scene: Rehearsal) -> Iterator[Finding]:
    for who, error in scene.failed.items():
        said = (str(error).strip().splitlines() or [""])[0]
        known = (advice for words, advice in _ADVICE.items() if re.search(words, str(error)))
        other = "call it on D's output of a batch by itself" if "loss" in who else "call loss.backward() by itself"
        yield Finding(
            "error", "failed", f"{who} failed: {type(error).__name__}: {said}",
            next(known, _BY_ITSELF.get(who, other)),
        )  # fmt: skip


def not_a_sample_each(scene: Rehearsal) -> Iterator[Finding]:
    size = len(scene.real)
    if scene.fake is not None and (scene.fake.ndim == 0 or len(scene.fake) != size):
        made = "one number" if scene.fake.ndim == 0 else f"{len(scene.fake)} samples"
        yield Finding(
            "error", "samples", f"G made {made}, the batch has {size}.",
            "give generate= a z for as many samples",
        )  # fmt: skip
    odd = [tuple(output.shape) for output in scene.real_outputs if not _a_number_each(output, size)]
    if "D" not in scene.failed and (not scene.real_outputs or len(odd) == len(scene.real_outputs)):
        yield Finding(
            "error", "averaged", f"D gives shape {odd[0] if odd else ()} for {size} samples: no number for each.",
            "return one logit a sample, (batch,), and average in the loss",
        )  # fmt: skip


def _a_number_each(output: Tensor, size: int) -> bool:
    """As many as samples; several for each in one row (patches), or one for several (packs)."""
    count = output.shape[0]
    return count % size == 0 or (count > 1 and size % count == 0)


def column(scene: Rehearsal) -> Iterator[Finding]:
    """Only where the losses of the loop are not known: with them, `_minimised.broadcast` looks."""
    size = len(scene.real)
    shapes = [tuple(output.shape) for output in scene.real_outputs]
    if (size, 1) in shapes and size > 1 and not scene.losses.own:
        yield Finding(
            "note", "column", f"D gives shape ({size}, 1). Beside targets of shape ({size},) it would be broadcast to "
            f"({size}, {size}) in some losses, in silence; ganlab's losses refuse it.",
            "logits.squeeze(1) at D's end; or give check your losses, and it looks whether it happens",
        )  # fmt: skip


def several(scene: Rehearsal) -> Iterator[Finding]:
    """Where it is a guess which of D's numbers are its logits."""
    if scene.losses.own or not scene.real_outputs:
        return
    taken = " and ".join(str(tuple(output.shape)) for output in scene.real_outputs)
    if isinstance(scene.output, tuple | dict):
        yield Finding(
            "note", "several outputs", f"D gives a {described(scene.output)}: those of shape {taken} were taken for "
            "its logits.", "judge=lambda x: D(x)[1], say, if the logits stand elsewhere",
        )  # fmt: skip
    elif not all(map(one_channel, scene.real_outputs)):
        yield Finding(
            "note", "several numbers", f"D gives several numbers for each sample, {taken}: each was taken for a logit.",
            "one logit a sample, or a map of them (batch, 1, height, width); of classes, give check your losses",
        )  # fmt: skip


def probabilities(scene: Rehearsal) -> Iterator[Finding]:
    ends = {last_function(output) for output in scene.fake_outputs}
    losses = [loss for loss in scene.loss.values() if isinstance(loss, Tensor)]
    logarithms = {"BinaryCrossEntropy", "Log"} & set().union(*map(_graph.functions, losses))
    for end in sorted(ends & {"Sigmoid", "Softmax", "LogSigmoid", "Tanh", "Relu"}):
        if end == "Sigmoid" and logarithms:
            yield Finding(
                "note", "log of a sigmoid", "D ends in a sigmoid and the loss takes its logarithm. The two belong "
                "together, and are rounded: beyond a logit of 17 the sigmoid is exactly 1 in float32, its slope 0.",
                "the same loss, exact: no sigmoid, and BCEWithLogitsLoss",
            )  # fmt: skip
            continue
        what = "probabilities" if end in ("Sigmoid", "Softmax") else f"numbers that {end} has bounded"
        yield Finding(
            "warning", "not logits", f"D ends in {end.lower()}: it gives {what}, and losses on logits (softplus, hinge,"
            " BCEWithLogitsLoss, Wasserstein) saturate on them.",
            "take it away; with BCELoss too, BCEWithLogitsLoss is the same loss and exact",
        )  # fmt: skip


def far_out(scene: Rehearsal) -> Iterator[Finding]:
    """With the losses of the loop a large number may be right, as the error of an autoencoder."""
    sizes = [output.abs().median().item() for output in scene.real_outputs if finite(output)]
    if not scene.losses.own and sizes and max(sizes) > FAR_OUT:
        yield Finding(
            "warning", "large logits", f"D starts with logits of {max(sizes):.1e}: of a loss with a sigmoid in it the "
            "slope there is 0 or 1, and tells D or G nothing.", "look at D's initialisation and at the data's range",
        )  # fmt: skip


def not_finite(scene: Rehearsal) -> Iterator[Finding]:
    for player, layer in scene.nonfinite.items():
        if scene.real.is_floating_point() and not scene.real.isfinite().all() and player == "D":
            continue  # the data were not finite to begin with
        if player == "D" and "G" in scene.nonfinite and all(map(finite, scene.real_outputs)):
            continue  # only what G made was not
        yield Finding(
            "error", "not finite", f"In {player}, the first layer whose output is not finite is {layer}.",
            f"look at its weights and at what it is given: monitor.snapshot({player}, x)",
        )  # fmt: skip


RULES = [failed, not_a_sample_each, column, several, probabilities, far_out, not_finite]
