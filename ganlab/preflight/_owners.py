"""Who owns which parameter: each player's optimizer holds its own network's, and no others."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ganlab._modules import shared_parameters
from ganlab.preflight._rehearsal import Rehearsal
from ganlab.preflight.findings import Finding

BY_THE_RATE = (torch.optim.Adam, torch.optim.NAdam, torch.optim.RAdam, torch.optim.Adamax, torch.optim.RMSprop)


def named(names: list[str], at_most: int = 3) -> str:
    """The first names, and how many more there are."""
    rest = len(names) - at_most
    return ", ".join(names[:at_most]) + (f" and {rest} more" if rest > 0 else "")


def held(scene: Rehearsal, player: str) -> dict[int, Tensor]:
    """What a player's optimizer holds, by identity."""
    return {id(p): p for group in scene.optimizers[player].param_groups for p in group["params"]}


def inner(optimizer: Any) -> Any:
    """The optimizer inside a wrapper (accelerate's, say)."""
    return getattr(optimizer, "optimizer", optimizer)


def _trainable(net: nn.Module) -> dict[int, str]:
    return {id(p): name for name, p in net.named_parameters() if p.requires_grad}


def frozen(scene: Rehearsal) -> Iterator[Finding]:
    for player, net in scene.nets.items():
        if any(True for _ in net.parameters()) and not _trainable(net):
            yield Finding(
                "error", "frozen", f"Every parameter of {player} has requires_grad=False: its step moves nothing.",
                f"{player}.requires_grad_(True) before its own step"
            )  # fmt: skip


def not_owned(scene: Rehearsal) -> Iterator[Finding]:
    for player, net in scene.nets.items():
        own, here = _trainable(net), held(scene, player)
        missing = [name for key, name in own.items() if key not in here]
        fix = f"make it anew, from {player}.parameters(), after the last change to {player}"
        if own and len(missing) == len(own):
            yield Finding("error", "owns nothing", f"{player}'s optimizer holds none of {player}'s parameters.", fix)
        elif missing:
            yield Finding(
                "warning", "left out", f"{player}'s optimizer lacks {len(missing)} of {player}'s parameters, which "
                f"will never move: {named(missing)}.", fix
            )  # fmt: skip


def foreign(scene: Rehearsal) -> Iterator[Finding]:
    for player, other in (("G", "D"), ("D", "G")):
        here, theirs = held(scene, player), _trainable(scene.nets[other])
        both = {id(p) for p in scene.nets[player].parameters()}
        names = [theirs[key] for key in here if key in theirs and key not in both]
        if names:
            yield Finding(
                "error", "foreign parameters", f"{player}'s optimizer holds parameters of {other}: {named(names)}. "
                f"Each step of {player} then moves {other} to please {player}.",
                f"the optimizer of {player} takes {player}.parameters() alone",
            )  # fmt: skip


def strangers(scene: Rehearsal) -> Iterator[Finding]:
    known = {id(p) for net in scene.nets.values() for p in net.parameters()}
    for player in scene.nets:
        found = [tuple(p.shape) for key, p in held(scene, player).items() if key not in known]
        if found:
            yield Finding(
                "warning", "strangers", f"{player}'s optimizer holds {len(found)} tensors that no network has, of "
                f"shapes {named([str(shape) for shape in found])}: parameters that were replaced later, or of a third "
                "network.", f"make it after {player} is whole (.to(device), parametrizations, new layers)",
            )  # fmt: skip


def shared(scene: Rehearsal) -> Iterator[Finding]:
    if names := shared_parameters(scene.nets["G"], scene.nets["D"]):
        yield Finding(
            "warning", "shared", f"G and D share parameters: {named(names)}. Each player's step moves the other.",
            "share them only on purpose; else copy.deepcopy the part",
        )  # fmt: skip


def one_for_both(scene: Rehearsal) -> Iterator[Finding]:
    if scene.optimizers["G"] is scene.optimizers["D"]:
        yield Finding(
            "error", "one optimizer", "G and D have one optimizer: a step for D's loss moves G too, and the other way.",
            "an optimizer for each",
        )  # fmt: skip


def standing_still(scene: Rehearsal) -> Iterator[Finding]:
    for player in scene.nets:
        rates = {float(group.get("lr", 1.0)) for group in scene.optimizers[player].param_groups}
        if rates == {0.0}:
            yield Finding(
                "error", "rate 0", f"{player}'s learning rate is 0.",
                "set it, or look at the schedule's first step"
            )  # fmt: skip


def rate_too_large(scene: Rehearsal) -> Iterator[Finding]:
    """Adam and its kin move every weight by about the rate, whatever its gradient."""
    for player in scene.nets:
        if not isinstance(inner(scene.optimizers[player]), BY_THE_RATE):
            continue
        kind = type(inner(scene.optimizers[player])).__name__
        for group in scene.optimizers[player].param_groups:
            size, rate = _size(group["params"]), float(group["lr"])
            if 0 < size < rate:
                yield Finding(
                    "warning", "rate too large", f"{player}'s rate is {rate:g}. {kind} moves each weight by about as "
                    f"much in a step, and the weights are of size {size:.1g}.",
                    "a rate of 1e-4 to 1e-3",
                )  # fmt: skip
                break


def _size(parameters: Iterable[Tensor]) -> float:
    """The root mean square of all weights; 0 if there are none. Biases and strengths may start at 0."""
    weights = [p.detach().flatten().abs().float() for p in parameters if p.ndim > 1 and not p.is_meta]
    return torch.cat(weights).square().mean().sqrt().item() if any(map(len, weights)) else 0.0


RULES = [frozen, not_owned, foreign, strangers, shared, one_for_both, standing_still, rate_too_large]
