"""How to train, as a value: a frozen, checked `Recipe`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

import torch

from ganlab import losses
from ganlab._check import lookup, plain
from ganlab.clipping import CLIPS
from ganlab.latent import LATENTS
from ganlab.optim.weight_decay import check_decay, check_strengths
from ganlab.penalties import PENALTIES
from ganlab.train.optimizers import OPTIMIZERS, WITHOUT_BETAS, WITHOUT_MOMENTUM
from ganlab.train.schedule import Schedule, Scheduled, values

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}
# Whose gradients are clipped.
PLAYERS = {"both": ("G", "D"), "G": ("G",), "D": ("D",)}
# Instance noise over the steps of G, as a share of its standard deviation: steps -> schedule.
NOISES: dict[str, Callable[[int], Schedule]] = {
    "constant": lambda steps: Schedule([(0, 1.0)]),
    "linear": lambda steps: Schedule([(0, 1.0), (steps, 0.0)]),  # none from step `steps` on
}


@dataclass(frozen=True)
class Recipe:
    """How to train: everything but the networks, the data and the seeds.

    >>> from ganlab.train import Recipe, Schedule
    >>> recipe = Recipe(loss="hinge", lr_d=Schedule([(0, 4e-4), (1000, 1e-4)]), penalty="r1", gamma=0.1)
    >>> sorted(recipe.schedules), recipe.schedules["lr_d"](500)
    (['lr_d'], 0.00025)

    The learning rates, each of `betas`, `ema`, `gamma` and `noise_sigma` may be a `Schedule` instead of a number.

    Args:
        loss: a name in `ganlab.losses.LOSSES`.
        optimizer_g, optimizer_d: names in `OPTIMIZERS`. With "extra_sgd" or "extra_adam", which both players then need,
            every other step is one ahead: two training steps make one of extragradient.
        lr_g, lr_d: learning rates.
        betas: decay rates of the first and second moment, of Adam and its kin.
        momentum: of SGD and RMSprop; "momentum" and "nesterov" have 0.9 unless it is set.
        batch: samples in a batch, real and fake alike.
        critic_steps: discriminator steps for each generator step.
        latent: distribution of z, a name in `ganlab.latent.LATENTS`.
        ema: decay of a running average of the generator's weights, in (0, 1); None: no average.
        penalty: a name in `ganlab.penalties.PENALTIES`; None: none.
        gamma: weight of the penalty, which holds a factor of 1/2: R1 is gamma/2 E|slope|^2.
        penalty_every: apply the penalty in one step of D out of so many, and that many times as strongly: the same
            penalty on average, for less work (lazy regularisation; Karras et al. 2020, section 3.1).
        noise: instance noise on all that D sees, so that the laws of real and generated samples overlap (Sønderby et
            al. 2017, section 3.1; Arjovsky & Bottou 2017, section 3): a name in `NOISES`, how it falls off; None: none.
        noise_sigma: its standard deviation at the start, in the data's units.
        noise_steps: steps of G after which "linear" noise has gone.
        clip: how gradients are clipped between backward and step, a name in `ganlab.clipping.CLIPS`; None: not.
        clip_at: its threshold: the largest entry ("value"), norm ("norm", "layerwise") or ratio to the weights
            ("adaptive"), or the percentile of the norms so far ("percentile").
        clip_players: whose: "G", "D" or "both".
        unroll: G's loss is taken with the D that would stand there after so many more steps of gradient descent, and
            its gradient flows through these (`ganlab.train.unrolled`; Metz et al. 2017). 0: with D as it is.
        unroll_lr: the rate of those steps.
        weight_clip: D's weights are clamped to [-weight_clip, weight_clip] after each of its steps; None: not.
        l2_g, l2_d: weight of an L2 term in the player's loss, l2/2 |parameters|^2: what torch's SGD and Adam call
            `weight_decay`.
        weight_decay_g, weight_decay_d: decoupled weight decay: each step first multiplies the player's parameters by
            1 - lr * weight_decay (`ganlab.optim.weight_decay`). Adam with it is AdamW; "adamw" decays by this and no
            more, so that without it it is Adam.
        amp: the networks compute in "bf16", or in "fp16" with a loss scaled so that small gradients survive; weights,
            losses, penalties' norms and optimizers stay in float32 (Micikevicius et al. 2018). Refused for populations.
            None: all in float32.

    Raises:
        ValueError: a value out of range, an unknown name, or a setting that nothing chosen here would use.
    """

    loss: str = "nonsaturating"
    optimizer_g: str = "adam"
    optimizer_d: str = "adam"
    lr_g: Scheduled = 2e-4
    lr_d: Scheduled = 2e-4
    betas: tuple[Scheduled, Scheduled] = (0.5, 0.999)
    momentum: float = 0.0
    batch: int = 64
    critic_steps: int = 1
    latent: str = "normal"
    ema: Scheduled | None = None
    penalty: str | None = None
    gamma: Scheduled = 1.0
    penalty_every: int = 1
    clip: str | None = None
    clip_at: float = 1.0
    clip_players: str = "both"
    weight_clip: float | None = None
    unroll: int = 0
    unroll_lr: float = 0.1
    noise: str | None = None
    noise_sigma: Scheduled = 0.1
    noise_steps: int = 1000
    l2_g: float = 0.0
    l2_d: float = 0.0
    weight_decay_g: float = 0.0
    weight_decay_d: float = 0.0
    amp: str | None = None

    def __post_init__(self):
        if not isinstance(self.betas, tuple | list) or len(self.betas) != 2:
            raise ValueError(f"betas={self.betas!r}: two numbers in [0, 1), or schedules of such")
        # A recipe is compared with the one in a checkpoint, and stands in it.
        for field in fields(self):
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))
        object.__setattr__(self, "betas", tuple(map(plain, self.betas)))
        self._check_schedules()
        lookup(losses.LOSSES, self.loss, "loss")
        lookup(LATENTS, self.latent, "latent distribution")
        chosen = {self.optimizer_g, self.optimizer_d}
        for name in chosen:
            lookup(OPTIMIZERS, name, "optimizer")
        for name in ("lr_g", "lr_d"):
            rates = values(getattr(self, name))
            # A schedule may begin or end at 0.
            if not rates or not all(0 <= lr < float("inf") for lr in rates) or max(rates) == 0:
                raise ValueError(f"{name}={getattr(self, name)}: a learning rate is positive and finite")
        if not all(0 <= beta < 1 for given in self.betas for beta in values(given)):
            raise ValueError(f"betas={self.betas}: two numbers in [0, 1)")
        if self.betas != type(self).betas and chosen <= WITHOUT_BETAS:
            raise ValueError(f"betas={self.betas}: {' and '.join(sorted(chosen))} has no betas; Adam and its kin have")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum={self.momentum}: a number in [0, 1)")
        if self.momentum and chosen <= WITHOUT_MOMENTUM:
            unmoved = " and ".join(sorted("Adam" if name == "adam" else name for name in chosen))
            raise ValueError(f"momentum={self.momentum}: {unmoved} does not use it; Adam and its kin have betas[0]")
        for name in ("batch", "critic_steps", "penalty_every", "noise_steps"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r}: a whole number of at least 1")
        ahead = [name for name in chosen if name.startswith("extra_")]
        if ahead and (len(chosen) > 1 or self.critic_steps > 1):
            raise ValueError(
                f"optimizer {ahead[0]!r}: both players look ahead and step together; "
                f"set both optimizers to it, and critic_steps=1 (it is {self.critic_steps})"
            )
        # A schedule may start at 0: the average is then the weights themselves.
        if not all(0 < decay < 1 or (decay == 0 and "ema" in self.schedules) for decay in values(self.ema)):
            raise ValueError(f"ema={self.ema}: a decay in (0, 1), or None for no average")
        if not isinstance(self.unroll, int) or self.unroll < 0:
            raise ValueError(f"unroll={self.unroll!r}: a whole number of steps, 0 for none")
        for name in ("gamma", "noise_sigma", "clip_at", "weight_clip", "unroll_lr"):
            given = values(getattr(self, name))
            if (not given and name != "weight_clip") or not all(0 <= value < float("inf") for value in given):
                raise ValueError(
                    f"{name}={getattr(self, name)}: a weight, a scale or a threshold is finite and not negative"
                )
        if self.amp is not None:
            lookup(PRECISIONS, self.amp, "amp")
        decays = ("l2_g", "l2_d", "weight_decay_g", "weight_decay_d")
        check_strengths(**{name: getattr(self, name) for name in decays})
        for player in "gd":
            name = f"weight_decay_{player}"
            check_decay(max(values(getattr(self, f"lr_{player}"))), getattr(self, name), name)
        self._check_choice("penalty", PENALTIES, ("gamma", "penalty_every"))
        self._check_choice("noise", NOISES, ("noise_sigma", "noise_steps"))
        self._check_choice("clip", CLIPS, ("clip_at", "clip_players"))
        lookup(PLAYERS, self.clip_players, "clip_players")
        if self.clip == "percentile" and self.clip_at > 100:
            raise ValueError(f"clip_at={self.clip_at}: a percentile is at most 100")

    def fixed(self) -> "Recipe":
        """The recipe with the largest number of each schedule in its place: what an optimizer is made with."""
        largest = {name: max(schedule.values) for name, schedule in self.schedules.items()}
        betas = (largest.pop("beta1", self.betas[0]), largest.pop("beta2", self.betas[1]))
        return replace(self, betas=betas, **largest)

    def penalised(self, d_step: int) -> bool:
        """Whether D pays the penalty in its step `d_step`."""
        return self.penalty is not None and d_step % self.penalty_every == 0

    @property
    def schedules(self) -> dict[str, Schedule]:
        """What changes over the steps, by name: fields, and "beta1" and "beta2" for the two of `betas`."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        named |= {"beta1": self.betas[0], "beta2": self.betas[1]}
        return {name: value for name, value in named.items() if isinstance(value, Schedule)}

    def _check_schedules(self) -> None:
        if unknown := sorted(set(self.schedules) - {"lr_g", "lr_d", "beta1", "beta2", "ema", "gamma", "noise_sigma"}):
            raise ValueError(f"{unknown[0]}={getattr(self, unknown[0])}: this one is a number and follows no schedule")

    def _check_choice(self, name: str, registry: Mapping[str, Callable], settings: tuple[str, ...]) -> None:
        """A known name; or None, and then its settings as they come: one that is set would do nothing."""
        if getattr(self, name) is not None:
            lookup(registry, getattr(self, name), name)
            return
        defaults = {field.name: field.default for field in fields(self)}
        if idle := [f"{key}={getattr(self, key)}" for key in settings if getattr(self, key) != defaults[key]]:
            raise ValueError(f"{', '.join(idle)}: there is no {name}; set {name} to one of {', '.join(registry)}")
