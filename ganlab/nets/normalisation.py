"""Normalisation of hidden features: a registry, name to `(features, image) -> module`."""

from collections.abc import Callable

from torch import nn

# `image` says whether the features are (batch, C, H, W) or (batch, C). All but "batch_plain" have a learned scale and
# shift, so they differ in the axes they average over alone. Nothing works in place: the nets must run under
# `torch.func.vmap`. `ganlab.theory.batchnorm` has the arithmetic, line by line.


def _batch_norm(features: int, image: bool) -> nn.Module:
    """Over the batch, and the places of an image.   Ioffe & Szegedy 2015. torch's eps 1e-5 and momentum 0.1."""
    return nn.BatchNorm2d(features) if image else nn.BatchNorm1d(features)


def _batch_norm_plain(features: int, image: bool) -> nn.Module:
    """The same without scale and shift, and so without a bias anywhere: no number of it is learned."""
    return (nn.BatchNorm2d if image else nn.BatchNorm1d)(features, affine=False)


def _instance_norm(features: int, image: bool) -> nn.Module:
    """Over the places of one channel of one image.   Ulyanov et al. 2016."""
    if not image:
        raise ValueError("norm 'instance' averages over the places of an image: a vector has one, and would become 0")
    return nn.InstanceNorm2d(features, affine=True)


def _layer_norm(features: int, image: bool) -> nn.Module:
    """Over all features, and all places, of one sample, with one scale a channel.   Ba et al. 2016."""
    return nn.GroupNorm(1, features)


def _group_norm(features: int, image: bool) -> nn.Module:
    """Over 8 groups of channels, or fewer so that a group has two.   Wu & He 2018."""
    return nn.GroupNorm(next((g for g in (8, 4, 2) if features % (2 * g) == 0), 1), features)


NORMS: dict[str, Callable[[int, bool], nn.Module]] = {
    "none": lambda features, image: nn.Identity(),
    "batch": _batch_norm,
    "batch_plain": _batch_norm_plain,
    "instance": _instance_norm,
    "layer": _layer_norm,
    "group": _group_norm,
}
