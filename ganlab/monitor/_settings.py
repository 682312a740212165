"""What stands written down of the players: their optimizers' numbers, and their networks' norms."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.optim import Optimizer

from ganlab._numeric import NAN
from ganlab.monitor._updates import Player
from ganlab.population import Population

SETTINGS = ("rate", "adaptive", "momentum", "decay", "maximize", "norm_eps", "bounded", "at_bound", "ends_in", "steps")
# What a group of Adam and its kin, of RMSprop and Adadelta has, and one of SGD not: their steps are divided by the size
# of late gradients. Adagrad's are by that of all gradients so far, and so shrink.
_ADAPTIVE = {"betas": 1.0, "alpha": 1.0, "rho": 1.0, "lr_decay": 0.5}
_BOUNDS = ("spectral", "orthogonal")  # parts of the names of what bounds the slope of a layer


def settings(players: Mapping[str, Player], members: int | None) -> Iterator[tuple[str, int, str, list[float]]]:
    """For each player and member: its name, the member, the optimizer's class, the numbers of `SETTINGS`."""
    for name, player in players.items():
        net = player.net.structure if isinstance(player.net, Population) else player.net
        still = [_norm_eps(net), _bounded(net)]
        for member in range(members or 1):
            seen = [_at_bound(player, member), player.end.seen, float(player.steps)]
            numbers = [*_of(player.optimizer, member), *still, *seen]
            yield name, member, type(player.optimizer).__name__, numbers


def _of(optimizer: Optimizer, member: int) -> list[float]:
    """The largest of all groups of parameters: rate, whether its steps are divided by the gradient's size, momentum (or
    the first beta), weight decay, whether it steps up the gradient."""
    found = []
    for read in (_rate, _adaptive, _momentum, lambda group: group.get("weight_decay"), _maximize):
        numbers = [_number(read(group), member) for group in optimizer.param_groups]
        known = [number for number in numbers if number == number]
        found.append(max(known) if known else NAN)
    return found


def _rate(group: Mapping[str, Any]) -> Any:
    return group.get("lr")


def _adaptive(group: Mapping[str, Any]) -> float:
    return max((size for name, size in _ADAPTIVE.items() if name in group), default=0.0)


def _maximize(group: Mapping[str, Any]) -> float:
    return float(bool(group.get("maximize", False)))


def _momentum(group: Mapping[str, Any]) -> Any:
    return group["betas"][0] if group.get("betas") else group.get("momentum")


def _number(value: Any, member: int) -> float:
    """Of a member where there is one for each."""
    if isinstance(value, Tensor):
        value = value.reshape(-1)[min(member, value.numel() - 1)].item() if value.numel() else None
    elif isinstance(value, list | tuple):
        value = value[min(member, len(value) - 1)] if value else None
    return float(value) if isinstance(value, int | float) else NAN


@torch.no_grad()
def _at_bound(player: Player, member: int) -> float:
    """The share of the numbers in the matrices that a player trains that are, to the last bit, as large as the largest
    beside them: chance makes hardly any so, and a clip all that lie at its bound.
    """
    held = player.optimised()
    trained = [p for p in player.parameters if p.requires_grad and id(p) in held]
    matrices = [p if player.members is None else p[member] for p in trained]
    sizes = [p.detach().abs() for p in matrices if p.numel() > max(p.shape, default=1)]
    same = [int((one == one.amax()).sum()) - 1 for one in sizes if one.amax() > 0]
    all_ = sum(one.numel() for one in sizes)
    return sum(same) / all_ if all_ else NAN


def _norm_eps(net: nn.Module) -> float:
    """The largest number that a layer of it adds to a variance; NaN where no layer normalises."""
    norms = [part for part in net.modules() if "Norm" in (kind := type(part).__name__) and "Spectral" not in kind]
    found = [float(part.eps) for part in norms if isinstance(getattr(part, "eps", None), int | float)]
    return max(found, default=NAN)


def _bounded(net: nn.Module) -> float:
    """The share of its layers with weights whose slope a parametrization, or a module around them, bounds."""
    layers = [part for part in net.modules() if _weight(part) is not None]
    inside = {id(one) for part in net.modules() if _named(part) for one in part.modules()}
    return sum(id(part) in inside or _is_bounded(part) for part in layers) / len(layers) if layers else NAN


def _named(part: object) -> bool:
    return any(bound in type(part).__name__.lower() for bound in _BOUNDS)


def _weight(part: nn.Module) -> Tensor | None:
    """Its matrix, if it has one."""
    if parametrize.is_parametrized(part, "weight"):
        return (
            part.parametrizations.weight.original if hasattr(part.parametrizations.weight, "original") else part.weight
        )
    own = part._parameters.get("weight", part._parameters.get("weight_orig"))
    return own if own is not None and own.ndim > 1 else None


def _is_bounded(part: nn.Module) -> bool:
    own = part.parametrizations.weight if parametrize.is_parametrized(part, "weight") else ()
    return any(map(_named, (*part._forward_pre_hooks.values(), *own)))
