"""A patient's chart: what a monitor measured of one GAN, as arrays over its measured steps."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ganlab._check import optional

if TYPE_CHECKING:
    import pandas

# The tables of a monitor that are read, by the names of their methods; `game` alone need be there.
TABLES = ("game", "gradients", "activations", "moves", "settings")
KEYS = frozenset({"step", "phase", "net", "layer", "kind", "depth", "seed", "parameter"})


@dataclass(frozen=True)
class Block:
    """One player's or one network's rows: `values[column]` is (T, K), at T steps of K layers in order.

    >>> import pandas
    >>> from ganlab.diagnosis import charts
    >>> chart, = charts({"game": pandas.DataFrame({"step": [1, 2], "seed": 0, "energy": [0.5, 0.1]})})
    >>> chart.game.values["energy"].shape, chart.game.upto(1).steps.tolist()
    ((2, 1), [1])
    """

    steps: np.ndarray
    layers: tuple[str, ...]
    kinds: tuple[str, ...]
    values: Mapping[str, np.ndarray]

    def upto(self, step: int) -> "Block":
        """The same, as it was at `step`."""
        keep = self.steps <= step
        return Block(self.steps[keep], self.layers, self.kinds, {k: v[keep] for k, v in self.values.items()})


@dataclass(frozen=True)
class Chart:
    """What was measured of one GAN.

    >>> from ganlab.clinic import examine
    >>> from ganlab.diagnosis import charts
    >>> chart, = charts(examine("one-batch / ring-mlp / hinge", steps=7))
    >>> chart.last, sorted(chart.gradients), chart.upto(1).last
    (7, ['D', 'G'], 1)

    Attributes:
        seed: its name in the tables.
        game: one thing, so K is 1.
        gradients: by player, in its own steps.
        activations: by network, in the step of the player of that name.
        moves: by (player that stepped, network).
        origin: the first number that was not finite: step, phase, net, layer, where. Empty: all were finite.
        settings: by player, what is written down, the numbers of `Monitor.settings`.
    """

    seed: Any
    game: Block
    gradients: Mapping[str, Block] = field(default_factory=dict)
    activations: Mapping[str, Block] = field(default_factory=dict)
    moves: Mapping[tuple[str, str], Block] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The last step at which anything was measured; 0 if none was."""
        blocks = [self.game, *self.gradients.values()]
        return int(max((block.steps[-1] for block in blocks if len(block.steps)), default=0))

    def upto(self, step: int) -> "Chart":
        """The chart as it was at `step`."""
        early = {"game": self.game.upto(step)}
        for name in ("gradients", "activations", "moves"):
            early[name] = {key: block.upto(step) for key, block in getattr(self, name).items()}
        known = self.origin if self.origin and self.origin["step"] <= step else {}
        return Chart(self.seed, **early, origin=known, settings=self.settings)


def charts(source: Any) -> list[Chart]:
    """A chart for each network of a monitor, or of its tables.

    >>> import pandas
    >>> from ganlab.diagnosis import charts
    >>> both = pandas.DataFrame({"step": [1, 1], "seed": [0, 1], "energy": [0.5, 0.1]})
    >>> [chart.seed for chart in charts({"game": both})]
    [0, 1]

    Args:
        source: a `ganlab.monitor.Monitor`, or a mapping of its tables: "game", and if there are any "gradients"
            (`by="layer"`), "activations", "moves", "settings" and "origin" (one row).

    Raises:
        TypeError: neither.
        ValueError: nothing was measured yet.
    """
    tables = dict(source) if isinstance(source, Mapping) else tables_of(source)
    if unknown := sorted(set(tables) - {*TABLES, "origin"}):
        raise ValueError(f"tables has {', '.join(unknown)}: give the tables {', '.join(TABLES)} of a monitor")
    seeds = _seeds(tables)
    if not seeds:
        raise ValueError("nothing was measured yet: train some steps under the monitor first")
    return [_chart(seed, tables, several=len(seeds) > 1) for seed in seeds]


def tables_of(monitor: Any) -> dict[str, "pandas.DataFrame"]:
    """The tables of a monitor, to keep or to hand to `charts`.

    >>> from ganlab.clinic import examine
    >>> from ganlab.diagnosis.chart import tables_of
    >>> sorted(tables_of(examine("plain / ring-mlp / hinge", steps=3)))
    ['activations', 'game', 'gradients', 'moves', 'settings']

    Raises:
        TypeError: it is no monitor.
    """
    if not all(callable(getattr(monitor, name, None)) for name in ("game", "gradients")):
        raise TypeError(
            f"source is a {type(monitor).__name__}: give a ganlab.monitor.Monitor, or its tables as "
            "{'game': monitor.game(), 'gradients': monitor.gradients()}"
        )
    tables = {"game": monitor.game(), "gradients": monitor.gradients(by="layer"), "moves": monitor.moves()}
    tables["settings"] = monitor.settings()
    with suppress(ValueError):  # its layers are not tapped
        tables["activations"] = monitor.activations()
    if (found := monitor.origin) is not None:
        row = {name: getattr(found, name) for name in ("step", "phase", "net", "layer", "where")}
        tables["origin"] = optional("pandas", extra="lab").DataFrame([row])
    names = _names(monitor)
    return {name: _renamed(table, names) for name, table in tables.items()}


def _names(monitor: Any) -> dict[str, str]:
    """What the rules call D and G, where the players have other names."""
    players, of_d = list(getattr(monitor, "players", ())), getattr(monitor, "discriminator", None)
    others = [name for name in players if name != of_d]
    of_g = "G" if "G" in others else next(iter(others), None)
    names = {name: f"other {name}" for name in players if name in ("D", "G")}
    return names | {name: own for name, own in ((of_d, "D"), (of_g, "G")) if name in players}


def _renamed(table: "pandas.DataFrame", names: Mapping[str, str]) -> "pandas.DataFrame":
    columns = {column: table[column].replace(names) for column in ("phase", "net") if column in table}
    return table.assign(**columns) if any(name != own for name, own in names.items()) else table


def _seeds(tables: Mapping[str, "pandas.DataFrame"]) -> list:
    for name in TABLES:
        if name in tables and len(tables[name]):
            return list(dict.fromkeys(tables[name].seed))
    return []


def _chart(seed: Any, tables: Mapping[str, "pandas.DataFrame"], several: bool) -> Chart:
    own = {name: table[table.seed == seed] for name, table in tables.items() if name in TABLES and len(table)}
    parts: dict[str, Any] = {"game": _block(own["game"]) if "game" in own else Block(np.array([], int), (), (), {})}
    for name, keys in (("gradients", ["phase"]), ("moves", ["phase", "net"])):
        parts[name] = dict(_blocks(own[name], keys)) if name in own else {}
    if (layers := own.get("activations")) is not None:
        parts["activations"] = dict(_blocks(layers[layers.phase == layers.net], ["net"]))
    if (written := own.get("settings")) is not None:
        numbers = written.drop(columns=["seed", "optimizer"], errors="ignore").set_index("phase")
        parts["settings"] = {player: row.to_dict() for player, row in numbers.iterrows()}
    # A monitor knows the origin of the first member that has one. A member whose gradients are finite has none.
    bad = any(np.nansum(block.values["nonfinite"]) > 0 for block in parts["gradients"].values())
    known = tables.get("origin")
    origin = {} if known is None or known.empty or (several and not bad) else known.iloc[0].to_dict()
    return Chart(seed, **parts, origin=origin)


def _blocks(table: "pandas.DataFrame", keys: list[str]) -> Iterator[tuple[Any, Block]]:
    for key, rows in table.groupby(keys, sort=False):
        yield (key[0] if len(keys) == 1 else key), _block(rows)


def _block(rows: "pandas.DataFrame") -> Block:
    """Long rows to (T, K): rows of a step follow each other in the order of the layers."""
    steps = np.unique(rows.step.to_numpy())
    layers = tuple(dict.fromkeys(rows.layer)) if "layer" in rows else ("",)
    kinds = tuple(rows.drop_duplicates("layer").kind) if "kind" in rows else ("",) * len(layers)
    at = np.searchsorted(steps, rows.step.to_numpy())
    where = {layer: i for i, layer in enumerate(layers)}
    to = np.array([where[layer] for layer in rows.layer]) if "layer" in rows else np.zeros(len(rows), int)
    values = {}
    for column in rows.columns.difference(list(KEYS)):
        raw = rows[column].to_numpy()
        numeric = raw.dtype.kind in "fiub"
        grid = np.full((len(steps), len(layers)), np.nan if numeric else "", dtype=float if numeric else object)
        grid[at, to] = raw
        values[column] = grid
    return Block(steps, layers, kinds, values)
