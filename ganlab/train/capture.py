"""Record a training step once and replay it: as a CUDA graph on a GPU, as a flat list of operations on a CPU.

A step is hundreds of small operations, and what small networks wait for is the Python between them. `Trainer.play` is
the algorithm; here it is only watched while it runs. What differs from step to step goes in as tensors: the batch, the
random numbers, the values of schedules. Where Python takes another path (a lazy penalty's turn, a controller's look),
that step has a recording of its own.
"""

from collections.abc import Callable, Hashable
from itertools import chain

import torch
from torch import Tensor, nn

from ganlab.optim import Rule
from ganlab.population import Population
from ganlab.train._program import record


class Capture:
    """The steps of a `Trainer`, recorded at their second occurrence and replayed from then on.

    Attributes:
        reason: a sentence that says why steps are not recorded; None if they are.
    """

    def __init__(self, trainer, force: bool = False):
        self.trainer = trainer
        self.reason = None if force else refusal(trainer)
        self._asked: dict[Hashable, list[tuple[str, tuple[int, ...]]]] = {}
        self._programs: dict[Hashable, Callable[..., list[Tensor]]] = {}
        self._gradients: list[Tensor] | None = None
        self.look()

    def step(self) -> None:
        """One training step, played or replayed."""
        trainer = self.trainer
        if self.reason is not None or (trainer.monitor is not None and trainer.monitor.due):
            self.settle()
            trainer.step()
            return
        trainer._set_numbers()
        key, draws = self._key(), trainer.cures.draws
        batches = trainer.stream.next()
        if key not in self._asked:  # the first time: in Python, noting what random numbers it asks for
            draws.asked = asked = []
            try:
                row = trainer.play(batches)
            finally:
                draws.asked = None
            self._asked[key] = asked
        else:
            row = self._replay(key, batches)
        trainer._advance(row)

    def look(self) -> None:
        """Note what a callback may have changed: modes, rates, frozen parameters. Other settings, other recordings."""
        trainer = self.trainer
        groups = chain(trainer.optimizer_g.param_groups, trainer.optimizer_d.param_groups)
        nets = (trainer.G, trainer.D)
        self._settings = (
            tuple((key, _plain(value)) for group in groups for key, value in group.items() if key != "params"),
            tuple(p.requires_grad for net in nets for p in net.parameters()),
            tuple(module.training for net in nets for module in _structure(net).modules()),
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

    def _replay(self, key: Hashable, batches: list[tuple[Tensor, Tensor]]) -> Tensor:
        trainer = self.trainer
        numbers = {name: _number(trainer.numbers[name], trainer.device) for name in trainer.numbers.varying}
        rules = [one for one in (trainer.optimizer_g, trainer.optimizer_d) if isinstance(one, Rule) and one.counts]
        clocks = [_number(rule.taken + 1, trainer.device) for rule in rules]
        draws = [trainer.cures.draws.fresh(*slot) for slot in self._asked[key]]
        inputs = [*chain.from_iterable(batches), *numbers.values(), *clocks, *draws]
        if key in self._programs:
            row, *self._gradients = self._programs[key](*inputs)
            for rule in rules:
                rule.tick()
            if trainer.monitor is not None:
                trainer.monitor.passed()
            return row

        def play(*given: Tensor) -> list[Tensor]:
            rest = iter(given)
            pairs = [(next(rest), next(rest)) for _ in batches]
            trainer.numbers.give({name: next(rest) for name in numbers})
            trainer._write_numbers()
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
            self._programs[key] = _Graph(program) if trainer.device.type == "cuda" else program
        return row

    def _parameters(self) -> list[Tensor]:
        groups = chain(self.trainer.optimizer_g.param_groups, self.trainer.optimizer_d.param_groups)
        return [p for group in groups for p in group["params"] if p.requires_grad]


class _Graph:
    """A program as a CUDA graph, recorded at its first call."""

    def __init__(self, program: Callable[..., list[Tensor]]):
        self._program, self._graph = program, None

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        if self._graph is None:
            self._static, self._graph = [x.clone() for x in inputs], torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):  # runs nothing: the replay is the step
                self._results = self._program(*self._static)
        torch._foreach_copy_(self._static, list(inputs))
        self._graph.replay()
        return [self._results[0].clone(), *self._results[1:]]


def refusal(trainer) -> str | None:
    """Why a step of `trainer` cannot be recorded, as a sentence; None if it can."""
    return None


def _structure(net: nn.Module) -> nn.Module:
    return net.structure if isinstance(net, Population) else net


def _number(value: float, device: torch.device) -> Tensor:
    return torch.tensor(value, dtype=torch.float32 if device.type == "mps" else torch.float64, device=device)


def _plain(value) -> Hashable:
    return (id(value),) if isinstance(value, Tensor) else tuple(value) if isinstance(value, list) else value
