"""Balancing the players while they train: D's logits turn a learning rate, or a penalty's weight, up and down.

In ganlab's loop, and in one of your own:

    trainer = Trainer(G, D, data, recipe, rule=RULES["reversed"])

    controller = Controller(RULES["reversed"])
    controller.drive(optimizer_g)                      # once
    controller.step(real_logits, fake_logits)          # after each training step
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.optim import Optimizer

from ganlab._check import lookup, plain
from ganlab.train._history import tidy

if TYPE_CHECKING:
    import pandas as pd

# Logits of a training step (..., batch), real and fake -> what the rule looks at, one value a member.
SIGNALS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "false_positives": lambda real, fake: _share(fake > 0),
    "accuracy": lambda real, fake: (_share(real > 0) + _share(fake < 0)) / 2,
    "real_sign": lambda real, fake: real.sign().mean(-1),
}
KNOBS = ("lr_g", "lr_d", "gamma")  # fields of `ganlab.train.Recipe`


def _share(mask: Tensor) -> Tensor:
    return mask.to(torch.get_default_dtype()).mean(-1)


@dataclass(frozen=True)
class Rule:
    """When to turn which knob, and which way.

    Every `every` steps the signal's mean over them is compared with the band. Above `high` the knob is multiplied by
    `factor ** direction`, below `low` it is divided by that, and inside the band it stays.

    >>> import torch
    >>> from ganlab.train import Controller, Rule
    >>> rule = Rule("accuracy", "lr_d", low=0.6, high=0.8, direction=-1, factor=2.0, every=1)
    >>> controller = Controller(rule)
    >>> controller.step(real_logits=torch.tensor([3.0, 1.0]), fake_logits=torch.tensor([-2.0, -1.0]))
    >>> controller.value.item()  # D was right each time, an accuracy of 1: its rate is halved
    0.5

    Args:
        signal: a name in `SIGNALS`. "false_positives": share of the fakes that D takes for real, in [0, 1]; "accuracy":
            mean of D's accuracies on real and on fake samples, in [0, 1]; "real_sign": E[sign(D(real))], in [-1, 1]
            (r_t of Karras et al. 2020, Training GANs with Limited Data, eq. 1, taken on the training batches).
        knob: what is turned, a field of the recipe: "lr_g", "lr_d" or "gamma".
        low, high: the band; low = high is a target.
        direction: 1 turns the knob up when there is too much of the signal, -1 turns it down.
        factor: of one turn, above 1.
        every: steps that one turn looks at.
        limits: smallest and largest multiple of the recipe's value.

    Raises:
        ValueError: a value out of range or an unknown name.
    """

    signal: str
    knob: str
    low: float
    high: float
    direction: int = 1
    factor: float = 1.1
    every: int = 10
    limits: tuple[float, float] = (0.01, 100.0)

    def __post_init__(self):
        for field in fields(self):  # a rule stands in a checkpoint
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))
        object.__setattr__(self, "limits", tuple(map(plain, self.limits)))
        lookup(SIGNALS, self.signal, "signal")
        if self.knob not in KNOBS:
            raise ValueError(f"unknown knob {self.knob!r}; known: {', '.join(KNOBS)}")
        if not -1 <= self.low <= self.high <= 1:
            raise ValueError(f"low={self.low}, high={self.high}: a band has -1 <= low <= high <= 1")
        if self.direction not in (1, -1):
            raise ValueError(f"direction={self.direction}: 1 (up when there is too much) or -1 (down)")
        if not 1 < self.factor < float("inf"):
            raise ValueError(f"factor={self.factor}: a number above 1; turn the rule around with direction=-1")
        if not isinstance(self.every, int) or self.every < 1:
            raise ValueError(f"every={self.every!r}: a whole number of at least 1")
        if len(self.limits) != 2 or not 0 < self.limits[0] <= 1 <= self.limits[1] < float("inf"):
            raise ValueError(f"limits={self.limits}: two multiples of the recipe's value, one in (0, 1], one above")


RULES: dict[str, Rule] = {
    # "Too few false positives: lower G's rate. Too many: raise it."
    "printed": Rule("false_positives", "lr_g", 0.1, 0.3),
    "reversed": Rule("false_positives", "lr_g", 0.1, 0.3, direction=-1),
    # Target and interval of Karras et al. 2020, who add to a probability of augmentation; a weight is multiplied.
    "ada": Rule("real_sign", "gamma", 0.6, 0.6, every=4),
}


class Controller:
    """A rule at work, for one GAN or for a population. It never synchronises with the device.

    >>> import torch
    >>> from ganlab.train import RULES, Controller
    >>> controller = Controller(RULES["ada"], seeds=[0, 1])  # E[sign(D(real))] to 0.6, a look every 4 steps
    >>> for _ in range(4):
    ...     controller.step(real_logits=torch.tensor([[1.0, 2.0], [1.0, -2.0]]), fake_logits=torch.zeros(2, 2))
    >>> [round(value, 2) for value in controller.value.tolist()]  # at 1 the weight goes up, at 0 it goes down
    [1.1, 0.91]

    Args:
        rule: which signal turns which knob, and how.
        seeds: an int for one GAN, N of them for a population.
        device: where D's logits are.

    Attributes:
        value: the knob as a multiple of the recipe's value, () or (N,); 1 at first.
    """

    def __init__(self, rule: Rule, seeds: int | Sequence[int] = 0, device: torch.device | str = "cpu"):
        self.rule, self.seeds, self.steps = rule, seeds, 0
        self.value = torch.ones(() if isinstance(seeds, int) else len(seeds), device=device)
        self._sum, self._look = torch.zeros_like(self.value), torch.zeros(2, *self.value.shape, device=device)
        self._log: list[tuple[int, Tensor]] = []

    @classmethod
    def of(cls, trainer, rule: Rule) -> "Controller":
        """The controller of a `ganlab.train.Trainer`. Raises ValueError for the weight of no penalty."""
        if rule.knob == "gamma" and trainer.recipe.penalty is None:
            raise ValueError("rule.knob='gamma': the recipe has no penalty to weigh; set Recipe(penalty='r1'), say")
        controller = cls(rule, trainer.seeds, trainer.device)
        if (optimizer := {"lr_g": trainer.optimizer_g, "lr_d": trainer.optimizer_d}.get(rule.knob)) is not None:
            controller.drive(optimizer)
        return controller

    def step(self, real_logits: Tensor, fake_logits: Tensor) -> None:
        """Look at D's logits of a training step, (batch,) or (N, batch) each; turn the knob if it is time.

        Raises ValueError for logits of another number of members.
        """
        self.observe(real_logits, fake_logits)
        self.count()

    @property
    def due(self) -> bool:
        """Whether the step under way ends with a look."""
        return (self.steps + 1) % self.rule.every == 0

    @torch.no_grad()
    def observe(self, real_logits: Tensor, fake_logits: Tensor) -> None:
        """The part of `step` that happens on the device. Everything is written in place, so that it can be recorded."""
        for name, logits in (("real_logits", real_logits), ("fake_logits", fake_logits)):
            if logits.shape[:-1] != self.value.shape:
                raise ValueError(f"{name} is {tuple(logits.shape)}: it must be {(*self.value.shape, 'batch')}")
        self._sum.add_(SIGNALS[self.rule.signal](real_logits, fake_logits))
        if not self.due:
            return
        signal = self._sum / self.rule.every
        turn = (signal > self.rule.high).to(signal) - (signal < self.rule.low).to(signal)
        self.value.copy_((self.value * self.rule.factor ** (self.rule.direction * turn)).clamp(*self.rule.limits))
        self._look.copy_(torch.stack([signal, self.value]))
        self._sum.zero_()

    def count(self) -> None:
        """The part of `step` that happens here."""
        if self.due:
            self._log.append((self.steps + 1, self._look.clone()))
        self.steps += 1

    def scaled(self, knob: str, amount: Tensor | float) -> Tensor | float:
        """`amount`, () or (N,), times the knob's value if this is the knob that the rule turns."""
        return amount * self.value if knob == self.rule.knob else amount

    def drive(self, optimizer: Optimizer) -> None:
        """From now on multiply the steps of `optimizer` by `value`, which is what a learning rate does.

        A step is proportional to the learning rate in SGD, RMSprop, Adam and AdamW alike, and torch has one rate for
        all members of a population. So the parameters go the share `value` of the way from where they were to where
        the optimizer put them; at a value of 1 they are left as they are, to the last bit. Decoupled weight decay that
        another hook does (`ganlab.optim.weight_decay`) keeps the recipe's rate.

        Raises ValueError for an optimizer that looks ahead: half of its steps are no progress.
        """
        if hasattr(optimizer, "extrapolate"):
            raise ValueError(f"{type(optimizer).__name__} looks ahead: take another optimizer, or set its lr yourself")
        drive = _Drive(self)
        optimizer.register_step_pre_hook(drive.before)
        optimizer.register_step_post_hook(drive.after)

    @property
    def history(self) -> "pd.DataFrame":
        """A row for each look and seed: step, seed, signal (mean since the last look), value (after the turn).

        It needs pandas; nothing else here does.
        """
        return tidy(self._log, ["signal", "value"], self.seeds)

    def state_dict(self) -> dict:
        return {
            "rule": asdict(self.rule),
            "steps": self.steps,
            "value": self.value.clone(),
            "sum": self._sum.clone(),
            "log": list(self._log),
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from there. Raises ValueError for a state of another rule or another number of members."""
        if state["rule"] != asdict(self.rule) or state["value"].shape != self.value.shape:
            raise ValueError(
                f"the state is of {Rule(**state['rule'])} with values {tuple(state['value'].shape)}, "
                f"this is {self.rule} with values {tuple(self.value.shape)}: build the controller as it was"
            )
        self.steps, self._log = state["steps"], list(state["log"])
        self.value.copy_(state["value"])
        self._sum.copy_(state["sum"])


class _Drive:
    """Two hooks of an optimizer, around its steps, that make them `controller.value` as long; see `drive`."""

    goes_with_copies = True

    def __init__(self, controller: Controller):
        self.controller, self._starts = controller, []

    def before(self, optimizer: Optimizer, *_) -> None:
        self._starts = [p.detach().clone() for p in _parameters(optimizer)]

    @torch.no_grad()
    def after(self, optimizer: Optimizer, *_) -> None:
        value = self.controller.value
        for p, start in zip(_parameters(optimizer), self._starts, strict=True):
            share = value.to(p).view((*value.shape, *[1] * (p.ndim - value.ndim)))
            p.copy_(torch.lerp(start, p, share))
        self._starts = []


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]
