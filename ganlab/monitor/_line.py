"""A monitor's last step in one line. NumPy alone: it is for any training loop, with pandas or without."""

import numpy as np

from ganlab.monitor._disorder import disorder, median
from ganlab.monitor._game import GAME
from ganlab.monitor._points import GRADIENTS, Points, points


def line(monitor) -> str:
    """See `ganlab.monitor.Monitor.line`. Over members it gives medians."""
    found = [now for player in monitor.players.values() if (now := points(player, last=True)).steps]
    gaps = [f"({sentence})" for sentence in monitor.gaps]
    if not found:
        return " | ".join(["no step measured yet", *gaps])
    parts = [f"step {max(now.steps[0] for now in found)}"]
    parts += [_phase(now) for now in sorted(found, key=lambda now: now.steps[0])]
    if game := monitor._game.series.read()[-1:]:
        now = {name: median(row) for name, row in zip(GAME, game[0][1], strict=True)}
        parts.append(
            f"D right on real {now['real_accuracy']:.2f}, on fake {now['fake_accuracy']:.2f}, "
            f"on pairs {now['pair_accuracy']:.2f}, loss slope {now['loss_slope']:.1e}, "
            f"input slope {now['input_slope']:.1e}"
        )
    return " | ".join([*parts, *disorder(monitor), *gaps])


@np.errstate(over="ignore")
def _phase(now: Points) -> str:
    numbers = dict(zip(GRADIENTS, now.values[0], strict=True))
    norms = numbers["grad_norm"]  # (layers, N)
    by_layer = np.array([median(row) for row in norms])
    odd = ", ".join(sorted(set(now.status.flat) - {"ok", "sparse"}))
    if np.isnan(by_layer).all():
        return f"{now.phase}: no gradient ({odd})"
    total = np.median(np.sqrt(np.nansum(norms**2, axis=0)))
    least = int(np.nanargmin(by_layer))
    text = f"{now.phase}: |grad| {total:.1e}, least in {now.things['layer'][least] or 'the net'} {by_layer[least]:.1e}"
    return text + f", moved {median(numbers['update_ratio']):.1e}" + (f", some {odd}" if odd else "")
