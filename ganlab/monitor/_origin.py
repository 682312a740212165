"""Where the first number arose that is not finite, in order of time.

A network's output is looked at behind each pass, and its layers' outputs, which the pass has kept until then, only if
there is something to look for. So it costs a look at the logits and at the samples. On a GPU a look means waiting:
there numbers are kept, a largest one for each tensor, and read later, many at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import get_unwrapped, is_batchedtensor, is_functorch_wrapped_tensor

from ganlab._modules import floats, is_compiled, layer_of
from ganlab._numeric import on_host
from ganlab.monitor._hooks import Hook
from ganlab.monitor._layers import layers
from ganlab.monitor._sheet import MEASURES
from ganlab.monitor._updates import Player
from ganlab.population import Population


@dataclass(frozen=True)
class Origin:
    """The first number that was not finite.

    step: of the game. phase: the player whose step it belonged to; "" until one steps. net: the network.
    layer: its layer, by name; "input": what the network was called with, samples or latents; "logits": the gradient of
        the loss at D's output; "": no layer's output was seen to be so, but that of the network.
    where: "forward", "backward" (dL/dh of finite h), "gradient" (of the layer's parameters, while dL/dlogit was
        finite), "weights" (made by the optimizer of finite gradients).
    """

    step: int
    phase: str
    net: str
    layer: str
    where: str

    def __str__(self) -> str:
        places = {"input": f"the input of {self.net}", "logits": f"the loss at the logits of {self.net}"}
        place = places.get(self.layer, f"layer {self.layer} of {self.net}" if self.layer else self.net)
        return f"{place}, {self.where}, step {self.step}"


class Search:
    """Made by `ganlab.monitor.Monitor`, which tells it when a player steps.

    Args:
        every_layer: also on a GPU, and for populations. Otherwise their networks are looked at as a whole.
        thorough: on a CPU too, look at each layer's output, and not only if that of the network is not finite.
        fetch_every: how many measured steps are kept on a device before somebody looks.
    """

    def __init__(
        self, players: Mapping[str, Player], discriminator: str | None, every_layer: bool, thorough: bool,
        fetch_every: int,
    ):  # fmt: skip
        self.on, self.step, self._players, self._D = False, 1, players, discriminator
        self._every_layer, self._thorough, self._patience, self._waited = every_layer, thorough, fetch_every, 0
        self._found: tuple[int, str, str, str, str] | None = None
        # Still to be looked at, by time: step, phase, net, where, what each number is of, and which comes first.
        self._pending: list[tuple[int, str, str, str, Sequence[str], Tensor, Sequence[int] | None]] = []
        self._passes: dict[str, list[tuple[str, Tensor]] | None] = dict.fromkeys(players)
        self._order: dict[str, list[str]] = {name: [] for name in players}  # of the layers in the forward pass
        self._hooks = [hook for name, player in players.items() for hook in self._listen(name, player)]

    def _listen(self, name: str, player: Player) -> list:
        net = player.net
        hooks = [
            net.register_forward_pre_hook(Hook(net, partial(self._enter, name)), with_kwargs=True),
            net.register_forward_hook(Hook(net, partial(self._leave, name)), with_kwargs=True),
        ]
        cheap = on_host(player.parameters[0].device) and not isinstance(net, Population)
        if (self._every_layer or cheap) and not is_compiled(net):
            for layer, module in layers(net).items():
                if module is not net:
                    hooks.append(module.register_forward_hook(Hook(module, partial(self._passed, name, layer))))
        return hooks

    def at(self, step: int, due: bool) -> None:
        """A step begins."""
        self.step, self.on = step, due and self._found is None and bool(self._players)

    def _enter(self, name: str, inputs: tuple, named: dict, output: Any) -> None:
        self._passes[name] = [] if self.on else None

    def _passed(self, name: str, layer: str, inputs: tuple, named: dict, output: Any) -> None:
        if (kept := self._passes[name]) is not None and isinstance(output, Tensor):
            kept.append((layer, output))

    def _leave(self, name: str, inputs: tuple, named: dict, output: Any) -> None:
        kept, self._passes[name] = self._passes[name], None
        if kept is None or not self.on:
            return
        ends = floats(output)
        if not ends or any(map(is_functorch_wrapped_tensor, ends)):
            return
        if kept:
            self._order[name] = [layer for layer, _ in kept]
        host = on_host(ends[0].device)
        if host and not self._thorough and all(map(_finite, ends)):
            return
        kept = [(layer, _plain(y)) for layer, y in kept if y.is_floating_point()]
        seen = [("input", x.detach()) for x in floats((inputs, named))] + kept + [("", y) for y in ends]
        if host:
            if (layer := next((layer for layer, y in seen if not _finite(y)), None)) is not None:
                self._found = self.step, "", name, layer, "forward"
                self._stop()
        else:
            with torch.no_grad():
                largest = torch.stack([y.float() for y in torch._foreach_norm([y for _, y in seen], torch.inf)])
            self._pending.append((self.step, "", name, "forward", [layer for layer, _ in seen], largest, None))

    def before(self, phase: str, slopes: Sequence[Tensor]) -> None:
        """A player is about to step. slopes: of the loss, at D's logits."""
        if self._found is not None:
            self._found = self._found[0], self._found[1] or phase, *self._found[2:]
        self._pending = [(step, was or phase, *rest) for step, was, *rest in self._pending]
        if self.on and slopes:
            names = ["logits"] * sum(slope.numel() for slope in slopes)
            self._look(phase, str(self._D), "backward", names, torch.cat([slope.reshape(-1) for slope in slopes]))

    def after(self, phase: str, values: Tensor) -> None:
        """It has stepped. values: (6, P) or (6, P, N), of `ganlab.monitor._sheet.MEASURES`."""
        if not self.on:
            return
        rows = dict(zip(MEASURES, values.flatten(2).sum(-1) if values.ndim > 2 else values, strict=True))
        sound = torch.where(rows["nonfinite"] > 0, torch.nan, 0.0)
        if on_host(values.device) and _finite(sound + rows["update_norm"]):
            return
        named = [layer_of(name) for name in self._players[phase].names]
        order = self._order[phase]
        # A backward pass comes to the last layer first.
        back = sorted(range(len(named)), key=lambda i: -(order.index(named[i]) if named[i] in order else i))
        self._look(phase, phase, "gradient", named, sound, back)
        if self.on:
            self._look(phase, phase, "weights", named, rows["update_norm"])

    def _look(
        self, phase: str, net: str, where: str, names: Sequence[str], values: Tensor, order: Sequence[int] | None = None
    ) -> None:  # fmt: skip
        if not on_host(values.device):
            self._pending.append((self.step, phase, net, where, list(names), values, order))
        elif (place := _first(values, order)) is not None:
            self._found = self.step, phase, net, names[place], where
            self._stop()

    def step_ends(self) -> None:
        """A measured step is over."""
        self._passes = dict.fromkeys(self._passes)
        self._waited += 1
        if self._waited >= self._patience:
            self.read()

    def read(self) -> Origin | None:
        """What was found up to now; fetches what is pending."""
        pending, self._pending, self._waited = self._pending, [], 0
        if self._found is None and pending:
            sizes = [values.numel() for *_, values, _ in pending]
            rows = torch.cat([values.flatten().double() for *_, values, _ in pending]).cpu().split(sizes)
            for (step, phase, net, where, names, _, order), row in zip(pending, rows, strict=True):
                if (place := _first(row, order)) is not None:
                    self._found = step, phase, net, names[place], where
                    self._stop()
                    break
        return None if self._found is None else Origin(*self._found)

    def _stop(self) -> None:
        """It is found: nothing that comes later is the first."""
        self.on, self._pending = False, []
        self.remove()

    def remove(self) -> None:
        for hook in self._hooks:
            hook.remove()


def _finite(y: Tensor) -> bool:
    return bool(torch.isfinite(y.detach()).all())


def _first(values: Tensor, order: Sequence[int] | None) -> int | None:
    """The first place, in this order, where the number is not finite."""
    bad = (~torch.isfinite(values)).tolist()
    return next((i for i in order or range(len(bad)) if bad[i]), None)


def _plain(y: Tensor) -> Tensor:
    """Out of `vmap`, where a tensor hides its member axis."""
    while is_batchedtensor(y):
        y = get_unwrapped(y)
    return y.detach()
