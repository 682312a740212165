"""Noise in the generator's hidden layers, as in StyleGAN: fresh numbers for each sample, added before each activation.

The noise of a layer is nothing but more of z that enters later. So it is drawn with z, from the same stream: a run with
a seed is repeatable, a member of a `Population` has the noise of its solo run, and `Trainer.sample` gives the same
samples for the same seed. `G.latent` counts z and all noises.
"""

import torch
from torch import Tensor, nn

from ganlab._modes import evaluating
from ganlab.latent.priors import Prior
from ganlab.nets import ACTIVATIONS

_KINDS = tuple({type(make()) for make in ACTIVATIONS.values()} - {nn.Identity})


class _Injected(nn.Module):
    """activation(x + scale * noise); the owner lays `noise` down for one pass."""

    def __init__(self, activation: nn.Module, features: int, scale: float, learned: bool, image: bool):
        super().__init__()
        self.activation, self.noise = activation, None
        value = torch.full((features, 1, 1) if image else (features,), float(scale))
        if learned:
            self.scale = nn.Parameter(value)
        else:
            self.register_buffer("scale", value)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x if self.noise is None else x + self.scale * self.noise)


class NoisyLayers(Prior):
    """G with noise before each activation of its hidden layers.   Karras et al. 2019, section 2 and figure 1b.

    A vector of features gets one number for each feature; an image one number for each place, the same for all
    channels, times a scale for each channel.

    Args:
        G: a generator with activations between its first and its last weights. It is changed: its activations are
            wrapped.
        scale: standard deviation of the noise, at the start if it is learned.
        learned: the scales, one a feature or channel, are parameters of G. (StyleGAN starts them at 0.)
        in_eval: False: no noise in eval mode, so that a sample depends on z alone.

    Raises:
        ValueError: a scale that is negative or not finite, or no activation to put noise before.

    >>> from ganlab.latent import NoisyLayers
    >>> from ganlab.nets import mlp_generator
    >>> G = NoisyLayers(mlp_generator((2,), latent=16, width=(32, 64)), scale=0.1)
    >>> G.latent  # z and the noise of both layers: 16 + 32 + 64
    112
    """

    def __init__(self, G: nn.Module, scale: float = 0.1, learned: bool = False, in_eval: bool = True):
        super().__init__(G, getattr(G, "latent", None))
        if not 0 <= scale < float("inf"):
            raise ValueError(f"scale={scale}: a standard deviation is finite and at least 0")
        self.plain, self.in_eval = G.latent, in_eval
        places = _hidden_activations(G)
        if not places:
            raise ValueError("G has no activation between its first and its last weights: there is nowhere for noise")
        shapes = _shapes(G, [activation for _, _, activation in places])
        self.noise_shapes = [(1, *shape[1:]) if len(shape) > 1 else shape for shape in shapes]
        for (parent, name, activation), shape in zip(places, shapes, strict=True):
            setattr(parent, name, _Injected(activation, shape[0], scale, learned, len(shape) > 1))
        self.sizes = [torch.Size(shape).numel() for shape in self.noise_shapes]
        self.latent = self.plain + sum(self.sizes)

    def forward(self, noise: Tensor) -> Tensor:
        if noise.ndim != 2 or noise.shape[1] != self.latent:
            raise ValueError(
                f"z has shape {tuple(noise.shape)}: this generator takes (batch, {self.latent}), {self.plain} of z "
                "and the noise of its layers"
            )
        z, *parts = noise.split([self.plain, *self.sizes], dim=1)
        injected = [module for module in self.G.modules() if isinstance(module, _Injected)]
        try:
            if self.training or self.in_eval:
                for module, part, shape in zip(injected, parts, self.noise_shapes, strict=True):
                    module.noise = part.unflatten(1, shape)
            return self.G(z)
        finally:
            for module in injected:
                module.noise = None


def _hidden_activations(G: nn.Module) -> list[tuple[nn.Module, str, nn.Module]]:
    """(parent, name in it, activation) of each activation that has weights before and behind it, in order."""
    named = [
        (parent, name, child)
        for parent in G.modules()
        for name, child in parent.named_children()
        if not list(child.children())
    ]
    order = {id(module): i for i, module in enumerate(G.modules())}
    named.sort(key=lambda place: order[id(place[2])])
    weighted = [order[id(m)] for m in G.modules() if getattr(m, "weight", None) is not None and m.weight.ndim > 1]
    if not weighted:
        return []
    return [place for place in named if isinstance(place[2], _KINDS)
            and weighted[0] < order[id(place[2])] < weighted[-1]]  # fmt: skip


@torch.no_grad()
def _shapes(G: nn.Module, activations: list[nn.Module]) -> list[tuple[int, ...]]:
    """The features that reach each activation, (features,) or (channels, height, width)."""
    seen = {}

    def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen[id(module)] = tuple(inputs[0].shape[1:])

    hooks = [module.register_forward_pre_hook(note) for module in activations]
    like = next(G.parameters())
    try:
        with evaluating(G):
            G(torch.zeros(1, G.latent, dtype=like.dtype, device=like.device))
    finally:
        for hook in hooks:
            hook.remove()
    return [seen[id(module)] for module in activations]
