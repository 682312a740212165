"""What passes through the layers of a net, measured many passes at a time."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ganlab._numeric import norm, norms, on_host, precise, wide

HELD = 2**27  # bytes that may wait to be measured


class Entry(NamedTuple):
    """One pass through one layer: its output, or the gradient that came back. Rows are those of a batch's values.

    key: 2 i for an output of layer i, 2 i + 1 for a gradient.
    size: how many numbers it had, for one member.
    norm: the row of their 2-norm; -1: it is lost.
    units: how many there are. alive: the row with how many are not 0 for every sample and place; -1: unknown.
    saturated: the row with how many numbers are; -1: unknown.
    """

    key: int
    size: int
    norm: int = -1
    units: int = 0
    alive: int = -1
    saturated: int = -1


class Batch(NamedTuple):
    """Passes that were measured together. values: (K,) or (K, N). layers: those with an output among them."""

    values: Tensor
    entries: tuple[Entry, ...]
    layers: frozenset[int]


# A pass: its key, the numbers, their version then; the axes that a unit runs over, if units are to be looked at; which
# numbers are saturated, if these are to be counted.
Passed = tuple[int, Tensor, int, tuple[int, ...] | None, Callable[[Tensor], Tensor] | None]


class Queue:
    """Takes what passes and measures it: on a CPU at once, elsewhere many at a time, because each alone is a launch.

    What waits may be written over before its turn comes, as by `nn.ReLU(inplace=True)` or `x += ...` behind a layer. So
    the passes of a layer are measured at once until a whole step has gone by in which that did not happen. Should it
    happen afterwards all the same, the number is NaN: never a wrong one.
    """

    def __init__(self, members: int | None):
        self.members = members
        self._waiting: list[Passed] = []
        self._probes: list[Passed] = []  # measured at once; will anybody write over them?
        self._held = 0
        self._seen: set[int] = set()  # keys of what was measured at once in this step
        self._calm: set[int] = set()  # of what nobody writes over
        self._rough: set[int] = set()  # of what somebody did
        self._rows: list[Tensor] = []  # (r,) or (r, N) each
        self._row = 0  # how many they are together
        self._entries: list[Entry] = []
        self._known: dict[object, tuple] = {}

    def put(self, passed: Passed) -> None:
        """What has just passed."""
        key, values = passed[:2]
        if key in self._calm:
            self._waiting.append(passed)
        else:
            self._at_once(passed)
            if on_host(values.device):
                return
            self._seen.add(key)
            self._probes.append(passed)
        self._held += values.nbytes
        if self._held > HELD:
            self._settle()
            self._check(self._probes[:-1])  # nobody has had the time to write over the last one
            self._probes, self._held = self._probes[-1:], 0

    def take(self) -> Batch | None:
        """A step is over: all that passed since the last call, or None if nothing did."""
        self._settle()
        self._check(self._probes)
        self._calm = (self._calm | self._seen) - self._rough
        self._probes, self._held, self._seen = [], 0, set()
        if not self._entries:
            return None
        entries, values = tuple(self._entries), torch.cat(self._rows)
        self._rows, self._row, self._entries = [], 0, []
        if entries not in self._known:  # one object for equal entries, so that a long series needs no memory for them
            if len(self._known) > 16:
                self._known.clear()
            self._known[entries] = (entries, frozenset(entry.key // 2 for entry in entries if entry.key % 2 == 0))
        return Batch(values, *self._known[entries])

    def _check(self, probes: list[Passed]) -> None:
        self._rough.update(key for key, values, version, _, _ in probes if values._version != version)

    def _add(self, rows: Tensor) -> int:
        """Keep (r,) or (r, N) numbers; where they begin."""
        self._rows.append(rows)
        self._row += len(rows)
        return self._row - len(rows)

    def _at_once(self, passed: Passed) -> None:
        key, values, _, dims, full = passed
        if not values.is_floating_point():
            values = values.abs() if values.is_complex() else values.double()
        if dims and not on_host(values.device):
            by_unit = wide(values, dims)  # both in one: a norm is 0 where all is 0
            found = torch.linalg.vector_norm(by_unit, dim=-1)
        else:
            found = norm(values, tiny=True) if self.members is None else norm(self._apart(values), (1,), tiny=True)
            by_unit = torch.maximum(values.amax(dims), -values.amin(dims)) if dims else values
        units, alive = (0, -1) if dims is None else (by_unit.shape[-1], self._add(_alive(by_unit)[None]))
        self._entries.append(
            Entry(key, self._size(values), self._add(found[None]), units, alive, self._full(values, full))
        )

    def _apart(self, values: Tensor) -> Tensor:
        """(N, ...): a row for each member."""
        return values.reshape(self.members, -1)

    def _size(self, values: Tensor) -> int:
        return values.numel() // (self.members or 1)

    def _full(self, values: Tensor, full: Callable[[Tensor], Tensor] | None) -> int:
        """The row with how many of `values` are saturated."""
        if full is None:
            return -1
        flags = full(values).flatten() if self.members is None else self._apart(full(values))
        return self._add(flags.sum(-1, dtype=precise(values.device))[None])

    def _settle(self) -> None:
        """Measure all that waits: what is alike together."""
        plain: dict[object, list[Passed]] = {}
        by_unit: dict[object, list[Passed]] = {}
        for passed in self._waiting:
            key, values, version, dims, _ = passed
            if values._version != version:
                self._rough.add(key)
                self._entries.append(Entry(key, self._size(values)))
            elif dims:
                by_unit.setdefault((values.shape, values.dtype), []).append(passed)
            else:
                alike = values.dtype if self.members is None else (values.shape, values.dtype)
                plain.setdefault(alike, []).append(passed)
        self._waiting = []
        for group in plain.values():
            first = self._add(self._norms([passed[1] for passed in group]))
            self._entries += [
                Entry(key, self._size(values), first + i, saturated=self._full(values, full))
                for i, (key, values, _, _, full) in enumerate(group)
            ]
        for group in by_unit.values():
            together = torch.stack([passed[1] for passed in group])
            units = wide(together, tuple(axis + 1 for axis in group[0][3]))
            first, alive = self._add(torch.linalg.vector_norm(units, dim=-1)), self._add(_alive(units))
            self._entries += [
                Entry(key, self._size(values), first + i, units.shape[-1], alive + i, self._full(values, full))
                for i, (key, values, _, _, full) in enumerate(group)
            ]

    def _norms(self, alike: list[Tensor]) -> Tensor:
        """(r,) or (r, N)."""
        if self.members is None:
            return norms(alike)
        return wide(torch.stack(alike).reshape(len(alike), self.members, -1), (2,))


def _alive(by_unit: Tensor) -> Tensor:
    """How many units are not 0, over the last axis."""
    return torch.linalg.vector_norm(by_unit, 0, dim=-1, dtype=precise(by_unit.device))
