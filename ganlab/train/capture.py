"""Record a training step once and replay it: as a CUDA graph on a GPU, as a flat list of operations on a CPU.

A step is hundreds of small operations, and what small networks wait for is the Python between them. `Trainer.play` is
the algorithm; here it is only watched while it runs. What differs from step to step goes in as tensors: the batch, the
random numbers, the values of schedules. Where Python takes another path (a lazy penalty's turn, a controller's look),
that step has a recording of its own.
"""

from collections.abc import Callable, Hashable, Iterable
from itertools import chain

import torch
from torch import Tensor, nn

from ganlab.optim import Rule
from ganlab.population import Population
from ganlab.train._cuda_graph import CudaGraph
from ganlab.train._program import record

_OPTIMIZERS = (torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.SGD)  # and every `Rule`
_KNOWN = ("torch.nn.", "ganlab.")  # packages whose modules keep no state in Python from pass to pass


class Capture:
    """The steps of a `Trainer`, recorded at their second occurrence and replayed from then on.

    >>> from ganlab import data, nets, train
    >>> D = nets.mlp_discriminator((2,))
    >>> trainer = train.Trainer(nets.mlp_generator((2,)), D, data.load("ring"), train.Recipe(batch=16))
    >>> hook = D.register_forward_hook(lambda *_: print("called"))
    >>> trainer.engine.begin(); trainer.engine.reason
    'Steps are not recorded: D has a hook, <lambda>, that a replay would not call.'

    Args:
        trainer: whose steps.
        wanted: True: record whatever can be recorded, also networks whose code is not known here; False: nothing.

    Attributes:
        reason: a sentence that says why steps are not recorded; None if they are.
        remark: a sentence that says why recorded steps run without a CUDA graph, where there is a GPU; else None.
    """

    def __init__(self, trainer, wanted: bool | None = None):
        self.trainer = trainer
        self._asked: dict[Hashable, list[tuple[str, tuple[int, ...]]]] = {}
        self._programs: dict[Hashable, Callable[..., list[Tensor]]] = {}
        self._gradients: list[Tensor] | None = None
        self.reason: str | None = None
        self.remark: str | None = None
        self.begin(wanted)

    def begin(self, wanted: bool | None = None) -> None:
        """Before a fit: look at the trainer as it is now."""
        switched_off = "Steps are not recorded: fit(..., capture=False) says so."
        self.reason = switched_off if wanted is False else _refusal(self.trainer, strangers=bool(wanted))
        self.look()

    def end(self) -> None:
        """After a fit: a GPU gets back the memory of its recordings."""
        self.settle()
        if self.trainer.device.type == "cuda":
            self._programs.clear()
            self._asked.clear()

    def step(self) -> None:
        """One training step, played or replayed."""
        trainer = self.trainer
        if self.reason is not None or (trainer.monitor is not None and trainer.monitor.due):
            trainer.step()
            self._gradients = None
            return
        trainer._set_numbers()
        key, draws = self._key(), trainer.cures.draws
        batches = trainer.stream.next()
        if key in self._asked:
            row = self._again(key, batches)
        else:  # the first time: in Python, noting what random numbers it asks for
            draws.asked = asked = []
            try:
                row = trainer.play(batches)
            finally:
                draws.asked = None
            self._asked[key] = asked
        trainer._advance(row)

    def look(self) -> None:
        """Note what somebody may have changed: modes, rates, frozen parameters. Other settings, other recordings."""
        trainer = self.trainer
        optimizers, nets = (trainer.optimizer_g, trainer.optimizer_d), (trainer.G, trainer.D)
        # Held, so that no other tensor takes the identity of one that is gone.
        self._owned = [p for net in nets for p in chain(net.parameters(), net.buffers())]
        self._owned += [x for one in optimizers for state in one.state.values() for x in state.values() if _is(x)]
        self._settings = (
            tuple((key, _plain(value)) for one in optimizers for group in one.param_groups
                  for key, value in group.items() if key not in ("params", *self._scheduled())),
            tuple((id(x), x.requires_grad) for x in self._owned),
            tuple(module.training for net in nets for module in _structure(net).modules()),
        )  # fmt: skip

    def _scheduled(self) -> tuple[str, ...]:
        names = self.trainer.numbers.varying
        return (
            *(["lr"] if {"lr_g", "lr_d"} & set(names) else []),
            *(["betas"] if {"beta1", "beta2"} & set(names) else []),
        )

    def settle(self) -> None:
        """Give the parameters the gradients of the last replay, for whoever looks."""
        if self._gradients is not None:
            for parameter, gradient in zip(self._parameters(), self._gradients, strict=True):
                parameter.grad = gradient
            self._gradients = None

    def _key(self) -> Hashable:
        """The paths that Python takes in the step to come."""
        trainer = self.trainer
        first = trainer.steps * trainer.recipe.critic_steps
        return (
            self._settings, trainer.steps == 0, trainer.numbers.noisy,
            tuple(trainer.recipe.penalised(first + i) for i in range(trainer.recipe.critic_steps)),
            trainer.controller is not None and trainer.controller.due,
        )  # fmt: skip

    def _again(self, key: Hashable, batches: list[tuple[Tensor, Tensor]]) -> Tensor:
        trainer = self.trainer
        numbers = {name: _number(trainer.numbers[name], trainer.device, name) for name in trainer.numbers.varying}
        rules = [one for one in (trainer.optimizer_g, trainer.optimizer_d) if isinstance(one, Rule)]
        clocks = [_number(rule.taken + 1, trainer.device) for rule in rules]
        draws = [trainer.cures.draws.fresh(*slot) for slot in self._asked[key]]
        inputs = [*chain.from_iterable(batches), *numbers.values(), *clocks, *draws]
        if key in self._programs:
            program = self._programs[key]
            row, *self._gradients = program(*inputs)
            self.remark = getattr(program, "reason", None) or self.remark
            for rule in rules:
                rule.tick()
            if trainer.monitor is not None:
                trainer.monitor.passed()
            return row

        def play(*given: Tensor) -> list[Tensor]:
            rest = iter(given)
            pairs = [(next(rest), next(rest)) for _ in batches]
            trainer.numbers.give({name: next(rest) for name in numbers})
            trainer.numbers.write(g=trainer.optimizer_g, d=trainer.optimizer_d)
            for rule in rules:
                rule.clock = next(rest)
            trainer.cures.draws.given = list(rest)
            row = trainer.play(pairs)
            return [row, *(p.grad for p in self._parameters())]

        try:
            (row, *self._gradients), program = record(play, inputs)
        finally:
            trainer.cures.draws.given = None
            for rule in rules:
                rule.clock = None
            trainer._set_numbers()
        if program is None:
            self.reason = "Steps are not recorded: something in them reads a number off a tensor."
        else:
            self._programs[key] = CudaGraph(program) if trainer.device.type == "cuda" else program
        return row

    def _parameters(self) -> list[Tensor]:
        groups = chain(self.trainer.optimizer_g.param_groups, self.trainer.optimizer_d.param_groups)
        return [p for group in groups for p in group["params"] if p.requires_grad]


def _refusal(trainer, strangers: bool = False) -> str | None:
    """Why the steps of `trainer` cannot be recorded, as a sentence; None if they can.

    Args:
        strangers: networks of unknown classes may be recorded: whoever says so knows that their code does the same in
            each pass.
    """
    cls = type(trainer)
    ours = all(getattr(cls, name).__module__ == "ganlab.train.trainer" for name in ("step", "play"))
    if not ours or {"step", "play"} & vars(trainer).keys():
        return f"Steps are not recorded: {cls.__name__} has a `step` or a `play` of its own."
    for name, optimizer in (("optimizer_g", trainer.optimizer_g), ("optimizer_d", trainer.optimizer_d)):
        kind = type(optimizer)
        if kind not in _OPTIMIZERS and not (isinstance(optimizer, Rule) and kind.__module__.startswith("ganlab.")):
            return f"Steps are not recorded: {name} is a {kind.__name__}, and may keep what it remembers in Python."
        if hasattr(optimizer, "extrapolate"):
            return f"Steps are not recorded: {name}, a {kind.__name__}, does something else in every other step."
        if stranger := _stranger(chain(optimizer._optimizer_step_pre_hooks.values(),
                                       optimizer._optimizer_step_post_hooks.values())):  # fmt: skip
            return f"Steps are not recorded: {name} has a hook, {stranger}, that a replay would not call."
    for name, net in (("G", trainer.G), ("D", trainer.D)):
        for module in chain(net.modules(), _structure(net).modules()):
            if not strangers and not type(module).__module__.startswith(_KNOWN):
                return (
                    f"Steps are not recorded: {name} has a {type(module).__name__}, whose code is not known here. If "
                    "it does the same in every pass (no counters, no choices in Python), say fit(..., capture=True)."
                )
            hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
            if stranger := _stranger(chain.from_iterable(each.values() for each in hooks)):
                return f"Steps are not recorded: {name} has a hook, {stranger}, that a replay would not call."
    return None


def _stranger(hooks: Iterable[Callable]) -> str | None:
    """The first hook that is not this package's own. What a monitor counts, it is told."""
    strangers = (hook for hook in hooks if not (getattr(hook, "__module__", None) or "").startswith("ganlab."))
    return next((getattr(hook, "__qualname__", repr(hook)) for hook in strangers), None)


def _structure(net: nn.Module) -> nn.Module:
    return net.structure if isinstance(net, Population) else net


def _number(value: float, device: torch.device, name: str = "") -> Tensor:
    # In float64, as Python has it; but a GPU's fused Adam takes a rate in float32, and Apple's GPUs have nothing else.
    narrow = device.type == "mps" or (device.type == "cuda" and name.startswith("lr_"))
    return torch.tensor(value, dtype=torch.float32 if narrow else torch.float64, device=device)


def _plain(value) -> Hashable:
    return (id(value),) if isinstance(value, Tensor) else tuple(value) if isinstance(value, list) else value


def _is(value) -> bool:
    return isinstance(value, Tensor)
