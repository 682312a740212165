"""What a recipe adds to the bare game: instance noise, a penalty, unrolling, clipped gradients and weights."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ganlab import losses
from ganlab._draws import Draws
from ganlab.clipping import CLIPS, PercentileClip, Report, clip_weights_
from ganlab.penalties import PENALTIES
from ganlab.train.numbers import Numbers
from ganlab.train.recipe import PLAYERS, Recipe
from ganlab.train.unrolled import unrolled


class Cures:
    """The cures of `recipe`, with the random numbers and windows they need; each does nothing where it is not chosen.

    >>> from ganlab import data, nets, train
    >>> recipe = train.Recipe(batch=16, clip="norm", clip_at=0.1, clip_players="D")
    >>> G, D = nets.mlp_generator((2,)), nets.mlp_discriminator((2,))
    >>> trainer = train.Trainer(G, D, data.load("ring"), recipe).fit(5, progress=False)
    >>> {player: report.calls for player, report in trainer.cures.clipped.items()}
    {'D': 5}

    Attributes:
        clipped: for each player whose gradient is clipped ("G", "D"), a `Report` since this object was made.
    """

    def __init__(self, recipe: Recipe, numbers: Numbers, seeds: int | Sequence[int], device: torch.device | str):
        self.recipe, self.numbers, self.draws = recipe, numbers, Draws(seeds, device)
        players = () if recipe.clip is None else PLAYERS[recipe.clip_players]
        self.clips = {player: CLIPS[recipe.clip](recipe.clip_at) for player in players}
        self.clipped = {player: Report() for player in players}

    def noisy(self, x: Tensor) -> Tensor:
        """x as D gets to see it in the present step."""
        if not self.numbers.noisy:
            return x
        return x + self.numbers["sigma"] * self.draws.normal(*(x.shape if self.draws.alone else x.shape[1:]))

    def penalty(self, D: nn.Module, real: Tensor, fake: Tensor, d_step: int) -> Tensor | float:
        """What to add to D's loss in its step `d_step`, () or (N,)."""
        if not self.recipe.penalised(d_step):
            return 0.0
        return (
            self.recipe.penalty_every
            * self.numbers["gamma"]
            * PENALTIES[self.recipe.penalty](D, real, fake, self.draws)
        )

    def ahead(self, D: nn.Module, loss: losses.Loss, real: Tensor, fake: Tensor) -> Callable[[Tensor], Tensor]:
        """The D that G plays against: D itself, or what would become of it in a few steps more."""
        if not self.recipe.unroll:
            return D
        return unrolled(D, loss, real, self.noisy(fake), self.recipe.unroll, self.recipe.unroll_lr)

    def clip(self, player: str, net: nn.Module) -> None:
        """Between `backward()` and `step()`."""
        if player in self.clips:
            self.clips[player](net, report=self.clipped[player])

    def clip_weights(self, D: nn.Module) -> None:
        """After D's step."""
        if self.recipe.weight_clip is not None:
            clip_weights_(D, self.recipe.weight_clip)

    def state_dict(self) -> dict:
        clips = {name: clip.state_dict() for name, clip in self.clips.items() if isinstance(clip, PercentileClip)}
        return {"draws": self.draws.state_dict(), "clips": clips}

    def load_state_dict(self, state: dict) -> None:
        self.draws.load_state_dict(state["draws"])
        for name, saved in state["clips"].items():
            self.clips[name].load_state_dict(saved)
