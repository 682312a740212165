"""What each player minimises: six pairs of pure functions on logits.

A logit `l` is what the discriminator returns, with no sigmoid behind it; `s(l)` is the probability of "real". Logits
have shape `(..., batch)`: `(batch,)` from one discriminator, `(N, batch)` from a population of N seeds. A loss is the
mean over the batch, so its shape is `(...)`: one value a member. `loss.sum().backward()` then trains N independent
players.

`ganlab.theory.derivations` holds the same formulas symbolically; the tests hold the two together.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps

from torch import Tensor, compiler, nn
from torch.nn.functional import relu

from ganlab._check import lookup

# log(1 + exp(x)). torch returns x itself beyond `threshold`: at its default of 20 that is wrong by 2e-9, which float64
# can see; at 80 it is exact, and exp(80) still fits in float32.
softplus = partial(nn.functional.softplus, threshold=80)

# What may stand between a sigmoid and the loss without changing the values.
_RESHAPING = re.compile("Squeeze|Unsqueeze|View|Reshape|Select|Slice|Split|Transpose|Permute|Clone|ToCopy")


@dataclass(frozen=True)
class Loss:
    """A pair of losses, one for each player.

    Attributes:
        name: its key in `LOSSES`.
        d_loss: `(real, fake)`, D's logits on real and on generated data, both `(..., batch)`, to a loss `(...)`.
        g_loss: `(fake, real=None)` likewise. `real` is used by the relativistic loss alone.
        needs_real: whether `g_loss` needs `real`.

    Both raise:
        TypeError: a logit is no tensor of floats.
        ValueError: a 0-d or empty tensor, `(batch, 1)`, two shapes that differ, the output of a sigmoid, or
            `real` missing where it is needed.
    """

    name: str
    d_loss: Callable[[Tensor, Tensor], Tensor]
    g_loss: Callable[..., Tensor]
    needs_real: bool = False


def _check(name: str, logits: Tensor) -> None:
    if not isinstance(logits, Tensor):
        raise TypeError(f"{name} is a {type(logits).__name__}: pass the discriminator's logits, a tensor (..., batch)")
    if not logits.is_floating_point():
        raise TypeError(f"{name} has dtype {logits.dtype}: pass the discriminator's logits, which are floats")
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise ValueError(
            f"{name} has shape {tuple(logits.shape)}: pass (..., batch), one logit a sample, not yet averaged"
        )
    if logits.ndim > 1 and logits.shape[-1] == 1:
        raise ValueError(
            f"{name} has shape {tuple(logits.shape)}, which reads as {logits.shape[-2]} members with one sample each: "
            "the batch is the last dimension; squeeze the discriminator's last dimension"
        )
    if _ends_in_sigmoid(logits):
        raise ValueError(
            f"{name} is the output of a sigmoid: pass logits, so remove the sigmoid at the discriminator's end"
        )


def _ends_in_sigmoid(logits: Tensor) -> bool:
    """Read from the autograd graph, not from the values: no synchronisation. Without a graph it cannot be seen."""
    if compiler.is_compiling():
        return False
    node = logits.grad_fn
    while node is not None and _RESHAPING.match(node.name()):
        node = node.next_functions[0][0]
    return node is not None and node.name().startswith("SigmoidBackward")


def _check_pair(real: Tensor, fake: Tensor) -> None:
    _check("real", real)
    _check("fake", fake)
    if real.shape != fake.shape:
        raise ValueError(
            f"real has shape {tuple(real.shape)} and fake {tuple(fake.shape)}: they must be equal, or broadcasting "
            "silently pairs every real sample with every fake one; squeeze the discriminator's last dimension"
        )


def _for_discriminator(terms: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """From a formula for each sample to a checked loss, the mean over the batch."""

    @wraps(terms)
    def loss(real, fake):
        _check_pair(real, fake)
        return terms(real, fake).mean(-1)

    return loss


def _for_generator(terms: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @wraps(terms)
    def loss(fake, real=None):
        _check("fake", fake) if real is None else _check_pair(real, fake)
        return terms(fake, real).mean(-1)

    return loss


@_for_discriminator
def minimax_d(real, fake):
    """-log s(real) - log(1 - s(fake)).   Goodfellow et al. 2014, eq. 1."""
    return softplus(-real) + softplus(fake)


@_for_generator
def minimax_g(fake, real=None):
    """log(1 - s(fake)): the same value with its sign turned, which saturates.   Goodfellow et al. 2014, eq. 1."""
    return -softplus(fake)


@_for_generator
def nonsaturating_g(fake, real=None):
    """-log s(fake).   Goodfellow et al. 2014, section 3."""
    return softplus(-fake)


@_for_discriminator
def least_squares_d(real, fake):
    """(real - 1)^2 / 2 + fake^2 / 2: targets 1 and 0 on the raw output.   Mao et al. 2017, 0-1 coding."""
    return (real - 1).square() / 2 + fake.square() / 2


@_for_generator
def least_squares_g(fake, real=None):
    """(fake - 1)^2 / 2.   Mao et al. 2017, 0-1 coding."""
    return (fake - 1).square() / 2


@_for_discriminator
def hinge_d(real, fake):
    """max(0, 1 - real) + max(0, 1 + fake).   Lim & Ye 2017; Miyato et al. 2018, eq. 16."""
    return relu(1 - real) + relu(1 + fake)


@_for_discriminator
def wasserstein_d(real, fake):
    """fake - real, for a critic that is kept Lipschitz by other means.   Arjovsky et al. 2017, eq. 3."""
    return fake - real


@_for_generator
def wasserstein_g(fake, real=None):
    """-fake; the hinge pair's generator too.   Arjovsky et al. 2017; Miyato et al. 2018, eq. 17."""
    return -fake


@_for_discriminator
def relativistic_d(real, fake):
    """-log s(real - fake), in pairs: the real one is the more real.   Jolicoeur-Martineau 2019; Huang et al. 2024."""
    return softplus(fake - real)


@_for_generator
def relativistic_g(fake, real=None):
    """-log s(fake - real): the same with the roles exchanged.   Jolicoeur-Martineau 2019; Huang et al. 2024."""
    if real is None:
        raise ValueError("real is missing: the relativistic generator compares with real data; call g_loss(fake, real)")
    return softplus(real - fake)


LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss("minimax", minimax_d, minimax_g),
        Loss("nonsaturating", minimax_d, nonsaturating_g),
        Loss("least_squares", least_squares_d, least_squares_g),
        Loss("hinge", hinge_d, wasserstein_g),
        Loss("wasserstein", wasserstein_d, wasserstein_g),
        Loss("relativistic", relativistic_d, relativistic_g, needs_real=True),
    )
}


def get(name: str) -> Loss:
    """The pair called `name`.

    Raises:
        ValueError: unknown name; the message lists the known ones.
    """
    return lookup(LOSSES, name, "loss")
