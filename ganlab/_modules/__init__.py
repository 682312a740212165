"""What all wings ask of a network: whose a parameter is, how it is called, and what stands in the way of measuring it.

names.py: the layer that a parameter belongs to, also where another module keeps it for that layer; whose it is.
compiled.py: how one that is compiled is run uncompiled, so that hooks are called.
slopes.py: the gradient of outputs with respect to inputs, by the way that a network allows.
copies.py: a copy of it.
calls.py: a network called with one input or with several.
outputs.py: what of a discriminator's output are its logits.
refusals.py: networks that cannot be looked at yet, or not in this way, and what to do about it.
"""

from ganlab._modules.calls import Given, Inputs, call, called, floats, map_inputs, samples, tensors
from ganlab._modules.compiled import eagerly, is_compiled
from ganlab._modules.copies import copied
from ganlab._modules.names import is_weight, kept_for, layer_of, shared_parameters
from ganlab._modules.outputs import as_logits, described, logit_parts, one_channel
from ganlab._modules.refusals import check_fractions, check_made, explained, refuse_lazy
from ganlab._modules.slopes import gradient

__all__ = [
    "Given", "Inputs", "as_logits", "call", "called", "check_fractions", "check_made", "copied", "described", "eagerly",
    "explained", "floats", "gradient", "is_compiled", "is_weight", "kept_for", "layer_of", "logit_parts", "map_inputs",
    "one_channel", "refuse_lazy", "samples", "shared_parameters", "tensors",
]  # fmt: skip
