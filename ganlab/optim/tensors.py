"""A list of tensors that computes like one of them, so that a formula reads as one."""

from collections.abc import Callable

import torch
from torch import Tensor


class Tensors(list):
    """A list of tensors that computes like one of them: `m.lerp_(g, 0.1)`, `v.sqrt() / 2 + eps`.

    The methods are torch's of the same name, applied to each tensor by one call of `torch._foreach_*`; a trailing
    underscore means in place, and returns the list itself. The other operand is a number or as many tensors.

    >>> import torch
    >>> from ganlab.optim import Tensors
    >>> squares = Tensors([torch.tensor([1.0, 4.0]), torch.tensor([9.0])])
    >>> [part.tolist() for part in squares.sqrt() * 2 + 1]
    [[3.0, 5.0], [7.0]]
    """

    def __add__(self, other) -> "Tensors":
        return Tensors(torch._foreach_add(self, other))

    def __sub__(self, other) -> "Tensors":
        return Tensors(torch._foreach_sub(self, other))

    def __mul__(self, other) -> "Tensors":
        return Tensors(torch._foreach_mul(self, other))

    def __truediv__(self, other) -> "Tensors":
        return Tensors(torch._foreach_div(self, other))

    __radd__, __rmul__ = __add__, __mul__


def _method(name: str) -> Callable:
    function = getattr(torch, f"_foreach_{name}")

    def call(self, *args, **options):
        if name.startswith("add") and isinstance(args[0], Tensor):  # as one number it would be read off the device
            args = ([args[0]] * len(self), *args[1:])
        result = function(self, *args, **options)
        return self if name.endswith("_") else Tensors(result)

    return call


for _name in ("add", "add_", "sub_", "mul_", "div_", "neg", "sqrt", "sqrt_", "lerp_", "addcmul", "addcmul_", "maximum_",
              "copy_"):  # fmt: skip
    setattr(Tensors, _name, _method(_name))
