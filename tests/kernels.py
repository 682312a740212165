"""How many kernels a GPU would be asked to launch, counted on a CPU."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# No kernel: they only look at memory, or reserve it.
FREE = {
    "view", "_unsafe_view", "_reshape_alias", "t", "transpose", "permute", "unsqueeze", "squeeze", "expand", "select",
    "slice", "alias", "detach", "as_strided", "split", "split_with_sizes", "unbind", "empty", "empty_like", "new_empty",
    "empty_strided", "lift_fresh", "is_nonzero", "promote_types",
}  # fmt: skip
# More than one.
SEVERAL = {"count_nonzero": 2, "sort": 3, "isfinite": 3, "segment_reduce": 2}
# Of a list of tensors that are all alike so many fit into one launch; by the number of lists, results among them.
FIT = {1: 110, 2: 64, 3: 48, 4: 36}


class Launches(TorchDispatchMode):
    """Counts, while it is on.

    Attributes:
        kernels: name of the operation to how many.
        waits: operations that a GPU is waited for: numbers read off a tensor, and numbers uploaded.
    """

    def __init__(self):
        super().__init__()
        self.kernels: dict[str, int] = {}
        self.waits: list[str] = []

    @property
    def total(self) -> int:
        return sum(self.kernels.values())

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        name = function._schema.name.split("::")[1]
        if name in ("_local_scalar_dense", "lift_fresh"):
            self.waits.append(name)
        if function.namespace == "aten" and name not in FREE:
            self.kernels[name] = self.kernels.get(name, 0) + _kernels(name, args)
        return result


def _kernels(name: str, args: tuple) -> int:
    if name in ("stack", "cat"):
        return -(-len(args[0]) // 128)
    if not name.startswith("_foreach"):
        return SEVERAL.get(name, 1)
    lists = [arg for arg in args if isinstance(arg, list | tuple) and arg and isinstance(arg[0], torch.Tensor)]
    first = lists[0]
    # Otherwise a kernel for each, as where a factor is of another type than what it scales.
    rest = [] if name == "_foreach_copy_" else [x for x in tree_leaves(args[1:]) if isinstance(x, torch.Tensor)]
    forms = all(_form(x) == _form(y) for one in lists[1:] for x, y in zip(first, one, strict=True))
    alike = forms and len({x.dtype for x in [*first, *rest]}) == 1
    if not alike:
        return len(first)
    launches = -(-len(first) // FIT[len(lists) + (name[-1] != "_" and name != "_foreach_norm")])
    return launches + 1 + -(-len(first) // 110) if name == "_foreach_norm" else launches


def _form(x: torch.Tensor) -> tuple:
    return x.shape, x.stride()
