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
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.optim import Optimizer

from ganlab.monitor import _tables
from ganlab.monitor._game import Game
from ganlab.monitor._gaps import check_discriminator, check_layers, check_optimizer, gaps, members
from ganlab.monitor._hooks import behind_closure
from ganlab.monitor._layers import Taps
from ganlab.monitor._line import line
from ganlab.monitor._points import seeds as names_of
from ganlab.monitor._series import Series
from ganlab.monitor._updates import Player

if TYPE_CHECKING:
    import pandas


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
        every: measure at step 1 and at every step that this divides.
        activations: also tap the layers: True for all, or module classes (`[nn.Linear, nn.ReLU]`). Costs a pass over
            every activation, and sees modules alone, not functions called in a `forward`. On a GPU up to 128 MB of them
            are kept until many can be measured at once.
        discriminator: which player gives logits; its passes on samples that hang on another network's graph (those that
            teach the generator) tell the slope of the loss and of D. None: no such player.
        fetch_every, capacity: as in `ganlab.monitor._series.Series`.
        seeds: names of the members in the tables; default 0, 1, ...

    From the first measured step on, a monitor holds memory for two copies of the weights.

    Under a `GradScaler` the gradients are those after unscaling; what flows through the layers is still scaled.

    Raises:
        ValueError: no players, an `every` below 1, an optimizer that holds none of its network's parameters, or a
            population and a single network side by side.
    """

    def __init__(
        self, players: Mapping[str, tuple[nn.Module, Optimizer]], *, every: int = 1,
        activations: bool | Sequence[type[nn.Module]] = False, discriminator: str | None = "D",
        fetch_every: int = 100, capacity: int = 1000, seeds: Sequence[int] | None = None,
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
        self._game = Game(nets.get(discriminator), others, self.members, series())
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
        """Tell D's logits on real and on generated data, (..., batch) or as D returns them, in D's step.

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
        if self.due:
            self.players[name].before()
            self._game.before_step(name == self.discriminator)

    def _after(self, name: str) -> None:
        if self.due:
            self.players[name].after(self.step + 1)
            for net, taps in self._taps.items():
                if (taken := taps.take()) is not None:
                    self._activity[net, name].add(self.step + 1, *taken)
        self.players[name].forget()
        self._game.after_step()
        if name != self.clock:
            self.players[self.clock].passed_over()
        else:
            for other in self.players.values():
                other.round_ends()
            if self.due:
                self._game.close_step(self.step + 1)
            self.step += 1
            self._switch()

    def _switch(self) -> None:
        for part in (*self._taps.values(), self._game):
            part.on = self.due

    def gradients(self, by: str = "layer") -> "pandas.DataFrame":
        """A row for each step, phase (the player that stepped), layer and seed.

        Columns: step, phase, layer, depth (0 for the first layer registered), seed, grad_norm (2-norm of the loss's
        gradient), zero_share (share of exact zeros), nonfinite (how many entries are NaN or infinite), update_ratio
        (2-norm of the step taken over that of the weights), status. With `by="parameter"` also parameter. With
        `by="net"` a row for the whole network of the player, with no layer and no depth.

        `status` is "ok", or why there is no number (NaN): "frozen" (requires_grad is off), "missing" (no gradient
        reached the parameter), "detached" (none reached the whole network), "stale" (a gradient is there, but no
        backward pass has touched it since the last step), "not in optimizer"; "sparse" has numbers. A layer or a net
        has the status of its parameters, or "mixed"; its numbers are those of its parameters that have any.

        Raises:
            ValueError: another `by`.
        """
        return _tables.gradients(self.players.values(), self.seeds, by)

    def totals(self) -> "pandas.DataFrame":
        """A row for each phase, parameter and seed: measured steps, and in how many the gradient was not finite.

        Counted at every measured step, also at those that `capacity` has dropped since.
        """
        return _tables.totals(self.players.values(), self.seeds)

    def activations(self) -> "pandas.DataFrame":
        """A row for each step, phase, net, layer and seed, if the layers are tapped.

        Columns: step, phase (whose step the passes belonged to), net, layer, kind, depth, seed, rms, dead_share (units
        that are 0 for the whole batch; NaN for layers with weights), saturated_share (tanh and sigmoid outputs within
        0.5 % of their range from a bound; else NaN), grad_rms (RMS over the entries of dL/dh, h the layer's output; NaN
        where none came back).
        """
        parts = {key: (self._taps[key[0]].layers, series.read()) for key, series in self._activity.items()}
        return _tables.activations(parts, self.seeds)

    def game(self) -> "pandas.DataFrame":
        """A row for each step and seed: D's accuracy and mean logit on real and on generated data, and two factors of
        the gradient that D sends to G: loss_slope, the sum over the batch of |dL/dlogit|, and input_slope, the mean
        over the batch of ||dD/dx||_2 at the generated samples.

        real_accuracy and fake_accuracy take 0 for the border, as the logistic losses do. With Wasserstein, hinge or
        relativistic losses nothing fixes the zero: there pair_accuracy says how well D tells, the share of pairs of a
        real and a generated sample whose logits are in order (ties half).

        A small loss_slope is saturation: D is sure, and the loss is flat there. With batch norm in D, input_slope mixes
        samples. Of a map of logits, or of several, each place counts as a logit, and input_slope is that of their
        mean, weighted by their slopes.

        Accuracies and logits are read off D's two calls in its own step, where one is on what a generator player has
        just returned. Where it is not (real and fake in one batch, augmented samples), they are NaN, and the loop has
        to tell them: `logits(real, fake)`.
        """
        return _tables.game(self._game.series.read(), self.seeds)

    @property
    def gaps(self) -> list[str]:
        """What it could not see, a sentence each: an optimizer that never stepped, a step that was skipped, layers that
        came later, a D whose logits it did not find. `line` ends with them.
        """
        return list(gaps(self))

    def line(self) -> str:
        """One line for a live display: the last measured step. Fetches what is pending."""
        return line(self)

    def close(self) -> None:
        """Take every hook off. The tables stay."""
        for part in (*self._hooks, *self.players.values(), self._game, *self._taps.values()):
            part.remove()

    def __enter__(self) -> "Monitor":
        return self

    def __exit__(self, *_) -> None:
        self.close()
