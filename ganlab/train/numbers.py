"""The numbers of a recipe at one step."""

import torch
from torch import Tensor

from ganlab.optim import Rule
from ganlab.train.recipe import NOISES, Recipe
from ganlab.train.schedule import at


class Numbers:
    """What may change from step to step, by name: lr_g, lr_d, beta1, beta2, ema, gamma, sigma (of the noise).

    >>> from ganlab.train import Recipe, Schedule
    >>> from ganlab.train.numbers import Numbers
    >>> numbers = Numbers(Recipe(penalty="r1", gamma=Schedule([(0, 10.0), (100, 0.0)])))
    >>> numbers.set(50); numbers["gamma"], numbers["lr_g"]
    (5.0, 0.0002)

    Attributes:
        varying: the names of those that do change, in a fixed order.
        noisy: whether there is instance noise in this step.
    """

    def __init__(self, recipe: Recipe):
        self.recipe = recipe
        self._noise = None if recipe.noise is None else NOISES[recipe.noise](recipe.noise_steps)
        self.varying = sorted(set(recipe.schedules) - {"noise_sigma"})
        if self._noise is not None and (len(self._noise.points) > 1 or "noise_sigma" in recipe.schedules):
            self.varying.append("sigma")
        self.set(0)

    def set(self, step: int) -> None:
        """Take the values of `step`."""
        recipe = self.recipe
        sigma = 0.0 if self._noise is None else at(recipe.noise_sigma, step) * self._noise(step)
        self.noisy = sigma != 0
        self._now: dict[str, float | Tensor | None] = {
            "lr_g": at(recipe.lr_g, step), "lr_d": at(recipe.lr_d, step), "beta1": at(recipe.betas[0], step),
            "beta2": at(recipe.betas[1], step), "ema": at(recipe.ema, step), "gamma": at(recipe.gamma, step),
            "sigma": sigma,
        }  # fmt: skip

    def __getitem__(self, name: str) -> float | Tensor | None:
        return self._now[name]

    def give(self, tensors: dict[str, Tensor]) -> None:
        """Let tensors stand for numbers, so that a recorded step reads them anew."""
        self._now |= tensors

    def write(self, **optimizers: torch.optim.Optimizer) -> None:
        """Set what follows a schedule in the players' optimizers, g= and d=."""
        for player, optimizer in optimizers.items() if self.recipe.schedules else ():
            lr, betas = self[f"lr_{player}"], (self["beta1"], self["beta2"])
            if isinstance(optimizer, Rule):  # as a tensor it rounds as it does in a recorded step
                lr = torch.as_tensor(lr, dtype=torch.float64)
            for group in optimizer.param_groups:
                if f"lr_{player}" in self.varying:
                    group["lr"] = lr
                if "betas" in group and {"beta1", "beta2"} & set(self.varying):
                    group["betas"] = betas
