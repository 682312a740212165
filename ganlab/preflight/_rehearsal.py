"""The dry step: G and D run once, both losses are differentiated, and everything is put back."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Optimizer

from ganlab._modes import buffers_kept
from ganlab._modules import tensors


@dataclass
class Rehearsal:
    """What was given, and what the dry step showed.

    Attributes:
        nets: "G" and "D". optimizers: likewise.
        real: a batch of data. fake: as many samples of G, or None where it failed.
        real_outputs, fake_outputs: all float tensors that D gave, in order; empty where it failed.
        plain: whether D gave one tensor.
        failed: who raised ("G", "D", "the loss of D", ...), and what.
        gradients: player to (name of a parameter, its gradient or None), where a backward pass came through.
        slopes: dL_G/dx at the generated samples, or None.
        nonfinite: player to the first layer, in the order of the forward pass, whose output was not finite.
        penalty: whether D will pay a gradient penalty.
    """

    nets: Mapping[str, nn.Module]
    optimizers: Mapping[str, Optimizer]
    real: Tensor
    penalty: bool
    fake: Tensor | None = None
    real_outputs: list[Tensor] = field(default_factory=list)
    fake_outputs: list[Tensor] = field(default_factory=list)
    plain: bool = True
    failed: dict[str, Exception] = field(default_factory=dict)
    gradients: dict[str, list[tuple[str, Tensor | None]]] = field(default_factory=dict)
    slopes: Tensor | None = None
    nonfinite: dict[str, str] = field(default_factory=dict)


Losses = tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]


def nonsaturating() -> Losses:
    """D: -log s(real) - log(1 - s(fake)); G: -log s(fake). Goodfellow et al. 2014."""
    return lambda real, fake: softplus(-real).mean() + softplus(fake).mean(), lambda fake: softplus(-fake).mean()


def play(scene: Rehearsal, generate: Callable[[], Any], judge: Callable[[Tensor], Any], losses: Losses) -> None:
    """Fill in what a step shows. What fails is kept in `failed`, and what rests on it is left out."""
    with _put_back(scene.nets), torch.enable_grad():
        fake = _run(scene, "G", lambda: _first_layers(scene, "G", generate))
        scene.fake = fake if isinstance(fake, Tensor) else None
        if fake is not None and scene.fake is None:
            scene.failed["G"] = TypeError(f"G gave a {type(fake).__name__}, not a tensor of samples")
        scene.real_outputs, scene.plain = _judged(scene, judge, scene.real)
        if scene.fake is None or "D" in scene.failed:
            return
        shown, _ = _judged(scene, judge, scene.fake.detach())
        scene.fake_outputs, _ = _judged(scene, judge, scene.fake)
        if "D" in scene.failed or not scene.real_outputs:
            return
        d_loss, g_loss = losses
        pairs = zip(scene.real_outputs, shown, strict=False)
        total = _run(scene, "the loss of D", lambda: sum(d_loss(real, fake).sum() for real, fake in pairs))
        _differentiate(scene, "D", total)
        total = _run(scene, "the loss of G", lambda: sum(g_loss(fake).sum() for fake in scene.fake_outputs))
        _differentiate(scene, "G", total)


def _run(scene: Rehearsal, who: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        scene.failed.setdefault(who, error)
        return None


def _judged(scene: Rehearsal, judge: Callable[[Tensor], Any], x: Tensor) -> tuple[list[Tensor], bool]:
    output = _run(scene, "D", lambda: _first_layers(scene, "D", lambda: judge(x)))
    found = _floats(output)
    if output is not None and not found:
        scene.failed.setdefault("D", TypeError(f"D gave a {type(output).__name__} without a tensor of floats in it"))
    return found, isinstance(output, Tensor)


def _floats(output: Any) -> list[Tensor]:
    return [tensor for tensor in tensors(output) if tensor.is_floating_point()]


def _first_layers(scene: Rehearsal, player: str, call: Callable[[], Any]) -> Any:
    """Run, and note the first layer whose output is not finite."""

    def look(name: str):
        def hook(_, __, output):
            whole = all(bool(tensor.isfinite().all()) for tensor in _floats(output))
            if not whole:
                scene.nonfinite.setdefault(player, name)

        return hook

    leaves = {name: part for name, part in scene.nets[player].named_modules() if not any(part.children())}
    hooks = [part.register_forward_hook(look(name or type(part).__name__)) for name, part in leaves.items()]
    try:
        return call()
    finally:
        for hook in hooks:
            hook.remove()


def _differentiate(scene: Rehearsal, player: str, loss: Tensor | None) -> None:
    if not isinstance(loss, Tensor) or not loss.requires_grad:
        return
    named = [(name, p) for name, p in scene.nets[player].named_parameters() if p.requires_grad]
    slopes = [scene.fake] if player == "G" and scene.fake.requires_grad else []
    wanted = [*slopes, *(p for _, p in named)]
    if not wanted:
        return

    def differentiate() -> tuple[Tensor | None, ...]:
        return torch.autograd.grad(loss, wanted, retain_graph=True, allow_unused=True)

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
