"""Letting the discriminator see several samples at once, so that a generator without variety is found out.

`Packed` wraps a discriminator; `MinibatchStd` and `MinibatchDiscrimination` are layers to put inside one. All work as
members of a `Population`. The two layers tie the samples of a batch together: feed real and generated batches apart, as
`ganlab.train.Trainer` does.
"""

import torch
from torch import Tensor, nn

from ganlab._check import check_positive


class Packed(nn.Module):
    """PacGAN: a discriminator that judges m samples together, all real or all generated.   Lin et al. 2018, section 2.

    (batch, *shape) -> (batch / m,) logits. The m consecutive samples of a pack are joined along the channels (or the
    features of a point), so build `D` for m times as many: `Packed(mlp_discriminator((2 * 2,)), m=2)` for points in the
    plane, `Packed(dcgan_discriminator((2 * 1, 32, 32)), m=2)` for grey images. Losses and penalties see a pack as one
    sample; the slope of a pack is that in all m samples.

    Args:
        D: discriminator of packs, (batch, m * channels, ...) -> (batch,) logits.
        m: samples in a pack; it must divide the batch. m = 1 is D itself.

    Raises:
        ValueError: m is not positive, D was built for channels that m does not divide, or m does not divide a batch.

    >>> import torch
    >>> from ganlab.nets import Packed, mlp_discriminator
    >>> D = Packed(mlp_discriminator((2 * 2,)), m=2)
    >>> D(torch.randn(6, 2)).shape, D.shape  # six points in three packs
    (torch.Size([3]), (2,))
    """

    def __init__(self, D: nn.Module, m: int):
        super().__init__()
        check_positive(m=m)
        self.D, self.m = D, m
        packed = getattr(D, "shape", None)
        if packed is not None and packed[0] % m:
            raise ValueError(f"m={m} does not divide the {packed[0]} channels of D: build D for m times the sample's")
        self.shape = None if packed is None else (packed[0] // m, *packed[1:])

    def forward(self, x: Tensor) -> Tensor:
        if len(x) % self.m:
            raise ValueError(f"a batch of {len(x)} samples does not fall into packs of m={self.m}: choose a multiple")
        if self.shape is not None and tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"x has shape {tuple(x.shape)}: D, in packs of {self.m}, takes (batch, {self.shape})")
        return self.D(x.reshape(len(x) // self.m, self.m * x.shape[1], *x.shape[2:]))


class MinibatchStd(nn.Module):
    """Appends one feature: how much the samples of the batch differ.   Karras et al. 2018, section 3.

    The standard deviation over the batch (with n, not n - 1) of each feature at each place, averaged over all of these:
    one number, appended to every sample as a feature or as a constant channel. (batch, features) becomes
    (batch, features + 1), and (batch, C, H, W) becomes (batch, C + 1, H, W): the next layer takes one more.

    Args:
        group: samples compared with each other, consecutive ones; None: the whole batch. The authors' code has 4.
        eps: added to the variance, as in the authors' code. Equal samples give sqrt(eps) with a finite gradient.

    Raises:
        ValueError: group below 2, a batch that the group does not divide, or a batch of a single sample.

    >>> import torch
    >>> from ganlab.nets import MinibatchStd
    >>> MinibatchStd()(torch.tensor([[0.0], [2.0]])).tolist()  # 0 and 2 are 1 from their mean
    [[0.0, 1.0], [2.0, 1.0]]
    """

    def __init__(self, group: int | None = None, eps: float = 1e-8):
        super().__init__()
        if group is not None and group < 2:
            raise ValueError(f"group={group}: a single sample does not differ from anything; at least 2, or None")
        self.group, self.eps = group, eps

    def forward(self, x: Tensor) -> Tensor:
        group = self.group or len(x)
        if len(x) < 2 or len(x) % group:
            raise ValueError(f"a batch of {len(x)} samples does not fall into groups of {max(group, 2)}")
        groups = x.unflatten(0, (-1, group))
        variance = groups.var(dim=1, correction=0)
        number = (variance + self.eps).sqrt().flatten(1).mean(1)  # one a group
        feature = number.repeat_interleave(group).reshape(-1, *[1] * (x.ndim - 1))
        return torch.cat([x, feature.expand(-1, 1, *x.shape[2:])], dim=1)

    def extra_repr(self) -> str:
        return f"group={self.group}"


class MinibatchDiscrimination(nn.Module):
    """Appends how near the other samples are, through learned kernels.   Salimans et al. 2016, section 3.2.

    o_b(i) = sum_j exp(-|M_ib - M_jb|_1), M_i = x_i T, for each of `kernels` b; M_ib has `width` numbers. The sum runs
    over the whole batch, i itself with its 1 included, as in the paper: it grows with the batch.
    (batch, inputs) becomes (batch, inputs + kernels).

    Raises:
        ValueError: a size that is not positive, or x is not (batch, inputs).

    >>> import torch
    >>> from ganlab.nets import MinibatchDiscrimination
    >>> MinibatchDiscrimination(inputs=2, kernels=1)(torch.zeros(3, 2)).tolist()  # each sees three equal samples
    [[0.0, 0.0, 3.0], [0.0, 0.0, 3.0], [0.0, 0.0, 3.0]]
    """

    def __init__(self, inputs: int, kernels: int = 16, width: int = 8):
        super().__init__()
        check_positive(inputs=inputs, kernels=kernels, width=width)
        self.T = nn.Parameter(torch.empty(inputs, kernels, width))
        nn.init.normal_(self.T, std=inputs**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 2 or x.shape[1] != len(self.T):
            raise ValueError(f"x has shape {tuple(x.shape)}: this layer takes (batch, {len(self.T)})")
        M = torch.tensordot(x, self.T, dims=1)
        distance = (M.unsqueeze(0) - M.unsqueeze(1)).abs().sum(-1)
        return torch.cat([x, (-distance).exp().sum(0)], dim=1)
