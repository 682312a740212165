"""Tidy tables from what a monitor has measured."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from torch import nn

from ganlab._numeric import MEASURES
from ganlab.monitor._game import GAME
from ganlab.monitor._layers import ACTIVITY
from ganlab.monitor._updates import NOTHING, Player

# What a row of the gradient table is for, beside a step, a phase and a seed.
PARTS = {"net": (), "layer": ("layer", "depth"), "parameter": ("layer", "parameter", "depth")}
GRADIENTS = ("grad_norm", "zero_share", "nonfinite", "update_ratio")


def seeds(names: Sequence[int] | None, members: int | None) -> list[int]:
    """A name for each member; 0 for a network alone."""
    if names is None:
        return list(range(members or 1))
    if len(names) != (members or 1):
        raise ValueError(f"seeds has {len(names)} names for {members or 1} networks")
    return list(names)


def frame(
    steps: Sequence[int], things: pd.DataFrame, seeds: Sequence[int], values: np.ndarray, columns
) -> pd.DataFrame:
    """(T, S, K[, N]) to a row for each step, thing (K of them, with columns of their own) and seed; S columns."""
    values = values.reshape(len(steps), len(columns), len(things), len(seeds))
    index = [a.ravel() for a in np.meshgrid(np.arange(len(steps)), np.arange(len(things)), np.arange(len(seeds)),
                                            indexing="ij")]  # fmt: skip
    table = things.iloc[index[1]].reset_index(drop=True)
    table.insert(0, "step", np.asarray(steps, dtype=int)[index[0]])
    table["seed"] = np.asarray(seeds)[index[2]]
    for column, part in zip(columns, np.moveaxis(values, 1, 0), strict=True):
        table[column] = part.ravel()
    return table


def gradients(players: Iterable[Player], seeds: Sequence[int], by: str = "layer", last: bool = False) -> pd.DataFrame:
    """See `ganlab.monitor.Monitor.gradients`; `last` keeps the last point alone."""
    if by not in PARTS:
        raise ValueError(f"by={by!r}: one of {', '.join(PARTS)}")
    keys = ["step", "phase", *PARTS[by], "seed"]
    parts = [_player(player, player.series.read()[-1:] if last else player.series.read(), seeds) for player in players]
    table = pd.concat(parts, ignore_index=True)
    table = table if by == "parameter" else _pooled(table, keys)
    table["update_ratio"] = table["moved"] / table["weight_norm"].where(table["weight_norm"] > 0)
    table["zero_share"] = table["zeros"] / table["size"].where(table["grad_norm"].notna() | (table["nonfinite"] > 0))
    table = table[[*keys, *GRADIENTS, "status"]]
    return table.sort_values("step", kind="stable", ignore_index=True)


def _player(player: Player, points, seeds) -> pd.DataFrame:
    layers = [name.rpartition(".")[0] for name in player.names]
    order = {layer: depth for depth, layer in enumerate(dict.fromkeys(layers))}
    things = pd.DataFrame({
        "phase": player.name, "layer": layers, "parameter": player.names, "depth": [order[layer] for layer in layers],
        "size": player.sizes,
    })  # fmt: skip
    steps = [step for step, _, _ in points]
    values = np.array([row for _, row, _ in points])
    table = frame(steps, things, seeds, values, [*MEASURES, "moved"])
    table["zeros"] *= table["size"]
    status = np.array([note for _, _, note in points], dtype=object).reshape(len(points), len(things))
    table["status"] = np.repeat(status.ravel(), len(seeds))
    table.loc[table["nonfinite"] > 0, "status"] = "nonfinite"
    table.loc[table["status"].isin(NOTHING), "moved"] = np.nan
    return table


def _pooled(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Norms of a layer or a net from those of its parameters; sums of counts; nothing stays nothing."""
    squares = ["grad_norm", "weight_norm", "moved"]
    nothing = table["status"].isin(NOTHING)
    parts = table.assign(**{column: table[column] ** 2 for column in squares})
    # What has no gradient adds no weights to the ratio, and no entries to the share of zeros.
    parts.loc[nothing, ["weight_norm", "size"]] = np.nan
    kept = [*squares, "zeros", "nonfinite", "size"]
    grouped = parts.groupby(keys, sort=False)
    pooled = grouped[kept].sum(min_count=1)
    # A NaN that was measured (a gradient that is not finite) must not drop out of the sum.
    poisoned = grouped["status"].agg(lambda values: (values == "nonfinite").any())
    pooled[squares] = np.sqrt(pooled[squares])
    pooled.loc[poisoned, "grad_norm"] = np.nan
    pooled["status"] = grouped["status"].agg(_status)
    return pooled.reset_index()


def _status(values: pd.Series) -> str:
    kinds = set(values)
    return kinds.pop() if len(kinds) == 1 else "nonfinite" if "nonfinite" in kinds else "mixed"


def totals(players: Iterable[Player], seeds: Sequence[int]) -> pd.DataFrame:
    """See `ganlab.monitor.Monitor.totals`."""
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


def activations(parts: Mapping[tuple[str, str], tuple[dict[str, nn.Module], list]], seeds) -> pd.DataFrame:
    """See `ganlab.monitor.Monitor.activations`; `parts` maps (net, phase) to its layers and points."""
    tables = []
    for (net, phase), (layers, points) in parts.items():
        kinds = [type(module).__name__ for module in layers.values()]
        things = pd.DataFrame({"phase": phase, "net": net, "layer": list(layers), "kind": kinds})
        things["depth"] = np.arange(len(things))
        steps, values = [step for step, _, _ in points], np.array([row for _, row, _ in points])
        tables.append(frame(steps, things, seeds, values, ACTIVITY))
    if not tables:
        raise ValueError("no layers are tapped: give the monitor activations=True")
    return pd.concat(tables, ignore_index=True).sort_values("step", kind="stable", ignore_index=True)


def game(points: list, seeds: Sequence[int]) -> pd.DataFrame:
    """See `ganlab.monitor.Monitor.game`."""
    values = np.array([row for _, row, _ in points]).reshape(len(points), len(GAME), 1, len(seeds))
    return frame([step for step, _, _ in points], pd.DataFrame(index=[0]), seeds, values, GAME)


def line(monitor) -> str:
    """See `ganlab.monitor.Monitor.line`. Over members it gives medians."""
    table = gradients(monitor.players.values(), monitor.seeds, last=True)
    if table.empty:
        return "no step measured yet"
    parts = [f"step {table.step.max()}"]
    for phase, rows in table.groupby("phase", sort=False):
        parts.append(_phase(phase, rows))
    if points := monitor._game.series.read()[-1:]:
        now = game(points, monitor.seeds).median(numeric_only=True)
        parts.append(
            f"D right on real {now.real_accuracy:.2f}, on fake {now.fake_accuracy:.2f}, "
            f"loss slope {now.loss_slope:.1e}, input slope {now.input_slope:.1e}"
        )
    return " | ".join(parts)


def _phase(phase: str, rows: pd.DataFrame) -> str:
    layers = rows.groupby("layer", sort=False)["grad_norm"].median()
    odd = ", ".join(sorted(set(rows["status"]) - {"ok", "sparse"}))
    if layers.isna().all():
        return f"{phase}: no gradient ({odd})"
    total = np.sqrt((rows["grad_norm"] ** 2).groupby(rows["seed"]).sum()).median()
    text = f"{phase}: |grad| {total:.1e}, least in {layers.idxmin() or 'the net'} {layers.min():.1e}"
    return text + f", moved {rows['update_ratio'].median():.1e}" + (f", some {odd}" if odd else "")
