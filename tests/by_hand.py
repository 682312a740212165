"""Tables as a monitor gives them, written by hand."""

import pandas as pd

NAN = float("nan")

GAME = {
    "real_logit": [0.0, 1.0, 2.0, 3.0], "fake_logit": [0.0, -1.0, -2.0, -3.0], "loss_slope": [0.5, 0.6, 0.8, 1.0],
    "g_slope": [-0.5, -0.6, -0.8, -1.0], "fake_slope": [0.5, 0.4, 0.2, 0.0], "real_slope": [-0.5, -0.4, -0.2, 0.0],
    "spread": [0.1, 0.5, 0.8, 1.0], "energy": [0.8, 0.4, 0.2, 0.0], "real_low": [-1.0] * 4, "real_high": [1.0] * 4,
    "fake_low": [-2.0] * 4, "fake_high": [1.5] * 4, "repeat": [0.0] * 4, "repeat_z": [0.0] * 4,
    "pair_accuracy": [0.5, 0.7, 0.9, 1.0], "input_slope": [1.0, 2.0, 3.0, 4.0],
}  # fmt: skip


def game(steps=(1, 2, 3, 4), seed=0, **columns) -> pd.DataFrame:
    return pd.DataFrame({"step": steps, "seed": seed, **GAME, **columns})


def gradients(norms: dict[str, list[float]], phase="G", status="ok", ratio=0.01, seed=0) -> pd.DataFrame:
    """norms: layer to its gradient norm at steps 1, 2, ..."""
    rows = [
        {"step": step, "phase": phase, "layer": layer, "depth": depth, "seed": seed, "grad_norm": norm,
         "zero_share": 0.0, "nonfinite": 0.0, "update_ratio": ratio, "status": status}
        for depth, (layer, values) in enumerate(norms.items())
        for step, norm in enumerate(values, start=1)
    ]  # fmt: skip
    return pd.DataFrame(rows).sort_values("step", kind="stable", ignore_index=True)


def activations(layers: dict[str, tuple[str, float, float]], net="G", steps=(1, 2, 3, 4)) -> pd.DataFrame:
    """layers: name to (kind, rms, grad_rms), the same at each step."""
    return pd.DataFrame([
        {"step": step, "phase": net, "net": net, "layer": name, "kind": kind, "depth": depth, "seed": 0, "rms": rms,
         "dead_share": 0.25 if kind == "ReLU" else NAN, "saturated_share": 0.5 if kind == "Tanh" else NAN,
         "grad_rms": back}
        for step in steps
        for depth, (name, (kind, rms, back)) in enumerate(layers.items())
    ])  # fmt: skip


def moves(moved=0.0, carried=0.0, mode="train", phase="G", net="G") -> pd.DataFrame:
    return pd.DataFrame([
        {"step": step, "phase": phase, "net": net, "seed": 0, "moved": moved, "carried": carried, "mode": mode}
        for step in (1, 2, 3, 4)
    ])  # fmt: skip
