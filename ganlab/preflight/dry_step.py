"""The check: one dry step, then every rule looks at what it showed."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganlab._modules import check_made, eagerly
from ganlab.losses import Loss
from ganlab.population import Population
from ganlab.preflight import _data, _flow, _minimised, _modes, _outputs, _owners, _saving
from ganlab.preflight._losses import losses_of
from ganlab.preflight._rehearsal import Rehearsal, play
from ganlab.preflight.findings import Finding, Report

# Each looks at one thing.
_RULES: list[Callable[[Rehearsal], Iterator[Finding]]] = [
    *_owners.RULES, *_data.RULES, *_outputs.RULES, *_minimised.RULES, *_modes.RULES, *_flow.RULES,
    *_saving.RULES,
]  # fmt: skip


def check(
    G: nn.Module, D: nn.Module, optimizers: Mapping[str, Optimizer], batch: Tensor, *,
    generate: Callable[[], Tensor] | None = None, judge: Callable[[Tensor], Any] | None = None,
    losses: Loss | tuple[Callable[[Any, Any], Tensor], Callable[[Any], Tensor]] | None = None, penalty: bool = False,
) -> Report:  # fmt: skip
    """What would go wrong in training these networks, in sentences. One dry step is played, and nothing changes: no
    weight, no `.grad`, no running statistic, no random state.

    >>> import torch
    >>> from ganlab import nets, preflight
    >>> G, D = nets.mlp_generator((2,)), nets.mlp_discriminator((2,))
    >>> adam = torch.optim.Adam(G.parameters())
    >>> preflight.check(G, D, {"G": adam, "D": adam}, torch.randn(64, 2)).causes
    ['owns nothing', 'foreign parameters', 'one optimizer']

    Args:
        G, D: the networks, on their device and in the mode in which they will train.
        optimizers: {"G": ..., "D": ...}.
        batch: real samples as the loop will show them to D, (batch, *shape).
        generate: makes as many samples as the batch has. Default: `G(z)` with normal z, (batch, G.latent).
        judge: what D says of samples, for one that takes more: `lambda x: D(x, labels)`. Default: `D`.
        losses: (d_loss(real, fake), g_loss(fake)) of what D returns, as in your loop; or one of `ganlab.losses`, which
            here takes the logits of each scale flat; they are called several times. Default: the non-saturating pair.
        penalty: whether D will pay a gradient penalty.

    Raises:
        ValueError: an optimizer is missing, a network is a population or has lazy modules that were never called, or G
            has no `latent`, an int, and there is no `generate`, or the batch is empty.
        TypeError: the batch is no tensor, G or D no module, an optimizer or `losses` none.
    """
    if not isinstance(optimizers, Mapping) or sorted(optimizers) != ["D", "G"]:
        has = sorted(optimizers) if isinstance(optimizers, Mapping) else f"the type {type(optimizers).__name__}"
        raise ValueError(f"optimizers has {has}: give {{'G': optimizer_g, 'D': optimizer_d}}")
    if not isinstance(batch, Tensor):
        raise TypeError(f"batch is a {type(batch).__name__}: give the tensor of real samples that D will see")
    if batch.ndim == 0 or batch.numel() == 0:
        raise ValueError(f"batch has shape {tuple(batch.shape)}: give at least one real sample, (batch, *shape)")
    for name, optimizer in optimizers.items():
        if not hasattr(optimizer, "param_groups") or not hasattr(optimizer, "state_dict"):
            raise TypeError(f"optimizers[{name!r}] is a {type(optimizer).__name__}: give a torch.optim.Optimizer")
    for name, net in {"G": G, "D": D}.items():
        if not isinstance(net, nn.Module):
            raise TypeError(
                f"{name} is a {type(net).__name__}: give the module; how it is called say generate and judge"
            )
        if isinstance(net, Population):
            raise ValueError(f"{name} is a population of {net.size}: check one network, as its builder makes it")
        check_made(net, name)
    scene = Rehearsal({"G": G, "D": D}, optimizers, batch, losses_of(losses), penalty)
    with eagerly(G), eagerly(D):
        play(scene, generate or _from_latents(G, batch), judge or D)
    return Report(finding for rule in _RULES for finding in rule(scene))


def _from_latents(G: nn.Module, batch: Tensor) -> Callable[[], Tensor]:
    if not hasattr(G, "latent"):
        raise ValueError("G has no attribute latent: give generate=lambda: G(z), with a z of yours for a whole batch")
    if not isinstance(G.latent, int):
        raise ValueError(f"G.latent is {G.latent!r}: an int, the width of z; or give generate=lambda: G(z)")
    like = next((p for p in G.parameters() if p.is_floating_point()), batch)
    return lambda: G(torch.randn(len(batch), G.latent, device=like.device, dtype=like.dtype))
