"""What a monitor could not see, in sentences: a table without rows must not pass for a game without trouble."""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer

from ganlab._modules import is_compiled
from ganlab.monitor._updates import Player
from ganlab.population import Population


def check_optimizer(name: str, optimizer: Any) -> None:
    """Raise a TypeError for one whose steps cannot be watched."""
    inside = next((own for own in ("base_optimizer", "optimizer", "_optimizer") if hasattr(optimizer, own)), None)
    way = f"hand over the one inside, .{inside}" if inside else "hand over a torch.optim.Optimizer"
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"players[{name!r}] has a {type(optimizer).__name__} for an optimizer: {way}, one a player")
    if not hasattr(optimizer, "_optimizer_step_pre_hooks"):
        raise TypeError(f"players[{name!r}]: a {type(optimizer).__name__} takes no hooks on its steps: {way}")


def check_discriminator(discriminator: str | None, names: list[str]) -> None:
    """Raise a ValueError for one that is no player. "D", the default, may be missing."""
    if discriminator not in (None, "D", *names):
        raise ValueError(f"discriminator={discriminator!r} is no player; players: {', '.join(names)}, or None for none")


def check_layers(nets: Mapping[str, nn.Module]) -> None:
    """Raise a ValueError for a network whose layers cannot be tapped."""
    for name, net in nets.items():
        if is_compiled(net):
            raise ValueError(
                f"players[{name!r}] is compiled, and a compiled network does not call the hooks of its layers: watch "
                "it with activations=False, or train the network that is not compiled while you look at its layers"
            )


def members(nets: Mapping[str, nn.Module]) -> int | None:
    """How many members each has; None for single networks. Raises a ValueError for several numbers."""
    sizes = {name: net.size if isinstance(net, Population) else None for name, net in nets.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"players have {sizes} members: watch populations of one size, or single networks")
    return next(iter(sizes.values()))


def gaps(monitor) -> Iterator[str]:
    """See `ganlab.monitor.Monitor.gaps`."""
    players: Mapping[str, Player] = monitor.players
    if monitor.discriminator == "D" and "D" not in players and len(players) > 1:
        yield f"no player is called 'D', so there is no game(): name it, discriminator={next(iter(players))!r} say"
    stepped = [name for name, player in players.items() if player.steps]
    for name, player in players.items():
        if not player.steps and (stepped or player.reached):
            wrapped = getattr(player.optimizer, "base_optimizer", None) is not None
            yield (
                f"the optimizer of {name} was never seen to step"
                + (": give the monitor its base_optimizer" if wrapped else "")
                + (
                    ", and its step ends each step of the game: put it first in `players`"
                    if name == monitor.clock
                    else ""
                )
            )
        elif player.idle:
            yield (
                f"{name} did not step in {player.idle} rounds: a schedule of yours, a GradScaler that skipped, or a "
                "loss of another player that reaches it"
            )
        if new := player.unwatched():
            yield f"{name} has parameters that came after the monitor, {', '.join(new[:3])}: make a new monitor"
    for name, other in _pairs(players):
        yield f"{name} and {other} share one optimizer: each of its steps counts as a step of both"
    if monitor.step and monitor.discriminator in players and len(players) > 1:
        game = monitor._game
        if not game.calls:
            yield (
                f"{monitor.discriminator} was never called on what another player made, so loss_slope and input_slope "
                "are unknown: call the module itself, not its forward() or a copy"
            )
        elif game.unread:
            yield f"{monitor.discriminator} returned nothing that could be its logits in {game.unread} calls"


def _pairs(players: Mapping[str, Player]) -> Iterator[tuple[str, str]]:
    owner: dict[int, str] = {}
    for name, player in players.items():
        if (other := owner.setdefault(id(player.optimizer), name)) != name:
            yield other, name
