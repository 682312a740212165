"""What every optimizer here shares: groups, state, closures, weight decay and errors. A rule adds its formula.

    p <- p - lr * direction(g)

A `Rule` is a `torch.optim.Optimizer` whose subclass says one thing: the direction, from the gradient and from what it
remembers. All tensors of a group are handled in one go, as `Tensors`.
"""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor

from ganlab.optim.tensors import Tensors

# Option -> (torch's name for it in an error, its range in words, whether a value lies in it).
OPTIONS: dict[str, tuple[str, str, Callable[[Any], bool]]] = {
    "lr": ("learning rate", "finite and at least 0", lambda x: bool(torch.as_tensor((x >= 0) & (x < torch.inf)).all())),
    "eps": ("epsilon value", "at least 0", lambda x: x >= 0),
    "weight_decay": ("weight_decay value", "at least 0", lambda x: x >= 0),
    "momentum": ("momentum value", "at least 0", lambda x: x >= 0),
    "alpha": ("alpha value", "at least 0", lambda x: x >= 0),
    "rho": ("rho value", "in [0, 1]", lambda x: 0 <= x <= 1),
    "lr_decay": ("lr_decay value", "at least 0", lambda x: x >= 0),
    "initial_accumulator_value": ("initial_accumulator_value value", "at least 0", lambda x: x >= 0),
}


class Rule(torch.optim.Optimizer):
    """The base of the optimizers here. A subclass writes `direction`.

    Sign descent, whatever the size of the gradient:

    >>> import torch
    >>> from ganlab.optim import Rule, Tensors
    >>> class Sign(Rule):
    ...     def direction(self, g, s, t, **options): return Tensors(part.sign() for part in g)
    >>> weight = torch.nn.Parameter(torch.zeros(1))
    >>> Sign([weight], lr=0.5).step(lambda: (3 * weight).backward())
    >>> weight.item()
    -0.5

    Args:
        params: parameters, or dicts with a key `params` and options of their own, as for any torch optimizer.
        options: the defaults, among them lr; weight_decay=0 and maximize=False go without saying. `lr` may be a tensor
            (N,) where every parameter has a leading axis of N members (`ganlab.population`): a learning rate for each.

    Attributes:
        SLOTS: what is remembered for each parameter, a tensor of its shape; and the option without which it is not.
        decoupled: weight decay shrinks the parameters themselves; if not, `weight_decay * p` is added to the gradient.
        counts: the formula depends on the number of the step, t = 1, 2, ...

    Raises:
        ValueError: an option out of its range, at construction or in a group that is added.
        RuntimeError: at a step, a gradient that is sparse or complex; then nothing has moved.
    """

    SLOTS: ClassVar[dict[str, str | None]] = {}
    decoupled, counts = False, True
    # Stands for the number of the step while a step is recorded to be replayed: replays read it anew.
    clock: Tensor | None = None

    def __init__(self, params, **options):
        super().__init__(params, {"weight_decay": 0.0, "maximize": False, **options})

    def direction(self, g: Tensors, s: dict[str, Tensors], t: int, **options) -> Tensors:
        """Where to go: `p` moves by `-lr` times this.

        Args:
            g: the gradients, with weight decay added. They may be the parameters' own `.grad`: not to be changed.
            s: what is remembered, by slot, to be updated in place.
            t: the number of this step, from 1.
            options: the group's.
        """
        raise NotImplementedError

    def start(self, slot: str, p: Tensor, group: dict) -> Tensor:
        """What a slot holds before the first step: zeros."""
        return torch.zeros_like(p, memory_format=torch.preserve_format)

    @torch.no_grad()
    def step(self, closure: Callable | None = None):
        """One step. `closure`, if given, computes the loss and its gradients anew; the loss is returned."""
        loss = self._reevaluated(closure)
        self._advance()
        return loss

    def _reevaluated(self, closure: Callable | None):
        if closure is None:
            return None
        with torch.enable_grad():
            return closure()

    def _advance(self) -> None:
        self._check_gradients()
        for group in self.param_groups:
            options = {key: value for key, value in group.items() if key != "params"}
            for t, p, s in self._alike(group):
                g = Tensors(q.grad for q in p)
                if group["maximize"]:
                    g = g.neg()
                if (decay := group["weight_decay"]) and self.decoupled:
                    p.mul_(_each(p, 1 - group["lr"] * decay))
                elif decay:
                    g = g + p * decay
                self._move(p, self.direction(g, s, t, **options), group["lr"])

    def _move(self, p: Tensors, direction: Tensors, lr) -> None:
        if isinstance(lr, Tensor):
            p.sub_(direction * _each(p, lr))
        else:
            p.add_(direction, alpha=-lr)

    def _alike(self, group: dict) -> Iterator[tuple[int, Tensors, dict[str, Tensors]]]:
        """(t, parameters, their slots) of those parameters with a gradient that have made as many steps."""
        used = [slot for slot, option in self.SLOTS.items() if option is None or group[option]]
        by_step: dict[int, list[Tensor]] = {}
        for p in group["params"]:
            if p.grad is None:
                continue
            state = self.state[p]
            if not state:
                state.update({"step": 0, **{slot: self.start(slot, p, group) for slot in used}})
            state["step"] += 1
            by_step.setdefault(state["step"] if self.counts else 0, []).append(p)
        if self.clock is not None and len(by_step) > 1:
            raise RuntimeError(f"parameters of {type(self).__name__} have made different numbers of steps")
        for t, alike in by_step.items():
            yield (
                t if self.clock is None else self.clock,
                Tensors(alike),
                {slot: Tensors(self.state[p][slot] for p in alike) for slot in used},
            )

    @property
    def taken(self) -> int:
        """How many steps were taken, by the parameter that has taken most."""
        return max((state["step"] for state in self.state.values()), default=0)

    def tick(self) -> None:
        """Count a step that was replayed."""
        for state in self.state.values():
            state["step"] += 1

    def _check_gradients(self) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None and p.grad.layout != torch.strided:
                    raise RuntimeError(
                        f"{type(self).__name__} does not support sparse gradients: an entry without one "
                        "moves too, by what is remembered of it; use nn.Embedding(sparse=False)"
                    )
                if p.grad is not None and p.grad.is_complex():
                    raise RuntimeError(f"{type(self).__name__} does not support complex parameters: use torch.optim's")

    def add_param_group(self, param_group: dict) -> None:
        if isinstance(param_group, dict):
            _check({**self.defaults, **param_group})
        super().add_param_group(param_group)
        try:
            _check_members(self.param_groups[-1])
        except ValueError:
            self.param_groups.pop()
            raise

    def __setstate__(self, state: dict) -> None:
        """Called by `load_state_dict`. The state of torch's optimizer of the same name will do."""
        groups = [{**self.defaults, **group} for group in state["param_groups"]] if hasattr(self, "defaults") else []
        for group in groups:
            for p in group["params"]:
                for slot, option in self.SLOTS.items():
                    if state["state"].get(p) and (option is None or group[option]) and slot not in state["state"][p]:
                        raise ValueError(f"the state has no {slot!r}: it is not that of {type(self).__name__}")
        super().__setstate__(state)
        for kept in self.state.values():
            kept["step"] = int(kept.get("step", 1))  # torch's SGD counts no steps, its others in a tensor
        for group in self.param_groups:
            for option, value in self.defaults.items():
                group.setdefault(option, value)


def _each(p: Tensors, value) -> Any:
    """`value`, a number; or if it is one for each member, as a tensor for each parameter."""
    if not isinstance(value, Tensor):
        return value
    return [value.to(q).reshape(-1, *[1] * (q.ndim - 1)) for q in p]


def _check(options: dict) -> None:
    for option, (name, allowed, holds) in OPTIONS.items():
        if option in options and not holds(options[option]):
            raise ValueError(f"Invalid {name}: {options[option]} ({option} must be {allowed})")
    for i, beta in enumerate(options.get("betas", ())):
        if not 0 <= beta < 1:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta} (betas are two numbers in [0, 1))")


def _check_members(group: dict) -> None:
    """Where something is said of each of N members, every parameter has them on its first axis."""
    lr, members = group["lr"], group.get("members")
    said = {"lr": tuple(lr.shape)} if isinstance(lr, Tensor) else {}
    said |= {"members": (members,)} if members is not None else {}
    for p in group["params"]:
        for option, shape in said.items():
            if len(shape) != 1 or p.shape[:1] != shape:
                raise ValueError(
                    f"{option} is for {shape} members and a parameter has shape {tuple(p.shape)}: "
                    "the first axis of each must be the N members, and a tensor lr (N,)"
                )
