"""Networks as people have them: one list of odd ones, over which every tool that takes a network runs (`test_zoo.py`).

A case builds the same network each time it is asked, and what that network is called with. Its outcome with each tool
is *right*, as `zoo_tools.py` computes it without ganlab, unless `refused` names the tool and the sentence that it is
refused with. A new odd network is one more line in `CASES`.
"""

import functools
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, spectral_norm, weight_norm
from torch.utils.checkpoint import checkpoint

from ganlab.nets import SpectralNorm

BATCH = 4

MEMBERS = ("population", "clip members")
PENALTIES = ("r1", "r2", "wgan_gp", "dragan")
TRAINER = ("trainer", "trainer, recorded", "trainer, resumed")
CALLED = (
    "check",
    "monitor",
    "monitor, activations",
    "snapshot",
    "units",
    "cost",
    *PENALTIES,
)  # before anybody has called the net
LAZY = "lazy modules make theirs in the first pass"
REENTRANT = "set use_reentrant=False"
WHOLE = "a slope is that of numbers that can change a little"
ALONE = "a trainer calls it with one tensor"
KINDS = "add a rule, cost.MULTIPLY_ADDS"
MADE = "makes its weight from other parameters"
SIDE = "cannot run side by side"


def refused(words: str, *tools: str) -> dict[str, str]:
    return dict.fromkeys(tools, words)


OWN_WEIGHTS = refused(KINDS, "cost")
MADE_BY = refused(MADE, "spectral")
IDS = refused(WHOLE, *PENALTIES) | refused("let data.sample give floats", *TRAINER)


@dataclass(frozen=True)
class Case:
    """name: in a word. build: a fresh network. inputs: what it is called with; `at` says which of these is the sample.

    refused: tool -> words of the sentence with which it refuses.
    said: the causes that `check` names, in its order.
    """

    name: str
    build: Callable[[], nn.Module]
    inputs: Callable[[], tuple] = lambda: (torch.randn(BATCH, 3),)
    named: Callable[[], dict] = dict
    at: int | str = 0
    refused: dict[str, str] = field(default_factory=dict)
    said: tuple[str, ...] = ()

    def net(self, seed: int = 0) -> nn.Module:
        torch.manual_seed(seed)
        return self.build()

    def given(self, seed: int = 100) -> tuple[tuple, dict]:
        torch.manual_seed(seed)
        return self.inputs(), self.named()


def mlp(*middle: nn.Module, first: nn.Module | None = None, last: nn.Module | None = None) -> nn.Module:
    return nn.Sequential(first or nn.Linear(3, 5), nn.ReLU(), *middle, last or nn.Linear(5, 1), nn.Flatten(0))


def of(kind: Callable, dtype=torch.float32) -> nn.Module:
    """An MLP, each of whose linear layers has gone through `kind`."""
    return mlp(first=kind(nn.Linear(3, 5)), last=kind(nn.Linear(5, 1))).to(dtype)


class Body(nn.Module):
    """An MLP with a `forward` of its own; the cases below are variations of it."""

    def __init__(self):
        super().__init__()
        self.first, self.act, self.last = nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 1)

    def forward(self, x):
        return self.last(self.hidden(x)).flatten()

    def hidden(self, x):
        return self.act(self.first(x))


class Mixed(Body):
    """bfloat16 inside, float32 at the end."""

    def __init__(self):
        super().__init__()
        self.first.bfloat16()

    def forward(self, x):
        return self.last(self.hidden(x.bfloat16()).float()).flatten()


class Complex(Body):
    def __init__(self):
        super().__init__()
        self.phase = nn.Linear(3, 5, dtype=torch.complex64)

    def hidden(self, x):
        return self.act(self.first(x) + self.phase(x.to(torch.complex64)).abs())


class Strength(Body):
    """StyleGAN's strength of the noise: a parameter without axes."""

    def __init__(self):
        super().__init__()
        self.strength = nn.Parameter(torch.tensor(0.5))

    def hidden(self, x):
        return super().hidden(x) * self.strength


class Empty(Body):
    def __init__(self):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(0, 5))

    def hidden(self, x):
        return super().hidden(x) + self.nothing.sum(0)


class Unused(Body):
    def __init__(self):
        super().__init__()
        self.idle = nn.Linear(2, 2)


class Words(nn.Module):
    """Whole numbers in."""

    def __init__(self, sparse=False):
        super().__init__()
        self.embed, self.act, self.last = nn.Embedding(7, 5, sparse=sparse), nn.ReLU(), nn.Linear(5, 1)

    def forward(self, x):
        return self.last(self.act(self.embed(x)).sum(1)).flatten()


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.act, self.last = nn.LSTM(3, 5, batch_first=True), nn.ReLU(), nn.Linear(5, 1)

    def forward(self, x):
        return self.last(self.act(self.cell(x)[0][:, -1])).flatten()


class Attentive(nn.Module):
    def __init__(self):
        super().__init__()
        self.look, self.act, self.last = nn.MultiheadAttention(4, 2, batch_first=True), nn.ReLU(), nn.Linear(4, 1)

    def forward(self, x):
        return self.last(self.act(self.look(x, x, x, need_weights=False)[0]).mean(1)).flatten()


class Twice(Body):
    """One layer, called twice."""

    def __init__(self):
        super().__init__()
        self.again = nn.Linear(5, 5)

    def hidden(self, x):
        return self.act(self.again(self.again(super().hidden(x))))


class Tied(Body):
    """Two layers, one weight."""

    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(5, 5), nn.Linear(5, 5)
        self.down.weight = self.up.weight

    def hidden(self, x):
        return self.act(self.down(self.up(super().hidden(x))))


class Bare(nn.Module):
    """No layers: a list of parameters."""

    def __init__(self):
        super().__init__()
        self.weights = nn.ParameterList([nn.Parameter(torch.randn(3, 5)), nn.Parameter(torch.randn(5))])
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(x @ self.weights[0]) @ self.weights[1]


class Running(Body):
    """Counts and averages in buffers of its own."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(5))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def hidden(self, x):
        h = super().hidden(x)
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(h.mean(0), 0.1)
                self.calls += 1
        return h - self.mean


class Checkpointed(Body):
    def __init__(self, reentrant):
        super().__init__()
        self.reentrant = reentrant

    def forward(self, x):
        return self.last(checkpoint(self.hidden, x, use_reentrant=self.reentrant)).flatten()


class _Cube(torch.autograd.Function):
    """Written as torch's tutorials had it before `setup_context`."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad):
        return 3 * ctx.saved_tensors[0] ** 2 * grad


class OldFunction(Body):
    def hidden(self, x):
        return _Cube.apply(super().hidden(x))


class Conditional(Body):
    def __init__(self, norm=lambda layer: layer):
        super().__init__()
        self.classes = nn.Embedding(3, 5)
        self.first, self.last = norm(self.first), norm(self.last)

    def forward(self, x, y):
        h = self.hidden(x)
        return self.last(h).flatten() + (h * self.classes(y)).sum(1)


class LabelFirst(Conditional):
    def forward(self, y, x):
        return super().forward(x, y)


class ByName(Conditional):
    def forward(self, *, images, labels):
        return super().forward(images, labels)


class Features(Body):
    def forward(self, x):
        h = self.hidden(x)
        return self.last(h).flatten(), h


class Named(Features):
    def forward(self, x):
        return dict(zip(("logits", "features"), super().forward(x), strict=True))


def patch(kind=nn.Conv2d) -> nn.Module:
    return nn.Sequential(kind(1, 3, 3), nn.ReLU(), kind(3, 1, 3))


class Scales(nn.Module):
    """A list of maps, as pix2pixHD's."""

    def __init__(self):
        super().__init__()
        self.fine, self.coarse, self.down = patch(), patch(), nn.AvgPool2d(2)

    def forward(self, x):
        return [self.fine(x), self.coarse(self.down(x))]


def upsampled(norm: Callable) -> nn.Module:
    """Two groups, so that inputs and outputs of the transposed layer are not to be confused."""
    up = norm(nn.ConvTranspose1d(4, 6, 3, groups=2))
    return nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), up, nn.Flatten(), nn.Linear(30, 1), nn.Flatten(0))


def frozen(net: nn.Module, *parts: str) -> nn.Module:
    for part in parts or ("",):
        net.get_submodule(part).requires_grad_(False)
    return net


def lazy(passes: int) -> nn.Module:
    net = mlp(first=nn.LazyLinear(5), last=nn.LazyLinear(1))
    for _ in range(passes):
        net(torch.zeros(2, 3))
    return net


def convolved(kind: type[nn.Module], transposed: type[nn.Module], pool: nn.Module) -> nn.Module:
    return nn.Sequential(kind(2, 4, 3), nn.ReLU(), transposed(4, 2, 3), pool, nn.Flatten(), nn.Linear(2, 1),
                         nn.Flatten(0))  # fmt: skip


@functools.cache
def _process_group() -> None:
    """One process, no port."""
    store = torch.distributed.FileStore(os.path.join(tempfile.mkdtemp(), "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)


def ddp(net: nn.Module) -> nn.Module:
    _process_group()
    return nn.parallel.DistributedDataParallel(net)


def compiled(net: nn.Module) -> nn.Module:
    return torch.compile(net, backend="eager")


def numbers(*shape: int, dtype=torch.float32) -> Callable[[], tuple[Tensor]]:
    return lambda: (torch.randn(BATCH, *shape).to(dtype),)


def images() -> tuple[Tensor]:
    return (torch.randn(BATCH, 1, 12, 12),)


def labels() -> Tensor:
    return torch.arange(BATCH) % 3


def words() -> tuple[Tensor]:
    return (torch.arange(2 * BATCH).reshape(BATCH, 2) % 7,)


def labelled() -> tuple[Tensor, Tensor]:
    return torch.randn(BATCH, 3), labels()


CASES: list[Case] = [
    Case("plain", mlp),
    Case("double", lambda: mlp().double(), numbers(3, dtype=torch.float64)),
    Case("bf16", lambda: mlp().bfloat16(), numbers(3, dtype=torch.bfloat16)),
    Case("fp16", lambda: mlp().half(), numbers(3, dtype=torch.float16)),
    Case("mixed", Mixed),
    Case("complex", Complex, refused=refused("complex ones have no order", "clip value", "clip weights")),
    Case("0-d", Strength),
    Case("empty", Empty, refused=OWN_WEIGHTS),
    Case("unused", Unused, said=("unreached",)),
    Case("bare", Bare, refused=OWN_WEIGHTS),
    Case("conv1d", lambda: convolved(nn.Conv1d, nn.ConvTranspose1d, nn.AdaptiveAvgPool1d(1)), numbers(2, 6)),
    Case("conv3d", lambda: convolved(nn.Conv3d, nn.ConvTranspose3d, nn.AdaptiveAvgPool3d(1)), numbers(2, 4, 4, 4)),
    Case("embedding", Words, words, refused=IDS, said=("failed",)),
    Case("sparse", lambda: Words(sparse=True), words,
         refused=IDS | refused("embedding with sparse=False", "clip adaptive") | refused("sparse=False", *MEMBERS),
         said=("failed",)),
    Case("lstm", Recurrent, numbers(4, 3), refused=OWN_WEIGHTS | refused(SIDE, *MEMBERS)),
    Case("attention", Attentive, numbers(3, 4), refused=OWN_WEIGHTS),
    Case("in place", lambda: nn.Sequential(nn.Linear(3, 5), nn.ReLU(inplace=True), nn.Linear(5, 1), nn.Flatten(0))),
    Case("shared", Twice),
    Case("tied", Tied),
    Case("partly frozen", lambda: frozen(mlp(), "0")),
    Case("frozen", lambda: frozen(mlp()), said=("frozen",)),
    Case("spectral norm", lambda: of(parametrizations.spectral_norm), refused=MADE_BY | refused(SIDE, *MEMBERS)),
    Case("weight norm", lambda: of(parametrizations.weight_norm), refused=MADE_BY),
    Case("orthogonal", lambda: of(parametrizations.orthogonal), refused=MADE_BY),
    Case("transposed weight norm", lambda: upsampled(parametrizations.weight_norm), numbers(2, 5), refused=MADE_BY),
    Case("old spectral norm", lambda: of(spectral_norm), refused=MADE_BY | refused(SIDE, *MEMBERS)),
    Case("old weight norm", lambda: of(weight_norm), refused=MADE_BY),
    Case("batch norm", lambda: mlp(nn.BatchNorm1d(5)), refused=refused("use norm='layer'", *PENALTIES)),
    Case("buffers", Running),
    Case("lazy", lambda: lazy(1)),
    Case("lazy, not yet called", lambda: lazy(0),
         refused=refused(LAZY, *CALLED, "clip weights", "spectral", *MEMBERS, *TRAINER, "average")
         | refused("call a lazy one first", "checkpoint")),
    Case("compiled", lambda: compiled(mlp()), refused=refused("activations=False", "monitor, activations")),
    Case("DDP", lambda: ddp(mlp())),
    Case("checkpointed", lambda: Checkpointed(False), refused=refused(SIDE, *MEMBERS)),
    Case("checkpointed, reentrant", lambda: Checkpointed(True),
         refused=refused(REENTRANT, "snapshot", *TRAINER, *PENALTIES) | refused(SIDE, *MEMBERS),
         said=("failed", "unreached")),
    Case("old Function", OldFunction, refused=refused(SIDE, *MEMBERS)),
    Case("conditional", Conditional, labelled, refused=refused(ALONE, *TRAINER)),
    Case("conditional, spectral norm", lambda: Conditional(SpectralNorm), labelled, refused=refused(ALONE, *TRAINER)),
    Case("label first", LabelFirst, lambda: labelled()[::-1], at=1, refused=refused(ALONE, *TRAINER)),
    Case("keyword", ByName, tuple, lambda: dict(zip(("images", "labels"), labelled(), strict=True)), at="images",
         refused=refused(ALONE, *TRAINER)),
    Case("tuple", Features, said=("several outputs",)),
    Case("dict", Named, said=("several outputs",)),
    Case("patch", patch, images),
    Case("patch 1d", lambda: patch(nn.Conv1d), numbers(1, 9)),
    Case("multi-scale", Scales, images),
]  # fmt: skip
