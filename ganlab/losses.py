"""What does each player minimise? Six pairs of pure functions on logits.

A logit `l` is what the discriminator returns, with no sigmoid behind it; `s(l)` is the probability of "real". Logits
have shape `(batch,)` from one discriminator and `(N, batch)` from a population of N seeds; `(..., batch)` stands for
both. A loss is the mean over the batch, so its shape is `(...)`: one value a member. `loss.sum().backward()` then
trains N independent players.

What D says of patches of a sample, `(batch, 1, height, width)`, is refused here, for its axes would be read as members:
`D(x).flatten()` makes each patch one more in the batch, and the loss the mean over all (Isola et al. 2017, section
3.2.2). `(batch, patches)` cannot be told from a population: flatten it as well. Of a D of several scales take the loss
of each, and add them. `ganlab.train.Trainer` does both by itself.

`ganlab.theory.derivations` holds the same formulas symbolically; the tests hold the two together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn
from torch.nn.functional import relu

from ganlab._check import lookup
from ganlab._logits import for_discriminator, for_generator

# log(1 + exp(x)). torch returns x itself beyond `threshold`: at its default of 20 that is wrong by 2e-9, which float64
# can see; at 80 it is exact, and exp(80) still fits in float32.
softplus = partial(nn.functional.softplus, threshold=80)


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
        ValueError: a 0-d or empty tensor, `(batch, 1)`, more than two axes, two shapes that differ, the output of a
            sigmoid, or `real` missing where it is needed.

    >>> import torch
    >>> from ganlab.losses import LOSSES
    >>> hinge = LOSSES["hinge"]
    >>> hinge.d_loss(torch.zeros(3, 8), torch.zeros(3, 8)).tolist()  # three members, batches of eight
    [2.0, 2.0, 2.0]
    """

    name: str
    d_loss: Callable[[Tensor, Tensor], Tensor]
    g_loss: Callable[..., Tensor]
    needs_real: bool = False


@for_discriminator
def minimax_d(real, fake):
    """-log s(real) - log(1 - s(fake)).   Goodfellow et al. 2014, eq. 1.

    >>> import torch
    >>> from ganlab.losses import minimax_d
    >>> round(minimax_d(torch.zeros(8), torch.zeros(8)).item(), 4)  # 2 log 2: D does not know
    1.3863
    """
    return softplus(-real) + softplus(fake)


@for_generator
def minimax_g(fake, real=None):
    """log(1 - s(fake)): the same value with its sign turned, which saturates.   Goodfellow et al. 2014, eq. 1.

    >>> import torch
    >>> from ganlab.losses import minimax_g
    >>> fake = torch.tensor([-10.0], requires_grad=True)  # D is sure
    >>> minimax_g(fake).backward()
    >>> round(fake.grad.item(), 6)  # -s(-10): nothing to learn from
    -4.5e-05
    """
    return -softplus(fake)


@for_generator
def nonsaturating_g(fake, real=None):
    """-log s(fake).   Goodfellow et al. 2014, section 3.

    >>> import torch
    >>> from ganlab.losses import nonsaturating_g
    >>> fake = torch.tensor([-10.0], requires_grad=True)  # D is sure
    >>> nonsaturating_g(fake).backward()
    >>> round(fake.grad.item(), 3)  # -s(10)
    -1.0
    """
    return softplus(-fake)


@for_discriminator
def least_squares_d(real, fake):
    """(real - 1)^2 / 2 + fake^2 / 2: targets 1 and 0 on the raw output.   Mao et al. 2017, 0-1 coding.

    >>> import torch
    >>> from ganlab.losses import least_squares_d
    >>> least_squares_d(torch.tensor([1.0, 3.0]), torch.tensor([0.0, 2.0])).item()  # (0 + 0 + 2 + 2) / 2
    2.0
    """
    return (real - 1).square() / 2 + fake.square() / 2


@for_generator
def least_squares_g(fake, real=None):
    """(fake - 1)^2 / 2.   Mao et al. 2017, 0-1 coding.

    >>> import torch
    >>> from ganlab.losses import least_squares_g
    >>> least_squares_g(torch.tensor([1.0, 3.0])).item()  # (0 + 2) / 2
    1.0
    """
    return (fake - 1).square() / 2


@for_discriminator
def hinge_d(real, fake):
    """max(0, 1 - real) + max(0, 1 + fake).   Lim & Ye 2017; Miyato et al. 2018, eq. 16.

    >>> import torch
    >>> from ganlab.losses import hinge_d
    >>> hinge_d(torch.tensor([1.5, 0.0]), torch.tensor([-1.5, 0.0])).item()  # beyond 1 nothing: (0 + 0 + 1 + 1) / 2
    1.0
    """
    return relu(1 - real) + relu(1 + fake)


@for_discriminator
def wasserstein_d(real, fake):
    """fake - real, for a critic that is kept Lipschitz by other means.   Arjovsky et al. 2017, eq. 3.

    >>> import torch
    >>> from ganlab.losses import wasserstein_d
    >>> wasserstein_d(torch.tensor([3.0, 1.0]), torch.tensor([0.0, 1.0])).item()  # mean of -3 and 0
    -1.5
    """
    return fake - real


@for_generator
def wasserstein_g(fake, real=None):
    """-fake; the hinge pair's generator too.   Arjovsky et al. 2017; Miyato et al. 2018, eq. 17.

    >>> import torch
    >>> from ganlab.losses import wasserstein_g
    >>> wasserstein_g(torch.tensor([0.0, 1.0])).item()
    -0.5
    """
    return -fake


@for_discriminator
def relativistic_d(real, fake):
    """-log s(real - fake), in pairs: the real one is the more real.   Jolicoeur-Martineau 2019; Huang et al. 2024.

    >>> import torch
    >>> from ganlab.losses import relativistic_d
    >>> same = torch.full((8,), 5.0)
    >>> round(relativistic_d(same, same).item(), 4)  # log 2: only the difference counts
    0.6931
    """
    return softplus(fake - real)


@for_generator
def relativistic_g(fake, real=None):
    """-log s(fake - real): the same with the roles exchanged.   Jolicoeur-Martineau 2019; Huang et al. 2024.

    >>> import torch
    >>> from ganlab.losses import relativistic_g
    >>> relativistic_g(torch.tensor([0.0]), real=torch.tensor([100.0])).item()  # the real one is more real by 100
    100.0
    """
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

    >>> from ganlab import losses
    >>> losses.get("wasserstein").g_loss is losses.wasserstein_g
    True
    >>> losses.get("wgan")
    Traceback (most recent call last):
    ValueError: unknown loss 'wgan'; known: minimax, nonsaturating, least_squares, hinge, wasserstein, relativistic
    """
    return lookup(LOSSES, name, "loss")
