"""A running average of a network's weights: its samples are steadier than those of the weights themselves."""

from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _SpectralNorm

from ganlab._modules import check_made, copied
from ganlab.nets import SpectralNorm


class WeightAverage(nn.Module):
    """`module`, a copy of `net`, whose numbers follow those of `net`: average <- decay average + (1 - decay) net.

    >>> import torch
    >>> from ganlab.train import WeightAverage
    >>> net = torch.nn.Linear(1, 1, bias=False)
    >>> average = WeightAverage(net)
    >>> _ = torch.nn.init.constant_(net.weight, 3.0), torch.nn.init.constant_(average.module.weight, 1.0)
    >>> average.update(net, decay=0.5); average.module.weight.item()
    2.0

    Polyak & Juditsky 1992; in GANs Yazıcı et al. 2019. Buffers are averaged too where they hold fractions (running
    statistics), and copied where they hold whole numbers or the vectors of a spectral norm. The names in `state_dict`
    are those of `torch.optim.swa_utils.AveragedModel`.
    """

    def __init__(self, net: nn.Module):
        super().__init__()
        check_made(net)
        self.module, vectors = copied(net), _iterated(net)
        names = [name for name, _ in chain(net.named_parameters(), net.named_buffers())]
        self._copied = {i for i, name in enumerate(names) if name in vectors}
        self.register_buffer("n_averaged", torch.tensor(0))

    @torch.no_grad()
    def update(self, net: nn.Module, decay: float | Tensor) -> None:
        """One step after `net`; a decay of 0 copies it. A tensor is a decay that may change on the device.

        Raises ValueError for a net with other parameters or buffers than the one that was copied.
        """
        mine, theirs = (list(chain(one.parameters(), one.buffers())) for one in (self.module, net))
        if [x.shape for x in mine] != [x.shape for x in theirs]:
            raise ValueError(
                f"net has {len(theirs)} parameters and buffers and its average {len(mine)}, or they have other shapes: "
                "make a new WeightAverage after layers are added, wrapped or parametrized"
            )
        groups: dict[tuple, list[tuple[Tensor, Tensor]]] = {}
        for i, (own, new) in enumerate(zip(mine, theirs, strict=True)):
            copy = i in self._copied or not (own.is_floating_point() or own.is_complex())
            groups.setdefault((own.dtype, copy), []).append((own.detach(), new.detach()))
        for (_, copy), pairs in groups.items():
            own, new = map(list, zip(*pairs, strict=True))
            if copy:
                torch._foreach_copy_(own, new)
            elif isinstance(decay, Tensor):
                torch._foreach_lerp_(own, new, [(1 - decay).to(own[0])] * len(own))
            else:
                torch._foreach_lerp_(own, new, 1 - decay)

    def forward(self, *inputs, **options) -> Tensor:
        return self.module(*inputs, **options)


def _iterated(net: nn.Module) -> set[str]:
    """The buffers that hold the vectors of a power iteration. The mean of two unit vectors is none, and sigma comes out
    too small with it: they follow the weights by being copied."""
    found = set()
    for name, module in net.named_modules():
        start = f"{name}." if name else ""
        if isinstance(module, SpectralNorm):
            found.add(f"{start}u")
        elif isinstance(module, _SpectralNorm):
            found |= {f"{start}_u", f"{start}_v"}
        found |= {f"{start}{own}" for own in module._buffers if f"{own[:-2]}_orig" in module._parameters}  # older hooks
    return found
