"""Copies of a trainer: torch leaves out the hooks of an optimizer, and with them weight decay and rules."""

from collections.abc import Callable

from torch.optim import Optimizer

from ganlab.train.capture import Capture

OPTIMIZERS = ("optimizer_g", "optimizer_d")


class Copyable:
    """What makes `copy.deepcopy` and `pickle` of a `ganlab.train.Trainer` whole. A copy goes on as the original does.

    It is not watched: a monitor stays with the original, and has to be closed first.
    """

    def __getstate__(self) -> dict:
        """Raises TypeError for a hook that a copy would lose or share."""
        hooks = {name: _hooks(getattr(self, name), name) for name in OPTIMIZERS}
        return {**vars(self), "engine": None, "monitor": None, "doctor": None, "hooks": hooks}

    def __setstate__(self, state: dict) -> None:
        vars(self).update({name: value for name, value in state.items() if name != "hooks"})
        for name, (before, after) in state["hooks"].items():
            optimizer = getattr(self, name)
            if any(_hooks(optimizer, name)):
                continue  # a shallow copy: it is the original's
            for hook in before:
                optimizer.register_step_pre_hook(hook)
            for hook in after:
                optimizer.register_step_post_hook(hook)
        self.engine = Capture(self)


def _hooks(optimizer: Optimizer, name: str) -> tuple[list[Callable], list[Callable]]:
    """In front of and behind each step."""
    both = (
        list(optimizer._optimizer_step_pre_hooks.values()),
        list(optimizer._optimizer_step_post_hooks.values()),
    )
    for hook in (*both[0], *both[1]):
        if not getattr(getattr(hook, "__self__", hook), "goes_with_copies", False):
            raise TypeError(
                f"{name} has a hook, {getattr(hook, '__qualname__', type(hook).__name__)}, that a copy would lose: "
                "take it off first (monitor.close() takes off a monitor's), or save and load into a new trainer"
            )
    return both
