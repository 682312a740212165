"""Spectral normalisation: each weight divided by its largest singular value, for any layer with a `weight`.

torch has two of its own; neither runs in training mode under `torch.vmap`, so not in a `ganlab.population.Population`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import normalize

from ganlab._check import check_positive
from ganlab._modules import check_made

WARM_UP = 15  # power steps when the layer is made, as in torch
# Axis of the weight that runs over the layer's outputs.
OUTPUT_AXIS: dict[type[nn.Module], int] = {
    nn.Linear: 0, nn.Conv1d: 0, nn.Conv2d: 0, nn.Conv3d: 0,
    nn.ConvTranspose1d: 1, nn.ConvTranspose2d: 1, nn.ConvTranspose3d: 1,
}  # fmt: skip


class SpectralNorm(nn.Module):
    """`layer` with W / sigma(W) in place of its weight W; its bias as it is.   Miyato et al. 2018, section 2.1.

    sigma is the largest singular value of W as a matrix, one row an output channel. It is estimated by power iteration
    on one persisted vector u, `steps` steps at each pass in training mode: the weights change little from pass to pass,
    so one step follows them. In eval mode u stays. The gradient flows through sigma, with the two singular vectors held
    constant, as in the paper.

    For a convolution this is not the norm of the map from image to image, which can be larger by up to the square root
    of the number of taps of the kernel.

    Args:
        layer: a linear layer, a convolution or a transposed convolution.
        steps: of the power iteration at each pass.

    Raises:
        TypeError: a layer of another kind.
        ValueError: steps below 1, or a layer that makes its weight from others (torch's `weight_norm`), or is lazy and
            was never called.

    >>> import torch
    >>> from ganlab.nets import SpectralNorm
    >>> _ = torch.manual_seed(0)
    >>> layer = torch.nn.Linear(2, 2, bias=False)
    >>> layer.weight.data = torch.tensor([[4.0, 0.0], [0.0, 2.0]])
    >>> SpectralNorm(layer)(torch.tensor([[1.0, 1.0]])).round(decimals=3).tolist()  # divided by 4
    [[1.0, 0.5]]
    """

    def __init__(self, layer: nn.Module, steps: int = 1):
        super().__init__()
        kind = next((kind for kind in OUTPUT_AXIS if isinstance(layer, kind)), None)
        if kind is None:
            known = ", ".join(kind.__name__ for kind in OUTPUT_AXIS)
            raise TypeError(f"layer is a {type(layer).__name__}: spectral normalisation takes {known}")
        check_positive(steps=steps)
        _check_weight(layer)
        self.layer, self.steps, self.axis, self.held = layer, steps, OUTPUT_AXIS[kind], False
        matrix = self._matrix().detach()
        self.register_buffer("u", normalize(torch.randn_like(matrix[:, 0]), dim=0))
        self.u.copy_(self._power(matrix, WARM_UP)[0])

    def forward(self, x: Tensor) -> Tensor:
        return functional_call(self.layer, {"weight": self.weight}, (x,))

    @property
    def weight(self) -> Tensor:
        """W / sigma(W): for modules that read a layer's weight themselves, as attention does."""
        return self.layer.weight / self.sigma()

    @property
    def bias(self) -> Tensor | None:
        return self.layer.bias

    def sigma(self) -> Tensor:
        """The estimate of the largest singular value; in training mode it advances u."""
        matrix = self._matrix()
        moving = self.training and not self.held
        u, v = self._power(matrix.detach(), self.steps if moving else 0)
        if moving:
            with torch.no_grad():
                self.u.copy_(u)  # a copy: the graph keeps u itself, and the next pass must not alter that
        sigma = u.conj() @ matrix @ v
        return sigma.real if sigma.is_complex() else sigma

    def _power(self, matrix: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        u = self.u.clone()
        v = normalize((u.conj() @ matrix).conj(), dim=0)
        for _ in range(steps):
            u = normalize(matrix @ v, dim=0)
            v = normalize((u.conj() @ matrix).conj(), dim=0)
        return u, v

    def _matrix(self) -> Tensor:
        return self.layer.weight.transpose(0, self.axis).flatten(1)

    def extra_repr(self) -> str:
        return f"steps={self.steps}"


def spectrally_normalised(net: nn.Module, steps: int = 1) -> nn.Module:
    """`net` itself, each of its linear layers and convolutions wrapped in a `SpectralNorm`. Initialise it before.

    >>> import torch
    >>> from ganlab.nets import spectrally_normalised
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    >>> [type(layer).__name__ for layer in spectrally_normalised(net)]
    ['SpectralNorm', 'ReLU', 'SpectralNorm']
    """
    for child in net.modules():
        if isinstance(child, tuple(OUTPUT_AXIS)):
            _check_weight(child)  # all of them before the first is wrapped
    for name, child in net.named_children():
        if isinstance(child, tuple(OUTPUT_AXIS)):
            setattr(net, name, SpectralNorm(child, steps))
        elif not isinstance(child, SpectralNorm):
            spectrally_normalised(child, steps)
    return net


def _check_weight(layer: nn.Module) -> None:
    check_made(layer, "layer")
    if "weight" not in layer._parameters:
        raise ValueError(
            f"layer, a {type(layer).__name__}, makes its weight from other parameters (a parametrization or an older "
            "hook such as weight_norm): take that off first, with torch.nn.utils.parametrize."
            "remove_parametrizations(layer, 'weight') or torch.nn.utils.remove_weight_norm(layer)"
        )


@contextmanager
def held(net: nn.Module) -> Iterator[None]:
    """Inside, the power iterations of `net` stand still: torch forbids writing a buffer inside `torch.func.grad`.

    >>> import torch
    >>> from ganlab.nets import SpectralNorm
    >>> from ganlab.nets.spectral import held
    >>> D = SpectralNorm(torch.nn.Linear(3, 3))
    >>> with held(D):
    ...     before, logits, after = D.u.clone(), D(torch.ones(1, 3)), D.u
    >>> torch.equal(before, after)
    True
    """
    layers = [layer for layer in net.modules() if isinstance(layer, SpectralNorm)]
    before = [layer.held for layer in layers]
    try:
        for layer in layers:
            layer.held = True
        yield
    finally:
        for layer, value in zip(layers, before, strict=True):
            layer.held = value
