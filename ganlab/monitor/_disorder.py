"""What was out of order in the last measured step, in words. NumPy alone, as all of the line."""

from collections.abc import Iterator

import numpy as np

from ganlab.monitor._game import GAME

ALIKE = 0.01  # a spread below it: the samples differ by less than a hundredth of what the real ones do


def disorder(monitor) -> list[str]:
    """Sentences for `ganlab.monitor.Monitor.line`; none where nothing is out of order. Over members by medians."""
    said = list(dict.fromkeys([*_modes(monitor), *_carried(monitor), *_movers(monitor), *_game(monitor)]))
    origin = monitor.origin
    return said if origin is None else [*said, f"first not finite: {origin}"]


def _modes(monitor) -> Iterator[str]:
    for _, _, modes in _last(monitor):
        for net, mode in zip(monitor.players, modes, strict=True):
            if mode in ("eval", "mixed"):
                yield f"{'part of ' if mode == 'mixed' else ''}{net} in eval mode"


def _carried(monitor) -> Iterator[str]:
    for phase, (_, carried, *_), _ in _last(monitor):
        share = median(carried[list(monitor.players).index(phase)])
        if share > 0:
            yield f"gradients of {phase} not cleared (carried {share:.2g})"


def _movers(monitor) -> Iterator[str]:
    players = monitor.players
    for phase, (moved, *_), _ in _last(monitor):
        for net, share in zip(players, moved, strict=True):
            # That two share one optimizer is said as such.
            if net != phase and players[net].optimizer is not players[phase].optimizer and median(share) > 0:
                yield f"{phase}'s step moves {net}"


def _game(monitor) -> Iterator[str]:
    points = monitor._game.series.read()[-1:]
    if not points:
        return
    now = {name: median(row) for name, row in zip(GAME, points[0][1], strict=True)}
    if now["spread"] < ALIKE:
        yield f"all samples alike (spread {now['spread']:.2g})"
    if now["g_slope"] > 0:
        yield "G's loss pushes logits down"


def _last(monitor) -> Iterator[tuple[str, np.ndarray, tuple[str, ...]]]:
    """Of each phase's last measured step: (2, K, N), as of `ganlab.monitor._moves.MOVES`, and the modes of the K."""
    for phase in monitor.players:
        _, values, modes = monitor._moves.read(phase, last=True)
        if modes:
            yield phase, values[0], modes[0]


def median(values: np.ndarray) -> float:
    """Of what is a number; NaN if nothing is."""
    values = np.ravel(values)
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")
