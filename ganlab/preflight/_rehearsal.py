"""The dry step: G and D run once, both losses are differentiated, and everything is put back."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from ganlab._modes import buffers_kept
from ganlab._modules import floats, logit_parts
from ganlab.preflight._losses import Losses
from ganlab.preflight._probes import Broadcasts, preference, second_derivatives

ON_FAKES = "D on G's samples"  # as who failed, where D can judge the data


@dataclass
class Rehearsal:
    """What was given, and what the dry step showed.

    Attributes:
        nets: "G" and "D". optimizers: likewise.
        real: a batch of data. fake: as many samples of G, or None where it failed.
        losses: what the players minimise.
        penalty: whether D will pay a gradient penalty.
        output: what D gave on the data; None where it failed.
        real_outputs, fake_outputs: the logits in what D gave, one tensor a scale; empty where it failed.
        failed: who raised ("G", "D", `ON_FAKES`, "the loss of D", ...), and what.
        loss: player to its loss, as the loss gave it.
        gradients: player to (name of a parameter, its gradient or None), where a backward pass came through.
        slopes: dL_G/dx at the generated samples, or None.
        nonfinite: player to the first layer, in the order of the forward pass, whose output was not finite.
        values: player to a layer of batch norm and how many values one of its channels had in a pass.
        prefers: player to 1 or -1, the sign of the logits on samples that it would call real, or have called so; 0: the
            two are the same to it. Missing where it cannot be told.
        broadcast: players whose loss paired every sample with every other.
    """

    nets: Mapping[str, nn.Module]
    optimizers: Mapping[str, Optimizer]
    real: Tensor
    losses: Losses
    penalty: bool
    fake: Tensor | None = None
    output: Any = None
    real_outputs: list[Tensor] = field(default_factory=list)
    fake_outputs: list[Tensor] = field(default_factory=list)
    failed: dict[str, Exception] = field(default_factory=dict)
    loss: dict[str, Any] = field(default_factory=dict)
    gradients: dict[str, list[tuple[str, Tensor | None]]] = field(default_factory=dict)
    slopes: Tensor | None = None
    nonfinite: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, int]] = field(default_factory=lambda: {"G": {}, "D": {}})
    prefers: dict[str, int] = field(default_factory=dict)
    broadcast: list[str] = field(default_factory=list)


def play(scene: Rehearsal, generate: Callable[[], Any], judge: Callable[[Tensor], Any]) -> None:
    """Fill in what a step shows. What fails is kept in `failed`, and what rests on it is left out."""
    with _put_back(scene.nets), torch.enable_grad():
        fake = _run(scene, "G", lambda: _watched(scene, "G", generate))
        scene.fake = fake if isinstance(fake, Tensor) else None
        if scene.fake is None and "G" not in scene.failed:
            scene.failed["G"] = TypeError(f"G gave a {type(fake).__name__}, not a tensor of samples")
        scene.output = _judged(scene, judge, scene.real, "D")
        scene.real_outputs = logit_parts(scene.output)
        if scene.fake is None or "D" in scene.failed:
            return
        shown, judged = (_judged(scene, judge, x, ON_FAKES) for x in (scene.fake.detach(), scene.fake))
        scene.fake_outputs = logit_parts(judged)
        if ON_FAKES in scene.failed:
            return
        _lose(scene, "D", lambda: scene.losses.d_loss(scene.output, shown))
        _lose(scene, "G", lambda: scene.losses.g_loss(judged, scene.output))
        scene.prefers = preference(scene.losses, scene.output, scene.optimizers)
        if scene.penalty:
            _run(scene, "the penalty", lambda: second_derivatives(scene.nets["D"], judge, scene.real))


def _run(scene: Rehearsal, who: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        scene.failed.setdefault(who, error)
        return None


def _judged(scene: Rehearsal, judge: Callable[[Tensor], Any], x: Tensor, who: str) -> Any:
    output = _run(scene, who, lambda: _watched(scene, "D", lambda: judge(x)))
    if who not in scene.failed and not floats(output):
        kind = f"tensor of {output.dtype}" if isinstance(output, Tensor) else f"{type(output).__name__} without one"
        scene.failed[who] = TypeError(f"D has to give a tensor of floats, and gave a {kind}")
    return output


def finite(x: Tensor) -> bool:
    """Whether its numbers are there, and all finite."""
    return not x.is_meta and bool(x.isfinite().all())


def _watched(scene: Rehearsal, player: str, call: Callable[[], Any]) -> Any:
    """Run, and note the first layer whose output is not finite, and what batch norm averages over."""

    def look(name: str):
        @torch.no_grad()  # so that a checkpoint, which runs the layer again without us, finds what it saved
        def hook(layer, inputs, output):
            if not all(finite(tensor) or tensor.is_meta for tensor in floats(output)):
                scene.nonfinite.setdefault(player, name)

        return hook

    def count(name: str):
        def hook(layer, inputs):
            if layer.training and inputs[0].ndim > 1:
                scene.values[player][name] = inputs[0].numel() // max(inputs[0].shape[1], 1)

        return hook

    leaves = {name: part for name, part in scene.nets[player].named_modules() if not any(part.children())}
    hooks = [part.register_forward_hook(look(name or type(part).__name__)) for name, part in leaves.items()]
    norms = {name: part for name, part in leaves.items() if isinstance(part, _BatchNorm)}
    hooks += [part.register_forward_pre_hook(count(name or type(part).__name__)) for name, part in norms.items()]
    try:
        return call()
    finally:
        for hook in hooks:
            hook.remove()


def _lose(scene: Rehearsal, player: str, lose: Callable[[], Any]) -> None:
    """A player's loss, and its gradient."""
    with Broadcasts(len(scene.real)) as seen:
        loss = _run(scene, f"the loss of {player}", lose)
    scene.broadcast += [player] if seen.found else []
    if f"the loss of {player}" not in scene.failed:
        scene.loss[player] = loss
        _differentiate(scene, player, loss)


def _differentiate(scene: Rehearsal, player: str, loss: Any) -> None:
    if not isinstance(loss, Tensor) or not loss.requires_grad:
        return
    named = [(name, p) for name, p in scene.nets[player].named_parameters() if p.requires_grad]
    slopes = [scene.fake] if player == "G" and scene.fake.requires_grad else []
    wanted = [*slopes, *(p for _, p in named)]
    if not wanted:
        return

    def differentiate() -> tuple[Tensor | None, ...]:
        return torch.autograd.grad(loss.sum(), wanted, retain_graph=True, allow_unused=True)

    found = _run(scene, f"the backward pass of {player}", differentiate)
    if found is None:
        return
    if slopes:
        scene.slopes = found[0]
    scene.gradients[player] = [(name, grad) for (name, _), grad in zip(named, found[len(slopes) :], strict=True)]


@contextmanager
def _put_back(nets: Mapping[str, nn.Module]) -> Iterator[None]:
    """Buffers, `.grad`s and the states of the random generators are afterwards what they were."""
    grads = [(p, p.grad) for net in nets.values() for p in net.parameters()]
    devices = {p.device.index for p, _ in grads if p.is_cuda}
    with (
        buffers_kept(*nets.values()),
        torch.random.fork_rng(devices=[index for index in devices if index is not None]),
    ):
        try:
            yield
        finally:
            for parameter, grad in grads:
                parameter.grad = grad
