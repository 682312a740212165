"""The optimizers that a recipe can name: a registry, name to (parameters, lr, recipe) -> optimizer."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from ganlab import optim

if TYPE_CHECKING:
    from ganlab.train.recipe import Recipe


def _adam(parameters, lr: float, recipe: "Recipe") -> torch.optim.Optimizer:
    """Adam (Kingma & Ba 2015); fused: one pass over all parameters, which torch has for real ones alone."""
    parameters = list(parameters)
    fused = not any(p.is_complex() for p in parameters)
    return torch.optim.Adam(parameters, lr=lr, betas=recipe.betas, fused=fused)


def _rmsprop(parameters, lr: float, recipe: "Recipe") -> torch.optim.Optimizer:
    """RMSprop with torch's decay of 0.99."""
    parameters = list(parameters)  # on a GPU the count of steps stays there too, so that a step can be a CUDA graph
    gpu = parameters[0].is_cuda
    return torch.optim.RMSprop(parameters, lr=lr, momentum=recipe.momentum, foreach=True, capturable=gpu)


def _sgd(parameters, lr: float, recipe: "Recipe") -> torch.optim.Optimizer:
    """Stochastic gradient descent, with momentum where the recipe has it."""
    return torch.optim.SGD(parameters, lr=lr, momentum=recipe.momentum, foreach=True)


def _ours(rule: type[optim.Rule], *used: str, **fixed) -> Callable:
    """One of `ganlab.optim`, with the recipe's `betas` or `momentum` where it is used (no momentum: the rule's own)."""

    def build(parameters, lr: float, recipe: "Recipe") -> torch.optim.Optimizer:
        return rule(parameters, lr=lr, **{name: value for name in used if (value := getattr(recipe, name))}, **fixed)

    return build


# The first three are torch's own, fused or in one call for all parameters; the others are `ganlab.optim`'s.
OPTIMIZERS = {
    "adam": _adam,
    "rmsprop": _rmsprop,
    "sgd": _sgd,
    "momentum": _ours(optim.Momentum, "momentum"),
    "nesterov": _ours(optim.Nesterov, "momentum"),
    "normalised_sgd": _ours(optim.NormalisedSGD, "momentum"),
    "adagrad": _ours(optim.Adagrad),
    "adadelta": _ours(optim.Adadelta),
    "centered_rmsprop": _ours(optim.RMSprop, "momentum", centered=True),
    "amsgrad": _ours(optim.AMSGrad, "betas"),
    "adamw": _ours(optim.AdamW, "betas", weight_decay=0.0),  # the recipe's decay comes on top, as for the others
    "optimistic_sgd": _ours(optim.OptimisticSGD, "momentum"),
    "optimistic_adam": _ours(optim.OptimisticAdam, "betas"),
    "extra_sgd": _ours(optim.ExtraSGD, "momentum", alternate=True),
    "extra_adam": _ours(optim.ExtraAdam, "betas", alternate=True),
}
WITHOUT_BETAS = {
    "rmsprop", "sgd", "momentum", "nesterov", "normalised_sgd", "adagrad", "adadelta", "centered_rmsprop",
    "optimistic_sgd", "extra_sgd",
}  # fmt: skip
WITHOUT_MOMENTUM = {"adam", "adagrad", "adadelta", "amsgrad", "adamw", "optimistic_adam", "extra_adam"}
