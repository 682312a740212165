"""The random inputs of training: real batches and latents, one independent stream a seed."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ganlab._check import lookup
from ganlab.latent import LATENTS

BLOCK_VALUES = 2**19  # numbers drawn at once for one seed: enough to make the calls cheap, small enough for the cache


class Stream:
    """For each training step, `critic_steps` pairs of a real batch and a batch of latents.

    Every seed has a generator of its own, so what a member sees does not depend on the other members. Numbers are drawn
    in blocks of many steps, always on the CPU: the same seed gives the same data on any device.

    >>> from ganlab.data import load
    >>> from ganlab.train import Stream
    >>> (real, z), = Stream(load("ring"), latent=4, batch=16, seeds=[0, 1]).next()
    >>> real.shape, z.shape
    (torch.Size([2, 16, 2]), torch.Size([2, 16, 4]))

    Args:
        data: a `ganlab.data.Dataset` (or anything with `shape` and `sample(n, generator)`).
        latent: width of the generator's input.
        seeds: an int: batches (batch, ...). A sequence of N: batches (N, batch, ...).
    """

    def __init__(
        self, data, latent: int, batch: int, seeds: int | Sequence[int], *,
        critic_steps: int = 1, latents: str = "normal", device: torch.device | str = "cpu",
    ):  # fmt: skip
        self.data, self.latent, self.batch, self.critic_steps = data, latent, batch, critic_steps
        self.draw_latents, self.device = lookup(LATENTS, latents, "latent distribution"), torch.device(device)
        self.alone = isinstance(seeds, int)
        # Far from the seeds that drew the initial weights: the same seed must not give the same numbers twice.
        self.generators = [torch.Generator().manual_seed(2**32 + s) for s in ([seeds] if self.alone else seeds)]
        per_step = critic_steps * batch * (math.prod(data.shape) + latent)
        # Not a function of the number of seeds: a member and its solo run must draw the same blocks.
        self.block = min(max(BLOCK_VALUES // per_step, 1), 64)
        self.cursor = self.block

    def next(self) -> list[tuple[Tensor, Tensor]]:
        """The (real, latents) of each critic step of the next training step."""
        if self.cursor == self.block:
            self._draw()
        real, z = self.real[self.cursor], self.latents[self.cursor]
        self.cursor += 1
        return list(zip(real, z, strict=True))

    def _draw(self) -> None:
        self.states = [generator.get_state() for generator in self.generators]
        n = self.block * self.critic_steps * self.batch
        drawn = [(self.data.sample(n, g), self.draw_latents(n, self.latent, g)) for g in self.generators]
        self.real, self.latents = (self._arrange(parts) for parts in zip(*drawn, strict=True))
        self.cursor = 0

    def _arrange(self, parts: Sequence[Tensor]) -> Tensor:
        """N tensors (block * critic_steps * batch, ...) -> (block, critic_steps, [N,] batch, ...)."""
        shape = (self.block, self.critic_steps, self.batch, *parts[0].shape[1:])
        whole = parts[0].view(shape) if self.alone else torch.stack([part.view(shape) for part in parts], dim=2)
        return whole.to(self.device)

    def state_dict(self) -> dict:
        """Enough to go on with the same numbers: each generator before its last block, and the place in that block."""
        fresh = self.cursor == self.block
        states = [generator.get_state() for generator in self.generators] if fresh else self.states
        return {"states": states, "cursor": self.cursor}

    def load_state_dict(self, state: dict) -> None:
        for generator, saved in zip(self.generators, state["states"], strict=True):
            generator.set_state(saved.cpu())  # a checkpoint may have been read onto a GPU
        self.cursor = self.block
        if state["cursor"] < self.block:
            self._draw()
            self.cursor = state["cursor"]
