"""The training loop, for one GAN or for a population of them. `play` is the algorithm; the rest is bookkeeping."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ganlab import losses
from ganlab._modes import in_mode
from ganlab._modules import shared_parameters
from ganlab._progress import bar
from ganlab.latent import LATENTS
from ganlab.population import Population
from ganlab.train import _saving, checkpoint
from ganlab.train._batches import stream_of
from ganlab.train._copying import Copyable
from ganlab.train._doctor import Doctor
from ganlab.train._history import tidy
from ganlab.train._players import check_players, joined, logits_of, optimizer_for, over_scales
from ganlab.train.average import WeightAverage
from ganlab.train.balance import Controller, Rule
from ganlab.train.capture import Capture
from ganlab.train.cures import Cures
from ganlab.train.numbers import Numbers
from ganlab.train.precision import Precision
from ganlab.train.recipe import Recipe

if TYPE_CHECKING:
    import pandas


class Trainer(Copyable):
    """A GAN, or a population of GANs, in training.

    >>> from ganlab import data, nets, train
    >>> G, D = nets.mlp_generator((2,)), nets.mlp_discriminator((2,))
    >>> trainer = train.Trainer(G, D, data.load("ring"), train.Recipe(batch=16))
    >>> trainer.fit(5, progress=False).sample(100).shape
    torch.Size([100, 2])

    Args:
        G: generator, (batch, latent) -> (batch, *shape); it has an attribute `latent`. Or a `Population` of such.
        D: discriminator, (batch, *shape) -> logits, (batch,) or a map for each sample (a patch discriminator), with no
            sigmoid at its end. A list holds such logits of several scales, whose losses are added; a tuple or dict its
            logits first, then features. Or a `Population`. One that takes labels: `ganlab.latent.Apart`.
        data: a `ganlab.data.Dataset` or the like (`shape`, `sample(n, generator)`), or a `DataLoader` (`LoaderStream`).
        recipe: how to train.
        seeds: seed of the data and the latents; for populations one a member.
        device: default: where G's parameters are.
        rule: what turns a rate or the penalty's weight while training goes on (a `Rule`); None: nothing.
        diagnose: watch every tenth step, and print a line when what `monitor.diagnose()` says changes.

    Raises:
        ValueError: G has no `latent`, or is made for another law of it, or seeds do not fit the populations, or a rule
            turns the weight of a penalty that is not there, or G and D share under an optimizer that looks ahead.
    """

    def __init__(
        self, G: nn.Module, D: nn.Module, data, recipe: Recipe | None = None, *,
        seeds: int | Sequence[int] = 0, device: torch.device | str | None = None, rule: Rule | None = None,
        diagnose: bool = False,
    ):  # fmt: skip
        self.recipe = recipe or Recipe()
        self.seeds = seeds if isinstance(seeds, int) else [int(seed) for seed in seeds]
        check_players(G, D, self.seeds, self.recipe)
        self.device = torch.device(device or next(G.parameters()).device)
        # 2-D convolutions run faster with the channels last; a population's stacked weights have no such layout.
        flat = not isinstance(G, Population) and all(p.ndim <= 4 for net in (G, D) for p in net.parameters())
        layout = {"memory_format": torch.channels_last} if flat else {}
        self.G, self.D, self.data = G.to(self.device, **layout), D.to(self.device, **layout), data
        self.shared = bool(shared_parameters(self.G, self.D))
        self.loss = losses.get(self.recipe.loss)
        self.optimizer_g, self.optimizer_d = (
            optimizer_for(player, net, self.recipe) for player, net in (("g", self.G), ("d", self.D))
        )
        self.average = None if self.recipe.ema is None else WeightAverage(self.G)
        self.stream = stream_of(data, self.G, self.recipe, self.seeds, self.device)
        self.numbers, self.precision = Numbers(self.recipe), Precision(self.recipe, self.device)
        self.cures = Cures(self.recipe, self.numbers, self.seeds, self.device)
        self.controller = None if rule is None else Controller.of(self, rule)
        self.steps = 0
        self.monitor = None  # `ganlab.monitor.Monitor.watch` sets it
        self._running, self._log = [], []
        self.engine = Capture(self)
        self.doctor = Doctor(self) if diagnose else None

    def step(self) -> None:
        """One training step: `play` is what happens in it, the rest counts."""
        self._set_numbers()
        self._advance(self.play(self.stream.next()))

    def play(self, batches: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """`critic_steps` steps of D, then one of G on the last batch of fakes, which D has just been shown.

        Where the two share parameters, D's steps move G as well, and G learns from what it then makes of the same z.

        Args:
            batches: a pair of real samples and latents for each step of D.

        Returns:
            (4,) or (4, N): both losses, and D's mean logit on real and on generated samples, for each member.
        """
        for i, (real, z) in enumerate(batches):
            # Only the last fakes are G's to learn from.
            with torch.set_grad_enabled(i == len(batches) - 1 and not self.shared):
                fake = self.precision.run(self.G, z)
            real, shown = self.cures.noisy(real), self.cures.noisy(fake.detach())
            real_logits, fake_logits = (self._logits(self.D, x) for x in (real, shown))
            d_loss = over_scales(self.loss.d_loss, real_logits, fake_logits)
            if self.monitor is not None:
                self.monitor.logits(real_logits, fake_logits)
            with self.precision.here():
                penalty = self.cures.penalty(self.D, real, shown, d_step=self.steps * len(batches) + i)
            if self.controller is not None:
                penalty = self.controller.scaled("gamma", penalty)
            self._descend(d_loss + penalty, "D")
            self.cures.clip_weights(self.D)

        if self.shared:  # D's steps have moved weights of G: a gradient through them needs the samples made with them
            fake = self.precision.run(self.G, z)
        opponent = self.cures.ahead(self.D, self.loss, real, fake)
        fake_logits_g = self._logits(opponent, self.cures.noisy(fake))
        g_loss = over_scales(self.loss.g_loss, fake_logits_g, *self._real_logits(real))
        self._descend(g_loss, "G")

        if self.average is not None:
            self.average.update(self.G, self.numbers["ema"] if self.steps else 0.0)  # the first step copies
        real_logits, fake_logits = joined(real_logits).detach(), joined(fake_logits).detach()
        if self.controller is not None:
            self.controller.observe(real_logits, fake_logits)
        return torch.stack([d_loss.detach(), g_loss.detach(), real_logits.mean(-1), fake_logits.mean(-1)])

    def _set_numbers(self) -> None:
        """What follows a schedule gets its value of this step."""
        self.numbers.set(self.steps)
        self.numbers.write(g=self.optimizer_g, d=self.optimizer_d)

    def _advance(self, row: Tensor) -> None:
        """Count a step that has been played."""
        if self.controller is not None:
            self.controller.count()
        self.steps += 1
        self._running.append(row)

    def _descend(self, loss: Tensor, player: str) -> None:
        net, optimizer = {"G": (self.G, self.optimizer_g), "D": (self.D, self.optimizer_d)}[player]
        # `inputs`: gradients for this player alone. The other player's are neither computed nor left behind in `.grad`.
        inputs = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
        if not inputs:
            return  # a player that is frozen stands still
        optimizer.zero_grad()
        self.precision.backward(loss.sum(), inputs, player, optimizer)
        self.cures.clip(player, net)
        self.precision.step(player, optimizer)

    def _logits(self, D: Callable[[Tensor], Any], x: Tensor) -> list[Tensor]:
        return logits_of(self.precision.run(D, x), members=not isinstance(self.seeds, int))

    def _real_logits(self, real: Tensor) -> list[list[Tensor]]:  # what a loss of G needs beside those of its samples
        if not self.loss.needs_real:
            return []
        with torch.no_grad():
            return [self._logits(self.D, real)]

    def fit(
        self, steps: int, *, log_every: int = 10, callback: Callable[["Trainer"], None] | None = None,
        callback_every: int = 100, checkpoint: str | Path | None = None, checkpoint_every: int = 100,
        progress: bool = True, capture: bool | None = None,
    ) -> "Trainer":  # fmt: skip
        """Train until step `steps`. Steps are recorded once and replayed, which is faster and gives the same numbers.

        Args:
            steps: the step to stop at, counted from the start of training and not of this call. A run that is beyond it
                stays as it is, with a UserWarning.
            log_every: steps that one row of `history` averages over.
            callback: called with the trainer before the first step and after every `callback_every` steps.
            checkpoint: a file. If it is there, training goes on from it, so the same script, run again after a kill,
                finishes the same run. It is written every `checkpoint_every` steps and at the end.
            progress: show a progress bar.
            capture: None: record steps where that is known to be safe; True: also with networks of unknown classes;
                False: play each in Python. `engine.reason` says why steps are not recorded.
        """
        _saving.begin(self, steps, checkpoint, log_every, callback_every, checkpoint_every)
        if callback is not None and self.steps == 0:
            callback(self)
        self.engine.begin(capture, steps - self.steps)
        try:
            with bar(total=steps, initial=self.steps, desc=self.recipe.loss, unit="step", progress=progress) as shown:
                while self.steps < steps:
                    self.engine.step()
                    if self.steps % log_every == 0 or self.steps == steps:
                        self._flush()
                        shown.update(self.steps - shown.n)
                    if callback is not None and self.steps % callback_every == 0:
                        self.engine.settle()
                        callback(self)
                        self.engine.look()
                    if checkpoint is not None and (self.steps % checkpoint_every == 0 or self.steps == steps):
                        self.save(checkpoint)
        finally:
            self.engine.end()
        return self

    def _flush(self) -> None:
        """Average what was measured since the last row; it stays on the device until `history` is asked for."""
        self._log.append((self.steps, torch.stack(self._running).mean(0)))
        self._running = []
        if self.doctor is not None:
            self.doctor.look(self.steps)

    @property
    def history(self) -> "pandas.DataFrame":
        """A row for each logged step and seed: step, seed, d_loss, g_loss, real_logit, fake_logit.

        Each is a mean over the steps since the row before; `d_loss` is without the penalty. What follows a schedule has
        a column with its value in the row's step.
        """
        table = tidy(self._log, ["d_loss", "g_loss", "real_logit", "fake_logit"], self.seeds)
        for name, schedule in self.recipe.schedules.items():
            table[name] = [schedule(step - 1) for step in table.step]
        return table

    @torch.no_grad()
    def sample(self, n: int, *, seed: int = 0, averaged: bool = False, mode: str = "eval") -> Tensor:
        """`n` samples of G, (n, *shape) or (N, n, *shape); the same latents for every member and call.

        Args:
            seed: of the latents.
            averaged: use the running average of G's weights (`Recipe(ema=...)`).
            mode: "eval", or "train": batch norm with the statistics of these n samples. Neither changes G.
        """
        if averaged and self.average is None:
            raise ValueError("averaged=True needs a recipe with ema, Recipe(ema=0.999) say")
        G = self.average if averaged else self.G
        z = LATENTS[self.recipe.latent](n, self.G.latent, torch.Generator().manual_seed(seed)).to(self.device)
        if not isinstance(self.seeds, int):
            z = z.expand(len(self.seeds), *z.shape)
        with in_mode(G, mode):
            return G(z)

    def save(self, path: str | Path) -> None:
        """Write everything that the rest of the run depends on, atomically (`ganlab.train.checkpoint`)."""
        checkpoint.save(_saving.state(self), path)

    def load(self, path: str | Path) -> None:
        """Go on from `path`. Nothing is changed unless the file is whole and belongs to this recipe, data and seeds."""
        _saving.restore(self, checkpoint.load(path, self.device), path)
