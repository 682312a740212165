"""A running average of a network's weights: its samples are steadier than those of the weights themselves."""

import copy
from itertools import chain

import torch
from torch import Tensor, nn


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
    statistics), and copied where they hold whole numbers. The names in `state_dict` are those of
    `torch.optim.swa_utils.AveragedModel`.
    """

    def __init__(self, net: nn.Module):
        super().__init__()
        self.module = copy.deepcopy(net)
        self.register_buffer("n_averaged", torch.tensor(0))

    @torch.no_grad()
    def update(self, net: nn.Module, decay: float | Tensor) -> None:
        """One step after `net`; a decay of 0 copies it. A tensor is a decay that may change on the device."""
        mine, theirs = (list(chain(one.parameters(), one.buffers())) for one in (self.module, net))
        pairs = [(a.detach(), b.detach()) for a, b in zip(mine, theirs, strict=True)]
        for dtype in dict.fromkeys(a.dtype for a, _ in pairs):
            own, new = map(list, zip(*(pair for pair in pairs if pair[0].dtype == dtype), strict=True))
            if not dtype.is_floating_point:
                torch._foreach_copy_(own, new)
            elif isinstance(decay, Tensor):
                torch._foreach_lerp_(own, new, [(1 - decay).to(own[0])] * len(own))
            else:
                torch._foreach_lerp_(own, new, 1 - decay)

    def forward(self, *inputs, **options) -> Tensor:
        return self.module(*inputs, **options)
