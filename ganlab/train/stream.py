"""The random inputs of training: real batches and latents, one independent stream a seed."""

import math
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

import torch
from torch import Tensor

from ganlab._check import lookup
from ganlab.data import Dataset
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
        ahead: draw the next block in the background while this one is used, members in threads of their own, so that
            a GPU never waits for a number; default: there, for a `ganlab.data.Dataset`. The numbers are the same if
            `data.sample` takes them from its generator alone.
    """

    def __init__(
        self, data, latent: int, batch: int, seeds: int | Sequence[int], *, critic_steps: int = 1,
        latents: str = "normal", device: torch.device | str = "cpu", ahead: bool | None = None,
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
        gpu = self.device.type == "cuda"
        self.ahead = (gpu and isinstance(data, Dataset)) if ahead is None else ahead
        self._start()

    def _start(self) -> None:
        self._next: Future | None = None
        self._worker = ThreadPoolExecutor(1) if self.ahead else None
        # torch draws without holding Python's lock: each thread has members of its own.
        self._threads = ThreadPoolExecutor(min(len(self.generators), os.cpu_count() or 1)) if self.ahead else None
        self._copies = torch.cuda.Stream(self.device) if self.device.type == "cuda" and self.ahead else None

    def __getstate__(self) -> dict:
        """For copies: without threads, at the same place."""
        place = self.state_dict()
        return {**vars(self), "_next": None, "_worker": None, "_threads": None, "_copies": None, "place": place}

    def __setstate__(self, state: dict) -> None:
        place = state.pop("place")
        vars(self).update(state)
        self.generators = [torch.Generator() for _ in self.generators]
        self._start()
        self.load_state_dict(place)

    def next(self) -> list[tuple[Tensor, Tensor]]:
        """The (real, latents) of each critic step of the next training step."""
        if self.cursor == self.block:
            self._turn()
        real, z = self.real[self.cursor], self.latents[self.cursor]
        self.cursor += 1
        return list(zip(real, z, strict=True))

    def _turn(self) -> None:
        """Take the next block, and have the one behind it drawn."""
        ahead, self._next = self._next, None  # if it failed, the next call tries anew
        block = self._drawn() if ahead is None else ahead.result()
        self._next = self._worker.submit(self._drawn) if self.ahead else None
        self.states, self.real, self.latents, ready = block
        if ready is not None:
            here = torch.cuda.current_stream(self.device)
            here.wait_event(ready)
            self.real.record_stream(here), self.latents.record_stream(here)
        self.cursor = 0

    def _drawn(self) -> tuple[list[Tensor], Tensor, Tensor, "torch.cuda.Event | None"]:
        """The generators' states before a block, the block, and when it has arrived."""
        states = [generator.get_state() for generator in self.generators]
        n = self.block * self.critic_steps * self.batch

        def draw(generator: torch.Generator) -> tuple[Tensor, Tensor]:
            return self.data.sample(n, generator), self.draw_latents(n, self.latent, generator)

        drawn = list((self._threads.map if self._threads else map)(draw, self.generators))
        if not drawn[0][0].is_floating_point():
            raise TypeError(f"data gives {drawn[0][0].dtype}, and G makes fractions: let data.sample give floats")
        if self._copies is None:
            return states, *(self._arrange(parts).to(self.device) for parts in zip(*drawn, strict=True)), None
        with torch.cuda.stream(self._copies):
            real, latents = (
                self._arrange(parts).to(self.device, non_blocking=True) for parts in zip(*drawn, strict=True)
            )
            return states, real, latents, self._copies.record_event()

    def _arrange(self, parts: Sequence[Tensor]) -> Tensor:
        """N tensors (block * critic_steps * batch, ...) -> (block, critic_steps, [N,] batch, ...)."""
        shape = (self.block, self.critic_steps, self.batch, *parts[0].shape[1:])
        pinned = self._copies is not None and not parts[0].is_cuda
        if self.alone:
            return parts[0].view(shape).pin_memory() if pinned else parts[0].view(shape)
        whole = torch.empty((*shape[:2], len(parts), *shape[2:]), dtype=parts[0].dtype, device=parts[0].device,
                            pin_memory=pinned)  # fmt: skip

        def lay(k: int) -> None:
            whole[:, :, k] = parts[k].view(shape)

        list((self._threads.map if self._threads else map)(lay, range(len(parts))))
        return whole

    def state_dict(self) -> dict:
        """Enough to go on with the same numbers: each generator before its last block, and the place in that block."""
        if self.cursor < self.block:
            states = self.states
        elif self._next is not None:
            states = self._next.result()[0]
        else:
            states = [generator.get_state() for generator in self.generators]
        return {"states": states, "cursor": self.cursor}

    def load_state_dict(self, state: dict) -> None:
        if self._next is not None:  # drawn from the old states
            ahead, self._next = self._next, None
            wait([ahead])
        for generator, saved in zip(self.generators, state["states"], strict=True):
            generator.set_state(saved.cpu())  # a checkpoint may have been read onto a GPU
        self.cursor = self.block
        if state["cursor"] < self.block:
            self._turn()
            self.cursor = state["cursor"]
