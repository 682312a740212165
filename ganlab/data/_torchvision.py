"""torchvision, imported in one place. No other file imports it.

A CPU-only PyTorch next to a torchvision built for CUDA cannot load torchvision's compiled operators, and `import
torchvision` then stops with "operator torchvision::nms does not exist": it registers shape rules for two operators
that nobody has declared. Data sets, transforms and utilities need none of them. Declaring the two schemas lets the
import pass. A torchvision that imports as it is (a normal installation, Colab) is left alone.
"""

import sys
from functools import cache
from importlib import import_module
from types import ModuleType

import torch

from ganlab._check import optional

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


@cache
def _declare_operators() -> torch.library.Library:
    """Declare the missing schemas. The cache keeps the library alive: they vanish with it."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in SCHEMAS:
        if not hasattr(torch.ops.torchvision, schema.partition("(")[0]):
            library.define(schema)
    return library


def torchvision() -> ModuleType:
    """The torchvision module, repaired if need be. ImportError names the extra that brings it."""
    try:
        return optional("torchvision", extra="data")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    _declare_operators()
    # The failed import leaves submodules behind. A second import would find them without binding them to their package.
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    return import_module("torchvision")
