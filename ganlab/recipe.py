"""How to train, as a value: a frozen, checked `Recipe`."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ganlab import losses
from ganlab._check import lookup
from ganlab.penalties import PENALTIES
from ganlab.stream import LATENTS


def adam(parameters, lr: float, recipe: "Recipe") -> torch.optim.Optimizer:
    """Adam (Kingma & Ba 2015); fused: one pass over all parameters."""
    return torch.optim.Adam(parameters, lr=lr, betas=recipe.betas, fused=True)


def rmsprop(parameters, lr: float, recipe: "Recipe") -> torch.optim.Optimizer:
    """RMSprop with torch's decay of 0.99."""
    return torch.optim.RMSprop(parameters, lr=lr, momentum=recipe.momentum, foreach=True)


def sgd(parameters, lr: float, recipe: "Recipe") -> torch.optim.Optimizer:
    """Stochastic gradient descent, with momentum where the recipe has it."""
    return torch.optim.SGD(parameters, lr=lr, momentum=recipe.momentum, foreach=True)


OPTIMIZERS = {"adam": adam, "rmsprop": rmsprop, "sgd": sgd}
# Nothing is registered here yet. A recipe that asks for one is refused: ignoring it would be a wrong result.
CLIPS: dict[str, Callable] = {}
NOISES: dict[str, Callable] = {}


@dataclass(frozen=True)
class Recipe:
    """How to train: everything but the networks, the data and the seeds.

    Args:
        loss: a name in `ganlab.losses.LOSSES`.
        optimizer_g, optimizer_d: names in `OPTIMIZERS`.
        lr_g, lr_d: learning rates.
        betas: Adam's decay rates of the first and second moment.
        momentum: of SGD and RMSprop.
        batch: samples in a batch, real and fake alike.
        critic_steps: discriminator steps for each generator step.
        latent: distribution of z, a name in `ganlab.stream.LATENTS`.
        ema: decay of a running average of the generator's weights, in (0, 1); None: no average.
        penalty: a name in `ganlab.penalties.PENALTIES`; None: none.
        gamma: weight of the penalty, which holds a factor of 1/2: R1 is gamma/2 E|slope|^2.
        penalty_every: apply the penalty in one step of D out of so many, and that many times as strongly: the same
            penalty on average, for less work (lazy regularisation; Karras et al. 2020, section 3.1).
        clip, noise: reserved; a value is refused until it is built.

    Raises:
        ValueError: a value out of range, an unknown name, or a setting that nothing chosen here would use.
    """

    loss: str = "nonsaturating"
    optimizer_g: str = "adam"
    optimizer_d: str = "adam"
    lr_g: float = 2e-4
    lr_d: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    momentum: float = 0.0
    batch: int = 64
    critic_steps: int = 1
    latent: str = "normal"
    ema: float | None = None
    penalty: str | None = None
    gamma: float = 1.0
    penalty_every: int = 1
    clip: str | None = None
    noise: str | None = None

    def __post_init__(self):
        lookup(losses.LOSSES, self.loss, "loss")
        lookup(LATENTS, self.latent, "latent distribution")
        chosen = {self.optimizer_g, self.optimizer_d}
        for name in chosen:
            lookup(OPTIMIZERS, name, "optimizer")
        for name in ("lr_g", "lr_d"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name}={getattr(self, name)}: a learning rate is positive and finite")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas={self.betas}: two numbers in [0, 1)")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum={self.momentum}: a number in [0, 1)")
        if self.momentum and chosen == {"adam"}:
            raise ValueError(f"momentum={self.momentum}: Adam does not use it; set betas[0]")
        for name in ("batch", "critic_steps", "penalty_every"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r}: a whole number of at least 1")
        if self.ema is not None and not 0 < self.ema < 1:
            raise ValueError(f"ema={self.ema}: a decay in (0, 1), or None for no average")
        if not 0 <= self.gamma < float("inf"):
            raise ValueError(f"gamma={self.gamma}: the weight of a penalty is finite and not negative")
        if self.penalty is not None:
            lookup(PENALTIES, self.penalty, "penalty")
        elif (self.gamma, self.penalty_every) != (1.0, 1):
            raise ValueError(
                f"gamma={self.gamma}, penalty_every={self.penalty_every}: there is no penalty to weigh; "
                f"set penalty to one of {', '.join(PENALTIES)}"
            )
        for name, registry in (("clip", CLIPS), ("noise", NOISES)):
            value = getattr(self, name)
            if value is not None and value not in registry:
                raise ValueError(f"{name}={value!r} is not built yet; known: {', '.join(registry) or 'none'}")
