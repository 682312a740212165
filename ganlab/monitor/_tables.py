"""Tidy tables from what a monitor has measured. Of this wing only they need pandas."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from ganlab._check import optional
from ganlab.monitor._activity import ACTIVITY, activity
from ganlab.monitor._game import GAME
from ganlab.monitor._moves import MOVES, Moves
from ganlab.monitor._points import GRADIENTS, points
from ganlab.monitor._settings import SETTINGS, settings
from ganlab.monitor._updates import Player

if TYPE_CHECKING:
    import pandas


def frame(
    steps: Sequence[int], things: Mapping[str, Sequence], seeds: Sequence[int], values: np.ndarray, columns
) -> "pandas.DataFrame":
    """(T, S, K[, N]) to a row for each step, thing and seed, with S columns. things: what names the K; {} if K = 1."""
    things = optional("pandas", extra="lab").DataFrame(things, index=None if things else [0])
    values = values.reshape(len(steps), len(columns), len(things), len(seeds))
    index = [a.ravel() for a in np.meshgrid(np.arange(len(steps)), np.arange(len(things)), np.arange(len(seeds)),
                                            indexing="ij")]  # fmt: skip
    table = things.iloc[index[1]].reset_index(drop=True)
    table.insert(0, "step", np.asarray(steps, dtype=int)[index[0]])
    table["seed"] = np.asarray(seeds)[index[2]]
    for column, part in zip(columns, np.moveaxis(values, 1, 0), strict=True):
        table[column] = part.ravel()
    return table


def _joined(tables: list) -> "pandas.DataFrame":
    """One under the other, by step."""
    table = optional("pandas", extra="lab").concat(tables, ignore_index=True)
    return table.sort_values("step", kind="stable", ignore_index=True)


def gradients(players: Iterable[Player], seeds: Sequence[int], by: str = "layer") -> "pandas.DataFrame":
    """See `ganlab.monitor.Monitor.gradients`."""
    tables = []
    for now in (points(player, by) for player in players):
        count = now.status.shape[1]
        table = frame(now.steps, {"phase": [now.phase] * count, **now.things}, seeds, now.values, GRADIENTS)
        tables.append(table.assign(status=now.status.ravel()))
    return _joined(tables)


def totals(players: Iterable[Player], seeds: Sequence[int]) -> "pandas.DataFrame":
    """See `ganlab.monitor.Monitor.totals`."""
    pd = optional("pandas", extra="lab")
    parts = []
    for player in players:
        bad = np.zeros((len(player.names), len(seeds)), dtype=int)
        if player.measured:
            bad = player.bad.cpu().numpy().reshape(bad.shape)
        parts.append(pd.DataFrame({
            "phase": player.name, "parameter": np.repeat(player.names, len(seeds)),
            "seed": np.tile(seeds, len(player.names)), "measured": player.measured, "nonfinite_steps": bad.ravel(),
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def activations(parts: Mapping[tuple[str, str], tuple[dict[str, nn.Module], list]], seeds) -> "pandas.DataFrame":
    """See `ganlab.monitor.Monitor.activations`; `parts` maps (net, phase) to its layers and points."""
    tables = []
    for (net, phase), (layers, series) in parts.items():
        kinds = [type(module).__name__ for module in layers.values()]
        things = {"phase": [phase] * len(layers), "net": [net] * len(layers), "layer": list(layers), "kind": kinds}
        things["depth"] = range(len(layers))
        steps, values = [step for step, _, _ in series], np.array([activity(row, layout) for _, row, layout in series])
        tables.append(frame(steps, things, seeds, values, ACTIVITY))
    if not tables:
        raise ValueError("no layers are tapped: give the monitor activations=True")
    return _joined(tables)


def game(series: list, seeds: Sequence[int]) -> "pandas.DataFrame":
    """See `ganlab.monitor.Monitor.game`."""
    values = np.array([row for _, row, _ in series]).reshape(len(series), len(GAME), 1, len(seeds))
    return frame([step for step, _, _ in series], {}, seeds, values, GAME)


def moves(measured: Moves, names: Sequence[str], seeds: Sequence[int]) -> "pandas.DataFrame":
    """See `ganlab.monitor.Monitor.moves`."""
    tables = []
    for phase in names:
        steps, values, modes = measured.read(phase)
        table = frame(steps, {"phase": [phase] * len(names), "net": names}, seeds, values, MOVES)
        named = np.array([mode for step in modes for mode in step], dtype=object)
        tables.append(table.assign(mode=np.repeat(named, len(seeds))))
    return _joined(tables)


def settings_of(players: Mapping[str, Player], members: int | None, seeds: Sequence[int]) -> "pandas.DataFrame":
    """See `ganlab.monitor.Monitor.settings`."""
    rows = [(name, seeds[member], kind, *numbers) for name, member, kind, numbers in settings(players, members)]
    return optional("pandas", extra="lab").DataFrame(rows, columns=["phase", "seed", "optimizer", *SETTINGS])
