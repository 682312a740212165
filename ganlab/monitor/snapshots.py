"""One look at a network as it stands: activations and gradients, layer by layer, at initialisation say."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from ganlab._modes import buffers_kept
from ganlab._modules import Inputs, call, check_made, eagerly, explained, is_weight, layer_of, map_inputs, samples
from ganlab._numeric import NAN, norm
from ganlab.monitor import _tables
from ganlab.monitor._layers import Taps
from ganlab.monitor._points import seeds as names_of

if TYPE_CHECKING:
    import pandas


def snapshot(
    net: nn.Module, x: Inputs, loss: Callable[[Any], Tensor] | None = None, *, seeds: Sequence[int] | None = None
) -> "pandas.DataFrame":
    """One forward and one backward pass through `net`, layer by layer. It leaves `net` as it was: no weight, no `.grad`
    and no running statistic changes.

    Of two units one is never positive, so ReLU makes it a dead one:

    >>> import torch
    >>> from ganlab.monitor import snapshot
    >>> net = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Linear(2, 1))
    >>> table = snapshot(net, torch.tensor([[-1.0, 3.0], [-2.0, 4.0]]))
    >>> table.query("kind == 'ReLU'")[["rms", "dead_share"]].values.tolist()
    [[2.5, 0.5]]

    Args:
        net: a network in train mode, or a population.
        x: its input; a tuple or a dict of them, where it takes several (labels, say).
        loss: from the output to a scalar, or to one value a member. Default: the output times standard normal numbers
            of a fixed seed, summed: a random direction, in which nothing cancels.
        seeds: names of the members in the table; default 0, 1, ...

    Returns:
        A row for each layer and seed: layer, kind, depth, seed, rms, dead_share, saturated_share, grad_rms (as in
        `Monitor.activations`), weight_grad_norm (2-norm of dL/dW, W the layer's weight; NaN where there is none). Of a
        weight that is made of others (torch's spectral norm, weight norm), W is what is trained.

    Raises:
        ValueError: `net` is in eval mode, has lazy modules that were never called, is checkpointed the older way
            (`use_reentrant=True`), or, without a `loss`, makes no floating-point tensor; or the loss has no gradient.
    """
    if not net.training:
        raise ValueError("net is in eval mode: call net.train(), or batch statistics are not those of training")
    check_made(net)
    taps = Taps(net)
    # With the input among the inputs of the differentiation, every layer gets a gradient, also in front of frozen ones.
    x = map_inputs(lambda t: t.detach().clone(), x)
    wanted = [t.requires_grad_() for t in samples(x)]
    weights = [(layer_of(name), p) for name, p in net.named_parameters() if is_weight(name) and p.requires_grad]
    try:
        with buffers_kept(net), torch.enable_grad(), explained("net"), eagerly(net):
            value = (_random_direction if loss is None else loss)(call(net, x)).sum()
            if not value.requires_grad:
                raise ValueError("the loss hangs neither on net's weights nor on x: let no .detach() stand between")
            grads = torch.autograd.grad(value, [*wanted, *(p for _, p in weights)], allow_unused=True)
    finally:
        taps.remove()
    names = names_of(seeds, taps.members)
    values, layout = taps.take()
    point = (0, values.cpu().numpy(), layout)
    table = _tables.activations({("net", "net"): (taps.layers, [point])}, names)
    by_layer: dict[str, np.ndarray] = {}
    for (layer, _), grad in zip(weights, grads[len(wanted) :], strict=True):
        if grad is not None:
            found = _norm(grad.to_dense() if grad.is_sparse else grad, taps.members).double().cpu().numpy()
            by_layer[layer] = np.hypot(by_layer.get(layer, 0.0), found)
    norm = [np.broadcast_to(by_layer.get(layer, NAN), len(names)) for layer in taps.layers]
    table["weight_grad_norm"] = np.concatenate(norm)
    return table.drop(columns=["step", "phase", "net"])


def _norm(grad: Tensor, members: int | None) -> Tensor:
    """() or (N,)."""
    return norm(grad, tiny=True) if members is None else norm(grad.flatten(1), (1,), tiny=True)


def _random_direction(output: Any) -> Tensor:
    dice = torch.Generator().manual_seed(0)
    parts = [part for part in tree_leaves(output) if isinstance(part, Tensor) and part.is_floating_point()]
    if not parts:
        raise ValueError(f"net made a {type(output).__name__} without a floating-point tensor: give a loss of it")
    return sum((part * torch.randn(part.shape, generator=dice).to(part)).sum() for part in parts)
