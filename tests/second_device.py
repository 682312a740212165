"""A pretended GPU on a machine without one: it computes on the CPU, and keeps book of which tensor would live where.

    with pretended_gpu():
        net = nn.Linear(2, 2).to("cuda")        # torch.cuda.is_available() is True in here
        net(torch.randn(3, 2))                  # RuntimeError: Expected all tensors to be on the same device, ...

Every tensor stays a plain one of the CPU, so that autograd, `vmap`, optimizers, copies and pickles work as they always
do. Where it would live is a mark on its storage: views share it, and it goes with the memory when a parameter's `data`
is exchanged, which is how `nn.Module.to` moves. A dispatch mode sees each operation below autograd and `vmap`, also
those of a backward pass: it compares the marks of what goes in and marks what comes out. Above it stand, in Python,
the few ways in which a program speaks of devices: `to`, `device`, `numpy`, the functions that make tensors,
`torch.cuda`.

Tried and not taken: a `TorchFunctionMode` (it is switched off inside torch's own Python functions, `backward` among
them, and sees nothing below `vmap`); a tensor subclass (no `nn.Parameter`, and not what `type(x) is Tensor` expects);
`FakeTensorMode` (devices, but no numbers: `if x.isfinite().all()` cannot be asked); a backend of its own (C++).

It is torch's rules as far as they are needed: where torch is more strict (two scalars of the CPU in one operation, say)
a mistake may pass here. No stream, no kernel and no rounding of a GPU is imitated; a CUDA graph is (`_Graph`).
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
# Made inside of torch, where the device is read off a tensor in C++ and thus the CPU: it joins whatever it meets.
ANYWHERE = "anywhere"

Place = torch.device | str


class DevicesMeetError(RuntimeError):
    """Tensors of two devices in one operation."""


# Where a tensor lives.
_real_device = torch._C.TensorBase.device.__get__


def _storage(tensor: Tensor) -> torch.UntypedStorage:
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return (tensor if tensor.layout is torch.strided else tensor._values()).untyped_storage()


def _place(tensor: Tensor) -> Place:
    real = _real_device(tensor)
    return real if real.type != "cpu" else getattr(_storage(tensor), "place", CPU)


def _mark(tensor: Tensor, place: Place) -> Tensor:
    if _real_device(tensor).type == "cpu":
        _storage(tensor).place = place
    return tensor


def _together(tree: Sequence, place: Place | None = None) -> Place | None:
    """The one place of all tensors among the arguments of an operation; None: not one, or no tensors."""
    for x in tree:
        if isinstance(x, Tensor):
            there = _place(x)
        elif isinstance(x, list | tuple) and x and isinstance(x[0], Tensor):
            there = _together(x)
        else:
            continue
        if there is None or there is ANYWHERE or (place is not None and there != place):
            return None
        place = there
    return place


def _device(tensor: Tensor) -> torch.device:
    return CPU if (place := _place(tensor)) is ANYWHERE else place


@torch.library.custom_op("pretended::move", mutates_args=())
def _moved(x: Tensor, place: str) -> Tensor:
    return _mark(x.clone(), torch.device(place))


torch.library.register_vmap("pretended::move", lambda info, axes, x, place: (_moved(x, place), axes[0]))


class _Move(torch.autograd.Function):
    """`to` another device. It is an operation of its own, so that its backward pass goes back."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, place: str) -> Tensor:
        return _moved(x, place)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        ctx.source = str(CPU if inputs[1] == str(GPU) else GPU)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return _Move.apply(grad, ctx.source), None


_MOVE = torch.ops.pretended.move.default
_PLAIN = {"alpha", "beta", "dtype", "memory_format", "keepdim", "rounding_mode"}  # options that are no tensors

# Which operations may mix devices, as torch's documentation and kernels have it.
_FREE = {"copy_", "_foreach_copy_", "fill_", "is_same_size", "move"}
# Beside the element-wise ones: a tensor of the CPU without axes is read as a number.
_SCALARS = {"masked_fill", "masked_fill_", "index_put", "index_put_", "_index_put_impl_", "fill"}
# Arguments that may lie, or must, on the CPU: (operation, name of the argument).
_HOST = {
    *((name, "indices") for name in ("index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index")),
    *((f"_foreach_{name}", "scalars") for name in ("addcmul", "addcmul_", "addcdiv", "addcdiv_")),
}


class _Rule:
    """What one operation permits.

    Attributes:
        names: of its arguments, in order.
        written: those that it writes to.
    """

    def __init__(self, func: torch._ops.OpOverload):
        self.name = name = func._schema.name.rpartition("::")[2]
        self.names = [argument.name for argument in func._schema.arguments]
        self.written = {a.name for a in func._schema.arguments if a.alias_info is not None and a.alias_info.is_write}
        self.free = name in _FREE
        self.in_rows = name.startswith(("_foreach_", "_fused_", "_amp_foreach_"))  # list by list, index by index
        self.scalars = self.in_rows or name in _SCALARS or torch.Tag.pointwise in func.tags
        self.host = {argument for operation, argument in _HOST if operation == name}

    def groups(self, args: Sequence, kwargs: dict) -> list[list[tuple[str, Tensor]]]:
        """(argument, tensor) of all that must be in one place; of a `_foreach_` operation, for each index."""
        alone, rows = [], []
        for name, value in (*zip(self.names, args, strict=False), *kwargs.items()):
            if isinstance(value, Tensor):
                if name not in self.host:
                    alone.append((name, value))
            elif isinstance(value, list | tuple) and any(isinstance(x, Tensor) for x in value):
                row = [(f"{name}[{i}]", x) for i, x in enumerate(value) if isinstance(x, Tensor)]
                rows.append([pair for pair in row if name not in self.host or _place(pair[1]) == GPU])
        if not self.in_rows:
            return [alone + [pair for row in rows for pair in row]]
        return [[*group, *alone] for group in zip(*rows, strict=False)]

    def joined(self, group: Sequence[tuple[str, Tensor]]) -> Place:
        """Where these tensors are. Raises DevicesMeetError if that is not one place."""
        places = [_place(x) for _, x in group]
        if GPU not in places:
            return CPU if CPU in places else ANYWHERE
        for (name, x), place in zip(group, places, strict=True):
            scalar = self.scalars and x.ndim == 0 and name not in self.written and "[" not in name
            if place == CPU and not scalar:
                there = ", ".join(f"{n} {tuple(y.shape)} on {p}" for (n, y), p in zip(group, places, strict=True))
                raise DevicesMeetError(
                    "Expected all tensors to be on the same device, but found at least two devices, "
                    f"{GPU} and {CPU}! (in {self.name}: {there})"
                )
        return GPU


_rule = functools.cache(_Rule)


def _tensors(tree) -> list[Tensor]:
    if isinstance(tree, Tensor):
        return [tree]
    return [x for part in tree for x in _tensors(part)] if isinstance(tree, list | tuple) else []


class Book(TorchDispatchMode):
    """Which tensor lives where.

    Attributes:
        faults: what was refused, also where the program caught the error.
        graph: the CUDA graph that is being captured.
    """

    def __init__(self, faults: list[DevicesMeetError]):
        super().__init__()
        self.faults, self.graph = faults, None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return (
            False  # nothing is compiled here, and the wrapper that keeps the compiler out costs time at each operation
        )

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if self.graph is None and (not kwargs or kwargs.keys() <= _PLAIN) and (place := _together(args)) is not None:
            result = func(*args, **(kwargs or {}))  # the short way for most operations: there is nothing to compare
            if place == GPU and func is not _MOVE:
                for x in _tensors(result):
                    _mark(x, GPU)
            return result
        kwargs, rule = dict(kwargs or {}), _rule(func)
        asked = kwargs.get("device")
        if on_gpu := asked is not None and asked.type == "cuda":
            kwargs["device"] = CPU
        groups = rule.groups(args, kwargs)
        try:
            if rule.free:
                places = [next((p for _, x in group if (p := _place(x)) is not ANYWHERE), ANYWHERE) for group in groups]
            else:
                places = [rule.joined(group) for group in groups]
            if (generator := kwargs.get("generator")) is not None:
                _check_generator(generator, GPU if on_gpu else places[0] if groups[0] else asked or CPU)
        except DevicesMeetError as error:
            self.faults.append(error)
            raise
        call = func if self.graph is None else functools.partial(self.graph.note, func, rule, groups)
        result = call(*args, **kwargs)
        if rule.name == "move":
            return result
        for group, place in zip(groups, places, strict=True):
            for name, x in group:
                if name.partition("[")[0] in rule.written and place is not ANYWHERE and _place(x) is ANYWHERE:
                    _mark(x, place)
        made, known = _tensors(result), {_storage(x)._cdata for group in groups for _, x in group}
        for i, x in enumerate(made):
            place = GPU if on_gpu else places[i if rule.in_rows and len(made) == len(places) else 0]
            if place != CPU and _storage(x)._cdata not in known:  # what is known is a view, or was written to
                _mark(x, place)
        return result


def _check_generator(generator: torch.Generator, place: Place) -> None:
    there = _generators.get(generator._cdata, CPU)
    if place is not ANYWHERE and there != place:
        raise DevicesMeetError(f"Expected a '{place.type}' device type for generator but found '{there.type}'")


class _Graph:
    """`torch.cuda.CUDAGraph`: while it is captured nothing happens that lasts; a replay makes the same calls again."""

    def __init__(self, *_, **__):
        self._calls, self._undo = [], []

    def note(self, func, rule: _Rule, groups, *args, **kwargs):
        places = {_place(x) for group in groups for _, x in group if x.ndim}
        if CPU in places or rule.name in ("move", "_local_scalar_dense"):
            raise RuntimeError(f"CUDA error: operation not permitted when stream is capturing ({rule.name})")
        written = [x for group in groups for name, x in group if name.partition("[")[0] in rule.written]
        if torch.Tag.inplace_view in func.tags:  # another shape, and no kernel
            return func(*args, **kwargs)
        self._undo += [(x.detach(), _mark(x.clone(), _place(x))) for x in written]
        # As they are now: what is squeezed in place later has another shape then.
        now = tree_map_only(Tensor, Tensor.detach, (args, kwargs))
        result = func(*args, **kwargs)
        self._calls.append((func, *now, [x.detach() for x in _tensors(result)]))
        return result

    @torch.no_grad()
    def captured(self) -> None:
        for tensor, before in reversed(self._undo):
            tensor.copy_(before)
        self._undo.clear()

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, made in self._calls:
            for old, new in zip(made, _tensors(func(*args, **kwargs)), strict=True):
                if _storage(old) is not _storage(new):
                    old.copy_(new)


@contextlib.contextmanager
def _capture(graph: _Graph, *_, **__) -> Iterator[None]:
    """`torch.cuda.graph`."""
    book = torch.utils._python_dispatch._get_current_dispatch_mode()
    book.graph = graph
    try:
        yield
    finally:
        book.graph = None
        graph.captured()


# What a program says of devices.
_real_to, _real_numpy = Tensor.to, Tensor.numpy
_real_grad = torch._C.TensorBase.grad
_real_apply = torch.nn.Module._apply
_moving = threading.local()  # a network is on its way: its parameters are there, their gradients not yet
_generators: dict[int, torch.device] = {}


def _target(device) -> torch.device | None:
    if device is None:
        return None
    device = torch.device("cuda", device) if isinstance(device, int) else torch.device(device)
    return GPU if device.type == "cuda" else device


def _to(tensor: Tensor, *args, **kwargs) -> Tensor:
    copy = kwargs.pop("copy", False) or (len(args) > 3 and args[3])
    other = kwargs.pop("other", args[0] if args and isinstance(args[0], Tensor) else None)
    if other is not None:
        device, dtype, memory_format = _device(other), other.dtype, kwargs.get("memory_format")
    else:
        device, dtype, _, memory_format = torch._C._nn._parse_to(*args[:3], **kwargs)
    device, here = _target(device) or _device(tensor), _place(tensor)
    if here is ANYWHERE:
        _mark(tensor, device)
    elif {here.type, device.type} == {"cpu", "cuda"}:
        tensor, copy = _Move.apply(tensor, str(device)), False
    # On the CPU, where it is in truth; from and to "meta" as torch does.
    real = CPU if device == GPU else device
    return _real_to(tensor, real, dtype or tensor.dtype, False, copy, memory_format=memory_format)


def _numpy(tensor: Tensor, *, force: bool = False):
    if _place(tensor) == GPU:
        if not force:
            raise TypeError(
                f"can't convert {GPU} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory "
                "first."
            )
        tensor = _to(tensor, CPU)
    return _real_numpy(tensor, force=force)


def _get_grad(tensor: Tensor) -> Tensor | None:
    grad = _real_grad.__get__(tensor)
    if getattr(_moving, "now", False):
        return grad
    if grad is not None and (there := _place(grad)) != (here := _place(tensor)) and here is not ANYWHERE:
        if there is not ANYWHERE and grad.ndim:
            raise DevicesMeetError(f"a gradient is on {there}, and what it belongs to on {here}")
        _mark(grad, here)  # one number comes over by itself
    return grad


def _set_grad(tensor: Tensor, grad: Tensor | None) -> None:
    if grad is not None and ANYWHERE not in (places := (_place(grad), _place(tensor))) and places[0] != places[1]:
        raise DevicesMeetError(
            f"attempting to assign a gradient with device type '{places[0].type}' to a tensor with device type "
            f"'{places[1].type}'. Please ensure that the gradient and the tensor are on the same device"
        )
    _real_grad.__set__(tensor, grad)


def _apply(net: torch.nn.Module, *args, **kwargs) -> torch.nn.Module:
    before, _moving.now = getattr(_moving, "now", False), True
    try:
        return _real_apply(net, *args, **kwargs)
    finally:
        _moving.now = before


def _maker(original: Callable) -> Callable:
    """Of a function that makes a tensor of numbers or of sizes: `torch.zeros`, `torch.zeros_like`, `Tensor.new_zeros`.

    Without a device it is the CPU, or that of the tensor it is like.
    """

    @functools.wraps(original)
    def make(*args, **kwargs):
        target = _target(kwargs.pop("device", None))
        kwargs.pop("pin_memory", None)
        made = original(*args, **kwargs, **({} if target is None else {"device": target}))
        like = bool(args) and isinstance(args[0], Tensor) and original.__name__ != "normal"
        if target == CPU or (target is None and not like):
            _mark(made, CPU)
        return made

    return make


def _reader(original: Callable) -> Callable:
    """Of a function that makes a tensor of data: `torch.tensor`, `torch.as_tensor`, `Tensor.new_tensor`."""

    @functools.wraps(original)
    def make(*args, device=None, **kwargs):
        source = args[0] if args and isinstance(args[0], Tensor) else None
        target = _target(device) or (CPU if source is None else _device(source))
        if source is not None and original.__name__ in ("as_tensor", "asarray"):
            return _to(source, target, kwargs.get("dtype") or source.dtype)
        made = original(*args, **kwargs)
        if target == GPU and original.__name__ in ("as_tensor", "asarray"):
            made = made.clone()  # of memory that NumPy may own
        return _mark(made, target)

    return make


class _Generator(torch._C.Generator):
    """`torch.Generator`; on the pretended device, whose numbers are the CPU's."""

    def __new__(cls, device="cpu"):
        self = super().__new__(cls, "cpu")
        self._place = _target(device)
        _generators[self._cdata] = self._place
        return self

    def __del__(self):
        _generators.pop(self._cdata, None)

    @property
    def device(self) -> torch.device:
        return self._place

    def set_state(self, state: Tensor) -> "_Generator":
        return super().set_state(_on_host(state))


def _on_host(state: Tensor) -> Tensor:
    if _place(state) != CPU:
        raise TypeError("RNG state must be a torch.ByteTensor")
    return state


class _Event:
    """`torch.cuda.Event` and `torch.cuda.Stream`: all happens in order, so there is nothing to wait for."""

    def __init__(self, *_, **__):
        self.device = GPU

    def nothing(self, *_, **__) -> None:
        pass

    def record_event(self, event: "_Event | None" = None) -> "_Event":
        return event or _Event()

    def query(self) -> bool:
        return True

    def elapsed_time(self, end: "_Event") -> float:
        return 0.0

    record = synchronize = wait = wait_event = wait_stream = nothing


MAKERS = [
    "arange",
    "bartlett_window",
    "blackman_window",
    "empty",
    "empty_permuted",
    "empty_strided",
    "eye",
    "full",
    "hamming_window",
    "hann_window",
    "kaiser_window",
    "linspace",
    "logspace",
    "normal",
    "ones",
    "rand",
    "randint",
    "randn",
    "randperm",
    "range",
    "scalar_tensor",
    "tril_indices",
    "triu_indices",
    "zeros",
    "empty_like",
    "full_like",
    "ones_like",
    "rand_like",
    "randint_like",
    "randn_like",
    "zeros_like",
]
READERS = ["tensor", "as_tensor", "asarray"]


def _patches() -> Iterator[tuple[object, str, object]]:
    yield from ((torch, name, _maker(getattr(torch, name))) for name in MAKERS)
    yield from ((torch, name, _reader(getattr(torch, name))) for name in READERS)
    for name in ("new_empty", "new_empty_strided", "new_full", "new_ones", "new_zeros"):
        yield Tensor, name, _maker(getattr(Tensor, name))
    yield Tensor, "new_tensor", _reader(Tensor.new_tensor)
    yield Tensor, "to", _to
    yield Tensor, "cpu", lambda x, **kwargs: _to(x, CPU, **kwargs)
    yield Tensor, "cuda", lambda x, device=None, non_blocking=False, **kwargs: _to(x, GPU, **kwargs)
    yield Tensor, "numpy", _numpy
    yield Tensor, "device", property(_device)
    yield Tensor, "is_cuda", property(lambda x: _place(x) == GPU)
    yield Tensor, "is_cpu", property(lambda x: _device(x) == CPU)
    yield Tensor, "get_device", lambda x: 0 if _place(x) == GPU else -1
    yield torch.nn.Module, "_apply", _apply
    yield Tensor, "grad", property(_get_grad, _set_grad, _real_grad.__delete__)
    yield Tensor, "pin_memory", lambda x, *_: x.clone()
    yield Tensor, "record_stream", lambda x, stream: None
    copied = Tensor.__deepcopy__  # copies the memory without an operation
    yield Tensor, "__deepcopy__", lambda x, memo: _mark(copied(x, memo), _place(x))
    yield torch, "Generator", _Generator
    set_rng_state = torch.random.set_rng_state
    for module in (torch, torch.random):
        yield module, "set_rng_state", lambda state: set_rng_state(_on_host(state))

    cuda, stream = torch.cuda, _Event()
    here = contextlib.nullcontext
    yield from ((cuda, name, lambda *_, value=value, **__: value) for name, value in {
        "is_available": True, "device_count": 1, "current_device": 0, "get_device_name": "a pretended GPU",
        "get_device_capability": (9, 0), "synchronize": None, "empty_cache": None, "_lazy_init": None,
        "current_stream": stream, "default_stream": stream, "is_current_stream_capturing": False,
        "memory_allocated": 0, "max_memory_allocated": 0, "reset_peak_memory_stats": None, "is_bf16_supported": True,
    }.items())  # fmt: skip
    yield cuda, "_initialized", True
    yield cuda, "default_generators", (_Generator("cuda"),)
    yield from ((cuda, name, _Event) for name in ("Event", "Stream"))
    yield from ((cuda, name, here) for name in ("stream", "device"))
    yield from ((cuda, "CUDAGraph", _Graph), (cuda, "graph", _capture))


# A file remembers where its tensors lived; `map_location` puts them there, or elsewhere.
torch.serialization.register_package(
    0,
    lambda storage: str(GPU) if getattr(storage, "place", CPU) == GPU else None,
    lambda storage, location: (
        _read(storage) if location.startswith("cuda") and torch.cuda.CUDAGraph is _Graph else None
    ),
)


def _read(storage):
    getattr(storage, "_untyped_storage", storage).place = GPU
    return storage


@contextlib.contextmanager
def pretended_gpu() -> Iterator[list[DevicesMeetError]]:
    """Inside, there is a GPU. Gives the list of what was refused; what the program caught is raised at the end."""
    faults: list[DevicesMeetError] = []
    run = threading.Thread.run

    def watched(thread: threading.Thread) -> None:
        with Book(faults):
            run(thread)

    with contextlib.ExitStack() as stack:
        for target, name, value in _patches():
            stack.enter_context(mock.patch.object(target, name, value))
        stack.enter_context(mock.patch.object(threading.Thread, "run", watched))
        stack.enter_context(Book(faults))
        yield faults
    if faults:
        raise faults[0]
