"""Mixed precision: which passes compute in half precision, and how small gradients survive it."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from ganlab._modules import explained
from ganlab.train.recipe import PRECISIONS, Recipe


class Precision:
    """Runs networks in the recipe's precision, and steps their optimizers.

    In "fp16" the loss of each player is multiplied by a scale before the backward pass, and its gradients are divided
    by it before they are clipped; a step whose gradients overflow is skipped, for all members at once, and the scale
    halved (Micikevicius et al. 2018, section 3.2; `torch.amp.GradScaler`).

    >>> import torch
    >>> from ganlab.train import Precision, Recipe
    >>> net = torch.nn.Linear(2, 1)
    >>> logits = Precision(Recipe(amp="bf16"), torch.device("cpu")).run(net, torch.tensor([[1.0, 2.0]]))
    >>> logits.dtype, torch.equal(logits, logits.bfloat16().float())
    (torch.float32, True)
    """

    def __init__(self, recipe: Recipe, device: torch.device):
        self.device, self.dtype = device, PRECISIONS.get(recipe.amp)
        scaled = recipe.amp == "fp16"
        self.scalers = {player: torch.amp.GradScaler(device.type) for player in ("G", "D")} if scaled else {}

    def here(self) -> AbstractContextManager:
        """A context in which networks compute in the recipe's precision."""
        if self.dtype is None:
            return nullcontext()
        # Without the cache of cast weights: a recorded step must cast them anew.
        return torch.autocast(self.device.type, self.dtype, cache_enabled=False)

    def run(self, net: nn.Module, x: Tensor) -> Any:
        """`net(x)`, computed in the recipe's precision; its tensors of floats are returned in that of x."""
        if self.dtype is None:
            return net(x)
        with self.here():
            output = net(x)
        return tree_map_only(Tensor, lambda part: part.to(x.dtype) if part.is_floating_point() else part, output)

    def backward(self, loss: Tensor, inputs: list[Tensor], player: str, optimizer: torch.optim.Optimizer) -> None:
        """The gradients of `loss`, a scalar, with respect to `inputs`, as they are to be clipped."""
        scaler = self.scalers.get(player)
        with explained("G or D"):
            (loss if scaler is None else scaler.scale(loss)).backward(inputs=inputs)
        if scaler is not None:
            scaler.unscale_(optimizer)

    def step(self, player: str, optimizer: torch.optim.Optimizer) -> None:
        """One step, unless the gradients overflowed."""
        if (scaler := self.scalers.get(player)) is None:
            optimizer.step()
        else:
            scaler.step(optimizer)
            scaler.update()

    def state_dict(self) -> dict:
        return {player: scaler.state_dict() for player, scaler in self.scalers.items()}

    def load_state_dict(self, state: dict) -> None:
        for player, scaler in self.scalers.items():
            scaler.load_state_dict(state[player])
