"""Whom a step moved, what its gradients held before, and in which modes the networks ran."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor

from ganlab._modules import tensors
from ganlab._numeric import NAN, precise
from ganlab.monitor._hooks import Hook
from ganlab.monitor._remains import together
from ganlab.monitor._series import Series
from ganlab.monitor._sheet import MEASURES
from ganlab.monitor._updates import NOTHING, Player
from ganlab.population import Population

# The numbers of a row, in this order.
MOVES = ("moved", "carried", "weights", "evenness")


class Moves:
    """Made by `ganlab.monitor.Monitor`.

    Attributes:
        series: for each phase (K,) or (K, N): of another network how far the step moved it, as a share of its weights'
            norm; at the player's own place the norm of what its gradients held before. Notes: the modes.
    """

    def __init__(self, players: Mapping[str, Player], members: int | None, series: Mapping[str, Series]):
        self.on, self.series = True, series
        self._players, self._members = players, members
        self._leaves: dict[str, list[nn.Module]] = {}  # of each network, in this round
        self._window: dict[str, str] = {}  # the modes of each network since the last step of a player
        self._round: dict[str, str] = {}  # in this round of the game
        # For each phase that is stepping, and each other network that it will move: which tensors, from where, what of.
        self._before: dict[str, dict[str, tuple[list[Tensor], list[Tensor], Tensor]]] = {}
        self._hooks = [
            player.net.register_forward_hook(Hook(player.net, partial(self._passed, name)), with_kwargs=True)
            for name, player in players.items()
        ]

    def _passed(self, name: str, inputs: tuple, named: dict, output: Any) -> None:
        if not self.on or not torch.is_grad_enabled():
            return
        outputs = list(tensors(output))
        if any(map(is_functorch_wrapped_tensor, outputs)) or not any(y.requires_grad for y in outputs):
            return
        if name not in self._leaves:
            self._leaves[name] = _leaves(self._players[name].net)
        now = _mode(self._leaves[name])
        self._window[name] = now if self._window.get(name, now) == now else "mixed"

    @torch.no_grad()
    def before(self, phase: str) -> None:
        """The optimizer of `phase` is about to step."""
        mine = self._players[phase].optimised()
        self._before[phase] = moved = {}
        for name, player in self._players.items():
            if name != phase and (held := [p for p in player.parameters if id(p) in mine]):
                weight = together([p.detach() for p in player.parameters], self._members)
                moved[name] = held, [p.detach().clone() for p in held], weight

    @torch.no_grad()
    def after(self, phase: str, step: int, early: bool) -> None:
        """It has stepped, and was measured. early: with gradients of the round before."""
        player = self._players[phase]
        device = player.parameters[0].device
        shape, dtype = [] if self._members is None else [self._members], precise(device)
        row = {name: torch.zeros(shape, dtype=dtype, device=device) for name in self._players}
        for name, (held, old, weight) in self._before.pop(phase, {}).items():
            moved = together(torch._foreach_sub([p.detach() for p in held], old), self._members)
            row[name] = torch.where(weight > 0, moved / weight, NAN).to(device)
        left, whole = player.left(early)
        row[phase] = torch.full_like(row[phase], NAN) if left is None else left
        # Where the loss reached the player in an earlier window alone, its pass was made there.
        own = self._window.get(phase, self._round.get(phase, ""))
        modes = tuple(own if name == phase else self._window.get(name, "") for name in self._players)
        self.series[phase].add(step, torch.stack(list(row.values())), (modes, whole))

    def window_ends(self) -> None:
        """A player has stepped."""
        self._round |= self._window
        self._window = {}

    def round_ends(self) -> None:
        self._round, self._leaves = {}, {}

    def read(self, phase: str, last: bool = False) -> tuple[list[int], np.ndarray, list[tuple[str, ...]]]:
        """Steps; (T, 4, K, N), the rows of `MOVES`; and for each step the mode of each network."""
        player, place = self._players[phase], list(self._players).index(phase)
        measured = {step: (row, note) for step, row, note in player.series.read()}
        points = [point for point in self.series[phase].read() if point[0] in measured][-1 if last else None :]
        values = np.full((len(points), len(MOVES), len(self._players), self._members or 1), NAN)
        for out, (step, row, (_, whole)) in zip(values, points, strict=True):
            out[0] = row.reshape(out[0].shape)
            out[:, place] = _own(*measured[step], out[0, place].copy(), whole, player.sizes)
        return [step for step, _, _ in points], values, [note[0] for _, _, note in points]

    def remove(self) -> None:
        for hook in self._hooks:
            hook.remove()


@np.errstate(all="ignore")  # NaN and infinity are what the numbers may be
def _own(row: np.ndarray, status: tuple[str, ...], left: np.ndarray, whole: bool, sizes: list[int]) -> np.ndarray:
    """(4, N), of `MOVES`: of a player in its own step.

    row: (6, P) or (6, P, N), of `MEASURES`. whole: no pass of this round has reached it, and its gradients are older.
    """
    found = dict(zip(MEASURES, row.reshape(*row.shape[:2], -1).astype(float), strict=True))
    norm = {name: np.sqrt((found[name] ** 2).sum(0)) for name in ("weight_norm", "update_norm")}
    used = [i for i, one in enumerate(status) if one not in (*NOTHING, "not in optimizer")]
    gradient = np.sqrt((found["grad_norm"][used] ** 2).sum(0))
    carried = np.where(left == 0, 0.0, left / np.where(gradient > 0, gradient, NAN))
    if whole:
        carried = np.ones_like(left)
    moved = norm["update_norm"] / np.where(norm["weight_norm"] > 0, norm["weight_norm"], NAN)
    return np.stack([moved, carried, norm["weight_norm"] / np.sqrt(sum(sizes)), _evenness(found, np.array(sizes))])


def _evenness(found: Mapping[str, np.ndarray], sizes: np.ndarray) -> np.ndarray:
    """(N,): mean size over root mean square, the mean over the parameters that have several numbers, by their sizes."""
    several = (sizes > 1) & (found["weight_norm"] > 0).all(axis=1)
    if not several.any():
        return np.full(found["weight_norm"].shape[1], NAN)
    counts = sizes[several, None]
    each = found["weight_sum"][several] / (np.sqrt(counts) * found["weight_norm"][several])
    return (each * counts).sum(axis=0) / counts.sum()


def _leaves(net: nn.Module) -> list[nn.Module]:
    """The modules with none inside, as they are now."""
    net = net.structure if isinstance(net, Population) else net
    return [part for part in net.modules() if not part._modules]


def _mode(leaves: Iterable[nn.Module]) -> str:
    """Of all: "train", "eval", or "mixed"."""
    modes = {part.training for part in leaves}
    return "mixed" if len(modes) > 1 else "train" if True in modes else "eval"
