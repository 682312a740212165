"""Optimizers from their formulas, as `torch.optim.Optimizer`s with torch's names, defaults and state.

    optimizer = Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.999))

Each file is a family and reads as its equations; `ganlab.optim.rule` holds what they share. They are for reading, for
populations with a learning rate for each member, and for what torch does not have: normalised, optimistic and
extrapolating steps. For plain training torch's fused kernels are faster.
"""

from ganlab.optim.adaptive import Adadelta, Adagrad, RMSprop
from ganlab.optim.moments import Adam, AdamW, AMSGrad
from ganlab.optim.rule import Rule, Tensors
from ganlab.optim.steps import SGD, Momentum, Nesterov, NormalisedSGD
from ganlab.optim.two_player import ExtraAdam, ExtraSGD, OptimisticAdam, OptimisticSGD
from ganlab.optim.weight_decay import regularise

__all__ = [
    "SGD", "AMSGrad", "Adadelta", "Adagrad", "Adam", "AdamW", "ExtraAdam", "ExtraSGD", "Momentum", "Nesterov",
    "NormalisedSGD", "OptimisticAdam", "OptimisticSGD", "RMSprop", "Rule", "Tensors", "regularise",
]  # fmt: skip
