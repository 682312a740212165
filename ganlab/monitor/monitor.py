"""Watch the gradients of two (or any) players while they train, in a loop of your own or in ganlab's.

    monitor = Monitor({"D": (D, optimizer_d), "G": (G, optimizer_g)})
    ...                      # your loop, unchanged
    monitor.gradients()      # a tidy table: step, phase, layer, grad_norm, update_ratio, ...

It hooks the optimizers' `step`, so it sees each player's gradients at the moment they are used: D's when D steps, G's
when G steps. Hooks on the backward pass cannot tell the two apart. Numbers stay on the device and come to the host in
one transfer for many steps.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from torch import Tensor, nn
from torch.optim import Optimizer

from ganlab.monitor import _to_ask
from ganlab.monitor._game import Game
from ganlab.monitor._gaps import check_discriminator, check_layers, check_optimizer, gaps, members
from ganlab.monitor._hooks import behind_closure, skips
from ganlab.monitor._layers import Taps
from ganlab.monitor._line import line
from ganlab.monitor._moves import Moves
from ganlab.monitor._origin import Origin, Search
from ganlab.monitor._points import seeds as names_of
from ganlab.monitor._series import Series
from ganlab.monitor._updates import Player


class Monitor:
    """Gradients, updates and activations of the players of a game, over time.

    The gradient of w x + b at x = (3, 4) is x for w and 1 for b:

    >>> import torch
    >>> from ganlab.monitor import Monitor
    >>> net = torch.nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    >>> monitor = Monitor({"G": (net, optimizer)})
    >>> net(torch.tensor([[3.0, 4.0]])).backward(); optimizer.step()
    >>> monitor.gradients(by="parameter")[["parameter", "grad_norm", "status"]].values.tolist()
    [['weight', 5.0, 'ok'], ['bias', 1.0, 'ok']]

    The tables need pandas; watching and `line` do not.

    Args:
        players: name to (network, its optimizer), in the order in which they step. A step is over when the last of them
            has stepped; of several steps of another in between (critic steps), the last counts. A network may be a
            `ganlab.population.Population`: every number is then one for each member.
        every: measure at step 1 and at every step that this divides. Where a player makes extra steps at regular times,
            as for a penalty at every fourth, take a number without a factor in common: else these alone are measured.
        activations: also tap the layers: True for all, or module classes (`[nn.Linear, nn.ReLU]`). Costs a pass over
            every activation, and sees modules alone, not functions called in a `forward`. On a GPU up to 128 MB of them
            are kept until many can be measured at once.
        discriminator: which player gives logits; its passes on samples that hang on another network's graph (those that
            teach the generator) tell the slope of the loss and of D. None: no such player.
        fetch_every, capacity: as in `ganlab.monitor._series.Series`.
        seeds: names of the members in the tables; default 0, 1, ...
        origin: look for the first number that is not finite. None: behind a network's output that is not finite the
            layers are looked at, of single networks on a CPU; of populations and on a GPU, only with `activations`.
            True: every layer's output, everywhere, also one whose infinity a later layer hides, as tanh does: a pass
            over every activation, and of populations without their faster way. False: nothing is looked for.

    From the first measured step on, a monitor holds memory for two copies of the weights.

    Under a `GradScaler` the gradients are those after unscaling; what flows through the layers is still scaled.

    Raises:
        ValueError: no players, an `every` below 1, an optimizer that holds none of its network's parameters, or a
            population and a single network side by side.
    """

    def __init__(
        self, players: Mapping[str, tuple[nn.Module, Optimizer]], *, every: int = 1,
        activations: bool | Sequence[type[nn.Module]] = False, discriminator: str | None = "D",
        fetch_every: int = 100, capacity: int = 1000, seeds: Sequence[int] | None = None, origin: bool | None = None,
    ):  # fmt: skip
        if not players:
            raise ValueError("players is empty: give {'D': (D, optimizer_d), 'G': (G, optimizer_g)}")
        if not isinstance(every, int) or every < 1:
            raise ValueError(f"every={every!r}: a whole number of at least 1")
        nets = {name: net for name, (net, _) in players.items()}
        self.members = members(nets)
        self.seeds = names_of(seeds, self.members)
        check_discriminator(discriminator, list(players))
        for name, (_, optimizer) in players.items():
            check_optimizer(name, optimizer)
        self.every, self.step, self.clock, self.discriminator = every, 0, list(players)[-1], discriminator
        series = partial(Series, fetch_every, capacity)
        self.players = {
            name: Player(name, net, optimizer, self.members, series()) for name, (net, optimizer) in players.items()
        }
        if activations:
            check_layers(nets)
        kinds = None if isinstance(activations, bool) else list(activations)
        self._taps = {name: Taps(net, kinds) for name, net in nets.items()} if activations else {}
        self._activity = {(net, phase): series() for net in self._taps for phase in players}
        others = [net for name, net in nets.items() if name != discriminator]
        shared = discriminator in players and any(
            optimizer is players[discriminator][1] for name, (_, optimizer) in players.items() if name != discriminator
        )
        self._game = Game(nets.get(discriminator), others, self.members, series(), shared)
        self._moves = Moves(self.players, self.members, {name: series() for name in players})
        every_layer = bool(activations) if origin is None else origin
        self._origin = Search(
            {} if origin is False else self.players, discriminator, every_layer, origin is True, fetch_every
        )
        self._hooks = []
        for name, (_, optimizer) in players.items():
            self._hooks.append(optimizer.register_step_pre_hook(partial(self._begins, name)))
            self._hooks.append(optimizer.register_step_post_hook(lambda *_, name=name: self._after(name)))
        self._switch()

    @classmethod
    def watch(cls, trainer, **options) -> "Monitor":
        """A monitor of a `ganlab.train.Trainer`, which then also reports D's logits to it."""
        players = {"D": (trainer.D, trainer.optimizer_d), "G": (trainer.G, trainer.optimizer_g)}
        seeds = None if isinstance(trainer.seeds, int) else trainer.seeds
        monitor = trainer.monitor = cls(players, **{"seeds": seeds, **options})
        monitor.count_from(trainer.steps)
        return monitor

    def count_from(self, step: int) -> None:
        """Go on as after so many steps: those of a run that was loaded. A trainer that is watched calls it."""
        self.step = step
        self._switch()

    @property
    def due(self) -> bool:
        """Whether the step that is under way is measured."""
        return self.step == 0 or (self.step + 1) % self.every == 0

    def logits(self, real: Tensor, fake: Tensor) -> None:
        """Tell D's logits on real and on generated data, (..., batch) or as D returns them, once in D's step, in front
        of its optimizer's.

        Needed only where the monitor cannot tell D's two calls apart: see `game`.
        """
        if self.due:
            self._game.logits(real, fake)

    def passed(self) -> None:
        """Count a step that nobody could watch: one that was recorded and is replayed. It must not be `due`."""
        for player in self.players.values():
            player.forget()
        self.step += 1
        self._switch()

    def _begins(self, name: str, optimizer: Optimizer, args: tuple, kwargs: dict) -> tuple[tuple, dict] | None:
        """In front of a step. One with a closure makes its gradients inside: those of the first evaluation count."""
        if (changed := behind_closure(args, kwargs, partial(self._before, name))) is None:
            self._before(name)
        return changed

    def _before(self, name: str) -> None:
        if self.due and not skips(self.players[name].optimizer):
            self.players[name].before()
            self._moves.before(name)
            passes, of_discriminator = self.players[name].passes, name == self.discriminator
            known = not of_discriminator and self.discriminator in self.players
            in_d = self.players[self.discriminator].passes if known else ()
            self._origin.before(name, self._game.before_step(of_discriminator, passes, in_d))

    def _after(self, name: str) -> None:
        if self.due:
            if (values := self.players[name].after(self.step + 1)) is not None:
                self._moves.after(name, self.step + 1, self._game.own.early and name == self.discriminator)
                self._origin.after(name, values)
            for net, taps in self._taps.items():
                if (taken := taps.take()) is not None:
                    self._activity[net, name].add(self.step + 1, *taken)
        self.players[name].forget()
        self._game.after_step(name == self.discriminator)
        self._moves.window_ends()
        for other, player in self.players.items():
            player.window_ends(own=other == name)
        if name != self.clock:
            self.players[self.clock].passed_over()
        else:
            for other in self.players.values():
                other.round_ends()
            self._moves.round_ends()
            if self.due:
                self._game.close_step(self.step + 1)
                self._origin.step_ends()
            self._game.round_ends()
            self.step += 1
            self._switch()

    def _switch(self) -> None:
        self._origin.at(self.step + 1, self.due)
        remains = [player.remains for player in self.players.values()]
        for part in (*self._taps.values(), self._game, self._moves, *remains):
            part.on = self.due
        self._game.soon = (self.step + 2) % self.every == 0

    gradients, totals, activations = _to_ask.gradients, _to_ask.totals, _to_ask.activations
    game, moves, settings, diagnose = _to_ask.game, _to_ask.moves, _to_ask.settings, _to_ask.diagnose

    @property
    def origin(self) -> Origin | None:
        """The first number that was not finite, in order of time, in the measured steps; None if all were.

        It names step, phase, net, layer and where ("forward", "backward", "gradient" or "weights"), and says so as a
        string. Forward, it is the first layer whose output was not finite, or a function in front of it; the layers'
        own hooks see modules alone. Of the backward pass the gradient at D's logits is seen, and that of parameters:
        there the layer is the first that the pass came to.

        >>> import torch
        >>> from ganlab.monitor import Monitor
        >>> net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
        >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        >>> monitor = Monitor({"G": (net, optimizer)})
        >>> _ = torch.nn.init.constant_(net[1].bias, torch.inf)
        >>> net(torch.ones(3, 2)).sum().backward(); optimizer.step()
        >>> print(monitor.origin)
        layer 1 of G, forward, step 1
        """
        return self._origin.read()

    @property
    def gaps(self) -> list[str]:
        """What it could not see, a sentence each: an optimizer that never stepped, a step that was skipped, layers that
        came later, a D whose logits it did not find. `line` ends with them.
        """
        return list(gaps(self))

    def line(self) -> str:
        """One line for a live display: the last measured step. Fetches what is pending.

        It says what is out of order: a player in eval mode, gradients that were not cleared, a step that moves another
        player, samples that are all alike, a loss of G that pushes logits down, the first number that is not finite.
        """
        return line(self)

    def close(self) -> None:
        """Take every hook off. The tables stay."""
        for part in (*self._hooks, *self.players.values(), self._game, self._moves, self._origin, *self._taps.values()):
            part.remove()

    def __enter__(self) -> "Monitor":
        return self

    def __exit__(self, *_) -> None:
        self.close()
