"""A recorded step as a flat program: the tensor operations of one step, run again without the Python around them.

A dispatch mode sees every operation below autograd, `vmap` and the optimizers. What is left of a step is a list of
calls on tensors; replayed in the same order on the same tensors it gives the same numbers, to the last bit.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from ganlab._numeric import recording

aten = torch.ops.aten
# They look at memory that another tensor owns: of a parameter they can be taken once, before the first replay.
VIEWS = {
    aten.t.default, aten.transpose.int, aten.permute.default, aten.view.default, aten.unsqueeze.default,
    aten.squeeze.dim, aten.squeeze.dims, aten.expand.default, aten.select.int, aten.slice.Tensor, aten.alias.default,
}  # fmt: skip
MASKED = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._unsafe_index.Tensor}
# The gradient that a backward pass starts from, 1, and what is made of it by these is the same in every step.
FIXED = {*VIEWS, aten.div.Scalar, aten.mul.Scalar}
# torch's own names for the calls: less Python in front of each than `torch.ops` has.
DIRECT: dict[Callable, Callable] = {
    aten.addmm.default: torch.addmm, aten.mm.default: torch.mm, aten.bmm.default: torch.bmm,
    aten.baddbmm.default: torch.baddbmm, aten.relu.default: torch.relu, aten.neg.default: torch.neg,
    aten.add.Tensor: torch.add, aten.mul.Tensor: torch.mul, aten.sum.dim_IntList: torch.sum, aten.t.default: torch.t,
    aten.mean.dim: torch.mean, aten.unsqueeze.default: torch.unsqueeze, aten.transpose.int: torch.transpose,
    aten.leaky_relu.default: torch._C._nn.leaky_relu, aten.softplus.default: torch._C._nn.softplus,
    aten.stack.default: torch.stack, aten.clone.default: torch.clone, aten.tanh.default: torch.tanh,
    aten._foreach_add_.Scalar: torch._foreach_add_, aten._fused_adam_.default: torch._fused_adam_,
}  # fmt: skip

# Element by element: the result may go where the first argument was, if nobody needs that any more.
IN_PLACE: dict[Callable, Callable] = {
    aten.add.Tensor: lambda a, b, **options: a.add_(b, **options),
    aten.mul.Tensor: lambda a, b: a.mul_(b),
    aten.leaky_relu_backward.default: lambda a, *rest: _leaky_relu_backward(a, *rest, grad_input=a),
    aten.threshold_backward.default: lambda a, *rest: _threshold_backward(a, *rest, grad_input=a),
}
_leaky_relu_backward, _threshold_backward = aten.leaky_relu_backward.grad_input, aten.threshold_backward.grad_input


@dataclass
class Call:
    """One operation: the function, its arguments, and the tensors that it gave."""

    function: Callable
    args: tuple
    kwargs: dict[str, Any]
    result: Any

    @property
    def inputs(self) -> list[Tensor]:
        return _tensors((self.args, self.kwargs))

    @property
    def outputs(self) -> list[Tensor]:
        return _tensors(self.result)

    @property
    def writes(self) -> bool:
        return self.function._schema.is_mutable

    @property
    def views(self) -> bool:
        """Whether a result looks at memory of an argument."""
        return any(one.alias_info is not None for one in self.function._schema.returns) and not self.writes

    @property
    def reads(self) -> bool:
        """Whether Python sees numbers of the tensors: what comes next, or how large it is, may be others next time."""
        if self.function in MASKED:  # with a mask the result is as large as the mask says
            return any(x.dtype in (torch.bool, torch.uint8) for x in _tensors(self.args[1]))
        told = {torch.Tag.dynamic_output_shape, torch.Tag.data_dependent_output} & set(self.function.tags)
        return bool(told) or self.function in (aten._local_scalar_dense.default, aten.equal.default)

    @property
    def draws(self) -> bool:
        return torch.Tag.nondeterministic_seeded in self.function.tags


class Tape(TorchDispatchMode):
    """Notes every operation while it runs. The tensors are kept, so that each has an identity of its own.

    Attributes:
        calls: the operations, in order.
        reads: whether a number was read off a tensor, so that Python may take another path next time.
    """

    def __init__(self):
        super().__init__()
        self.calls: list[Call] = []
        self.reads = False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func.namespace != "profiler":
            self.calls.append(Call(func, args, kwargs or {}, result))
            self.reads |= self.calls[-1].reads
        return result


def record(play: Callable[..., Sequence[Tensor]], inputs: Sequence[Tensor]) -> tuple[list[Tensor], Callable | None]:
    """Play a step once and write down what happened: its results, and the program that plays it again.

    Args:
        play: `inputs` -> tensors; it may change other tensors in place (parameters, moments, statistics).
        inputs: what the step depends on beside those.

    Returns:
        The results, and the program: `inputs` -> results. None in its place if the step reads a number off a tensor.
    """
    with Tape() as tape, recording():
        results = list(play(*inputs))
    if tape.reads:
        return results, None
    calls, plain = _without_detach(tape.calls)
    wanted = [plain(x) for x in results]
    return results, _compiled(_used(_varying(calls, inputs), wanted), inputs, wanted)


def _without_detach(calls: list[Call]) -> tuple[list[Call], Callable[[Tensor], Tensor]]:
    """The calls without `detach`, and what gives the tensor that a detached one is an alias of."""
    aliased: dict[int, Tensor] = {}

    def plain(tensor: Tensor) -> Tensor:
        while id(tensor) in aliased:
            tensor = aliased[id(tensor)]
        return tensor

    kept = []
    for call in calls:
        if call.function is aten.detach.default:
            aliased[id(call.result)] = call.args[0]
        else:
            args, kwargs = (tree_map_only(Tensor, plain, given) for given in (call.args, call.kwargs))
            kept.append(Call(call.function, args, kwargs, call.result))
    return kept, plain


def _varying(calls: list[Call], inputs: Sequence[Tensor]) -> list[Call]:
    """Without the calls that need not be made again: views of what the step owns, and numbers that shapes alone fix."""
    owner: dict[int, int] = {}  # of a view
    for call in calls:
        if call.views:
            base = call.inputs[0]
            owner |= {id(x): owner.get(id(base), id(base)) for x in call.outputs if x is not base}
    written = {owner.get(id(x), id(x)) for call in calls if call.writes for x in call.inputs}
    fresh, fixed, kept = {id(x) for x in inputs}, set(), []  # made anew in each replay; the same numbers in each
    for call in calls:
        given = {id(x) for x in call.inputs}
        untouched = not any(owner.get(id(x), id(x)) in written for x in call.outputs)
        if untouched and (call.function is aten.ones_like.default or (call.function in FIXED and given <= fixed)):
            fixed |= {id(x) for x in call.outputs}
        elif call.function not in VIEWS or given & fresh:
            fresh |= {id(x) for x in call.outputs} - given
            kept.append(call)
    return kept


def _used(calls: list[Call], results: Sequence[Tensor]) -> list[Call]:
    """Without what nobody uses. What writes, or draws random numbers, is used."""
    wanted, kept = {id(x) for x in results}, []
    for call in reversed(calls):
        if call.writes or call.draws or any(id(x) in wanted for x in call.outputs):
            wanted |= {id(x) for x in call.inputs}
            kept.append(call)
    return kept[::-1]


def _compiled(calls: list[Call], inputs: Sequence[Tensor], results: Sequence[Tensor]) -> Callable[..., list[Tensor]]:
    """The calls as one Python function that frees each tensor after its last use."""
    names: dict[str, object] = {}
    known = {id(x): f"given{i}" for i, x in enumerate(inputs)}
    last = {id(x): i for i, call in enumerate(calls) for x in (*call.outputs, *call.inputs)}
    last |= {id(x): len(calls) for x in results}

    def constant(value: object) -> str:
        names[name := f"c{len(names)}"] = value
        return name

    def text(value: object) -> str:
        if isinstance(value, Tensor):
            if id(value) not in known:  # what the step owns: a parameter, a moment, a view of one
                known[id(value)] = constant(value.detach())
            return known[id(value)]
        if isinstance(value, list | tuple):
            return f"[{', '.join(map(text, value))}]"
        plain = value is None or (isinstance(value, int | float) and math.isfinite(value))
        return repr(value) if plain else constant(value)

    def target(value: object) -> str:
        """Where a result goes; what the step owns, or is given, was written in place."""
        if isinstance(value, list | tuple):
            return f"[{', '.join(map(target, value))}]"
        name = known.setdefault(id(value), f"t{len(known)}") if isinstance(value, Tensor) else "_"
        return name if name[0] == "t" else "_"

    viewed = {id(x) for call in calls if call.views for x in (*call.inputs, *call.outputs)}

    def free(i: int, call: Call) -> bool:
        """Whether the first argument is the program's own, as large as the result, and used here for the last time."""
        if call.function not in IN_PLACE or not isinstance(a := call.args[0], Tensor):
            return False
        alike = (a.shape, a.dtype, a.stride()) == (call.result.shape, call.result.dtype, call.result.stride())
        others = [id(x) for x in call.inputs[1:]]
        return (
            alike and known.get(id(a), "")[:1] == "t" and last[id(a)] == i and id(a) not in viewed
            and id(a) not in others
        )  # fmt: skip

    lines = []
    for i, call in enumerate(calls):
        given = [*map(text, call.args), *(f"{key}={text(value)}" for key, value in call.kwargs.items())]
        function = IN_PLACE[call.function] if free(i, call) else DIRECT.get(call.function, call.function)
        made = f"{constant(function)}({', '.join(given)})"
        lines.append(f"{target(call.result)} = {made}" if call.outputs else made)
        gone = {known[id(x)] for x in (*call.inputs, *call.outputs) if last[id(x)] == i}
        lines += [f"del {', '.join(names_)}"] if (names_ := sorted(name for name in gone if name[0] == "t")) else []
    lines.append(f"return {text(list(results))}")
    source = f"def program({', '.join(known[id(x)] for x in inputs)}):\n    " + "\n    ".join(lines)
    exec(compile(source, "<recorded step>", "exec"), names)
    return torch.no_grad()(names["program"])


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]
