"""Record a training step once and replay it: as a CUDA graph on a GPU, as a flat list of operations on a CPU.

A step is hundreds of small operations, and what small networks wait for is the Python between them. `Trainer.play` is
the algorithm; here it is only watched while it runs. What differs from step to step goes in as tensors: the batch, the
random numbers, the values of schedules. Where Python takes another path (a lazy penalty's turn, a controller's look),
that step has a recording of its own.
"""

from collections.abc import Callable, Hashable
from itertools import chain

import torch
from torch import Tensor

from ganlab.optim import Rule
from ganlab.train._capturable import fingerprint, refusal
from ganlab.train._cuda_graph import CudaGraph
from ganlab.train._program import record

WORTH = 10  # replays that pay for a recording
PAYS = {"cpu": 40, "cuda": 60}  # steps of a fit: a recording takes as long as some twenty or thirty steps in Python


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
        recorded, replayed: how many recordings and replays there were in this fit.
        remark: a sentence that says why recorded steps run without a CUDA graph, where there is a GPU; else None.
    """

    def __init__(self, trainer, wanted: bool | None = None):
        self.trainer = trainer
        self._asked: dict[Hashable, list[tuple[str, tuple[int, ...]]]] = {}
        self._programs: dict[Hashable, Callable[..., list[Tensor]]] = {}
        self._gradients: list[Tensor] | None = None
        self._seen: tuple | None = None
        self.begin(wanted)

    def begin(self, wanted: bool | None = None, steps: int | None = None) -> None:
        """Before a fit of so many steps: look at the trainer as it is now, and forget what was recorded before."""
        self._wanted, self.reason, self.remark = wanted, None, None
        self.recorded, self.replayed, self._vain = 0, 0, 0
        self._forget()
        self.look()
        few = steps is not None and steps < PAYS["cuda" if self.trainer.device.type == "cuda" else "cpu"]
        if self.reason is None and wanted is None and few:
            self.reason = "Steps are not recorded: too few are to come."

    def end(self) -> None:
        """After a fit: leave the gradients, and give back the memory of the recordings."""
        self.settle()
        self._forget()

    def _forget(self) -> None:
        self._asked.clear()
        self._programs.clear()
        self._before = self.replayed

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
        """After somebody else had the trainer in hand: if anything is another now, record anew."""
        if self._wanted is False:
            self.reason = "Steps are not recorded: fit(..., capture=False) says so."
        self.reason = self.reason or refusal(self.trainer, strangers=bool(self._wanted))
        if self.reason is None and (seen := fingerprint(self.trainer)) != self._seen:
            self._vain = self._vain + 1 if self._programs and self.replayed - self._before < WORTH else 0
            if self._vain == 3:
                self.reason = "Steps are not recorded: a callback changes something every few steps."
            self._forget()
            self._seen = seen

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
            trainer.steps == 0, trainer.numbers.noisy,
            tuple(trainer.recipe.penalised(first + i) for i in range(trainer.recipe.critic_steps)),
            trainer.controller is not None and trainer.controller.due,
        )  # fmt: skip

    def _again(self, key: Hashable, batches: list[tuple[Tensor, Tensor]]) -> Tensor:
        trainer = self.trainer
        numbers = {name: _number(trainer.numbers[name], trainer.device, name) for name in trainer.numbers.varying}
        rules = [one for one in (trainer.optimizer_g, trainer.optimizer_d) if isinstance(one, Rule)]
        clocks = [_number(rule.taken + 1, trainer.device) for rule in rules]
        if key not in self._programs:  # what the first step has brought about: the counts of a rule, say
            self.reason = refusal(trainer, strangers=bool(self._wanted))
            if self.reason is not None:
                return trainer.play(batches)
        draws = [trainer.cures.draws.fresh(*slot) for slot in self._asked[key]]
        inputs = [*chain.from_iterable(batches), *numbers.values(), *clocks, *draws]
        if key in self._programs:
            program = self._programs[key]
            row, *self._gradients = program(*inputs)
            self.replayed += 1
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
            self.recorded += 1
            self._seen = fingerprint(trainer)  # what the recording takes for granted
        return row

    def _parameters(self) -> list[Tensor]:
        groups = chain(self.trainer.optimizer_g.param_groups, self.trainer.optimizer_d.param_groups)
        return [p for group in groups for p in group["params"] if p.requires_grad]


def _number(value: float, device: torch.device, name: str = "") -> Tensor:
    # In float64, as Python has it; but a GPU's fused Adam takes a rate in float32, and Apple's GPUs have nothing else.
    narrow = device.type == "mps" or (device.type == "cuda" and name.startswith("lr_"))
    return torch.tensor(value, dtype=torch.float32 if narrow else torch.float64, device=device)
