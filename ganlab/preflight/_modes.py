"""Train and eval mode, and batch norm where it does harm."""

from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.utils.parametrizations import _SpectralNorm

from ganlab.preflight._owners import named
from ganlab.preflight._rehearsal import Rehearsal
from ganlab.preflight.findings import Finding

BY_MODE = (_BatchNorm, _DropoutNd, _SpectralNorm)  # layers that do something else in eval mode


def eval_mode(scene: Rehearsal) -> Iterator[Finding]:
    for player, net in scene.nets.items():
        asleep = [
            name or player for name, part in net.named_modules()
            if isinstance(part, BY_MODE) and not part.training and not _of_a_frozen_part(net, name)
        ]  # fmt: skip
        if asleep:
            yield Finding(
                "error" if not net.training else "warning", "eval mode",
                f"In {player} {named(asleep)} {'is' if len(asleep) == 1 else 'are'} in eval mode: stored statistics, "
                "no dropout, no power iteration.", f"{player}.train(), also after every look at samples",
            )  # fmt: skip


def batch_norm_under_penalty(scene: Rehearsal) -> Iterator[Finding]:
    norms = {name: part for name, part in scene.nets["D"].named_modules() if isinstance(part, _BatchNorm)}
    names = [name for name, part in norms.items() if part.training or part.running_mean is None]
    if names and scene.penalty:
        yield Finding(
            "error", "batch norm under a penalty", f"D has batch norm ({named(names)}): its output at a sample hangs "
            "on the whole batch, and a penalty on the slope at each sample means nothing.",
            "layer, group or instance norm in D, or none (Gulrajani et al. 2017, section 4)",
        )  # fmt: skip


def small_batch(scene: Rehearsal) -> Iterator[Finding]:
    for player, values in scene.values.items():
        few = min(values.values(), default=0)
        names = [name for name, count in values.items() if count == few]
        if few in (1, 2):
            yield Finding(
                "error" if few == 1 else "warning", "batch norm, small batch",
                f"In {player} batch norm ({named(names)}) takes its statistics of {few} value{'s' if few > 1 else ''} "
                "a channel: of two, every output is the one or the other of two numbers; of one, always the same.",
                "a larger batch, or group norm",
            )  # fmt: skip


def _of_a_frozen_part(net: nn.Module, name: str) -> bool:
    """Whether the nearest part around it that has parameters trains none of them, as a pretrained one."""
    while name:
        if own := list(net.get_submodule(name).parameters()):
            return not any(p.requires_grad for p in own)
        name = name.rpartition(".")[0]
    return False


RULES = [eval_mode, batch_norm_under_penalty, small_batch]
