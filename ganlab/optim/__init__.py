"""Which way does a step go? Optimizers from their formulas, as torch's, with its names, defaults and state.

    optimizer = Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.999))

They are for reading, for populations with a learning rate for each member, and for what torch does not have:
normalised, optimistic and extrapolating steps. For plain training torch's fused kernels are faster. This wing needs
torch alone. Each file is a family and reads as its equations:

steps.py: along the gradient, with and without momentum, or of a length that the gradient does not set.
adaptive.py: a step size for each weight, from the squares of its gradients.
moments.py: Adam and its closest kin.
two_player.py: steps that look ahead or guess ahead, for games.
weight_decay.py: L2 and decoupled weight decay, on any of torch's optimizers too.
rule.py: what all rules share, and the base for one of your own.
"""

from ganlab.optim.adaptive import Adadelta, Adagrad, RMSprop
from ganlab.optim.moments import Adam, AdamW, AMSGrad
from ganlab.optim.rule import Rule
from ganlab.optim.steps import SGD, Momentum, Nesterov, NormalisedSGD
from ganlab.optim.tensors import Tensors
from ganlab.optim.two_player import ExtraAdam, ExtraSGD, OptimisticAdam, OptimisticSGD
from ganlab.optim.weight_decay import regularise

__all__ = [
    "SGD", "AMSGrad", "Adadelta", "Adagrad", "Adam", "AdamW", "ExtraAdam", "ExtraSGD", "Momentum", "Nesterov",
    "NormalisedSGD", "OptimisticAdam", "OptimisticSGD", "RMSprop", "Rule", "Tensors", "regularise",
]  # fmt: skip
