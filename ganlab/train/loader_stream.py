"""Batches of your own for training: any iterable of them, as a `DataLoader` with its workers."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ganlab._check import lookup
from ganlab.latent import LATENTS, join


class LoaderStream:
    """For each training step, `critic_steps` pairs of a real batch out of `loader` and a batch of latents.

    The loader is begun anew when it ends. Batches of another size, as the last of an epoch, are left out. Of a batch
    that is a tuple or a list, as (images, labels), the first part is taken. The members of a population get batches of
    their own, one after the other.

    >>> import torch
    >>> from torch.utils.data import DataLoader, TensorDataset
    >>> from ganlab.train import LoaderStream
    >>> pictures = TensorDataset(torch.randn(50, 1, 8, 8), torch.arange(50))
    >>> (real, z), = LoaderStream(DataLoader(pictures, batch_size=16), latent=4, batch=16, seeds=0).next()
    >>> real.shape, z.shape
    (torch.Size([16, 1, 8, 8]), torch.Size([16, 4]))

    Args:
        loader: an iterable of batches that can be begun anew: tensors of floats (batch, *shape).
        latent, batch, seeds, critic_steps, latents, device: as for `Stream`. The latents hang on the seeds alone.

        labels: how many there are, if the batches are (samples, int64 labels) and the labels shall be a part of the
            samples (`ganlab.latent.join`); None: what stands behind the samples is left out.

    The order of the batches is the loader's own. A run that goes on from a checkpoint begins a new epoch; its weights,
    moments and latents go on as they were.

    Raises:
        TypeError: a batch is no tensor of floats, or has no labels where there should be some.
        ValueError: an epoch without a batch of the right size; an iterable that cannot be begun anew.
    """

    def __init__(
        self, loader: Iterable, latent: int, batch: int, seeds: int | Sequence[int], *, critic_steps: int = 1,
        latents: str = "normal", device: torch.device | str = "cpu", labels: int | None = None,
    ):  # fmt: skip
        self.loader, self.latent, self.batch, self.critic_steps = loader, latent, batch, critic_steps
        self.labels = labels
        self.draw_latents, self.device = lookup(LATENTS, latents, "latent distribution"), torch.device(device)
        self.alone = isinstance(seeds, int)
        self.generators = [torch.Generator().manual_seed(2**32 + s) for s in ([seeds] if self.alone else seeds)]
        self._batches: Iterator | None = None

    def __getstate__(self) -> dict:
        """For copies: an epoch under way is not carried along."""
        return {**vars(self), "_batches": None, "generators": self.state_dict()["states"]}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state)
        self.generators = [torch.Generator() for _ in state["generators"]]
        self.load_state_dict({"states": state["generators"]})

    def next(self) -> list[tuple[Tensor, Tensor]]:
        """The (real, latents) of each critic step of the next training step."""
        return [(self._joined(self._real), self._joined(self._latents)) for _ in range(self.critic_steps)]

    def _joined(self, draw) -> Tensor:
        parts = [draw(generator) for generator in self.generators]
        return (parts[0] if self.alone else torch.stack(parts)).to(self.device, non_blocking=True)

    def _latents(self, generator: torch.Generator) -> Tensor:
        return self.draw_latents(self.batch, self.latent, generator)

    def _real(self, _: torch.Generator) -> Tensor:
        for _epoch in range(2):  # the one under way, and a whole one
            self._batches = self._batches if self._batches is not None else iter(self.loader)
            sizes = set()
            for given in self._batches:
                real = _samples(given, self.labels)
                if len(real) == self.batch:
                    return real
                sizes.add(len(real))
            self._batches = None
        if sizes:
            raise ValueError(
                f"the loader gives batches of {sorted(sizes)} samples, and the recipe has batch={self.batch}: make "
                "them equal"
            )
        raise ValueError(
            "the loader gives no batch: give an iterable that can be begun anew (a DataLoader, a list), not an iterator"
        )

    def state_dict(self) -> dict:
        """The latents' generators."""
        return {"states": [generator.get_state() for generator in self.generators]}

    def load_state_dict(self, state: dict) -> None:
        for generator, saved in zip(self.generators, state["states"], strict=True):
            generator.set_state(saved.cpu())
        self._batches = None


def _samples(batch: Any, labels: int | None) -> Tensor:
    real, *rest = batch if isinstance(batch, tuple | list) and batch else (batch,)
    if not isinstance(real, Tensor):
        raise TypeError(
            f"the loader gives a {type(batch).__name__}: batches are tensors of samples, or tuples that begin with one"
        )
    if not real.is_floating_point():
        raise TypeError(
            f"the loader gives {real.dtype}: convert to floats first, for a G that ends in tanh with x / 127.5 - 1"
        )
    if labels is None:
        return real
    if not rest or getattr(rest[0], "dtype", None) != torch.int64 or rest[0].shape != real.shape[:1]:
        raise TypeError(f"labels={labels}: the loader gives no int64 labels ({len(real)},) behind the samples")
    return join(real, torch.nn.functional.one_hot(rest[0], labels).to(real))
