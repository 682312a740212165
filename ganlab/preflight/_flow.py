"""Where the gradient goes: from each loss to every parameter that should learn from it."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ganlab._modules import tensors
from ganlab.preflight._owners import inner, named
from ganlab.preflight._rehearsal import Rehearsal
from ganlab.preflight.findings import Finding

# Those that take no sparse gradients.
DENSE = {
    torch.optim.Adam, torch.optim.AdamW, torch.optim.NAdam, torch.optim.RAdam, torch.optim.Adamax, torch.optim.RMSprop,
    torch.optim.Rprop, torch.optim.ASGD, torch.optim.Adadelta,
}  # fmt: skip


def cut(scene: Rehearsal) -> Iterator[Finding]:
    fake = scene.fake
    if fake is not None and not fake.requires_grad and any(p.requires_grad for p in scene.nets["G"].parameters()):
        yield Finding(
            "error", "detached", "G's samples hang on no graph: a detach(), no_grad() or .data between G and its loss.",
            "G(z) with gradients in G's step; detach the samples in D's step alone",
        )  # fmt: skip
    trained = any(p.requires_grad for p in scene.nets["D"].parameters())
    if scene.real_outputs and trained and not any(output.requires_grad for output in scene.real_outputs):
        yield Finding(
            "error", "no graph in D", "D's output on real samples hangs on no graph: a detach(), no_grad(), argmax or "
            "threshold in D, or a torch.utils.checkpoint with use_reentrant=True around its first layer.",
            "let D return what it computed; use_reentrant=False",
        )  # fmt: skip


def blind(scene: Rehearsal) -> Iterator[Finding]:
    """D does not look at the samples, or G not at z."""
    if scene.fake is None or not scene.fake.requires_grad or not scene.gradients.get("G"):
        return
    if scene.slopes is None or not scene.slopes.any():
        if waiting := _starting_at_zero(scene):
            yield Finding(
                "note", "starts at 0", f"D's {waiting} is all 0, so that nothing reaches G in its first step. D's "
                "first step moves it.", "nothing, if this is on purpose",
            )  # fmt: skip
            return
        yield Finding(
            "error", "no slope", "The gradient of G's loss at the samples is exactly 0: nothing reaches G.",
            "look for a detach() in D, a D with dead units (monitor.units) or a loss that is flat there",
        )  # fmt: skip


def _starting_at_zero(scene: Rehearsal) -> str | None:
    """A weight of D that is 0 throughout and is about to move."""
    weights = dict(scene.nets["D"].named_parameters())
    moving = (name for name, grad in scene.gradients.get("D", []) if grad is not None and grad.ndim > 1 and _any(grad))
    return next((name for name in moving if not weights[name].any()), None)


def _any(grad: Tensor) -> bool:
    return bool((grad.coalesce().values() if grad.is_sparse else grad).any())


def sparse(scene: Rehearsal) -> Iterator[Finding]:
    for player, gradients in scene.gradients.items():
        kind = type(inner(scene.optimizers[player]))
        names = [name for name, grad in gradients if grad is not None and grad.is_sparse]
        if names and kind in DENSE:
            yield Finding(
                "error", "sparse gradient", f"The gradient of {player}'s {named(names)} is sparse, which "
                f"torch.optim.{kind.__name__} refuses in its step.", "nn.Embedding(..., sparse=False)",
            )  # fmt: skip


def one_sample(scene: Rehearsal) -> Iterator[Finding]:
    fake = scene.fake
    if fake is not None and len(fake) > 1 and bool((fake == fake[:1]).all()):
        yield Finding(
            "error", "z unused", f"All {len(fake)} samples of G are the same one: they do not hang on z.",
            "a z for each sample, and a G that uses it",
        )  # fmt: skip


def unreached(scene: Rehearsal) -> Iterator[Finding]:
    for player, gradients in scene.gradients.items():
        if player == "D" and not scene.losses.own and len(list(tensors(scene.output))) > len(scene.real_outputs):
            continue  # what leads to D's other outputs is learned by losses that are not known here
        if player == "G" and (scene.slopes is None or not scene.slopes.any()):
            continue  # said already
        missing = [name for name, grad in gradients if grad is None]
        weights = [(name, grad) for name, grad in gradients if grad is not None and grad.ndim > 1 and grad.numel()]
        # of weights alone: a bias may cancel, as that of a critic's last layer under the Wasserstein loss
        zero = [name for name, grad in weights if not _any(grad)]
        if missing:
            yield Finding(
                "warning", "unreached", f"No gradient of {player}'s loss reaches {named(missing)}.",
                "use the part in forward(), or take it out",
            )  # fmt: skip
        if zero and len(zero) < len(weights):
            yield Finding(
                "note", "zero gradient", f"The gradient of {player}'s loss is exactly 0 in {named(zero)}: dead units "
                "in front, or a part that starts at 0 on purpose.", f"look: monitor.units({player}, x)",
            )  # fmt: skip
        elif zero:
            yield Finding(
                "error", "zero gradient", f"The gradient of {player}'s loss is exactly 0 everywhere.",
                "look at the loss's values and at dead units: monitor.units",
            )  # fmt: skip


def gradient_not_finite(scene: Rehearsal) -> Iterator[Finding]:
    for player, gradients in scene.gradients.items():
        names = [name for name, grad in gradients if grad is not None and not _finite(grad)]
        if names and not scene.nonfinite:
            yield Finding(
                "error", "gradient not finite", f"The outputs are finite, and the gradient of {player}'s loss is "
                f"not, in {named(names)}: a root, a log or a norm at 0.", "an epsilon in the root; losses on logits",
            )  # fmt: skip


def _finite(grad: Tensor) -> bool:
    return bool((grad.coalesce().values() if grad.is_sparse else grad).isfinite().all())


RULES = [cut, blind, sparse, one_sample, unreached, gradient_not_finite]
