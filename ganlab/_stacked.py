"""The forward pass of N stacked networks without `vmap`: each layer's work for all members in one batched product.

A network whose parts all have a rule here, or one that its own wing has added to `STACKED`, is run by these rules; any
other by `torch.func.vmap`. Both give the same numbers to rounding; the rules copy less, and need less Python.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

THIN = 4  # a product with so few columns is computed the other way round: BLAS is slow on such

Weights = dict[str, Tensor]
# Layer type -> (layer without weights, its stacked weights by name, x with members in front) -> the same of its output.
Rule = Callable[[nn.Module, Weights, Tensor], Tensor]


class NotRuled(Exception):
    """An input that the rules do not know."""


class _Product(torch.autograd.Function):
    """a @ b over batches of matrices, each product (also those of the backward pass) the way that is fast."""

    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        if b.shape[-1] <= THIN < a.shape[-2]:
            return torch.bmm(b.transpose(1, 2), a.transpose(1, 2)).transpose(1, 2)
        return torch.bmm(a, b)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        a, b = ctx.saved_tensors
        wants_a, wants_b = ctx.needs_input_grad
        return (
            product(grad, b.transpose(1, 2)) if wants_a else None,
            product(a.transpose(1, 2), grad) if wants_b else None,
        )


product = _Product.apply


def _linear(layer: nn.Linear, weights: Weights, x: Tensor) -> Tensor:
    if x.ndim != 3:
        raise NotRuled
    y = product(x, weights["weight"].transpose(1, 2))
    return y + weights["bias"].unsqueeze(1) if "bias" in weights else y


def _elementwise(layer: nn.Module, weights: Weights, x: Tensor) -> Tensor:
    return layer(x)


def _flatten(layer: nn.Flatten, weights: Weights, x: Tensor) -> Tensor:
    return x.flatten(layer.start_dim + 1)


def _unflatten(layer: nn.Unflatten, weights: Weights, x: Tensor) -> Tensor:
    return x.unflatten(layer.dim + 1, layer.unflattened_size)


def _sequential(layer: nn.Sequential, weights: Weights, x: Tensor) -> Tensor:
    for name, child in layer._modules.items():  # also one that comes twice
        x = run(child, within(weights, name), x)
    return x


STACKED: dict[type[nn.Module], Rule] = {
    nn.Linear: _linear, nn.Sequential: _sequential, nn.Flatten: _flatten, nn.Unflatten: _unflatten,
    **dict.fromkeys((nn.Identity, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SiLU, nn.Tanh, nn.Sigmoid), _elementwise),
}  # fmt: skip


def run(layer: nn.Module, weights: Weights, x: Tensor) -> Tensor:
    """One layer, for all members."""
    return STACKED[type(layer)](layer, weights, x)


def within(weights: Weights, name: str) -> Weights:
    """The weights of the child `name`, by their names in it."""
    return {key[len(name) + 1 :]: value for key, value in weights.items() if key.startswith(f"{name}.")}


def follows_rules(net: nn.Module) -> bool:
    """Whether each part has a rule, works the way that the rule knows, and shares no weights with another."""
    own = [name for name, _ in net.named_parameters()]
    tied = len(own) < len(list(net.named_parameters(remove_duplicate=False)))
    return not tied and all(type(part) in STACKED and _plain(part) for part in net.modules())


def _plain(layer: nn.Module) -> bool:
    if "forward" in vars(layer):
        return False
    if isinstance(layer, nn.Flatten):
        return layer.start_dim > 0 and layer.end_dim == -1
    if isinstance(layer, nn.Unflatten):
        return isinstance(layer.dim, int) and layer.dim > 0
    return True


def watched(net: nn.Module) -> bool:
    """Whether a hook waits for calls of a part of `net`: the rules make no such calls."""
    return any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())
