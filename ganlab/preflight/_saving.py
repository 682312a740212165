"""What a checkpoint would lose or refuse."""

import io
import pickle
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ganlab.preflight._owners import named
from ganlab.preflight._rehearsal import Rehearsal
from ganlab.preflight.findings import Finding


def loose_tensors(scene: Rehearsal) -> Iterator[Finding]:
    """Tensors that are plain attributes: in no state_dict, moved by no .to(device)."""
    for player, net in scene.nets.items():
        found = [
            f"{name}.{key}" if name else key for name, part in net.named_modules()
            for key, value in vars(part).items() if isinstance(value, Tensor) and not _made_anew(part, key)
        ]  # fmt: skip
        if found:
            yield Finding(
                "warning", "loose tensors", f"{player} keeps tensors as plain attributes: {named(found)}. state_dict() "
                "leaves them out, .to(device) leaves them behind, and an optimizer does not see them.",
                "self.register_buffer(name, tensor), or nn.Parameter",
            )  # fmt: skip


def _made_anew(part: nn.Module, key: str) -> bool:
    """Whether a hook makes it from a parameter in each pass, as the older `weight_norm` and `spectral_norm` do."""
    return any(f"{key}_{end}" in part._parameters for end in ("orig", "g"))


def not_saved(scene: Rehearsal) -> Iterator[Finding]:
    """States that torch.load would not read back without running code from the file."""
    states = {f"{player}.state_dict()": net.state_dict for player, net in scene.nets.items()}
    states |= {f"the state of {player}'s optimizer": scene.optimizers[player].state_dict for player in scene.nets}
    for what, state in states.items():
        try:
            file = io.BytesIO()
            torch.save(state(), file)
            torch.load(io.BytesIO(file.getvalue()), weights_only=True)
        except (pickle.UnpicklingError, pickle.PicklingError, TypeError, AttributeError, RuntimeError) as error:
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            yield Finding(
                "warning", "not saved", f"{what} cannot be saved and read back: {said}",
                "tensors, numbers, strings, lists and dicts alone in a state; get_extra_state returns such",
            )  # fmt: skip


RULES = [loose_tensors, not_saved]
