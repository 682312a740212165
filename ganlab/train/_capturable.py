"""Whether the steps of a trainer can be recorded, and whether what was recorded still holds."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from ganlab.clipping import CLIPS
from ganlab.optim import Rule
from ganlab.penalties import PENALTIES
from ganlab.population import Population
from ganlab.train.numbers import Numbers

OPTIMIZERS = (torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.SGD)  # and every `Rule`
KNOWN = ("torch.nn.", "ganlab.")  # packages whose modules keep no state in Python from pass to pass
PLAIN = (bool, int, float, str, type(None), torch.device, torch.dtype)
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
MAY_DIFFER = {"__init__", "fit", "sample", "save", "load", "history"}  # methods that no step calls


def refusal(trainer, strangers: bool = False) -> str | None:
    """Why the steps of `trainer` cannot be recorded, as a sentence; None if they can.

    strangers: networks, losses and penalties of unknown code may be recorded: whoever says so knows that it does the
        same in each step.
    """
    reasons = chain(_of_trainer(trainer), _of_optimizers(trainer), _of_hooks(trainer))
    reasons = reasons if strangers else chain(reasons, _of_strangers(trainer))
    return next((f"Steps are not recorded: {reason}." for reason in reasons), None)


def _of_trainer(trainer) -> Iterator[str]:
    base = next(cls for cls in type(trainer).__mro__ if cls.__module__ == "ganlab.train.trainer")
    ours = {name for name, value in vars(base).items() if callable(value)} - MAY_DIFFER
    for cls in type(trainer).__mro__[: type(trainer).__mro__.index(base)]:
        yield from (f"{cls.__name__} has a `{name}` of its own" for name in sorted(ours & vars(cls).keys()))
    yield from (f"the trainer has a `{name}` of its own" for name in sorted(ours & vars(trainer).keys()))


def _of_optimizers(trainer) -> Iterator[str]:
    for name, optimizer in (("optimizer_g", trainer.optimizer_g), ("optimizer_d", trainer.optimizer_d)):
        kind = type(optimizer)
        rule = isinstance(optimizer, Rule) and kind.__module__.startswith("ganlab.")
        if kind not in OPTIMIZERS and not rule:
            yield f"{name} is a {kind.__name__}, and may keep what it remembers in Python"
        if hasattr(optimizer, "extrapolate"):
            yield f"{name}, a {kind.__name__}, does something else in every other step"
        if rule and len({state["step"] for state in optimizer.state.values()}) > 1:
            yield f"the parameters of {name} have made different numbers of steps"
        hooks = chain(optimizer._optimizer_step_pre_hooks.values(), optimizer._optimizer_step_post_hooks.values())
        yield from (f"{name} has a hook, {hook}, that a replay would not call" for hook in _foreign(hooks))


def _of_hooks(trainer) -> Iterator[str]:
    everywhere = [getattr(torch_module, f"_global{kind}") for kind in (*HOOKS, "_forward_hooks_always_called")]
    if any(everywhere):
        yield "there is a hook on all modules, that a replay would not call"
    for name, net in (("G", trainer.G), ("D", trainer.D)):
        for module in _modules(net):
            hooks = chain.from_iterable(getattr(module, kind).values() for kind in HOOKS)
            yield from (f"{name} has a hook, {hook}, that a replay would not call" for hook in _foreign(hooks))
            if isinstance(module, nn.RNNBase):
                yield f"{name} has a {type(module).__name__}, whose backward pass torch does not let be replayed"
            if "forward" in vars(module):
                yield f"a module of {name} has a `forward` of its own"
        for p in net.parameters():
            hooks = chain((p._backward_hooks or {}).values(), (p._post_accumulate_grad_hooks or {}).values())
            for hook in _foreign(hooks):
                yield f"a parameter of {name} has a hook, {hook}, that a replay would not call"


def _of_strangers(trainer) -> Iterator[str]:
    """Code that is not known here. It may count, choose or draw in Python."""
    advice = (
        "whose code is not known here: if it does the same in every step (no counters, no choices and no random "
        "numbers in Python), say fit(..., capture=True)"
    )
    for name, net in (("G", trainer.G), ("D", trainer.D)):
        for module in _modules(net):
            if not type(module).__module__.startswith(KNOWN):
                yield f"{name} has a {type(module).__name__}, {advice}"
    recipe, loss = trainer.recipe, trainer.loss
    called = {"the loss": [loss.d_loss, loss.g_loss]}
    called |= {} if recipe.penalty is None else {"the penalty": [PENALTIES[recipe.penalty]]}
    called |= {} if recipe.clip is None else {"the clip": [CLIPS[recipe.clip], *trainer.cures.clips.values()]}
    for what, functions in called.items():
        yield from (f"{what} calls {function}, {advice}" for function in _foreign(functions))


def _modules(net: nn.Module) -> Iterator[nn.Module]:
    return chain(net.modules(), net.structure.modules() if isinstance(net, Population) else ())


def _foreign(functions: Iterable[Callable]) -> Iterator[str]:
    """The names of those that are not this package's own. What a monitor counts, it is told."""
    for function in functions:
        inner = getattr(function, "func", function)  # of a partial
        where = getattr(inner, "__module__", None) or type(inner).__module__
        if not where.startswith("ganlab."):
            yield getattr(inner, "__qualname__", type(inner).__name__)


def fingerprint(trainer) -> tuple:
    """All that somebody may change between two steps and that a recording has taken for granted.

    It holds what it names, so that nothing else takes the identity of a thing that is gone.
    """
    optimizers = {"g": trainer.optimizer_g, "d": trainer.optimizer_d}
    nets = [net for net in (trainer.G, trainer.D, trainer.average) if net is not None]
    tensors = [x for net in nets for x in chain(net.parameters(), net.buffers())]
    tensors += [x for one in optimizers.values() for state in one.state.values() for x in state.values() if _is(x)]
    objects = [
        trainer.loss, trainer.average, trainer.controller, trainer.monitor, trainer.recipe, trainer.numbers.recipe,
        trainer.cures, trainer.cures.recipe, *trainer.cures.clips.values(), *trainer.cures.clipped.values(),
        *optimizers.values(), *tensors,
    ]  # fmt: skip
    settings = (setting for player, one in optimizers.items() for setting in _settings(one, trainer.numbers, player))
    return (
        tuple(map(_Same, objects)),
        tuple((x.data_ptr(), x.requires_grad) for x in tensors),
        tuple(settings),
        tuple((type(module), *_plain(vars(module))) for net in nets for module in _modules(net)),
        torch.is_autocast_enabled(trainer.device.type), torch.get_default_dtype(),
    )  # fmt: skip


def _settings(optimizer: torch.optim.Optimizer, numbers: Numbers, player: str) -> Iterator[Hashable]:
    """The options of an optimizer, but for those that follow a schedule."""
    scheduled = {"params"} | ({"lr"} if f"lr_{player}" in numbers.varying else set())
    scheduled |= {"betas"} if {"beta1", "beta2"} & set(numbers.varying) else set()
    for group in optimizer.param_groups:
        for key in sorted(group.keys() - scheduled):
            yield key, _Same(group[key]) if _is(group[key]) else repr(group[key])


def _plain(values: dict) -> Iterator[Hashable]:
    """The settings among a module's attributes."""
    for key, value in values.items():
        flat = value if isinstance(value, tuple) else (value,)
        if all(isinstance(one, PLAIN) for one in flat):
            yield key, value


class _Same:
    """Equal to another of the very same object."""

    def __init__(self, value: object):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    __hash__ = None


def _is(value: object) -> bool:
    return isinstance(value, Tensor)
