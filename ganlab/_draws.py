"""Random numbers that a training step needs beside its data: one stream a seed, the same on every device."""

from collections.abc import Sequence

import torch
from torch import Tensor


class Draws:
    """Uniform and normal numbers, (*shape) for one seed and (N, *shape) for N of them.

    Every seed has a generator of its own on the CPU, so what a member draws depends neither on the other members nor on
    the device.

    Args:
        seeds: an int, or a sequence of N.
        device: where the numbers go.

    >>> import torch
    >>> from ganlab.penalties import Draws
    >>> draws = Draws([0, 1])
    >>> noise = draws.normal(5, 2)
    >>> noise.shape, torch.equal(noise[1], Draws(1).normal(5, 2))
    (torch.Size([2, 5, 2]), True)
    """

    def __init__(self, seeds: int | Sequence[int], device: torch.device | str = "cpu"):
        self.alone, self.device = isinstance(seeds, int), torch.device(device)
        # While a step is recorded to be replayed: what it asks for is noted, or it takes what is laid down here.
        self.asked: list[tuple[str, tuple[int, ...]]] | None = None
        self.given: list[Tensor] | None = None
        # Neither the seeds of the initial weights nor those of `ganlab.train.Stream`.
        self.generators = [torch.Generator().manual_seed(2**33 + seed) for seed in ([seeds] if self.alone else seeds)]

    def uniform(self, *shape: int) -> Tensor:
        """U(0, 1)."""
        return self._draw("rand", shape)

    def normal(self, *shape: int) -> Tensor:
        """N(0, 1)."""
        return self._draw("randn", shape)

    def _draw(self, kind: str, shape: tuple[int, ...]) -> Tensor:
        if self.given is not None:
            return self.given.pop(0)
        if self.asked is not None:
            self.asked.append((kind, tuple(shape)))
        return self.fresh(kind, shape)

    def fresh(self, kind: str, shape: tuple[int, ...]) -> Tensor:
        """The next numbers of torch's `rand` or `randn`."""
        parts = [getattr(torch, kind)(shape, generator=generator) for generator in self.generators]
        return (parts[0] if self.alone else torch.stack(parts)).to(self.device)

    def state_dict(self) -> dict:
        return {"states": [generator.get_state() for generator in self.generators]}

    def load_state_dict(self, state: dict) -> None:
        for generator, saved in zip(self.generators, state["states"], strict=True):
            generator.set_state(saved.cpu())  # a checkpoint may have been read onto a GPU
