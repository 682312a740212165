"""Chapter 15: L2 against weight decay in float64, torch's AdamW, the factor of dropout, the best on the ring."""

import numpy as np
import pandas as pd
import torch

from check import check
from ganlab import nets
from ganlab.monitor import snapshot
from ganlab.optim import regularise
from ganlab.study import recorded

SGD, ADAM, ADAMW = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW


def _weights(optimizer, steps: int = 200, l2: float = 0.0, weight_decay: float = 0.0, **options) -> torch.Tensor:
    """The weights of a small network in float64 after a regression on noise that is drawn anew at each step."""
    torch.manual_seed(0)
    net = nets.mlp_discriminator((4,), width=16).double()
    descent = regularise(optimizer(net.parameters(), **options), l2, weight_decay)
    dice = torch.Generator().manual_seed(0)
    for _ in range(steps):
        x, y = (torch.randn(shape, dtype=torch.float64, generator=dice) for shape in ((32, 4), (32,)))
        descent.zero_grad()
        (net(x) - x.prod(1) - y).square().mean().backward()
        descent.step()
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def _distance(one: torch.Tensor, other: torch.Tensor) -> float:
    return ((one - other).norm() / one.norm()).item()


@check
def difference_of_l2_and_decay_under_sgd() -> float:
    """Largest difference of any weight after 200 steps of gradient descent, over five strengths."""
    pairs = [
        (_weights(SGD, l2=strength, lr=0.05), _weights(SGD, weight_decay=strength, lr=0.05))
        for strength in (1e-3, 1e-2, 0.1, 1.0, 5.0)
    ]
    return max((one - other).abs().max().item() for one, other in pairs)


@check
def distance_of_l2_and_the_nearest_decay_under_adam() -> float:
    """Relative distance of Adam's weights with L2 = 0.01 from those with the best of 21 strengths of weight decay."""
    wanted = _weights(ADAM, l2=0.01, lr=0.01)
    return min(_distance(wanted, _weights(ADAM, weight_decay=s, lr=0.01)) for s in np.logspace(-3, 1, 21))


@check
def difference_of_our_decay_and_adamw() -> float:
    """Largest difference of any weight after 200 steps from torch's AdamW."""
    theirs = _weights(lambda parameters: ADAMW(parameters, lr=0.01, weight_decay=0.5))
    return (_weights(ADAM, weight_decay=0.5, lr=0.01) - theirs).abs().max().item()


@check
def growth_of_the_squared_gradient_by_dropout() -> np.ndarray:
    """Factor by which dropout of 1/2 changes dL/dh squared per layer, for 8 nets of 12 layers of width 256."""
    ratios = []
    for seed in range(8):
        slope = {}
        for rate in (0.0, 0.5):
            torch.manual_seed(seed)
            net = nets.mlp_generator((1,), 256, 256, 12, init="he", dropout=rate).double()
            table = snapshot(net, torch.randn(64, 256, dtype=torch.float64))
            logs = 2 * np.log(table[table.kind == "ReLU"].grad_rms.to_numpy())
            slope[rate] = (logs[0] - logs[-1]) / (len(logs) - 1)
        ratios.append(np.exp(slope[0.5] - slope[0.0]))
    return np.array(ratios)


def _gain_on_the_ring(way: str) -> np.ndarray:
    """Overlap at the best of all settings of one way, chosen afterwards, less that of the plain GAN, seed by seed."""
    around = pd.concat([recorded(f"regularisers-ring{part}") for part in ("", "-D", "-G")]).query("way == @way")
    best = around.groupby(["players", "strength"]).overlap.mean().idxmax()
    chosen = around.set_index(["players", "strength", "seed"]).sort_index().overlap.loc[best]
    return (chosen - recorded("regularisers-plain").set_index("seed").overlap).to_numpy()


@check
def best_gain_of_l2_on_the_ring() -> np.ndarray:
    """The best of 15 settings."""
    return _gain_on_the_ring("L2")


@check
def best_gain_of_weight_decay_on_the_ring() -> np.ndarray:
    """The best of 15 settings."""
    return _gain_on_the_ring("weight decay")


@check
def best_gain_of_dropout_on_the_ring() -> np.ndarray:
    """The best of 7 settings."""
    return _gain_on_the_ring("dropout")


@check
def modes_gained_by_dropout_in_d() -> np.ndarray:
    """Modes of the ring found with dropout of 0.1 in D less those without, seed by seed."""
    found = recorded("regularisers-ring-D").query("strength == 0.1").set_index("seed").modes
    return (found - recorded("regularisers-plain").set_index("seed").modes).to_numpy()
