"""What the players minimise: a tensor with a graph, the right way round, of each sample by itself."""

from collections.abc import Iterator

from torch import Tensor

from ganlab.preflight._rehearsal import Rehearsal, finite
from ganlab.preflight.findings import Finding


def no_graph(scene: Rehearsal) -> Iterator[Finding]:
    for player, loss in scene.loss.items():
        outputs = scene.fake_outputs if player == "G" else scene.real_outputs
        if not isinstance(loss, Tensor):
            yield Finding(
                "error", "loss no tensor", f"The loss of {player} is a {type(loss).__name__}, and backward() needs a "
                "tensor.", "return the tensor; .item() is for printing",
            )  # fmt: skip
        elif not loss.requires_grad and any(output.requires_grad for output in outputs):
            yield Finding(
                "error", "loss detached", f"The loss of {player} hangs on no graph, though D's output does: a "
                "detach(), no_grad(), comparison or rounding in the loss.", "compute it from D's output itself",
            )  # fmt: skip


def loss_not_finite(scene: Rehearsal) -> Iterator[Finding]:
    if not all(map(finite, (*scene.real_outputs, *scene.fake_outputs))):
        return  # said already
    for player, loss in scene.loss.items():
        if isinstance(loss, Tensor) and not finite(loss):
            yield Finding(
                "error", "loss not finite", f"D's outputs are finite, the loss of {player} is {_first(loss)}: a log of "
                "0 or an exp too large.", "a loss on logits: BCEWithLogitsLoss, softplus, or one of ganlab.losses",
            )  # fmt: skip


def _first(loss: Tensor) -> float:
    return loss[~loss.isfinite()].flatten()[0].item()


def broadcast(scene: Rehearsal) -> Iterator[Finding]:
    if scene.broadcast:
        size = len(scene.real)
        yield Finding(
            "error", "broadcast", f"In the loss of {' and '.join(scene.broadcast)} ({size}, 1) meets ({size},), and "
            f"torch makes ({size}, {size}) of them: every sample is compared with the target of every other.",
            "logits.squeeze(1) at D's end, or targets of D's shape: torch.ones_like(logits)",
        )  # fmt: skip


def wrong_way_round(scene: Rehearsal) -> Iterator[Finding]:
    """D may call real what it likes, high or low; G has to go the same way."""
    d, g = scene.prefers.get("D"), scene.prefers.get("G")
    if d == 0:
        yield Finding(
            "error", "real as fake", "D's loss is the same with the logits of real and fake exchanged: nothing in it "
            "says which is which.", "real against 1, fake against 0: softplus(-real).mean() + softplus(fake).mean()",
        )  # fmt: skip
    elif d and g == -d:
        high, low = ("high", "low") if d > 0 else ("low", "high")
        yield Finding(
            "error", "wrong sign", f"D's steps lead to {high} logits on real samples, G's to {low} ones on its own: "
            "G helps D to tell them apart.", "turn the sign, or the target, of one loss; or look for maximize=True",
        )  # fmt: skip


RULES = [no_graph, loss_not_finite, broadcast, wrong_way_round]
