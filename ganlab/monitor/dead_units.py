"""Units that pass no gradient on: each activation's slope at what a batch sends through it.

A unit is a feature, or a channel of an image. Behind the activation phi stands the factor phi'(x) of the chain rule; a
unit whose factor is 0 for every sample sends nothing back, so the weights in front of it get no gradient at all.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch._C._functorch import get_unwrapped, is_batchedtensor

from ganlab._modes import buffers_kept
from ganlab._modules import Inputs, call, check_made, eagerly
from ganlab._numeric import NAN, NARROW
from ganlab.monitor import _tables
from ganlab.monitor._layers import layers
from ganlab.monitor._points import seeds as names_of
from ganlab.population import Population

if TYPE_CHECKING:
    import pandas

FLAT = 0.02  # a slope below this counts as flat: tanh beyond +-0.99, a sigmoid within 0.02 of a bound
# Modules that act on each number alone.
ELEMENTWISE = (
    nn.ReLU, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.SiLU, nn.GELU, nn.Mish, nn.Softplus, nn.Softsign, nn.Tanh,
    nn.Sigmoid, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish,
)  # fmt: skip
COLUMNS = ("dead", "stuck", "one_sided", "flat", "slope")


def units(
    net: nn.Module, x: Inputs, kinds: Sequence[type[nn.Module]] = ELEMENTWISE, *, seeds: Sequence[int] | None = None
) -> "pandas.DataFrame":
    """One forward pass; for each activation layer, what share of its units passes a gradient on.

    Of two units one is never positive, the other takes both signs:

    >>> import torch
    >>> from ganlab.monitor import units
    >>> table = units(torch.nn.Sequential(torch.nn.ReLU()), torch.tensor([[-1.0, 3.0], [-2.0, -4.0]]))
    >>> table[["layer", "dead", "one_sided"]].values.tolist()
    [['0', 0.5, 0.5]]

    Args:
        net: a network, or a population. Its mode stays; its weights and buffers do too.
        x: its input, (batch, ...) or (N, batch, ...); a tuple or a dict of them, where it takes several. Take many
            samples: a unit that is dead on 10 need not be so on 1,000.
        kinds: classes of modules to look at, which must act on each number alone; default torch's own that do.
        seeds: names of the members in the table; default 0, 1, ...

    Returns:
        A row for each activation layer and seed; of a layer that is called several times, the mean over its calls; NaN
        where it is not called. layer, kind, depth, seed, and, as shares of the units:

        - dead: |phi'(x)| is 0 for every sample (and place).
        - stuck: |phi'(x)| is below 0.02 for every sample. Dead units are stuck; tanh and sigmoid can only be stuck.
        - one_sided: x has one sign for every sample. A (leaky) ReLU that never bends is a linear unit, or a dead one.

        Over all numbers: flat, the share with |phi'(x)| below 0.02, and slope, the root mean square of phi'(x).

    Raises:
        ValueError: the net has no activation layers or lazy ones that were never called, or x does not carry the
            population's members.
    """
    check_made(net)
    if not (found := layers(net, kinds)):
        raise ValueError(
            f"net has no module of {', '.join(kind.__name__ for kind in kinds)}: functions called in a `forward` are "
            "not seen, and activations of your own go into `kinds`"
        )
    members = net.size if isinstance(net, Population) else None
    inputs: dict[str, list[Tensor]] = {name: [] for name in found}
    hooks = [module.register_forward_pre_hook(_keep(inputs[name])) for name, module in found.items()]
    try:
        with buffers_kept(net), torch.no_grad(), eagerly(net):
            call(net, x)
    finally:
        for hook in hooks:
            hook.remove()
    values = torch.stack([_mean(found[name], inputs[name], members) for name in found], dim=1)
    kinds = [type(module).__name__ for module in found.values()]
    things = {"layer": list(found), "kind": kinds, "depth": range(len(found))}
    table = _tables.frame([0], things, names_of(seeds, members), values[None].cpu().numpy(), COLUMNS)
    return table.drop(columns="step")


def _keep(inputs: list[Tensor]):
    def hook(module: nn.Module, args: tuple) -> None:
        # `vmap` hides the members, which are first.
        x = get_unwrapped(args[0]) if is_batchedtensor(args[0]) else args[0]
        inputs.append(x.clone() if getattr(module, "inplace", False) else x)

    return hook


def _mean(module: nn.Module, calls: list[Tensor], members: int | None) -> Tensor:
    """(5,) or (5, N): the `COLUMNS`, over all calls."""
    if not calls:
        return torch.full((len(COLUMNS), *([] if members is None else [members])), NAN, dtype=torch.float64)
    looks = torch.stack([_look(module, x, members) for x in calls]).double()
    return torch.cat([looks[:, :-1].mean(0), looks[:, -1:].square().mean(0).sqrt()])


def _look(module: nn.Module, x: Tensor, members: int | None) -> Tensor:
    """(5,) or (5, N): the `COLUMNS`."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        # A copy: the module may write over what it is given.
        (slope,) = torch.autograd.grad(module(x.clone()).sum(), x)
    slope = slope.float() if slope.dtype in NARROW else slope
    lead = 0 if members is None else 1
    unit = lead + 1 if x.ndim > lead + 1 else lead
    others = [axis for axis in range(lead, x.ndim) if axis != unit]
    size, signs = slope.abs(), x.detach().sign()
    flags = [size.amax(others) == 0, size.amax(others) < FLAT, signs.amin(others) == signs.amax(others), size < FLAT]
    shares = [flag.to(slope.dtype).flatten(lead).mean(-1) for flag in flags]
    return torch.stack([*shares, size.square().flatten(lead).mean(-1).sqrt()])
